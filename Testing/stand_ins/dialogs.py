"""Modal dialogs are recorded and answered by the test instead of shown."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from PySide6 import QtCore, QtWidgets

from . import pythonqt


class UnansweredDialog(AssertionError):
    """A modal dialog came up that the test has no answer for; Slicer would wait for the user."""


@dataclass(frozen=True)
class Shown:
    """One dialog that came up.

    Attributes:
        kind: class name, as "ctkMessageBox", or "QFileDialog.getOpenFileName".
        title: window title, without the padding that slicer.util adds.
        text: text, and informative text after a blank line.
        details: detailed text.
        buttons: texts of the buttons, without mnemonics.
        answer: what it returned.
    """

    kind: str
    title: str
    text: str
    details: str
    buttons: tuple[str, ...]
    answer: Any


class Dialogs:
    """Answers to give, in order, and what was shown.

    An answer is a standard button (``qt.QMessageBox.Yes``), the text of a button, the value that a
    static function returns (``getOpenFileName``: a path), or a callable that gets the dialog (it
    may look at it, take a picture, click) and returns one of these. None leaves the dialog as if
    closed by its cross.
    """

    def __init__(self) -> None:
        self.shown: list[Shown] = []
        self._answers: deque[Any] = deque()

    def answer(self, *answers: Any) -> None:
        """Answers for the next dialogs."""
        self._answers.extend(answers)

    def clear(self) -> None:
        self.shown.clear()
        self._answers.clear()

    def _next(self, kind: str, text: str) -> Any:
        if not self._answers:
            raise UnansweredDialog(f"{kind} came up without an answer: {text}")
        return self._answers.popleft()

    def run(self, dialog: Any) -> Any:
        """``dialog.exec_()``."""
        kind, title = type(dialog).__name__, dialog.windowTitle.strip()
        text, details, buttons = "", "", ()
        if isinstance(dialog, QtWidgets.QMessageBox):
            text = "\n\n".join(t for t in (dialog.text, dialog.informativeText) if t)
            details = dialog.detailedText
            buttons = tuple(b.text.replace("&", "") for b in dialog.buttons())
        answer = self._next(kind, text or title)
        if callable(answer) and not isinstance(answer, type):
            dialog.show()
            QtWidgets.QApplication.processEvents()
            answer = answer(dialog)
        result = _close(dialog, answer)
        self.shown.append(Shown(kind, title, text, details, buttons, answer))
        return result

    def run_static(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        """``qt.QFileDialog.getOpenFileName(...)`` and its like."""
        texts = [a for a in arguments if isinstance(a, str)]
        answer = self._next(kind, " | ".join(texts))
        self.shown.append(
            Shown(kind, texts[0] if texts else "", "\n".join(texts[1:]), "", (), answer)
        )
        return answer


def _close(dialog: Any, answer: Any) -> Any:
    if not isinstance(dialog, QtWidgets.QMessageBox):
        dialog.done(int(bool(answer)))
        return int(bool(answer))
    if answer is None:
        dialog.done(0)
        return QtWidgets.QMessageBox.StandardButton.Cancel
    if isinstance(answer, str):
        fitting = [b for b in dialog.buttons() if b.text.replace("&", "") == answer]
        if not fitting:
            raise UnansweredDialog(f"no button {answer!r} in the dialog: {dialog.text}")
        button = fitting[0]
    else:
        button = dialog.button(answer)
        if button is None:
            raise UnansweredDialog(f"no button {answer!r} in the dialog: {dialog.text}")
    dialog.show()  # an invisible dialog does not note which button was clicked
    button.click()
    standard = dialog.standardButton(button)
    if standard != QtWidgets.QMessageBox.StandardButton.NoButton:
        return standard
    return dialog.buttons().index(button)


dialogs = Dialogs()

_STATIC = {
    QtWidgets.QMessageBox: ("question", "information", "warning", "critical", "about"),
    QtWidgets.QFileDialog: (
        "getOpenFileName",
        "getOpenFileNames",
        "getSaveFileName",
        "getExistingDirectory",
    ),
    QtWidgets.QInputDialog: ("getText", "getItem", "getInt", "getDouble"),
    QtWidgets.QColorDialog: ("getColor",),
}


def install() -> None:
    """Route ``exec_`` and static dialog functions through ``dialogs``."""

    def modal(obj: Any, *arguments: Any) -> Any:
        if isinstance(obj, QtWidgets.QDialog):
            return dialogs.run(obj)
        if isinstance(obj, QtWidgets.QMenu):
            return dialogs.run_static("QMenu.exec_", tuple(a.text for a in obj.actions()))
        if isinstance(obj, QtCore.QEventLoop):
            return type(obj).exec(obj, *arguments)
        raise AttributeError(f"{type(obj).__name__}.exec_ is not for modules to call")

    pythonqt.run_modal = modal
    for cls, names in _STATIC.items():
        for name in names:

            def static(*arguments: Any, _kind: str = f"{cls.__name__}.{name}") -> Any:
                return dialogs.run_static(_kind, arguments)

            setattr(cls, name, staticmethod(static))
