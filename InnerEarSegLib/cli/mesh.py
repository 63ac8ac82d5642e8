"""``innerearseg mesh``: the labyrinths of a result, or their parts, as closed surfaces in mm."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import note, say
from .result import add_result, folder_of, read_result


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("mesh", help="a result's labyrinths as STL or OBJ, to be held")
    add_result(parser)
    parser.add_argument("--format", choices=("stl", "obj"), default="stl")
    parser.add_argument(
        "--parts", action="store_true",
        help="also cochlea, vestibule and canals, and the canals' planes in parts.json",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, metavar="DIR", help="by default the input's folder")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the surfaces and say how large they are."""
    from ..io.result_folder import ResultFolder
    from ..report.meshes import write_meshes

    output = ResultFolder(folder_of(options))
    subject, _ = read_result(options)
    meshes = write_meshes(
        subject.segmentation.ears, subject.measurements, output, options.format,
        parts=options.parts, sources=subject.sources,
    )  # fmt: skip
    for sentence in meshes.notes:
        note(sentence)
    say("\n".join([*meshes.lines, *output.sentences, f"Files: {output.folder}"]))
    return 0
