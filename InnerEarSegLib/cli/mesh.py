"""``innerearseg mesh``: the labyrinths of a result, or their parts, as closed surfaces in mm."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import note, say


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("mesh", help="a result's labyrinths as STL or OBJ, to be held")
    parser.add_argument(
        "input", type=Path, metavar="DIR",
        help="folder of `innerearseg segment`, or a scene that 3D Slicer saved (.mrb, .mrml)",
    )  # fmt: skip
    parser.add_argument("--format", choices=("stl", "obj"), default="stl")
    parser.add_argument(
        "--parts", action="store_true",
        help="also cochlea, vestibule and canals, and the canals' planes in parts.json",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="DIR", help="by default the input's folder")
    parser.add_argument("--ct", metavar="NAME", help="where a scene has results of several CTs")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the surfaces and say how large they are."""
    from ..io.result_folder import ResultFolder
    from ..report.meshes import write_meshes
    from .report import subject_of_result

    given = options.input
    output = ResultFolder(options.output or (given if given.is_dir() else given.parent))
    subject, notes = subject_of_result(given, options.ct)
    meshes = write_meshes(
        subject.segmentation.ears, subject.measurements, output, options.format, parts=options.parts
    )
    for sentence in (*subject.left_out, *notes, *meshes.notes):
        note(sentence)
    say("\n".join([*meshes.lines, *output.sentences, f"Files: {output.folder}"]))
    return 0
