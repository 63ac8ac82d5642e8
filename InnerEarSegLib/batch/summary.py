"""The table of a cohort: one row a CT."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .. import __version__
from ..report.tables import columns
from ..types import Side
from .seal import sealed
from .values import ear_cells, ears_of, values_of

Status = Literal["done", "no ear", "kept", "failed", "pending"]
SIDES: tuple[Side, ...] = ("left", "right")
CSV, JSON = "summary.csv", "summary.json"
FIRST_COLUMNS = ("case", "image", "status", "reason")
CSV_DIGESTS = "summary_csv_sha256"


@dataclass(frozen=True)
class Row:
    """One case in the table.

    Attributes:
        case: its name.
        image: its CT, as the list has it.
        status: "done" with at least one ear, "no ear", "kept" as somebody worked on files that
            would have to be made again, "failed", or "pending".
        reason: why it failed or was kept, and what else to know about its files.
        details: a traceback, where the reason was not foreseen; in the JSON alone.
        result: content of its ``result.json`` if it is done or has no ear.
        measurements: content of its ``measurements.json`` if it has an ear.
        listed: whether the list of this run has it; an earlier one's stay in the table.
    """

    case: str
    image: str
    status: Status = "pending"
    reason: str = ""
    details: str = ""
    result: dict[str, Any] | None = None
    measurements: dict[str, Any] | None = None
    listed: bool = True

    @property
    def sentence(self) -> str:
        """The case in a line."""
        if self.status == "failed":
            return f"failed: {self.reason}"
        if self.status == "kept":
            return self.reason
        if self.result is None:
            return "pending"
        more = f". {self.reason}" if self.reason else ""
        if not self.result["ears"]:
            return f"no inner ear found{more}"
        ears = ears_of(self.result, self.measurements).items()
        return ", ".join(f"{side} {_brief(ear)}" for side, ear in ears) + more


def _brief(ear: dict[str, Any]) -> str:
    volume, verdict = ear["labyrinth_volume_mm3"], ear["quality"].get("verdict", "by hand")
    return f"without a segment, {verdict}" if volume is None else f"{volume:.0f} mm³ {verdict}"


def cells(row: Row) -> dict[str, Any]:
    """A row of the CSV; None where there is nothing to say.

    Volumes in mm³, measurements in the unit that ends their column, positions in RAS mm of the
    CT; ``radius_90_mm`` as in ``result.json``. Volume, positions and measurements are of one set,
    which the column ``values`` names; verdict and expected Dice are of the automatic result.
    """
    result = row.result or {}
    model = result.get("model", {})
    first = (row.case, row.image, row.status, row.reason or None)
    table: dict[str, Any] = dict(zip(FIRST_COLUMNS, first, strict=True))
    table["listed"] = "yes" if row.listed else "no"
    table["values"] = values_of(row.result, row.measurements)
    ears = ears_of(row.result, row.measurements)
    for side in SIDES:
        table |= {f"{side}_{key}": value for key, value in ear_cells(ears.get(side)).items()}
        table |= columns(row.measurements, side)
    return table | {
        "warnings": " ".join(result.get("warnings", ())) or None,
        "seconds": round(sum(result["seconds"].values()), 1) if result else None,
        "device": result.get("device"),
        "model": model.get("name"),
        "model_version": model.get("version"),
        "model_sha256": model.get("sha256"),
    }


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many cases have which status."""
    return {name: sum(row.status == name for row in rows) for name in get_args(Status)}


def can_show(result: Any, measurements: Any) -> bool:
    """Whether the contents of ``result.json`` and ``measurements.json`` are what tables need.

    Args:
        result: whatever a file of the first name holds, or None.
        measurements: whatever one of the second name holds, or None.
    """
    try:
        for content in (result, measurements):
            if content is not None and not isinstance(content["ears"], list):
                return False
        row = Row("", "", "done", result=result, measurements=measurements)
        cells(row)
        return bool(row.sentence)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def as_csv(rows: Sequence[Row]) -> bytes:
    """The content of summary.csv: UTF-8 with a mark, by which Excel knows it ("mm³").

    Args:
        rows: at least one.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(cells(rows[0])))
    writer.writeheader()
    writer.writerows(map(cells, rows))
    # Names of files may hold bytes that are no letters.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def as_json(rows: Sequence[Row], csv_digests: Collection[str] = ()) -> bytes:
    """The content of summary.json, which proves that nobody has changed it.

    Args:
        rows: as for ``as_csv``.
        csv_digests: SHA-256 of what the summary.csv beside it may be.
    """
    content = {
        "innerearseg": __version__,
        CSV_DIGESTS: sorted(csv_digests),
        "counts": counts(rows),
        "cases": [
            {
                "case": row.case,
                "image": row.image,
                "status": row.status,
                "listed": row.listed,
                "values": values_of(row.result, row.measurements),
                "reason": row.reason or None,
                "details": row.details or None,
                "result": row.result,
                "measurements": row.measurements,
            }
            for row in rows
        ],
    }
    return sealed(json.dumps(content, indent=2).encode("utf-8"))
