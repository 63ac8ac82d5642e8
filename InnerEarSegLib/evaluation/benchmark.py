"""Time a CT from file to files, beside a sliding window and beside the bare networks."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from .. import interrupts
from ..errors import UnusableInput
from ..io.result_folder import RESULT_JSON
from ..model.bundle import Model, PatchNetwork
from ..model.card import NETWORKS
from ..process import temporary
from ..segmentation.pipeline import segment
from ..segmentation.prediction import is_fine
from ..types import Geometry, Volume

BRUTE_PATCHES = 6
OVERLAP = 0.25
"""Of neighbouring patches of a sliding window, along each axis."""


def time_journey(
    name: str, path: Path, ct: Volume, bundle: Model, device: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure the bundled model on one input; ``path`` is the CT's file, for the process.

    Returns:
        wall_seconds from the start of the process to its end, all files written; its own
        stage_seconds and peak_mib of resident memory; search_seconds of finding, drawing and
        decoding alone in a process that is warm; bare_seconds of the passes (by network) that this
        took, on patches that are ready; brute_seconds of the passes of the network that drew, slid
        over the whole CT at its own spacing: brute_windows of them, of which brute_measured were
        run and the rest is extrapolated. wall_over_bare and search_over_bare are None where no pass
        was made, in a CT without bone.

    Raise UnusableInput if the process leaves no result.
    """
    say(f"{name}: the command line, from its start to the last file")
    wall, peak, result = _run_process(path, device)
    say(f"{name}: the search alone, and its bare forward passes")
    search, passes = _search(ct, bundle)
    bare = sum(count * _pass_seconds(getattr(bundle, key)) for key, count in passes.items())
    say(f"{name}: brute force")
    fine = bundle.draws_any or is_fine(ct.geometry)
    network = bundle.refine if fine else bundle.orient
    patches = _patch_count(ct.geometry, network)
    measured = min(BRUTE_PATCHES, patches)
    brute = patches * _pass_seconds(network, measured)
    return {
        "name": name, "ears": len(result["ears"]), "wall_seconds": wall,
        "stage_seconds": result["seconds"], "peak_mib": peak, "search_seconds": search,
        "bare_seconds": bare, "passes": dict(passes), "brute_seconds": brute,
        "brute_windows": patches, "brute_measured": measured, "brute_over_wall": brute / wall,
        "wall_over_bare": wall / bare if bare else None,
        "search_over_bare": search / bare if bare else None,
    }  # fmt: skip


def _run_process(path: Path, device: str) -> tuple[float, float, dict[str, Any]]:
    """Seconds and MiB of ``innerearseg segment`` in a process of its own, and its result."""
    with temporary() as folder:
        command = [sys.executable, "-m", "InnerEarSegLib", "segment", str(path)]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--output", str(folder), "--device", device], stdout=subprocess.DEVNULL
        )
        peak = 0.0
        with interrupts.undone(process.kill):
            while process.poll() is None:
                peak = max(peak, _peak_mib(process.pid))
                time.sleep(0.02)
        wall = time.perf_counter() - started
        written = folder / RESULT_JSON
        if not written.is_file():
            raise UnusableInput(f"innerearseg segment {path} ended with {process.returncode}.")
        result = json.loads(written.read_text(encoding="utf-8"))
    return wall, peak, result


def _peak_mib(pid: int) -> float:
    """Most resident memory of a process so far; 0 where /proc does not tell (not on Linux)."""
    # Not wait4: what it counts begins before the program is loaded, in a copy of this process.
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return max(
        (float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), default=0.0
    )


class _Counted(nn.Module):
    """A network that counts the patches it sees."""

    def __init__(self, network: nn.Module, name: str, counts: Counter[str]) -> None:
        super().__init__()
        self.network, self.name, self.counts = network, name, counts

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        self.counts[self.name] += patches.shape[0]
        return self.network(patches)


def _search(ct: Volume, bundle: Model) -> tuple[float, Counter[str]]:
    """Seconds of the journey without files, and the forward passes that it made."""
    counts: Counter[str] = Counter()
    networks = {}
    for name in NETWORKS:
        network = getattr(bundle, name)
        networks[name] = replace(network, module=_Counted(network.module, name, counts))
    counted = replace(bundle, **networks)
    segment(ct, counted)  # the first pass on a device is slower
    counts.clear()
    started = time.perf_counter()
    segment(ct, counted)
    return time.perf_counter() - started, counts


def _pass_seconds(network: PatchNetwork, repeats: int = 3) -> float:
    """Seconds of one forward pass, the mean of a few after two to warm up."""
    patch = torch.zeros(1, 1, *network.shape, device=network.device)
    timer = Timer(
        "network(patch)", globals={"network": network.module, "patch": patch},
        num_threads=torch.get_num_threads(),
    )  # fmt: skip
    with torch.inference_mode():
        return timer.timeit(repeats).mean


def _patch_count(geometry: Geometry, network: PatchNetwork) -> int:
    """Patches that a sliding window lays over a CT at the network's spacing."""
    voxels = geometry.spacing[::-1] * geometry.shape / network.spacing_mm
    counts = [
        1 + int(np.ceil(max(0.0, size - edge) / int(edge * (1.0 - OVERLAP))))
        for size, edge in zip(voxels, network.shape, strict=True)
    ]
    return int(np.prod(counts))
