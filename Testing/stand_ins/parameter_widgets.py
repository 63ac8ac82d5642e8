"""Widgets and parameters kept alike.

API: Slicer/Slicer at 583e9b3, Base/Python/slicer/parameterNodeWrapper/guiConnectors.py.
"""
# ruff: noqa: N802

from __future__ import annotations

import enum
import pathlib
import typing
from typing import Any

from .parameter_annotations import (
    Choice,
    Decimals,
    Maximum,
    Minimum,
    SingleStep,
    WithinRange,
)
from .parameter_codecs import (
    _split,
)


class GuiConnector:
    """Base class of what reads and writes a widget; may be given to connectParametersToGui."""

    def __init__(self) -> None:
        self._callback: Any = None

    def onChanged(self, callback: Any) -> None:
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self) -> None:
        if self._callback:
            self._callback()


class _Connector(GuiConnector):
    def __init__(self, widget: Any, signal: str | None, read: Any, write: Any) -> None:
        super().__init__()
        self._widget, self._signal, self.read, self.write = widget, signal, read, write

    def widget(self) -> Any:
        return self._widget

    def _connect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).connect(self.changed)

    def _disconnect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).disconnect(self.changed)


def _attribute(widget: Any, signal: str | None, name: str, kind: Any = None) -> _Connector:
    def read() -> Any:
        value = getattr(widget, name)
        return kind(value) if kind else value

    def write(value: Any) -> None:
        value = str(value) if kind else value
        if getattr(widget, name) != value:
            setattr(widget, name, value)

    return _Connector(widget, signal, read, write)


def createGuiConnector(widget: Any, annotated: Any) -> GuiConnector:
    """The connector for a widget and a type; the classes must match exactly, as in Slicer."""
    import ctk
    import qt
    import slicer

    kind, annotations = _split(annotated)
    cls = type(widget)
    if kind is bool and cls in (qt.QCheckBox, ctk.ctkCheckBox):
        return _attribute(widget, "stateChanged", "checked")
    if kind is bool and cls is qt.QPushButton:
        widget.checkable = True
        return _attribute(widget, "toggled", "checked")
    if (kind is int and cls in (qt.QSlider, qt.QSpinBox)) or (
        kind is float and cls is qt.QDoubleSpinBox
    ):
        _set_range(widget, annotations)
        return _attribute(widget, "valueChanged", "value")
    if cls in (qt.QComboBox, ctk.ctkComboBox):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return _enum_connector(widget, kind)
        if kind is str:
            return _choice_connector(widget, annotations)
    if kind is str and cls is qt.QLineEdit:
        return _attribute(widget, "textChanged", "text")
    if kind is str and cls is qt.QLabel:
        return _attribute(widget, None, "text")
    if kind is str and cls is qt.QTextEdit:
        return _Connector(widget, "textChanged", widget.toPlainText, widget.setPlainText)
    if cls is ctk.ctkPathLineEdit and kind in (pathlib.Path, pathlib.PurePath):
        return _attribute(widget, "currentPathChanged", "currentPath", kind)
    if cls is slicer.qMRMLNodeComboBox:
        nodes = [a for a in typing.get_args(kind) if a is not type(None)] or [kind]
        if all(isinstance(n, type) and issubclass(n, slicer.vtkMRMLNode) for n in nodes):
            widget.nodeTypes = tuple(n().GetClassName() for n in nodes)
            return _Connector(
                widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode
            )
    raise RuntimeError(f"Unable to create GUI connector from datatype {annotated} to {cls}")


def _set_range(widget: Any, annotations: list[Any]) -> None:
    whole = [a for a in annotations if isinstance(a, WithinRange)]
    low = [a.minimum for a in annotations if isinstance(a, Minimum)] or [w.minimum for w in whole]
    high = [a.maximum for a in annotations if isinstance(a, Maximum)] or [w.maximum for w in whole]
    widget.setMinimum(low[0] if low else -(2**31))
    widget.setMaximum(high[0] if high else 2**31 - 1)
    for annotation in annotations:
        if isinstance(annotation, Decimals):
            widget.decimals = annotation.value
        if isinstance(annotation, SingleStep):
            widget.singleStep = annotation.value


def _enum_connector(widget: Any, kind: Any) -> _Connector:
    label = getattr(kind, "label", lambda member: member.name)
    members = list(kind)
    widget.clear()
    for member in members:
        widget.addItem(label(member))

    def write(value: Any) -> None:
        widget.currentIndex = members.index(value)

    return _Connector(widget, "currentIndexChanged", lambda: members[widget.currentIndex], write)


def _choice_connector(widget: Any, annotations: list[Any]) -> _Connector:
    choices = [c for a in annotations if isinstance(a, Choice) for c in a.choices]
    if not choices:
        raise RuntimeError("a combo box for str needs a Choice annotation")
    widget.clear()
    for choice in choices:
        widget.addItem(str(choice))

    def write(value: Any) -> None:
        widget.currentIndex = choices.index(value)

    return _Connector(widget, "currentIndexChanged", lambda: choices[widget.currentIndex], write)
