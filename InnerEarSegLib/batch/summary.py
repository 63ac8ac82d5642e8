"""What a cohort's tables say of a case, and ``summary.json`` with all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .. import __version__
from ..cochlea.catalogue import VOLUME
from ..cochlea.measurements import METAL
from ..io.result_folder import seal
from ..types import AUTOMATIC, BY_HAND, REVIEWED, SEGMENT_REMOVED

Status = Literal["done", "no ear", "kept", "failed", "pending", "skipped"]
JSON = "summary.json"
UNKNOWN = "unknown"
"""Values of measurements of earlier versions, which do not say what they were made of."""

Content = dict[str, Any]

HIDDEN: Content = {"labyrinth_volume_mm3": None, "hidden": True}
"""What metal leaves of an ear's volume."""


@dataclass(frozen=True)
class Row:
    """One case in the tables.

    Attributes:
        case, image, series: its name, and the CT's place and SeriesInstanceUID as listed.
        status: "done" with at least one ear, "no ear", "kept" if the user worked on files that
            would have to be made again, "failed", "pending", or "skipped" if a folder's series is
            no CT.
        reason: why it failed, was kept or skipped, and what else to know about its files.
        details: a traceback, where the reason was not foreseen; in the JSON alone.
        result, measurements: content of its files of these names.
        ct: what its manifest says of the CT; see ``segment_case.about_ct``.
        uncounted: names of files with corrections that the values are not made from yet.
        listed: whether this run's list has it; cases of earlier lists stay in the tables.
    """

    case: str
    image: str
    status: Status = "pending"
    reason: str = ""
    details: str = ""
    result: Content | None = None
    measurements: Content | None = None
    ct: Content = field(default_factory=dict)
    uncounted: tuple[str, ...] = ()
    listed: bool = True
    series: str = ""

    @property
    def sentence(self) -> str:
        """The case in a line."""
        if self.status in ("failed", "kept", "skipped"):
            return self.reason if self.status == "kept" else f"{self.status}: {self.reason}"
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


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many cases have which status."""
    return {name: sum(row.status == name for row in rows) for name in get_args(Status)}


def as_json(rows: Sequence[Row]) -> bytes:
    """Return summary.json, with the SHA-256 of its own text."""
    content = {
        "innerearseg": __version__,
        "counts": counts(rows),
        "cases": [
            {
                "case": row.case,
                "image": row.image,
                "series": row.series or None,
                "status": row.status,
                "listed": row.listed,
                "made_of": made_of(row.result, row.measurements),
                "reason": row.reason or None,
                "details": row.details or None,
                "ct": row.ct,
                "result": row.result,
                "measurements": row.measurements and _without_curves(row.measurements),
            }
            for row in rows
        ],
    }
    return seal(content).encode("utf-8")


def _without_curves(measurements: Content) -> Content:
    """Measurements without the ducts' points, which are in each case's own file."""
    return {key: value for key, value in measurements.items() if key != "duct_curves"}


def made_of(result: Content | None, measurements: Content | None) -> str | None:
    """Return whether a case's values are AUTOMATIC, REVIEWED or UNKNOWN; None without any."""
    if measurements is None:
        return AUTOMATIC if result and result["ears"] else None
    said = measurements.get("made_of", UNKNOWN)
    if said == AUTOMATIC and _present(result or {"ears": []}) != _present(measurements):
        return REVIEWED  # by removing what left no other trace in tables of earlier versions
    return str(said)


def state_of(result: Content | None, measurements: Content | None, side: str) -> str | None:
    """Return ``made_of`` of one ear: of a reviewed case, the other ear may be untouched."""
    whole = made_of(result, measurements)
    if whole != REVIEWED or measurements is None:
        return whole
    ears = [ear for ear in measurements["ears"] if ear["side"] == side]
    touched = any(
        ear["segment"] != AUTOMATIC
        or any(mark.get("confirmed") or mark["state"] in BY_HAND for mark in ear["landmarks"])
        for ear in ears
    )
    before, now = (
        {item for item in _present(content or {"ears": []}) if item[0] == side}
        for content in (result, measurements)
    )
    return REVIEWED if touched or before != now else AUTOMATIC


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
    if made_of(result, measurements) != REVIEWED:
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
