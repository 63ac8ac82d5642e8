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

_UNITS = {"mm": "mm", "mm³": "mm3", "°": "deg", "turns": "turns"}


def write_measurements(
    cochleae: Mapping[Side, CochlearMeasurements],
    ears: Sequence[Ear],
    folder: Path,
    incomplete: bool = False,
) -> None:
    """Write ``measurements.json``, and ``measurements.csv`` with a row a measurement and side.

    The JSON also lists the ears' landmarks and review. ``incomplete`` tells that the user removed
    an ear, which counts as a review.
    """
    reviewed = incomplete or any(ear.reviewed for ear in ears)
    both = compare(cochleae["left"], cochleae["right"]) if len(cochleae) == 2 else ()
    differences = [item.to_json() for item in both]
    content = {
        "schema_version": SCHEMA_VERSION,
        "made_by": f"{MAKER} {__version__}",
        "made_of": REVIEWED if reviewed else AUTOMATIC,
        "ears": [{**cochleae[ear.side].to_json(), **ear.review_to_json()} for ear in ears],
        "left_minus_right": differences,
    }
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / MEASUREMENTS_JSON).write_text(text, encoding="utf-8")
    rows = [row for cochlea in cochleae.values() for row in cochlea.rows()]
    rows += [{"side": "left minus right", **item} for item in differences]
    # Without a byte-order mark, spreadsheets show "mmÂ³".
    with (folder / MEASUREMENTS_CSV).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["side", "key", "value"])
        writer.writeheader()
        writer.writerows(rows)


def columns(content: Mapping[str, Any] | None, side: Side) -> dict[str, float | None]:
    """Return an ear's measurements as cells of a wide table, always the same columns.

    ``content`` is of ``measurements.json``, if any. Value and half width of the 90 % interval by
    column, which ends in its unit; None for what is missing. Without the labyrinth's volume, which
    the table has already.
    """
    ears = content["ears"] if content else []
    items = {x["key"]: x for ear in ears if ear["side"] == side for x in ear["measurements"]}
    cells = {}
    for key in CATALOGUE:
        if key != VOLUME:
            name = f"{side}_{key}_{_UNITS[CATALOGUE[key].unit]}"
            item = items.get(key, {})
            cells[name] = item.get("value")
            cells[f"{name}_uncertainty_90"] = item.get("uncertainty_90")
    return cells
