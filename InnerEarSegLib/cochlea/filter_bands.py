"""Filter bands of sound processors, from a table of the user's.

None come with the package: no source was found for the makers' default bands, and published tables
of one maker's differ.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UnusableInput
from .arrays import ElectrodeArray, choose

COLUMNS = ("array", "low_hz", "high_hz")

FORM = f"it needs the columns {', '.join(COLUMNS)} and a row for each contact of an array"

FilterBands = Mapping[str, Sequence[float]]
"""Middles of the bands in Hz, the highest first, by the label of an array."""

_LEAST_HZ, _MOST_HZ = 20.0, 24000.0


def read_filter_bands(path: Path, arrays: Sequence[ElectrodeArray]) -> FilterBands:
    """Read a CSV table of bands for some of these arrays; UnusableInput if it is no such table.

    The middle of a band is the geometric mean of its ends: as many octaves from both.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise UnusableInput(f"{path} is no text: {FORM}.") from None
    separator = ";" if lines and ";" in lines[0] else ","  # as spreadsheets of some countries save
    rows = list(csv.DictReader(lines, delimiter=separator))
    if not rows or any(name not in rows[0] for name in COLUMNS):
        raise UnusableInput(f"{path} holds no filter bands: {FORM}.")
    bands: dict[str, list[float]] = {}
    for number, row in enumerate(rows, 2):
        (array,) = choose([row["array"] or ""], arrays)
        low, high = (_hertz(row[name]) for name in COLUMNS[1:])
        if not _LEAST_HZ <= low < high <= _MOST_HZ:
            raise UnusableInput(
                f"{path}, line {number}: a band goes from low_hz up to high_hz, within "
                f"{_LEAST_HZ:g} to {_MOST_HZ:g} Hz."
            )
        bands.setdefault(array.label, []).append(math.sqrt(low * high))
    return {label: sorted(middles, reverse=True) for label, middles in bands.items()}


def _hertz(text: str | None) -> float:
    try:
        return float((text or "").replace(",", "."))
    except ValueError:
        return math.nan
