"""What the review part of the panel says and offers at a given moment."""

from __future__ import annotations

import html
from typing import Any

from ..mrml.landmarks import EXPECTED_DICE_ATTRIBUTE, VERDICT_ATTRIBUTE, WARNINGS_ATTRIBUTE
from ..mrml.results import Results
from ..mrml.review import Key, Landmarks, Review
from ..mrml.segments import volume_attribute
from ..types import CHECK, GOOD, POOR, Landmark, Side

SIDES: tuple[Side, ...] = ("left", "right")

VERDICTS = {
    GOOD: "good",
    CHECK: "wants a check",
    POOR: "poor, do not plan on it",
}
"""An ear's quality for people."""


class ReviewDisplay:
    """Buttons and texts around the table.

    Args:
        ui: the panel's widgets.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui

    def show(self, review: Review | None, selected: Key | None) -> None:
        """Offers what can be done with the selected landmark."""
        ui = self._ui
        landmarks = {} if review is None else review.landmarks
        mark = None if selected is None else landmarks.get(selected)
        editing = mark is not None and review is not None and review.editing == selected
        placing = review is not None and review.placing is not None
        ui.reviewContent.setVisible(review is not None)
        ui.reviewHintLabel.setVisible(review is None)
        ui.confirmButton.setEnabled(mark is not None and not mark.confirmed and not placing)
        ui.editButton.setEnabled(mark is not None and mark.ras is not None)
        ui.editButton.setChecked(editing and not placing)
        ui.placeButton.setEnabled(mark is not None)
        ui.placeButton.setChecked(placing)
        ui.resetButton.setEnabled(mark is not None and mark.reviewed)
        ui.undoButton.setEnabled(review is not None and review.can_undo)
        ui.redoButton.setEnabled(review is not None and review.can_redo)
        left = sum(not x.confirmed for x in landmarks.values())
        ui.nextButton.setEnabled(left > 0)
        ui.reviewProgressLabel.setText(
            _progress(mark if editing else None, placing, left, len(landmarks))
        )

    def show_ears(self, results: Results, landmarks: Landmarks) -> None:
        """A button for each ear that is there, how far to trust it, and what wants a look."""
        node = results.segmentation
        lines = [] if node is None else [_note(note) for note in _warnings(node)]
        for side in SIDES:
            button = getattr(self._ui, f"{side}EarButton")
            volume = None if node is None else node.GetAttribute(volume_attribute(side))
            button.setVisible(side in results.landmarks or bool(volume))
            size = f", {float(volume):.0f} mm³" if volume else ""
            button.setText(f"{side.capitalize()} ear{size}")
            if side in results.landmarks:
                own = [x for (ear, _), x in landmarks.items() if ear == side]
                lines += verdict_lines(side, results.landmarks[side], own)
        self._ui.warningsLabel.setText("".join(f"<div>{line}</div>" for line in lines))
        self._ui.warningsLabel.setVisible(bool(lines))


def verdict_lines(side: Side, node: Any, landmarks: list[Landmark]) -> list[str]:
    """An ear's quality verdict in words with its reasons, as the landmarks' node holds them (HTML).

    A reason that is about one landmark is dealt with once the user has settled that landmark.
    """
    verdict = node.GetAttribute(VERDICT_ATTRIBUTE)
    settled = [x.name for x in landmarks if x.confirmed]
    notes = [
        note
        for note in _warnings(node)
        if not any(note.startswith(f"The {name} ") for name in settled)
    ]
    words = VERDICTS.get(verdict, "")
    if verdict == CHECK and not notes and len(settled) == len(landmarks):
        words = "checked by you"
    dice = node.GetAttribute(EXPECTED_DICE_ATTRIBUTE)
    if words and dice:
        words += f"</b>, expected Dice {html.escape(dice)}<b>"
    title = [f"<b>{side.capitalize()} ear: {words}</b>"] if words else []
    return title + [_note(note) for note in notes]


def _note(text: str) -> str:
    return f"⚠ {html.escape(text)}"


def _warnings(node: Any) -> list[str]:
    text = node.GetAttribute(WARNINGS_ATTRIBUTE) or ""
    return [line for line in text.split("\n") if line]


def _progress(edited: Landmark | None, placing: bool, left: int, total: int) -> str:
    if placing:
        return "Click in a slice view to place the point. Esc: leave it as it was."
    if edited is not None:
        return f"Drag the {edited.name} in any view, then Confirm."
    if left:
        return f"{left} of {total} landmarks are still to be checked."
    return "All landmarks are checked. Save the scene to keep them."
