"""What the panel tells the user: the status line with its log, and dialogs."""

from __future__ import annotations

import time
import traceback
from typing import Any

import qt

from ..errors import UnusableInput
from .look import fill


class Status:
    """The sentence that says how things stand, and the log behind it."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        # Two lines always: what stands below must not move under the mouse.
        ui.statusLabel.setMargin(5)
        ui.statusLabel.setMinimumHeight(2 * ui.statusLabel.fontMetrics().lineSpacing() + 10)

    def say(self, sentence: str, kind: str = "info") -> None:
        """Show and log a sentence; ``kind`` is "info", "success", "warn" or "error"."""
        self.hint(sentence, kind)
        self.log(sentence)

    def hint(self, sentence: str, kind: str = "info") -> None:
        """Show a sentence that is not worth a line in the log."""
        self._ui.statusLabel.setText(sentence)
        fill(self._ui.statusLabel, kind)

    def fail(self, what: str, error: Exception) -> None:
        """Say what could not be done and why; of an unexpected error, the log tells where."""
        if not isinstance(error, (UnusableInput, OSError)):
            self.log("".join(traceback.format_exception(error)))
        self.say(f"{what}: {error}", "error")

    def log(self, text: str) -> None:
        """Add details to the log."""
        self._ui.logTextEdit.appendPlainText(f"{time.strftime('%H:%M:%S')}  {text}")


def ask(parent: Any, icon: Any, text: str, more: str, buttons: tuple[str, ...]) -> bool:
    """Show a dialog; return whether the first of two buttons was pressed. Without any: Close."""
    box = qt.QMessageBox(parent)
    box.setIcon(icon)
    box.setWindowTitle("InnerEarSeg")
    box.setText(text)
    box.setInformativeText(more)
    yes, no = qt.QMessageBox.Yes, qt.QMessageBox.No
    box.setStandardButtons(yes | no if buttons else qt.QMessageBox.Close)
    for button, words in zip((yes, no), buttons, strict=False):
        box.button(button).setText(words)
    if buttons:
        box.setDefaultButton(yes)
    return bool(box.exec_() == yes)
