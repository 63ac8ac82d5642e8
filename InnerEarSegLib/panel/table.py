"""The table of landmarks."""

from __future__ import annotations

from typing import Any

import qt

from ..mrml.review import Key, Landmarks
from ..types import (
    CONFIRMED,
    LANDMARK_DEFINITIONS,
    LOW_CONFIDENCE,
    PLACED,
    REMOVED,
    SAME_MM,
    SIDES,
    Landmark,
)
from .look import swatch

HEADINGS = ("Ear", "Landmark", "State", "Accuracy", "Moved")
HIGH_CONFIDENCE = 0.8
_DOUBT = (255, 170, 0, 70)  # amber, see-through: legible on light and on dark backgrounds


_PAD = 4  # pixels of a row above and below its text, together


class LandmarkTable:
    """Rows of landmarks in a QTableWidget."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._keys: list[Key] = []
        self._swatches = {side: swatch(side) for side in SIDES}
        table.setColumnCount(len(HEADINGS))
        table.setHorizontalHeaderLabels(HEADINGS)
        rows = table.verticalHeader()
        rows.setVisible(False)
        rows.setMinimumSectionSize(1)
        rows.setDefaultSectionSize(table.fontMetrics().height() + _PAD)
        header = table.horizontalHeader()
        header.setHighlightSections(False)
        for column in range(len(HEADINGS)):
            header.setSectionResizeMode(column, qt.QHeaderView.ResizeToContents)
        header.setSectionResizeMode(1, qt.QHeaderView.Stretch)

    @property
    def selected(self) -> Key | None:
        """The landmark of the selected row."""
        row = self._table.currentRow()
        return self._keys[row] if 0 <= row < len(self._keys) else None

    def select(self, key: Key | None) -> None:
        """Select a landmark's row, if it has one."""
        if key in self._keys:
            self._table.selectRow(self._keys.index(key))

    def restore(self, key: Key) -> None:
        """Select a landmark's row and leave the views alone, as after a scene was loaded."""
        was = self._table.blockSignals(True)
        self.select(key)
        self._table.blockSignals(was)

    def show(self, landmarks: Landmarks, editing: Key | None) -> None:
        """Show the landmarks; the selection stays with its landmark."""
        table, keys = self._table, list(landmarks)
        was = table.blockSignals(True)
        if keys != self._keys:
            selected, self._keys = self.selected, keys
            table.setRowCount(len(keys))
            for line in range(len(keys)):
                for column in range(len(HEADINGS)):
                    table.setItem(line, column, qt.QTableWidgetItem())
            self.select(selected)
        table.blockSignals(was)
        height = table.horizontalHeader().height + 2 * table.frameWidth
        for line, (key, landmark) in enumerate(landmarks.items()):
            self._fill(line, key, landmark, key == editing)
            height += table.rowHeight(line)
        table.setFixedHeight(height)

    def _fill(self, line: int, key: Key, mark: Landmark, editing: bool) -> None:
        by_hand = mark.state in (PLACED, REMOVED)
        # A tick: the user has confirmed what is there.
        sign = "✎ " if editing else "⚠ " if mark.doubtful else "✓ " if mark.confirmed else ""
        moved, same = mark.moved_mm, mark.state == CONFIRMED
        tip = LANDMARK_DEFINITIONS.get(mark.name, "")
        if mark.radius_mm is not None and not by_hand:
            tip += (
                f" In 9 of 10 cases the true point lies within {mark.radius_mm:.2f} mm of where it "
                "was found."
            )
        if mark.doubtful:
            what = "it was not found." if mark.ras is None else "its confidence is low."
            tip += f" Look here first: {what}"
        texts = (
            key[0].capitalize(),
            mark.name.capitalize(),
            sign + mark.state,
            "–" if by_hand else accuracy_words(mark.confidence, mark.radius_mm),
            "–" if moved is None else "0 mm" if same or moved < SAME_MM else f"{moved:.2f} mm",
        )
        color = qt.QColor(*_DOUBT) if mark.doubtful else qt.QColor(0, 0, 0, 0)
        for column, text in enumerate(texts):
            item = self._table.item(line, column)
            item.setText(text)
            item.setToolTip(tip)
            item.setBackground(qt.QBrush(color))
        self._table.item(line, 0).setIcon(self._swatches[key[0]])


def accuracy_words(confidence: float, radius_mm: float | None) -> str:
    """How sure an automatic position is: its 90 % radius, or else a word and its confidence."""
    low = confidence < LOW_CONFIDENCE
    if radius_mm is not None:
        return f"± {radius_mm:.1f} mm{' (low)' if low else ''}"
    word = "low" if low else "high" if confidence >= HIGH_CONFIDENCE else "fair"
    return f"{word} ({confidence:.2f})"
