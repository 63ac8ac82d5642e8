"""The table of a cohort: one row a CT."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from .. import __version__
from ..errors import UnusableInput
from ..report.measurements import columns
from ..results import LANDMARKS, Side
from ..staging import make_stage

Status = Literal["done", "no ear", "kept", "failed", "pending"]
SIDES: tuple[Side, ...] = ("left", "right")
CSV, JSON = "summary.csv", "summary.json"


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
    """

    case: str
    image: str
    status: Status = "pending"
    reason: str = ""
    details: str = ""
    result: dict[str, Any] | None = None
    measurements: dict[str, Any] | None = None

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
        ears = [
            f"{ear['side']} {ear['labyrinth_volume_mm3']:.0f} mm³ {ear['quality']['verdict']}"
            for ear in self.result["ears"]
        ]
        return ", ".join(ears) + more


def cells(row: Row) -> dict[str, Any]:
    """A row of the CSV; None where there is nothing to say.

    Volumes in mm³, measurements in the unit that ends their column, positions in RAS mm of the
    CT; ``radius_90_mm`` as in ``result.json``.
    """
    result = row.result or {}
    model = result.get("model", {})
    table: dict[str, Any] = {
        "case": row.case,
        "image": row.image,
        "status": row.status,
        "reason": row.reason or None,
    }
    ears = {ear["side"]: ear for ear in result.get("ears", ())}
    for side in SIDES:
        table |= {f"{side}_{key}": value for key, value in _ear_cells(ears.get(side)).items()}
        table |= columns(row.measurements, side)
    return table | {
        "warnings": " ".join(result.get("warnings", ())) or None,
        "seconds": round(sum(result["seconds"].values()), 1) if result else None,
        "device": result.get("device"),
        "model": model.get("name"),
        "model_version": model.get("version"),
        "model_sha256": model.get("sha256"),
    }


def _ear_cells(ear: dict[str, Any] | None) -> dict[str, Any]:
    quality = ear["quality"] if ear else {}
    found: dict[str, Any] = {
        "verdict": quality.get("verdict"),
        "reasons": " ".join(quality.get("reasons", ())) or None,
        "volume_mm3": ear["labyrinth_volume_mm3"] if ear else None,
        "expected_dice": quality.get("expected_dice"),
    }
    landmarks = {item["name"]: item for item in ear["landmarks"]} if ear else {}
    for name in LANDMARKS:
        item = landmarks.get(name, {})
        key = name.replace(" ", "_")
        point = item.get("ras_mm") or (None, None, None)
        found |= {f"{key}_{axis}": value for axis, value in zip("RAS", point, strict=True)}
        found |= {
            f"{key}_confidence": item.get("confidence"),
            f"{key}_radius_90_mm": item.get("radius_90_mm"),
        }
    return found


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


def write_summary(rows: Sequence[Row], folder: Path) -> None:
    """Write summary.csv and summary.json; each is whole at any moment.

    Raises:
        UnusableInput: the folder cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(cells(rows[0])))
    writer.writeheader()
    writer.writerows(map(cells, rows))
    content = {
        "innerearseg": __version__,
        "counts": counts(rows),
        "cases": [
            {
                "case": row.case,
                "image": row.image,
                "status": row.status,
                "reason": row.reason or None,
                "details": row.details or None,
                "result": row.result,
                "measurements": row.measurements,
            }
            for row in rows
        ],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        stage = make_stage(folder)
        try:
            for name, table in ((CSV, text.getvalue()), (JSON, json.dumps(content, indent=2))):
                with (stage / name).open("w", encoding="utf-8", newline="") as file:
                    file.write(table)
                (stage / name).replace(folder / name)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise UnusableInput(
            f"The output folder {folder} cannot be written: {error.strerror or error}."
        ) from None
