"""The table of landmarks."""

from __future__ import annotations

from typing import Any

import qt

from ..mrml.landmark_state import CONFIRMED, NOT_FOUND, PLACED, REMOVED, Key, Row, certainty_words
from ..types import LANDMARK_DEFINITIONS

HEADINGS = ("Ear", "Landmark", "State", "Accuracy", "Moved")
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

    def show(self, rows: list[Row]) -> None:
        """Shows the rows; the selection stays with its landmark."""
        keys = [row.key for row in rows]
        was = self._table.blockSignals(True)
        if keys != self._keys:
            selected = self.selected
            self._keys = keys
            self._table.setRowCount(len(rows))
            for line in range(len(rows)):
                for column in range(len(HEADINGS)):
                    self._table.setItem(line, column, qt.QTableWidgetItem())
            if selected in keys:
                self._table.selectRow(keys.index(selected))
        self._table.blockSignals(was)
        for line, row in enumerate(rows):
            self._fill(line, row)
        self._fit_height()

    def _fill(self, line: int, row: Row) -> None:
        texts = (row.side.capitalize(), row.name.capitalize(), state_text(row),
                 _certainty_text(row), _moved_text(row))  # fmt: skip
        color = qt.QColor(*_DOUBT) if row.doubtful else qt.QColor(0, 0, 0, 0)
        tip = LANDMARK_DEFINITIONS.get(row.name, "")
        if row.radius_mm is not None and row.state not in (PLACED, REMOVED):
            tip += (
                f" In 9 of 10 cases the true point lies within {row.radius_mm:.2f} mm of where it"
            )
            tip += " was found."
        if row.doubtful:
            tip += " Look here first: " + (
                "it was not found." if row.state == NOT_FOUND else "its confidence is low."
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


def state_text(row: Row) -> str:
    """The state, with a tick once the user has confirmed what is there."""
    if row.editing:
        return f"✎ {row.state}"
    if row.doubtful:
        return f"⚠ {row.state}"
    if row.settled:
        return f"✓ {row.state}"
    return row.state


def _certainty_text(row: Row) -> str:
    return "–" if row.state in (PLACED, REMOVED) else certainty_words(row.confidence, row.radius_mm)


def _moved_text(row: Row) -> str:
    if row.moved_mm is None:
        return "–"
    return "0 mm" if row.state == CONFIRMED or row.moved_mm < 0.005 else f"{row.moved_mm:.2f} mm"
