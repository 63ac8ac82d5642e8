"""``innerearseg demo``: the whole journey on a synthetic ear, with a picture."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ..progress import Progress
from .segment import NO_EAR, summary, write_scene

if TYPE_CHECKING:
    from ..synthetic.ear import SyntheticEar

DEMO_SEED = 7


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("demo", help="segment a synthetic ear and draw the result")
    parser.add_argument("--output", type=Path, default=Path("out/demo"), metavar="DIR")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Generate, segment, draw, and compare with the exact truth."""
    import SimpleITK as sitk
    import torch

    from ..batch.segment_case import Source, segment_case
    from ..io.result_folder import MANIFEST, ResultFolder
    from ..io.volume import image_of
    from ..model.bundle import load_model
    from ..model.card import bundled_model
    from ..mrml.overview import render_overview_in_child
    from ..synthetic.files import random_ear

    output = ResultFolder(options.output)
    ear = random_ear(DEMO_SEED, 0)
    with tempfile.TemporaryDirectory() as temporary:
        ct, made = Path(temporary) / "synthetic_ear.nrrd", Path(temporary) / "result"
        sitk.WriteImage(image_of(ear.ct.array, ear.ct.geometry), str(ct), True)
        print(f"Generated a synthetic {ear.side} ear (no patient's): {output.folder / ct.name}")
        result = segment_case(
            Source(ct),
            ResultFolder(made),
            lambda: load_model(bundled_model(), torch.device("cpu")),
            Progress(),
            write_scene,
            about={},
        )
        lines = summary(result)
        if result.ears:
            lines += _compare(ear, made)
            render_overview_in_child(made / "scene.mrb", made / "overview.png")
        (made / MANIFEST).unlink()
        with output.replacing({}) as new:
            shutil.copy(ct, new)
            shutil.copytree(made, new, dirs_exist_ok=True)
    print("\n".join([*lines, *output.sentences, f"Files: {output.folder}"]))
    if not result.ears:
        return NO_EAR
    print(f"Picture: {output.folder / 'overview.png'}")
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
