"""The table of a cohort: one row a CT."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from .. import __version__
from ..cochlea.catalogue import VOLUME
from ..cochlea.measurements import METAL
from ..io.result_folder import seal
from ..report.tables import columns
from ..types import AUTOMATIC, LANDMARKS, REVIEWED, SEGMENT_REMOVED, Findings, Side

Status = Literal["done", "no ear", "kept", "failed", "pending"]
SIDES: tuple[Side, ...] = ("left", "right")
CSV, JSON = "summary.csv", "summary.json"
UNKNOWN = "unknown"
"""Values of measurements of earlier versions, which do not say what they were made of."""

Content = dict[str, Any]

HIDDEN: Content = {"labyrinth_volume_mm3": None, "hidden": True}
"""What metal leaves of an ear's volume."""


@dataclass(frozen=True)
class Row:
    """One case in the table.

    Attributes:
        status: "done" with at least one ear, "no ear", "kept" if the user worked on files that
            would have to be made again, "failed", or "pending".
        reason: why it failed or was kept, and what else to know about its files.
        details: a traceback, where the reason was not foreseen; in the JSON alone.
        result, measurements: content of its files of these names.
        listed: whether this run's list has it; cases of earlier lists stay in the table.
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
        if self.status in ("failed", "kept"):
            return f"failed: {self.reason}" if self.status == "failed" else self.reason
        if self.result is None:
            return "pending"
        parts = []
        for side, ear in ears_of(self.result, self.measurements).items():
            volume, verdict = ear["labyrinth_volume_mm3"], ear["quality"].get("verdict", "by hand")
            missing = "with metal," if ear.get("hidden") else "without a segment,"
            size = missing if volume is None else f"{volume:.0f} mm³"
            parts.append(f"{side} {size} {verdict}")
        found = ", ".join(parts) if self.result["ears"] else "no inner ear found"
        return found + (f". {self.reason}" if self.reason else "")


def cells(row: Row) -> dict[str, Any]:
    """A row of the CSV; None where there is nothing to say.

    Volumes in mm³, measurements in the unit that ends their column, positions in RAS mm of the
    CT; ``radius_90_mm`` as in ``result.json``. Volume, positions and measurements are of one set,
    which the column ``values`` names; verdict and findings are of the automatic result.
    """
    result = row.result or {}
    model = result.get("model", {})
    table: dict[str, Any] = {
        "case": row.case,
        "image": row.image,
        "status": row.status,
        "reason": row.reason or None,
        "listed": "yes" if row.listed else "no",
        "values": values_of(row.result, row.measurements),
    }
    ears = ears_of(row.result, row.measurements)
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


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many cases have which status."""
    return {name: sum(row.status == name for row in rows) for name in get_args(Status)}


def can_show(result: Any, measurements: Any) -> bool:
    """Whether the contents of ``result.json`` and ``measurements.json`` are what tables need."""
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
    """Return summary.csv of at least one row: UTF-8 with the mark that Excel needs for "mm³"."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(cells(rows[0])))
    writer.writeheader()
    writer.writerows(map(cells, rows))
    # Names of files may hold bytes that are no letters.
    return text.getvalue().encode("utf-8-sig", "backslashreplace")


def as_json(rows: Sequence[Row]) -> bytes:
    """Return summary.json, with the SHA-256 of its own text and of the summary.csv beside it."""
    content = {
        "innerearseg": __version__,
        "summary_csv_sha256": [hashlib.sha256(as_csv(rows)).hexdigest()],
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
    return seal(content).encode("utf-8")


def values_of(result: Content | None, measurements: Content | None) -> str | None:
    """Return whether a row's values are AUTOMATIC, REVIEWED or UNKNOWN; None without any."""
    if measurements is None:
        return AUTOMATIC if result and result["ears"] else None
    made_of = measurements.get("made_of", UNKNOWN)
    if made_of == AUTOMATIC and _present(result or {"ears": []}) != _present(measurements):
        return REVIEWED  # by removing what left no other trace in tables of earlier versions
    return str(made_of)


def _present(content: Content) -> set[tuple[str, str]]:
    """Ears, their segments with a volume or metal, and their landmarks that have a position."""
    return {
        (ear["side"], name)
        for ear in content["ears"]
        for name in (
            "",
            *([VOLUME] if _volume(ear) or _is_hidden(ear) else []),
            *(mark["name"] for mark in ear["landmarks"] if mark["ras_mm"] is not None),
        )
    }


def _volume(ear: Content) -> float | None:
    """In mm³, of an ear of either file; None without a segment, and where metal hides it."""
    if "measurements" not in ear:
        return float(ear["labyrinth_volume_mm3"])
    if ear["segment"] == SEGMENT_REMOVED:
        return None
    items = {item["key"]: item["value"] for item in ear["measurements"]}
    return None if items.get(VOLUME) is None else float(items[VOLUME])


def _is_hidden(ear: Content) -> bool:
    """Whether metal hides the volume of an ear of ``measurements.json``."""
    if ear.get("segment") == SEGMENT_REMOVED:
        return False
    items = ear.get("measurements", ())
    return any(item["key"] == VOLUME and item.get("remark") == METAL for item in items)


def ears_of(result: Content | None, measurements: Content | None) -> dict[str, Content]:
    """Return the ears by side, in the form of ``result.json``.

    Of reviewed ears, volume and landmarks are those that were measured, as they belong together.
    A confidence stays only where the landmark is where it was found, a verdict where the ear was
    found. Without a segment, and where metal hides it, the volume is None.
    """
    found: dict[str, Content] = {ear["side"]: ear for ear in (result or {}).get("ears", ())}
    if measurements is None:
        return found
    if values_of(result, measurements) != REVIEWED:
        hidden = {ear["side"] for ear in measurements["ears"] if _is_hidden(ear)} & found.keys()
        return found | {side: found[side] | HIDDEN for side in hidden}
    return {ear["side"]: _reviewed(ear, found.get(ear["side"])) for ear in measurements["ears"]}


def _reviewed(ear: Content, found: Content | None) -> Content:
    volume = _volume(ear)
    known = {mark["name"]: mark for mark in found["landmarks"]} if found else {}
    quality = found["quality"] if found else {}
    marks = []
    for mark in ear["landmarks"]:
        stays = mark["state"] in (AUTOMATIC, "confirmed")
        confidence = known.get(mark["name"], {}).get("confidence") if stays else None
        marks.append({**mark, "confidence": confidence})
    side = ear["side"]
    return {
        "side": side,
        "labyrinth_volume_mm3": volume,
        "landmarks": marks,
        "quality": quality,
        "findings": found and found.get("findings"),
        "hidden": _is_hidden(ear),
    }


def _findings(ear: Content | None) -> dict[str, Any]:
    """Cells of an ear's findings; all None in results of earlier versions."""
    item = (ear or {}).get("findings")
    findings = None if item is None else Findings.from_json(item)
    names = ("closed_canals", "edge_width_mm", "slice_mm")
    cells = {name: None if findings is None else getattr(findings, name) for name in names}
    metal = None if findings is None else ("yes" if findings.metal else "no")
    return cells | {"metal": metal}


def _ear_cells(ear: Content | None) -> dict[str, Any]:
    """One ear's cells; all None without an ear."""
    quality = ear["quality"] if ear else {}
    found: dict[str, Any] = {
        "verdict": quality.get("verdict"),
        "reasons": " ".join(quality.get("reasons", ())) or None,
        "volume_mm3": ear["labyrinth_volume_mm3"] if ear else None,
        **_findings(ear),
    }
    landmarks = {item["name"]: item for item in ear["landmarks"]} if ear else {}
    for name in LANDMARKS:
        item = landmarks.get(name, {})
        key = name.replace(" ", "_")
        point = item.get("ras_mm") or (None, None, None)
        found |= {f"{key}_{axis}": value for axis, value in zip("RAS", point, strict=True)}
        found |= {f"{key}_{name}": item.get(name) for name in ("confidence", "radius_90_mm")}
    return found
