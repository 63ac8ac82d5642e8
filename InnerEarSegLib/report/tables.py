"""The measurements of a CT's ears as files for cohorts."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..cochlea.measurements import CochlearMeasurements, compare
from ..io.result_folder import MADE_BY, MEASUREMENTS_CSV, MEASUREMENTS_JSON
from ..types import AUTOMATIC, Ear, Side, rounded

SCHEMA_VERSION = 2


def write_measurements(
    cochleae: Mapping[Side, CochlearMeasurements],
    ears: Sequence[Ear],
    folder: Path,
    made_of: str = AUTOMATIC,
    sources: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write ``measurements.json``, and ``measurements.csv`` with a row a measurement and side.

    The JSON also lists the ears' landmarks and review. ``made_of`` and ``sources`` are as of
    ``report.subject.Subject``.
    """
    both = compare(cochleae["left"], cochleae["right"]) if len(cochleae) == 2 else ()
    differences = [item.to_json() for item in both]
    content = {
        "schema_version": SCHEMA_VERSION,
        "made_by": MADE_BY,
        "made_of": made_of,
        "made_from": dict(sources or {}),
        "ears": [{**cochleae[ear.side].to_json(), **ear.review_to_json()} for ear in ears],
        "left_minus_right": differences,
    }
    ducts = {side: cochlea.duct and cochlea.duct.to_json() for side, cochlea in cochleae.items()}
    curves = rounded(ducts, 4)  # 0.1 µm, 0.0001°
    text = json.dumps(content, indent=2, ensure_ascii=False)
    # Hundreds of points, for electrode arrays that are chosen later: in a line of their own.
    text = f'{text[:-2]},\n  "duct_curves": {json.dumps(curves)}\n}}'
    (folder / MEASUREMENTS_JSON).write_text(text, encoding="utf-8")
    rows = [row for cochlea in cochleae.values() for row in cochlea.rows()]
    rows += [{"side": "left minus right", **item} for item in differences]
    # Without a byte-order mark, spreadsheets show "mmÂ³".
    with (folder / MEASUREMENTS_CSV).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["side", "key", "value"])
        writer.writeheader()
        writer.writerows(rows)
