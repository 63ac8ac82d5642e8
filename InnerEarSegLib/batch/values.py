"""The ears that a case's row is about: as they were found, or as somebody left them."""

from __future__ import annotations

from typing import Any

from ..cochlea.catalogue import VOLUME
from ..types import AUTOMATIC, LANDMARKS, REVIEWED, SEGMENT_REMOVED

UNKNOWN = "unknown"
"""Of measurements of earlier versions, which do not say what they were made of."""

Content = dict[str, Any]


def values_of(result: Content | None, measurements: Content | None) -> str | None:
    """Whether a row's values are AUTOMATIC, REVIEWED or UNKNOWN; None where there are none.

    Args:
        result: content of ``result.json``, or None.
        measurements: content of ``measurements.json``, or None.
    """
    if measurements is None:
        return AUTOMATIC if result and result["ears"] else None
    made_of = measurements.get("made_of", UNKNOWN)
    if made_of == AUTOMATIC and _present(result or {"ears": []}) != _present(measurements):
        return REVIEWED  # by removing what left no other trace in tables of earlier versions
    return str(made_of)


def _present(content: Content) -> set[tuple[str, str]]:
    """Ears, their segments that have a volume, and their landmarks that have a position."""
    found = set()
    for ear in content["ears"]:
        found.add((ear["side"], ""))
        if _volume(ear):
            found.add((ear["side"], VOLUME))
        for mark in ear["landmarks"]:
            if mark["ras_mm"] is not None:
                found.add((ear["side"], mark["name"]))
    return found


def _volume(ear: Content) -> float | None:
    """In mm³, of an ear of either file; None without a segment."""
    if "measurements" not in ear:
        return float(ear["labyrinth_volume_mm3"])
    if ear["segment"] == SEGMENT_REMOVED:
        return None
    items = {item["key"]: item["value"] for item in ear["measurements"]}
    return None if items.get(VOLUME) is None else float(items[VOLUME])


def ears_of(result: Content | None, measurements: Content | None) -> dict[str, Content]:
    """The ears by side, in the form of ``result.json``.

    Where they were reviewed, volume and landmarks are those that were measured, as they belong
    together; a confidence is left only where a landmark is still where it was found, and verdict
    and expected Dice, which nobody can review, only where the ear was found, the latter for a
    segment that was neither edited nor removed. A volume is None where there is no segment.
    """
    found: dict[str, Content] = {ear["side"]: ear for ear in (result or {}).get("ears", ())}
    if measurements is None or values_of(result, measurements) != REVIEWED:
        return found
    return {ear["side"]: _reviewed(ear, found.get(ear["side"])) for ear in measurements["ears"]}


def _reviewed(ear: Content, found: Content | None) -> Content:
    volume = _volume(ear)
    known = {mark["name"]: mark for mark in found["landmarks"]} if found else {}
    quality = dict(found["quality"]) if found else {}
    if ear["segment"] != AUTOMATIC or volume is None:
        quality["expected_dice"] = None
    marks = []
    for mark in ear["landmarks"]:
        stays = mark["state"] in (AUTOMATIC, "confirmed")
        confidence = known.get(mark["name"], {}).get("confidence") if stays else None
        marks.append({**mark, "confidence": confidence})
    return {
        "side": ear["side"],
        "labyrinth_volume_mm3": volume,
        "landmarks": marks,
        "quality": quality,
    }


def ear_cells(ear: Content | None) -> dict[str, Any]:
    """One ear's cells; all None without an ear."""
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
