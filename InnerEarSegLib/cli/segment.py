"""``innerearseg segment``: one CT to labyrinths, landmarks and a scene."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .. import interrupts
from ..errors import Cancelled, UnusableInput
from ..io.region import region_of
from ..process import end_with_stdin
from ..progress import Progress
from ..types import Segmentation
from . import dicom
from .arguments import add_device
from .result import subject_of_result

NO_EAR = 3


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("segment", help="labyrinths and landmarks of a CT")
    parser.add_argument(
        "input", type=Path, metavar="INPUT",
        help=".nrrd, .nii, .nii.gz or .mha file; a folder with DICOM files, searched with the "
        "folders below; or one DICOM file, which stands for its series",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, required=True, metavar="DIR",
        help="an unchanged result of this CT in it is replaced, anything else renamed to "
        "DIR-earlier-DATE",
    )  # fmt: skip
    parser.add_argument(
        "--series", metavar="UID",
        help="SeriesInstanceUID, where INPUT holds several; without it the thinnest CT with a bone "
        "kernel is taken if there is just one, else all are listed",
    )  # fmt: skip
    add_device(parser, model=True)
    parser.add_argument("--center", metavar="R,A,S", help="a point in or near the ear, mm")
    parser.add_argument(
        "--roi", metavar="R,A,S,dR,dA,dS",
        help="a box with the ear in it: its centre and its full edge lengths, mm",
    )  # fmt: skip
    parser.add_argument(
        "--json-progress", action="store_true",
        help="one JSON object a line on stdout: stage, fraction, message",
    )  # fmt: skip
    parser.add_argument(
        "--plain", action="store_true",
        help="as the panel wants: numpy arrays instead of Slicer's files; cancel when standard "
        "input is closed, after a first line 'watch'; fail where the GPU's memory is not enough, "
        "instead of going on with the CPU",
    )  # fmt: skip
    parser.add_argument(
        "--dicom", action="store_true",
        help="also write DICOM objects into DIR; INPUT has to be DICOM",
    )  # fmt: skip
    dicom.add_sending(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Segment, write, and say what was found; see ``main`` for the exit status."""
    if options.plain:
        end_with_stdin()
    progress = Progress(_print_json if options.json_progress else None)
    progress.stage("start", 0.0, "Starting")
    # Imported here, so that --help and wrong arguments are answered at once.
    from ..batch.segment_case import Source, WriteScene, segment_case
    from ..io.overlap import refuse_overlap
    from ..io.result_folder import ResultFolder
    from ..model.bundle import Model, load_model
    from ..model.device import choose_device

    source = Source(options.input, options.series, region_of(options.center, options.roi))
    refuse_overlap([options.output], [options.input])
    output = ResultFolder(options.output)
    if options.dicom and (options.plain or options.json_progress):
        raise UnusableInput("--dicom goes with neither --plain nor --json-progress.")
    if not options.dicom and (options.send or options.observer):
        raise UnusableInput("--send and --observer go with --dicom.")
    archive = None
    if options.dicom:  # all that can be known before the networks run
        dicom.check_source(options.input, options.series)
        archive = dicom.chosen_archive(options)
    write: WriteScene | None = None
    if not options.plain:
        from ..mrml.files import write_scene
        from ..mrml.scene import check_logics

        check_logics()
        write = write_scene
    device = choose_device(options.device)

    def model() -> Model:
        # The panel asks before it goes on with the CPU.
        fallback = not options.plain
        return load_model(options.model, device, cpu_fallback=fallback, progress=progress)

    result = segment_case(source, output, model, progress, write)
    aside = [f"Note: {sentence}" for sentence in output.sentences]
    if options.json_progress:
        _print_json("done", 1.0, " ".join([summary(result)[0], *aside]))
    else:
        print("\n".join([*summary(result), *aside]))
        print(f"Files: {options.output}")
    if options.dicom and result.ears:
        interrupts.left = "the result is written, without DICOM objects"
        subject, _ = subject_of_result(options.output)
        dicom.export_subject(subject, options, options.input, options.output, archive)
    return 0 if result.ears else NO_EAR


def summary(result: Segmentation) -> list[str]:
    """What was found, a line each."""
    lines = []
    for ear in result.ears:
        known = ear.findings.canals if ear.findings else ""
        canals = f"{known} canals closed, " if known else ""
        volume = "" if ear.metal else f"{ear.volume_mm3:.0f} mm³, "
        lines.append(f"Labyrinth {ear.side}: {volume}{canals}quality {ear.quality.verdict}")
        for landmark in ear.landmarks:
            where = "not found"
            if landmark.ras is not None:
                where = "R {:.2f}, A {:.2f}, S {:.2f} mm".format(*landmark.ras)
            sure = f"confidence {landmark.confidence:.2f}"
            if landmark.radius_mm is not None:
                sure = f"± {landmark.radius_mm:.1f} mm"
            lines.append(f"  {landmark.name}: {where} ({sure})")
        lines += [f"  Note: {reason}" for reason in ear.quality.reasons]
    if not result.ears:
        lines.append("No inner ear was found in this CT.")
    lines += [f"Note: {warning}" for warning in result.warnings]
    return lines


def _print_json(stage: str, fraction: float, message: str) -> None:
    """One line of progress for a program that listens."""
    line = {"stage": stage, "fraction": round(fraction, 4), "message": message}
    try:
        print(json.dumps(line), flush=True)
    except BrokenPipeError:  # the program that reads the progress is gone
        raise Cancelled("Cancelled.") from None
