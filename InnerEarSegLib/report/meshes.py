"""The labyrinths of a result and their parts as files of surfaces."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..cochlea.measurements import CochlearMeasurements
from ..cochlea.parts import PARTS, parts_steps
from ..errors import UnusableInput
from ..io.result_folder import ResultFolder
from ..progress import run_steps
from ..types import SIDES, Ear, Side
from .plan import NO_DUCT
from .surface import FORMATS, surface_of, volume_of, write_surface

PARTS_JSON = "parts.json"


@dataclass
class Meshes:
    """What was written: a line for each file, and a sentence for each thing that was not."""

    lines: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_meshes(
    ears: Sequence[Ear],
    cochleae: Mapping[Side, CochlearMeasurements],
    output: ResultFolder,
    ending: str = "stl",
    *,
    parts: bool = False,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
) -> Meshes:
    """Write each ear's labyrinth, RAS mm, and with ``parts`` its parts and ``parts.json``.

    Args:
        ears: with their segments.
        cochleae: the same ears, measured.
        output: the folder; surfaces of an earlier run in this format are removed from it.
        ending: of the files, one of ``surface.FORMATS``.
        parts: as far as an ear has a duct.
        sources: what the ears were read from, as of ``report.subject.Subject``.

    Raises:
        UnusableInput: no ear has a segment, or the folder cannot be written; it is as it was.
    """
    return run_steps(mesh_steps(ears, cochleae, output, ending, parts=parts, sources=sources))


def mesh_steps(
    ears: Sequence[Ear],
    cochleae: Mapping[Side, CochlearMeasurements],
    output: ResultFolder,
    ending: str = "stl",
    *,
    parts: bool = False,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
) -> Generator[None, None, Meshes]:
    """``write_meshes`` in short steps; closed before its end, it leaves the folder as it was."""
    meshes, described = Meshes(), list[dict[str, Any]]()
    # Those of an earlier run would be taken for this result's.
    names = {
        kind: [f"{name.replace(' ', '_')}_{side}.{kind}" for name in ("labyrinth", *PARTS)
               for side in SIDES]
        for kind in FORMATS
    }  # fmt: skip
    of_parts = (name for kind in FORMATS if kind != ending for name in names[kind][len(SIDES) :])
    obsolete = [*names[ending], PARTS_JSON]
    if not parts and any((output.folder / name).is_file() for name in of_parts):
        obsolete.remove(PARTS_JSON)  # it describes the parts in the other format, which stay
    with output.adding(obsolete, sources) as new:
        for ear in ears:
            masks = {"labyrinth": (ear.labyrinth, ear.geometry)}
            cochlea = cochleae[ear.side]
            if parts and cochlea.duct is None:
                meshes.notes.append(NO_DUCT.format(ear.side) + " So there are no parts of it.")
            elif parts:
                divided = yield from parts_steps(ear, cochlea)
                masks |= {name: (divided.part(name), divided.geometry) for name in PARTS}
                described.append({"side": ear.side, **divided.to_json()})
            for name, (array, geometry) in masks.items():
                yield
                surface = surface_of(array, geometry)
                if not surface.GetNumberOfPoints():
                    meshes.notes.append(f"The {name} of the {ear.side} ear is empty.")
                    continue
                file = f"{name.replace(' ', '_')}_{ear.side}.{ending}"
                write_surface(surface, new / file)
                meshes.lines.append(f"{file}: {volume_of(surface):.1f} mm³")
        if not meshes.lines:
            raise UnusableInput("No ear has a segment, so there are no surfaces.")
        if described:
            text = json.dumps({"schema_version": 1, "ears": described}, indent=2)
            (new / PARTS_JSON).write_text(text, encoding="utf-8")
    return meshes
