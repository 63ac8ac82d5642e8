"""Read points with names: markups and tables of 3D Slicer, and descriptions of the dataset."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import (
    AUXILIARY,
    BASAL_TURN,
    HELICOTREMA,
    LANDMARKS,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
)
from .tables import TABLES, list_text, read_table

KEYS = {"A": HELICOTREMA, "OW": OVAL_WINDOW, "RW": ROUND_WINDOW, "C": BASAL_TURN, "V": VESTIBULE}
"""Names of landmarks by the keys of the human bony labyrinth dataset."""

LPS = ("LPS", "1")
"""FCSV of version 1 writes 1 for LPS and 0 for RAS."""

AXES = {("r", "a", "s"): False, ("l", "p", "s"): True}
"""Columns of a table's coordinates, and whether they are LPS."""

NAME_COLUMNS = ("label", "name", "landmark")
NOT_DEFINED = ("0", "false")


@dataclass(frozen=True, eq=False)
class NamedPoints:
    """The landmarks of a file, RAS mm by name.

    ``unknown`` are the names of its points that are none, ``unused`` the names in a mapping that
    no point has.
    """

    landmarks: dict[str, NDArray[np.float64]]
    unknown: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def landmark_of(name: str) -> str | None:
    """Return the landmark that a name stands for; None for any other point.

    Names are those of LANDMARKS and AUXILIARY or the dataset's keys (A, OW, RW, C, V), in upper or
    lower case, with spaces, ``_`` or ``-`` between words.
    """
    known = {key.lower(): key for key in (*LANDMARKS, *AUXILIARY)}
    known |= {key.lower(): name for key, name in KEYS.items()}
    return known.get(_plain(name))


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())


def read_landmarks(path: Path, names: Mapping[str, str] | None = None) -> NamedPoints:
    """Read Slicer's .mrk.json or .fcsv, a point table (.csv, .tsv) or a DESC.json.

    A table has a column ``label`` (or ``name``, ``landmark``) and ``r``, ``a``, ``s`` or ``l``,
    ``p``, ``s`` in mm, as Slicer's Markups module exports it.

    Args:
        names: what stands for which of LANDMARKS and AUXILIARY, beside what ``landmark_of`` knows.

    Raise UnusableInput if the file cannot be read, holds none of the landmarks, or one twice.
    """
    try:
        ending = path.suffix.lower()
        if ending in (*TABLES, ".txt"):
            points = _table(path)
        else:
            text = path.read_text(encoding="utf-8-sig")
            points = _fcsv(text) if ending == ".fcsv" else _json(json.loads(text))
        placed = [(name.strip(), ras_of(position, lps)) for name, position, lps in points]
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError, csv.Error):
        raise UnusableInput(
            f"The landmarks {path} cannot be read; save them from Slicer as .mrk.json, .fcsv or a "
            "table (.csv)."
        ) from None
    mapped = {_plain(name): landmark for name, landmark in (names or {}).items()}
    found: dict[str, NDArray[np.float64]] = {}
    unknown = []
    for name, ras in placed:
        landmark = mapped.get(_plain(name)) or landmark_of(name)
        if landmark is None:
            unknown.append(name)
        elif landmark in found:
            raise UnusableInput(f"The landmarks {path} hold more than one {landmark}.")
        else:
            found[landmark] = ras
    if not found:
        raise UnusableInput(
            f"The landmarks {path} hold none of {', '.join(LANDMARKS)}, but "
            f"{', '.join(unknown) or 'no point'}; name the points so, or say in the manifest's "
            "column landmark_names what they are."
        )
    there = {_plain(name) for name, _ in placed}
    unused = tuple(name for name in names or () if _plain(name) not in there)
    return NamedPoints(found, tuple(unknown), unused)


_Placed = Iterable[tuple[str, Iterable[Any], bool]]
"""Name, position in mm, and whether it is LPS."""


def _json(content: dict[str, Any]) -> _Placed:
    """Parse a markups file or a description of the dataset."""
    if "LANDMARKS" in content:
        return [(name, ras, False) for name, ras in content["LANDMARKS"].items()]
    return [
        (point["label"], point["position"], markup.get("coordinateSystem", "LPS") in LPS)
        for markup in content["markups"]
        for point in markup["controlPoints"]
        if point.get("positionStatus", "defined") == "defined"
    ]


def _fcsv(text: str) -> _Placed:
    """Parse FCSV, whose columns a comment names."""
    lps, columns, rows = False, [""], []
    for line in text.splitlines():
        if line.startswith("# CoordinateSystem"):
            lps = line.partition("=")[2].strip() in LPS
        elif line.startswith("# columns"):
            columns = [name.strip() for name in line.partition("=")[2].split(",")]
        elif line.strip() and not line.startswith("#"):
            rows.append(next(csv.reader([line])))
    x, label = columns.index("x"), columns.index("label")
    return [(row[label], row[x : x + 3], lps) for row in rows]


def _table(path: Path) -> _Placed:
    """Read a table whose first line names the columns, separated by commas, semicolons or tabs."""
    columns = {*NAME_COLUMNS, "defined", *(axis for axes in AXES for axis in axes)}
    numbered, others = read_table(path, list_text(path), (), sorted(columns))
    rows = [row for _, row in numbered]
    if not rows:
        return []
    label = next((title for title in NAME_COLUMNS if any(row[title] for row in rows)), None)
    axes = next((axes for axes in AXES if any(row[axes[0]] for row in rows)), None)
    if label is None or axes is None:
        raise UnusableInput(
            f"The landmarks {path} need a column label and the columns r, a, s or l, p, s, which "
            f"say where x and y point to; other columns are {', '.join(others) or 'none'}."
        )
    if any("," in row[axis] for row in rows for axis in axes):
        raise UnusableInput(f"The landmarks {path} have decimal commas; write decimal points.")
    return [
        (row[label], [row[axis] for axis in axes], AXES[axes])
        for row in rows
        if row["defined"].lower() not in NOT_DEFINED
    ]


def ras_of(position: Iterable[Any], lps: bool = False) -> NDArray[np.float64]:
    """Return a position as RAS mm (3,); ValueError or TypeError if it is no finite one."""
    ras = np.array([float(value) for value in position])
    if ras.shape != (3,) or not np.isfinite(ras).all():
        raise ValueError(position)
    return ras * (-1.0, -1.0, 1.0) if lps else ras
