"""Read landmarks from Slicer's markups (JSON or FCSV) or from the dataset's descriptions."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import AUXILIARY, LANDMARKS
from .dataset import KEYS

LPS = ("LPS", "1")
"""FCSV of version 1 writes 1 for LPS and 0 for RAS."""


def read_landmarks(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read landmarks: RAS mm, (3,) each, by name.

    Labels are names of LANDMARKS and AUXILIARY or the dataset's keys (A, OW, RW, C, V), upper or
    lower case; other points are left out.

    Args:
        path: .mrk.json or .fcsv of 3D Slicer, or a DESC.json of the dataset.

    Raises:
        UnusableInput: if the file cannot be read or holds none of the landmarks.
    """
    try:
        if path.suffix.lower() == ".fcsv":
            points = _fcsv(path.read_text(encoding="utf-8-sig"))
        else:
            points = _json(json.loads(path.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise UnusableInput(
            f"The landmarks {path} cannot be read; save them from Slicer as .mrk.json or .fcsv."
        ) from None
    names = {name.lower(): name for name in (*LANDMARKS, *AUXILIARY)}
    names |= {key.lower(): name for key, name in KEYS.items()}
    labelled = ((names.get(label.strip().lower()), ras) for label, ras in points.items())
    known = {name: ras for name, ras in labelled if name is not None}
    if not known:
        raise UnusableInput(
            f"The landmarks {path} hold none of {', '.join(LANDMARKS)}; label the points so."
        )
    return known


def _json(content: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Parse a markups file or a description of the dataset."""
    if "LANDMARKS" in content:
        return _points((name, ras, False) for name, ras in content["LANDMARKS"].items())
    return _points(
        (point["label"], point["position"], markup.get("coordinateSystem", "LPS") in LPS)
        for markup in content["markups"]
        for point in markup["controlPoints"]
        if point.get("positionStatus", "defined") == "defined"
    )


def _fcsv(text: str) -> dict[str, NDArray[np.float64]]:
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
    return _points((row[label], row[x : x + 3], lps) for row in rows)


def _points(found: Iterable[tuple[str, Iterable[Any], bool]]) -> dict[str, NDArray[np.float64]]:
    """Return finite points as RAS by label, from (label, position, whether it is LPS)."""
    points = {}
    for label, position, lps in found:
        ras = np.array([float(value) for value in position])
        if ras.shape != (3,) or not np.isfinite(ras).all():
            raise ValueError(label)
        points[label] = ras * (-1.0, -1.0, 1.0) if lps else ras
    return points
