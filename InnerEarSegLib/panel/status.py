"""The sentence that says how things stand, and the log behind it."""

from __future__ import annotations

import time
from typing import Any

_STYLE = "QLabel {{ background-color: rgba({color}); border-radius: 4px; padding: 5px 8px; }}"
_COLORS = {
    "info": "91, 139, 217, 45",
    "success": "46, 157, 91, 70",
    "warn": "230, 150, 0, 80",
    "error": "204, 51, 51, 75",
}
"""See-through, so that the text is legible on Slicer's light and dark themes."""


class Status:
    """Says things.

    Args:
        ui: the panel's widgets.
    """

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._last = ""

    def info(self, sentence: str) -> None:
        """Something goes on, or is to be done."""
        self._say(sentence, "info")

    def success(self, sentence: str) -> None:
        """Something was finished."""
        self._say(sentence, "success")

    def warn(self, sentence: str) -> None:
        """Something needs the user's attention."""
        self._say(sentence, "warn")

    def error(self, sentence: str) -> None:
        """Something went wrong."""
        self._say(sentence, "error")

    def hint(self, sentence: str) -> None:
        """As ``info``, but not worth a line in the log."""
        self._show(sentence, "info")

    def log(self, text: str) -> None:
        """For those who want details."""
        self._ui.logTextEdit.appendPlainText(f"{time.strftime('%H:%M:%S')}  {text}")

    def clear_log(self) -> None:
        """Begins a new log."""
        self._ui.logTextEdit.clear()

    def _say(self, sentence: str, kind: str) -> None:
        self._show(sentence, kind)
        self.log(sentence)

    def _show(self, sentence: str, kind: str) -> None:
        self._ui.statusLabel.setText(sentence)
        self._ui.statusLabel.setStyleSheet(_STYLE.format(color=_COLORS[kind]))
        self._ui.statusLabel.setVisible(bool(sentence))
