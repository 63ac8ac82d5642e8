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
    Landmark,
)

HEADINGS = ("Ear", "Landmark", "State", "Accuracy", "Moved")
HIGH_CONFIDENCE = 0.8
_DOUBT = (255, 170, 0, 70)
"""Amber, see-through: legible on a light and on a dark background."""


class LandmarkTable:
    """Rows of landmarks in a QTableWidget.

    Args:
        table: the widget.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._keys: list[Key] = []
        table.setColumnCount(len(HEADINGS))
        table.setHorizontalHeaderLabels(HEADINGS)
        table.verticalHeader().setVisible(False)
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

    def select(self, key: Key) -> None:
        """Selects a landmark's row."""
        if key in self._keys:
            self._table.selectRow(self._keys.index(key))

    def show(self, landmarks: Landmarks, editing: Key | None) -> None:
        """Show the landmarks; the selection stays with its landmark."""
        keys = list(landmarks)
        was = self._table.blockSignals(True)
        if keys != self._keys:
            selected = self.selected
            self._keys = keys
            self._table.setRowCount(len(keys))
            for line in range(len(keys)):
                for column in range(len(HEADINGS)):
                    self._table.setItem(line, column, qt.QTableWidgetItem())
            if selected in keys:
                self._table.selectRow(keys.index(selected))
        self._table.blockSignals(was)
        for line, (key, landmark) in enumerate(landmarks.items()):
            self._fill(line, key, landmark, key == editing)
        self._fit_height()

    def _fill(self, line: int, key: Key, row: Landmark, editing: bool) -> None:
        texts = (key[0].capitalize(), row.name.capitalize(), _state_text(row, editing),
                 _accuracy_text(row), _moved_text(row))  # fmt: skip
        color = qt.QColor(*_DOUBT) if row.doubtful else qt.QColor(0, 0, 0, 0)
        tip = LANDMARK_DEFINITIONS.get(row.name, "")
        if row.radius_mm is not None and row.state not in (PLACED, REMOVED):
            tip += (
                f" In 9 of 10 cases the true point lies within {row.radius_mm:.2f} mm of where it"
            )
            tip += " was found."
        if row.doubtful:
            tip += " Look here first: " + (
                "it was not found." if row.ras is None else "its confidence is low."
            )
        for column, text in enumerate(texts):
            item = self._table.item(line, column)
            item.setText(text)
            item.setToolTip(tip)
            item.setBackground(qt.QBrush(color))

    def _fit_height(self) -> None:
        height = self._table.horizontalHeader().height + 2 * self._table.frameWidth
        for line in range(len(self._keys)):
            height += self._table.rowHeight(line)
        self._table.setFixedHeight(height)


def _state_text(landmark: Landmark, editing: bool) -> str:
    """The state, with a tick once the user has confirmed what is there."""
    if editing:
        return f"✎ {landmark.state}"
    if landmark.doubtful:
        return f"⚠ {landmark.state}"
    return f"✓ {landmark.state}" if landmark.confirmed else landmark.state


def _accuracy_text(landmark: Landmark) -> str:
    if landmark.state in (PLACED, REMOVED):
        return "–"
    return accuracy_words(landmark.confidence, landmark.radius_mm)


def accuracy_words(confidence: float, radius_mm: float | None) -> str:
    """How sure an automatic position is: its 90 % radius, or else a word and its confidence."""
    if radius_mm is not None:
        doubt = " (low)" if confidence < LOW_CONFIDENCE else ""
        return f"± {radius_mm:.1f} mm{doubt}"
    word = "high" if confidence >= HIGH_CONFIDENCE else "fair"
    return f"{'low' if confidence < LOW_CONFIDENCE else word} ({confidence:.2f})"


def _moved_text(landmark: Landmark) -> str:
    moved = landmark.moved_mm
    if moved is None:
        return "–"
    return "0 mm" if landmark.state == CONFIRMED or moved < SAME_MM else f"{moved:.2f} mm"
