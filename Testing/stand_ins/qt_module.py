"""The module ``qt`` of 3D Slicer: Qt's classes under flat names.

Source: Slicer/Slicer, Base/Python/slicerqt.py and CTK's qt.py (``from PythonQt.QtCore import *``,
likewise QtGui, QtNetwork, QtSvg, QtUiTools, ...).
"""

import types
from typing import Any
from xml.etree import ElementTree

from PySide6 import QtCore, QtUiTools

from . import pythonqt
from .meta_objects import QT_MODULES

PYSIDE_ONLY = frozenset(
    {"Signal", "Slot", "Property", "SignalInstance", "ClassInfo", "QEnum", "QFlag", "loadUiType"}
)
"""Names of PySide6 that Slicer's ``qt`` lacks."""

QT6_ONLY = frozenset(
    {
        "QByteArrayView", "QLocationPermission", "QMicrophonePermission", "QPermission",
        "QPropertyBinding", "QStringConverter", "QStringDecoder", "QStringEncoder",
    }
)  # fmt: skip
"""Classes that Qt 5.15 lacks; Slicer 5.10 to 5.13 is built with Qt 5.15 by default."""


class QUiLoader(QtUiTools.QUiLoader):
    """Makes the widgets of CTK and Slicer, and refuses unknown classes and properties."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(widgets={}, failed=[])

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:  # noqa: N802
        cls = custom_widget_class(class_name)
        if cls is not None:
            try:
                widget = cls(parent)
            except Exception as error:  # Qt would go on without the widget
                self._own.failed.append(error)
                raise
            widget.setObjectName(name)
        elif class_name in self.availableWidgets() or class_name == "Line":
            widget = super().createWidget(class_name, parent, name)
        else:
            self._own.failed.append(ValueError(f"unknown widget class {class_name} (.ui file)"))
            widget = super().createWidget("QWidget", parent, name)
        self._own.widgets[name] = widget
        return widget

    def load(self, device: Any, parent: Any = None) -> Any:
        if isinstance(device, str):
            raise TypeError("PythonQt's QUiLoader.load wants a QIODevice")
        content = bytes(device.readAll().data())
        tree = ElementTree.fromstring(content)
        connections = tree.findall("connections/connection")
        for node in tree.findall("connections"):
            tree.remove(node)  # Qt does not know the signals of the stand-ins: made below
        buffer = QtCore.QBuffer()
        buffer.setData(ElementTree.tostring(tree))
        buffer.open(QtCore.QIODevice.OpenModeFlag.ReadOnly)
        pythonqt.loading_ui = True
        try:
            widget = super().load(buffer, parent)
        finally:
            pythonqt.loading_ui = False
        if self._own.failed:
            raise self._own.failed[0]
        self._check(tree)
        made = self._own.widgets
        for node in connections:
            sender, receiver = made[node.findtext("sender")], made[node.findtext("receiver")]
            pythonqt.connect(sender, node.findtext("signal"), receiver, node.findtext("slot"))
        return widget

    def _check(self, tree: Any) -> None:
        """QUiLoader adds a dynamic property where the class has none of that name: refuse."""
        for node in tree.iter("widget"):
            widget = self._own.widgets.get(node.get("name"))
            given = {prop.get("name") for prop in node.findall("property")}
            unknown = widget is not None and given - set(pythonqt.properties(widget))
            if unknown:
                raise ValueError(f"{node.get('class')} has no property {unknown} (.ui file)")


def custom_widget_class(name: str) -> type | None:
    """The stand-in for a widget class of CTK or Slicer."""
    import ctk
    import slicer

    if not name.startswith(("ctk", "qMRML", "qSlicer")):
        return None
    return getattr(ctk if name.startswith("ctk") else slicer, name, None)


def make() -> types.ModuleType:
    """A new module object."""
    module = types.ModuleType("qt", __doc__)
    for source in QT_MODULES:
        for name in dir(source):  # vars() lacks the classes that PySide6 makes on demand
            if not name.startswith("_") and name not in PYSIDE_ONLY | QT6_ONLY:
                setattr(module, name, getattr(source, name))
    module.QUiLoader = QUiLoader
    return module
