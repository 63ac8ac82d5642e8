"""Keys that work inside the review part of the panel, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import qt

KEYS = {
    "nextButton": "N",
    "confirmButton": "C",
    "editButton": "E",
    "placeButton": "P",
    "resetButton": "R",
    # Not Ctrl+Z and Ctrl+Y: these are actions of Slicer's main window, and a key with two meanings
    # does nothing in Qt.
    "undoButton": "U",
    "redoButton": "Shift+U",
}


def add_shortcuts(content: Any, buttons: Mapping[str, Any]) -> list[Any]:
    """Gives buttons their keys and lists these in the tooltips; returns the shortcuts."""
    made = []
    for name, key in KEYS.items():
        button = buttons[name]
        button.setToolTip(f"{button.toolTip} Key: {key}")
        shortcut = qt.QShortcut(content)
        shortcut.setKey(qt.QKeySequence(key))
        shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
        shortcut.connect("activated()", button.click)
        made.append(shortcut)
    return made
