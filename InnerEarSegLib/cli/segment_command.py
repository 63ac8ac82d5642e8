"""``innerearseg segment``: one CT to a labyrinth, landmarks and a scene."""

from __future__ import annotations

import argparse
import json
import signal
from pathlib import Path
from types import FrameType

from ..errors import Cancelled
from ..progress import Progress
from ..results import Segmentation
from . import watch, where

NO_EAR = 3


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("segment", help="labyrinth and landmarks of one ear's CT")
    parser.add_argument(
        "input",
        type=Path,
        metavar="INPUT",
        help=".nrrd, .nii, .nii.gz or .mha file, or a folder with one DICOM series",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--device", default="auto", metavar="auto|cpu|cuda|mps")
    parser.add_argument("--model", type=Path, metavar="FILE", help="instead of the bundled model")
    parser.add_argument(
        "--center", type=where.center, metavar="R,A,S", help="a point in or near the ear, mm"
    )
    parser.add_argument(
        "--roi",
        type=where.roi,
        metavar="R,A,S,dR,dA,dS",
        help="a box with the ear in it: its centre and its full edge lengths, mm",
    )
    parser.add_argument(
        "--json-progress",
        action="store_true",
        help="one JSON object a line on stdout: stage, fraction, message",
    )
    parser.add_argument(
        "--plain",
        action="store_true",
        help="write numpy arrays instead of Slicer's files, as the panel wants",
    )
    parser.add_argument(
        "--watch-stdin",
        action="store_true",
        help="cancel when standard input is closed, after a first line 'watch'",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Segment, write, and say what was found; see ``main`` for the exit status."""
    signal.signal(signal.SIGTERM, _cancel)
    if options.watch_stdin:
        watch.end_with_stdin()
    progress = Progress(_print_json if options.json_progress else None)
    progress.stage("start", 0.0, "Starting")
    # Imported here, so that --help and wrong arguments are answered at once.
    from ..exchange import write_plain
    from ..inferring.bundle import load_bundle
    from ..inferring.device import choose_device
    from ..model_file import bundled_model
    from ..output import Output
    from ..reading.volume import read_ct
    from ..segment import segment

    output = Output(options.output)
    device = choose_device(options.device)
    progress.stage("read", 0.02, f"Reading {options.input}")
    ct = read_ct(options.input)
    progress.stage("load", 0.06, "Loading the model")
    bundle = load_bundle(options.model or bundled_model(), device)
    result = segment(ct, bundle, progress=progress)
    with output.staging() as folder:
        if options.plain:
            progress.stage("write", 0.8, "Writing the arrays")
            write_plain(result, folder)
        elif result.ears:
            progress.stage("write", 0.8, "Writing the scene")
            from ..scene.save import write_scene

            write_scene(ct, result, folder)
        progress.finish()
        result.seconds.update(progress.seconds)
        text = json.dumps(result.to_json(), indent=2)
        (folder / "result.json").write_text(text, encoding="utf-8")
        progress.check()
    if options.json_progress:
        _print_json("done", 1.0, summary(result)[0])
    else:
        print("\n".join(summary(result)))
        print(f"Files: {options.output}")
    return 0 if result.ears else NO_EAR


def summary(result: Segmentation) -> list[str]:
    """What was found, a line each."""
    lines = []
    for ear in result.ears:
        lines.append(
            f"Labyrinth {ear.side}: {ear.volume_mm3:.0f} mm³, quality {ear.quality.verdict}"
        )
        for landmark in ear.landmarks:
            where = (
                "not found"
                if landmark.ras is None
                else "R {:.2f}, A {:.2f}, S {:.2f} mm".format(*landmark.ras)
            )
            lines.append(f"  {landmark.name}: {where} (confidence {landmark.confidence:.2f})")
        lines += [f"  Note: {reason}" for reason in ear.quality.reasons]
    if not result.ears:
        lines.append("No inner ear was found in this CT.")
    lines += [f"Note: {warning}" for warning in result.warnings]
    return lines


def _print_json(stage: str, fraction: float, message: str) -> None:
    """One line of progress for a program that listens."""
    line = {"stage": stage, "fraction": round(fraction, 4), "message": message}
    print(json.dumps(line), flush=True)


def _cancel(number: int, frame: FrameType | None) -> None:
    """A polite kill is a cancel: staging folders are removed on the way out."""
    raise Cancelled("Cancelled.")
