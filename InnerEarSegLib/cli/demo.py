"""``innerearseg demo`` and ``innerearseg synthesize``: CT of ears and heads of no patient."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..process import temporary
from ..progress import Progress
from ..types import LANDMARKS, Ear, dice
from .arguments import whole_number_from
from .report import report_blocks
from .result import subject_of_result
from .segment import NO_EAR, summary

if TYPE_CHECKING:
    from ..synthetic.ear import SyntheticEar

DEMO_SEED = 7
PICTURE = "labyrinth.png"


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add both commands with their arguments."""
    parser = commands.add_parser("demo", help="segment a synthetic ear, and report on it")
    parser.add_argument("--output", type=Path, default=Path("out/demo"), metavar="DIR")
    parser.set_defaults(run=demo)
    parser = commands.add_parser(
        "synthesize", help="generate synthetic ears or heads with exact labels"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--count", type=whole_number_from(1), default=1)
    parser.add_argument("--seed", type=whole_number_from(0), default=0)
    parser.add_argument(
        "--head", action="store_true",
        help="whole heads with two ears: H01/H01_CT.nrrd, H01_LEFT_LABELS.nrrd, "
        "H01_RIGHT_LABELS.nrrd and H01_DESC.json with the landmarks in RAS mm",
    )  # fmt: skip
    parser.add_argument(
        "--spacing", type=float, metavar="MM",
        help="with --head: of the CT, 0.3 to 2; by default 0.488 x 0.488 x 0.625 mm",
    )  # fmt: skip
    parser.add_argument(
        "--varied", action="store_true",
        help="with --head: any pose, kernel, slice thickness, padding, metal and storage order",
    )  # fmt: skip
    parser.set_defaults(run=synthesize)


def demo(options: argparse.Namespace) -> int:
    """Generate an ear, segment it, compare with the exact truth, and report on it."""
    import SimpleITK as sitk
    import torch

    from ..batch.segment_case import Source, segment_case
    from ..io.result_folder import MANIFEST, REPORT_HTML, ResultFolder
    from ..model.bundle import load_model
    from ..mrml.files import write_scene
    from ..mrml.scene import check_logics
    from ..report.content import Figures
    from ..report.files import Names, write_report
    from ..synthetic.files import random_ear

    check_logics()
    output = ResultFolder(options.output)
    ear = random_ear(DEMO_SEED, 0)
    with temporary() as folder:
        ct, made = folder / "synthetic_ear.nrrd", folder / "result"
        sitk.WriteImage(ear.ct.to_sitk(), str(ct), True)
        print(f"Generated a synthetic {ear.side} ear (no patient's): {output.folder / ct.name}")
        result = segment_case(
            Source(ct),
            ResultFolder(made),
            lambda: load_model(device=torch.device("cpu")),
            Progress(),
            write_scene,
        )
        lines = summary(result)
        if result.ears:
            lines += _compare(ear, result.ears[0])
            page = made / REPORT_HTML
            pdf = page.with_suffix(".pdf") if importlib.util.find_spec("fpdf") else None
            subject, _ = subject_of_result(made)
            blocks = report_blocks(subject)
            write_report(blocks, subject, Names(page, pdf))
            overview = next(block for block in blocks if isinstance(block, Figures))
            (made / PICTURE).write_bytes(overview.figures[0].png)
        (made / MANIFEST).unlink()
        with output.replacing({}) as new:
            shutil.copy(ct, new)
            shutil.copytree(made, new, dirs_exist_ok=True)
    print("\n".join([*lines, *output.sentences, f"Files: {output.folder}"]))
    if not result.ears:
        return NO_EAR
    print(f"Report: {output.folder / REPORT_HTML}")
    print(f"Picture: {output.folder / PICTURE}")
    return 0


def _compare(ear: SyntheticEar, found: Ear) -> list[str]:
    """Compare an ear with the generator's truth, a line each."""
    import numpy as np

    inside = found.geometry.to_ras(np.argwhere(found.labyrinth)[:, ::-1])
    truth = ear.labels.array.astype(bool)
    index = np.round(ear.labels.geometry.to_ijk(inside)).astype(int)
    kept = np.all((index >= 0) & (index < np.array(truth.shape[::-1])), axis=1)
    mask = np.zeros_like(truth)
    mask[tuple(index[kept].T[::-1])] = True
    lines = [f"Against the generator's exact labels: Dice {dice(mask, truth):.3f}"]
    for name in LANDMARKS:
        distance = "not found"
        if name in found.points:
            off = np.linalg.norm(np.subtract(found.points[name], ear.landmarks[name]))
            distance = f"{off:.2f} mm off"
        lines.append(f"  {name}: {distance}")
    return lines


def synthesize(options: argparse.Namespace) -> int:
    """Generate ears in the layout of the human bony labyrinth dataset, or heads in their own."""
    if not options.head and (options.spacing is not None or options.varied):
        raise UnusableInput("--spacing and --varied go with --head.")
    # Finer than 0.3 mm, a whole head would not fit into memory.
    if options.spacing is not None and not 0.3 <= options.spacing <= 2.0:
        raise UnusableInput("--spacing must be 0.3 to 2 mm.")
    from ..io.result_folder import ResultFolder
    from ..synthetic.files import write_dataset, write_heads

    root, count, seed = options.output, options.count, options.seed
    ResultFolder(root)  # refuses what cannot be written, before anything is generated
    try:
        if options.head:
            write_heads(root, count, seed, spacing=options.spacing, varied=options.varied)
        else:
            write_dataset(root, count, seed)
    except OSError as error:
        raise UnusableInput(
            f"The output folder {root} cannot be written: {error.strerror}; whole cases are kept."
        ) from None
    print(f"{count} synthetic {'heads' if options.head else 'ears'} in {root}")
    return 0
