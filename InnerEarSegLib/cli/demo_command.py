"""``innerearseg demo``: the whole journey on a synthetic ear, with a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..synthetic.ear import SyntheticEar

DEMO_SEED = 7


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("demo", help="segment a synthetic ear and draw the result")
    parser.add_argument("--output", type=Path, default=Path("out/demo"), metavar="DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate, segment through the command line, draw, and compare with the exact truth."""
    import SimpleITK as sitk

    from ..io.result_folder import Output
    from ..io.volume import image_of
    from ..mrml.overview import render_overview_in_child
    from ..synthetic.files import random_ear
    from . import main

    folder = Output(options.output).folder
    folder.mkdir(parents=True, exist_ok=True)
    ear = random_ear(DEMO_SEED, 0)
    ct = folder / "synthetic_ear.nrrd"
    sitk.WriteImage(image_of(ear.ct.array, ear.ct.geometry), str(ct), True)
    print(f"Generated a synthetic {ear.side} ear (no patient's): {ct}")
    status = main.main(["segment", str(ct), "--output", str(folder), "--device", "cpu"])
    if status != 0:
        return status
    for line in _compare(ear, folder):
        print(line)
    picture = render_overview_in_child(folder / "scene.mrb", folder / "overview.png")
    print(f"Picture: {picture}")
    return 0


def _compare(ear: SyntheticEar, folder: Path) -> list[str]:
    """How far the files are from the generator's truth, read back as Slicer would."""
    import numpy as np

    from ..mrml.files import read_landmarks, read_segments

    segment = read_segments(folder / "labyrinth.seg.nrrd")[f"Labyrinth {ear.side}"]
    inside = np.argwhere(segment.array)[:, ::-1]
    truth = ear.labels.array.astype(bool)
    index = np.round(ear.labels.geometry.to_ijk(segment.geometry.to_ras(inside))).astype(int)
    kept = np.all((index >= 0) & (index < np.array(truth.shape[::-1])), axis=1)
    found = np.zeros_like(truth)
    found[tuple(index[kept].T[::-1])] = True
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    lines = [f"Against the generator's exact labels: Dice {dice:.3f}"]
    for name, ras in read_landmarks(folder / f"landmarks_{ear.side}.mrk.json").items():
        distance = "not found"
        if ras is not None:
            distance = f"{np.linalg.norm(np.subtract(ras, ear.landmarks[name])):.2f} mm off"
        lines.append(f"  {name}: {distance}")
    return lines
