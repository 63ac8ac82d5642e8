"""Modal dialogs are recorded and answered by the test instead of shown."""

from __future__ import annotations

from collections import deque
from typing import Any, NamedTuple

from PySide6 import QtCore, QtWidgets

from . import pythonqt


class UnansweredDialog(AssertionError):
    """A modal dialog came up that the test has no answer for; Slicer would wait for the user."""


class Shown(NamedTuple):
    """One dialog that came up."""

    kind: str  # class name, as ctkMessageBox, or QFileDialog.getOpenFileName
    text: str  # with the informative text after a blank line


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
        self.shown.append(Shown(kind, text))
        return self._answers.popleft()

    def run(self, dialog: Any) -> Any:
        """``dialog.exec_()``."""
        kind, text = type(dialog).__name__, dialog.windowTitle.strip()
        if isinstance(dialog, QtWidgets.QMessageBox):
            text = "\n\n".join(t for t in (dialog.text, dialog.informativeText) if t)
        answer = self._next(kind, text)
        if callable(answer) and not isinstance(answer, type):
            dialog.show()
            QtWidgets.QApplication.processEvents()
            answer = answer(dialog)
        return _close(dialog, answer)

    def run_static(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        """``qt.QFileDialog.getOpenFileName(...)`` and its like."""
        return self._next(kind, "\n".join(a for a in arguments if isinstance(a, str)))


def _text(button: Any) -> str:
    return button.text.replace("&", "")


def _close(dialog: Any, answer: Any) -> Any:
    if not isinstance(dialog, QtWidgets.QMessageBox):
        dialog.done(int(bool(answer)))
        return int(bool(answer))
    if answer is None:
        dialog.done(0)
        return QtWidgets.QMessageBox.StandardButton.Cancel
    if isinstance(answer, str):
        button = next((b for b in dialog.buttons() if _text(b) == answer), None)
    else:
        button = dialog.button(answer)
    if button is None:
        raise UnansweredDialog(f"no button {answer!r} in the dialog: {dialog.text}")
    dialog.show()  # an invisible dialog does not note which button was clicked
    button.click()
    standard = dialog.standardButton(button)
    own = standard == QtWidgets.QMessageBox.StandardButton.NoButton
    return dialog.buttons().index(button) if own else standard


dialogs = Dialogs()

_STATIC = {
    QtWidgets.QMessageBox: "question information warning critical about",
    QtWidgets.QFileDialog: "getOpenFileName getOpenFileNames getSaveFileName getExistingDirectory",
    QtWidgets.QInputDialog: "getText getItem getInt getDouble",
    QtWidgets.QColorDialog: "getColor",
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
        for name in names.split():
            kind = f"{cls.__name__}.{name}"
            setattr(cls, name, staticmethod(lambda *a, _kind=kind: dialogs.run_static(_kind, a)))
