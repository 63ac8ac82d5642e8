"""The measurements of a CT's ears as files for cohorts."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..cochlea.catalogue import CATALOGUE, VOLUME
from ..cochlea.measurements import CochlearMeasurements, compare
from ..io.result_folder import MAKER, MEASUREMENTS_CSV, MEASUREMENTS_JSON
from ..types import AUTOMATIC, REVIEWED, Ear, Side

SCHEMA_VERSION = 2
DIFFERENCE = "left minus right"

_UNITS = {"mm": "mm", "mm³": "mm3", "°": "deg"}

Plans = Mapping[Side, CochlearMeasurements]


def to_json(plans: Plans, ears: Sequence[Ear], incomplete: bool = False) -> dict[str, Any]:
    """The content of ``measurements.json``: plain lists, numbers and strings.

    Args:
        plans: of each ear.
        ears: the same ears.
        incomplete: whether somebody took an ear away.
    """
    reviewed = incomplete or any(ear.reviewed for ear in ears)
    both = [compare(plans["left"], plans["right"])] if len(plans) == 2 else []
    return {
        "schema_version": SCHEMA_VERSION,
        "made_by": f"{MAKER} {__version__}",
        "made_of": REVIEWED if reviewed else AUTOMATIC,
        "ears": [{**plans[ear.side].to_json(), **ear.review_to_json()} for ear in ears],
        "left_minus_right": [item.to_json() for items in both for item in items],
    }


def write_measurements(
    plans: Plans, ears: Sequence[Ear], folder: Path, incomplete: bool = False
) -> None:
    """Write ``measurements.json`` and ``measurements.csv``, a row a measurement and side.

    The JSON says what of each ear was measured, and whether anybody had gone over it; also where
    somebody took an ear away (``incomplete``).
    """
    content = to_json(plans, ears, incomplete)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / MEASUREMENTS_JSON).write_text(text, encoding="utf-8")
    rows = [row for plan in plans.values() for row in plan.rows()]
    rows += [{"side": DIFFERENCE, **item} for item in content["left_minus_right"]]
    # Spreadsheets take a file without the mark for one in their own encoding: "mmÂ³".
    with (folder / MEASUREMENTS_CSV).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["side", "key", "value"])
        writer.writeheader()
        writer.writerows(rows)


def columns(content: Mapping[str, Any] | None, side: Side) -> dict[str, float | None]:
    """An ear's measurements as cells of a wide table, always the same columns.

    Args:
        content: of ``measurements.json``; None without one.
        side: of the ear.

    Returns:
        Value and half width of the 90 % interval by column; None where there is none. Columns
        end in their unit; the labyrinth's volume, which the table has already, is left out.
    """
    ears = content["ears"] if content else []
    items = {
        item["key"]: item for ear in ears if ear["side"] == side for item in ear["measurements"]
    }
    cells = {}
    for key in CATALOGUE:
        if key == VOLUME:
            continue
        name = f"{side}_{key}_{_UNITS[CATALOGUE[key].unit]}"
        cells[name] = items.get(key, {}).get("value")
        cells[f"{name}_uncertainty_90"] = items.get(key, {}).get("uncertainty_90")
    return cells
