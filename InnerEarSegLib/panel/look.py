"""Colours of the panel's widgets, with Slicer's light style and its dark one.

Set through palettes: widgets with a style sheet keep old colours when the style changes.
"""

from __future__ import annotations

from typing import Any

import qt

from ..report.figures import COLORS
from ..types import Side

_FILLS = {
    "info": (91, 139, 217, 45),
    "success": (46, 157, 91, 70),
    "warn": (230, 150, 0, 80),
    "error": (204, 51, 51, 75),
}
"""See-through, so that the text is legible on light and on dark backgrounds."""


def swatch(side: Side) -> Any:
    """Return a QIcon in the colour that an ear has in the views."""
    pixmap = qt.QPixmap(12, 12)
    pixmap.fill(qt.QColor(*COLORS[side]))
    return qt.QIcon(pixmap)


def fill(label: Any, kind: str) -> None:
    """Give a QLabel the background of a kind of sentence: info, success, warn or error."""
    palette = qt.QPalette()
    palette.setColor(qt.QPalette.Window, qt.QColor(*_FILLS[kind]))
    label.setAutoFillBackground(True)
    label.setPalette(palette)


def set_wrapped(label: Any, text: str) -> None:
    """Give a QLabel a text that wraps, and no more width than its widest row or word.

    3D Slicer makes the panel as wide as its widgets would like to be, and never narrower again. The
    label's horizontal size policy is to be Ignored.
    """
    label.setText(text)
    label.setMinimumWidth(label.minimumSizeHint.width())


def mark_when_pressed(button: Any) -> None:
    """Show whether a checkable button is pressed: in a dark style it looks as any other."""

    def mark(pressed: bool) -> None:
        palette, usual = qt.QPalette(), button.parentWidget().palette
        if pressed:
            for role, color in (
                (qt.QPalette.Button, qt.QPalette.Highlight),
                (qt.QPalette.ButtonText, qt.QPalette.HighlightedText),
            ):
                palette.setColor(role, usual.color(color))
        button.setPalette(palette)

    button.connect("toggled(bool)", mark)
