"""How long the journey of a CT takes, beside brute force and beside the bare networks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from torch import Tensor, nn

from ..model.bundle import Model, PatchNetwork
from ..model.card import NETWORKS
from ..segmentation.pipeline import segment
from ..segmentation.prediction import is_fine
from ..types import Geometry, Volume

BRUTE_WINDOWS = 6
OVERLAP = 0.25
"""MONAI's default."""


@dataclass(frozen=True)
class Timing:
    """One input, measured.

    Attributes:
        name: of the input.
        ears: how many were found.
        wall_seconds: from the start of the process to its end, all files written.
        stage_seconds: as the process itself measured them.
        peak_mib: most resident memory of the process.
        search_seconds: finding, drawing and decoding alone, in a process that is warm.
        bare_seconds: the forward passes that this took, on windows that are ready.
        passes: how many of them, by network.
        brute_seconds: the network that drew, slid over the whole CT at its own spacing.
        brute_windows: how many windows that is.
        brute_measured: how many of them were really run; the rest is extrapolated.
    """

    name: str
    ears: int
    wall_seconds: float
    stage_seconds: dict[str, float]
    peak_mib: float
    search_seconds: float
    bare_seconds: float
    passes: dict[str, int]
    brute_seconds: float
    brute_windows: int
    brute_measured: int

    def to_json(self) -> dict[str, Any]:
        """Plain values, with the two ratios."""
        return {
            **asdict(self),
            "brute_over_wall": self.brute_seconds / self.wall_seconds,
            "wall_over_bare": self.wall_seconds / self.bare_seconds,
            "search_over_bare": self.search_seconds / self.bare_seconds,
        }


def time_journey(
    name: str, path: Path, ct: Volume, bundle: Model, device: str, say: Callable[[str], None]
) -> Timing:
    """Measure one input.

    Args:
        name: for the table.
        path: the CT's file, for the process.
        ct: the same CT.
        bundle: the bundled model, on the device.
        device: its name on the command line.
        say: told what is being measured.
    """
    say(f"{name}: the command line, from its start to the last file")
    wall, peak, result = _run_process(path, device)
    say(f"{name}: the search alone, and its bare forward passes")
    search, passes = _search(ct, bundle)
    bare = _bare_seconds(bundle, passes)
    say(f"{name}: brute force")
    brute, windows, measured = _brute_force(ct, bundle)
    return Timing(
        name=name,
        ears=len(result["ears"]),
        wall_seconds=wall,
        stage_seconds=result["seconds"],
        peak_mib=peak,
        search_seconds=search,
        bare_seconds=bare,
        passes=dict(passes),
        brute_seconds=brute,
        brute_windows=windows,
        brute_measured=measured,
    )


def _run_process(path: Path, device: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds and MiB of ``innerearseg segment`` in a process of its own, and its result."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "InnerEarSegLib", "segment", str(path)]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--output", folder, "--device", device], stdout=subprocess.DEVNULL
        )
        peak = 0.0
        while process.poll() is None:
            peak = max(peak, _peak_mib(process.pid))
            time.sleep(0.02)
        wall = time.perf_counter() - started
        result = json.loads((Path(folder) / "result.json").read_text(encoding="utf-8"))
    return wall, peak, result


def _peak_mib(pid: int) -> float:
    """Most resident memory of a process so far; 0 where /proc does not tell (not on Linux).

    Not ``wait4``: what it counts begins before the program is loaded, in a copy of this process.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max(
        (float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), default=0.0
    )


class _Counted(nn.Module):
    """A network that counts the windows it sees."""

    def __init__(self, network: nn.Module, name: str, counts: Counter[str]) -> None:
        super().__init__()
        self.network, self.name, self.counts = network, name, counts

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        self.counts[self.name] += windows.shape[0]
        return self.network(windows)


def _search(ct: Volume, bundle: Model) -> tuple[float, Counter[str]]:
    """Seconds of the journey without files, and the forward passes that it made."""
    counts: Counter[str] = Counter()
    networks = {name: getattr(bundle, name) for name in NETWORKS}
    counted = replace(
        bundle,
        **{
            name: replace(network, module=_Counted(network.module, name, counts))
            for name, network in networks.items()
        },
    )
    segment(ct, counted)  # warm
    counts.clear()
    started = time.perf_counter()
    segment(ct, counted)
    return time.perf_counter() - started, counts


def _bare_seconds(bundle: Model, passes: Counter[str]) -> float:
    """Seconds of that many forward passes of each network on ready windows."""
    return sum(count * _pass_seconds(getattr(bundle, name)) for name, count in passes.items())


def _pass_seconds(network: PatchNetwork, repeats: int = 3) -> float:
    """Seconds of one forward pass, the mean of a few after one to warm up."""
    device = next(network.module.parameters()).device
    window = torch.zeros(1, 1, *network.shape, device=device)
    with torch.inference_mode():
        network.module(window)
        _wait_for(device)
        started = time.perf_counter()
        for _ in range(repeats):
            network.module(window)
        _wait_for(device)
    return (time.perf_counter() - started) / repeats


def _wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _brute_force(ct: Volume, bundle: Model) -> tuple[float, int, int]:
    """MONAI's sliding window with the network that would draw this CT, at its spacing.

    A part of the volume is really run; all windows take the same time, so the rest follows.

    Returns:
        Seconds for the whole CT, how many windows that is, and how many were run.
    """
    network = bundle.refine if is_fine(ct.geometry) else bundle.orient
    device = next(network.module.parameters()).device
    windows = _window_count(ct.geometry, network)
    edge = list(network.shape)
    step = int(edge[2] * (1.0 - OVERLAP))
    part = min(BRUTE_WINDOWS, windows)
    edge[2] += (part - 1) * step
    volume = torch.zeros(1, 1, *edge, device=device)
    with torch.inference_mode():
        started = time.perf_counter()
        sliding_window_inference(volume, network.shape, 1, network.module, overlap=OVERLAP)
        _wait_for(device)
    return (time.perf_counter() - started) * windows / part, windows, part


def _window_count(geometry: Geometry, network: PatchNetwork) -> int:
    """Windows that MONAI lays over a CT at the network's spacing."""
    voxels = geometry.spacing[::-1] * geometry.shape / network.spacing_mm
    counts = [
        1 + int(np.ceil(max(0.0, size - edge) / int(edge * (1.0 - OVERLAP))))
        for size, edge in zip(voxels, network.shape, strict=True)
    ]
    return int(np.prod(counts))
