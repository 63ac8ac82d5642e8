"""``innerearseg mesh``: the labyrinths of a result, or their parts, as closed surfaces in mm."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..errors import UnusableInput
from .arguments import note, say

PARTS_JSON = "parts.json"


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
    from ..cochlea.parts import PARTS, divide
    from ..cochlea.walls import LabyrinthMask
    from ..io.result_folder import ResultFolder
    from ..report.plan import NO_DUCT
    from ..report.surface import surface_of, volume_of, write_surface
    from ..types import SIDES
    from .report import subject_of_result

    given = options.input
    output = ResultFolder(options.output or (given if given.is_dir() else given.parent))
    subject, notes = subject_of_result(given, options.ct)
    for sentence in (*subject.left_out, *notes):
        note(sentence)
    lines, described = [], []
    # Those of an earlier run would be taken for this result's.
    names = [f"{name.replace(' ', '_')}_{side}" for name in ("labyrinth", *PARTS) for side in SIDES]
    earlier = [f"{name}.{options.format}" for name in names]
    with output.adding(obsolete=[*earlier, PARTS_JSON]) as new:
        for ear in subject.segmentation.ears:
            masks = {"labyrinth": (ear.labyrinth, ear.geometry)}
            cochlea = subject.measurements[ear.side]
            if options.parts and cochlea.duct is None:
                note(NO_DUCT.format(ear.side) + " So there are no parts of it.")
            elif options.parts and cochlea.duct is not None:
                mask = LabyrinthMask.of(ear.labyrinth, ear.geometry)
                parts = divide(mask, ear.side, cochlea.points, cochlea.duct)
                masks |= {name: (parts.part(name), parts.geometry) for name in PARTS}
                described.append({"side": ear.side, **parts.to_json()})
            for name, (array, geometry) in masks.items():
                surface = surface_of(array, geometry)
                if not surface.GetNumberOfPoints():
                    note(f"The {name} of the {ear.side} ear is empty.")
                    continue
                file = f"{name.replace(' ', '_')}_{ear.side}.{options.format}"
                write_surface(surface, new / file)
                lines.append(f"{file}: {volume_of(surface):.1f} mm³")
        if not lines:
            raise UnusableInput(f"{given} holds no segment.")
        if described:
            text = json.dumps({"schema_version": 1, "ears": described}, indent=2)
            (new / PARTS_JSON).write_text(text, encoding="utf-8")
    say("\n".join([*lines, *output.sentences, f"Files: {output.folder}"]))
    return 0
