"""``innerearseg benchmark``: how long a CT takes, and what that is worth."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

from ..process import temporary
from .arguments import say


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("benchmark", help="measure seconds and memory on this machine")
    parser.add_argument("--output", type=Path, default=Path("out/benchmark"), metavar="DIR")
    parser.add_argument(
        "--ct", type=Path, action="append", default=[], metavar="FILE",
        help="a CT of your own beside the synthetic head and ear; may be repeated",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure a synthetic head, a synthetic ear and given CTs; print a table, write JSON."""
    import SimpleITK as sitk
    import torch

    from ..evaluation.benchmark import time_journey
    from ..io.result_folder import ResultFolder
    from ..io.volume import read_ct
    from ..model.bundle import load_model
    from ..model.card import bundled_model
    from ..synthetic.files import random_ear
    from ..synthetic.head import random_head

    output = ResultFolder(options.output)
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    timings = []
    with temporary() as folder:
        say("Generating a synthetic head of 512 x 512 x 226 voxels, and an ear")
        made = {"head": random_head(1).ct, "ear": random_ear(1, 0).ct}
        files = {f"synthetic {name}": folder / f"{name}.nii.gz" for name in made}
        for path, ct in zip(files.values(), made.values(), strict=True):
            sitk.WriteImage(ct.to_sitk(), str(path), True)
        files |= {path.name: path for path in options.ct}
        for device in devices:
            bundle = load_model(bundled_model(), torch.device(device))
            for name, path in files.items():
                label = f"{name}, {device}"
                timings.append(time_journey(label, path, read_ct(path), bundle, device, say))
    lines = _table(timings)
    say("\n".join(lines))
    machine = {
        "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__, "python": platform.python_version(),
    }  # fmt: skip
    content = {"machine": machine, "inputs": timings}
    with output.adding() as new:
        (new / "benchmark.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
        (new / "benchmark.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    say("\n".join([*output.sentences, f"Files: {options.output}"]))
    return 0


def _table(timings: list[dict[str, Any]]) -> list[str]:
    """A Markdown table of all inputs, and the seconds of each step."""
    lines = [
        "| input | ears | start to files | peak memory | search alone | bare passes "
        "| brute force |",
        "|---|---|---|---|---|---|---|",
    ]
    for t in timings:
        t = t | {
            "guess": "extrapolated" if t["brute_measured"] < t["brute_windows"] else "measured",
            "passes": ", ".join(f"{count} {name}" for name, count in t["passes"].items()),
        }
        lines.append(
            "| {name} | {ears} | {wall_seconds:.1f} s | {peak_mib:.0f} MiB | "
            "{search_seconds:.1f} s | {bare_seconds:.1f} s ({passes}) | {brute_seconds:.0f} s "
            "({guess} from {brute_measured} of {brute_windows} patches), "
            "{brute_over_wall:.0f} times as long |".format(**t)
        )
    for t in timings:
        steps = ", ".join(f"{step} {value:.1f} s" for step, value in t["stage_seconds"].items())
        lines += ["", f"{t['name']}: {steps}."]
    return lines
