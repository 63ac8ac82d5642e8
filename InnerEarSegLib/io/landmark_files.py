"""Landmarks files: Slicer's markups, as JSON or as the older FCSV, and the dataset's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import AUXILIARY, LANDMARKS
from .dataset import KEYS

LPS = ("LPS", "1")
"""How files say so; version 1 of FCSV calls it 1, and RAS 0."""


def read_landmarks(path: Path) -> dict[str, NDArray[np.float64]]:
    """RAS mm, (3,) each, by our names of the landmarks.

    Names are ours or the dataset's (A, OW, RW, C, V), in any case; other points are left out.

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
    ours = {name.lower(): name for name in (*LANDMARKS, *AUXILIARY)}
    ours |= {key.lower(): name for key, name in KEYS.items()}
    known = {ours[label.strip().lower()]: ras for label, ras in points.items()
             if label.strip().lower() in ours}  # fmt: skip
    if not known:
        raise UnusableInput(
            f"The landmarks {path} hold none of {', '.join(LANDMARKS)}; label the points so."
        )
    return known


def _json(content: dict) -> dict[str, NDArray[np.float64]]:
    """Points of a markups file or of the dataset's description."""
    if "LANDMARKS" in content:
        return _points((name, ras, False) for name, ras in content["LANDMARKS"].items())
    return _points(
        (point["label"], point["position"], markup.get("coordinateSystem", "LPS") in LPS)
        for markup in content["markups"]
        for point in markup["controlPoints"]
        if point.get("positionStatus", "defined") == "defined"
    )


def _fcsv(text: str) -> dict[str, NDArray[np.float64]]:
    """Points of the older format, whose columns a comment names."""
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


def _points(found: Iterable[tuple[str, Iterable, bool]]) -> dict[str, NDArray[np.float64]]:
    """Finite points as RAS by label; each is label, position and whether that is LPS."""
    points = {}
    for label, position, lps in found:
        ras = np.array([float(value) for value in position])
        if ras.shape != (3,) or not np.isfinite(ras).all():
            raise ValueError(label)
        points[label] = ras * (-1.0, -1.0, 1.0) if lps else ras
    return points
