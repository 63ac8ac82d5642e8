"""What the review part says: of an ear, and of what to do next."""

from __future__ import annotations

from typing import Any

from ..mrml.landmarks import VERDICT_ATTRIBUTE, reasons_of
from ..types import CHECK, GOOD, POOR, Landmark

VERDICTS = {GOOD: "good", CHECK: "wants a check", POOR: "poor, do not plan on it"}
CHECKED = "checked by you"
SIGNS = {VERDICTS[GOOD]: "✓", VERDICTS[CHECK]: "⚠", VERDICTS[POOR]: "✗", CHECKED: "✓"}


def next_step(mark: Landmark | None, editing: bool, placing: bool, left: bool) -> str:
    """Return what the user may do next, with the selected landmark."""
    if placing:
        return "Click in a view to place it; right click leaves it as it was."
    if mark is not None and editing:
        return f"Drag the {mark.name} in any view, then Confirm."
    if mark is None or mark.confirmed:
        return (
            "Press Next for the next landmark."
            if left
            else "All landmarks are checked. Measure, report, and save."
        )
    if mark.ras is None:
        return f"{mark.state.capitalize()}: Place the {mark.name}, or Confirm."
    return f"Is the {mark.name} right? Confirm it, or Edit and drag it."


def verdict_of(node: Any, landmarks: list[Landmark]) -> tuple[str, list[str]]:
    """Return an ear's verdict in words and its reasons, as its landmarks' node has them.

    A reason that is about one landmark goes once the user has confirmed that landmark.
    """
    verdict = node.GetAttribute(VERDICT_ATTRIBUTE)
    settled = tuple(f"The {x.name} " for x in landmarks if x.confirmed)
    reasons = [note for note in reasons_of(node) if not note.startswith(settled)]
    words = VERDICTS.get(verdict, "")
    if verdict == CHECK and not reasons and len(settled) == len(landmarks):
        words = CHECKED
    return words, reasons
