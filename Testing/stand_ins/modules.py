"""Modules, scripted or not, and their widgets.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802, N815

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6.QtCore import Property, QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QVBoxLayout

from .mrml_widgets import qMRMLSegmentEditorWidget, qMRMLWidget


class qSlicerModuleManager(QObject):
    """Base/QTCore/qSlicerModuleManager.h"""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)


class qSlicerLoadableModule:
    """Base/QTCore/qSlicerAbstractCoreModule.h, of a module that is written in C++."""

    def __init__(self, name: str) -> None:
        self.name, self.title, self.path, self._widget = name, name, "", None

    def widgetRepresentation(self) -> Any:
        if self._widget is None:
            editor = self.name == "SegmentEditor"
            self._widget = _SegmentEditorModuleWidget() if editor else qSlicerAbstractModuleWidget()
        return self._widget


class qSlicerScriptedLoadableModule:
    """Base/QTGUI/qSlicerScriptedLoadableModule.h: ``parent`` of the module's class."""

    _ATTRIBUTES = (
        "title", "categories", "contributors", "associatedNodeTypes", "helpText",
        "acknowledgementText", "extensions", "icon", "hidden", "dependencies", "index", "name",
        "path", "widgetRepresentationCreationEnabled",
    )  # fmt: skip

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path, self.title, self.hidden = name, path, name, False
        self.icon, self.dependencies, self.categories = QIcon(), [], []
        object.__setattr__(self, "_state", types.SimpleNamespace(widget=None, module=None))

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._ATTRIBUTES:
            raise AttributeError(f"qSlicerScriptedLoadableModule has no property {name!r}")
        object.__setattr__(self, name, value)

    def widgetRepresentation(self) -> Any:
        if self._state.widget is None:
            self._state.widget = qSlicerScriptedLoadableModuleWidget(self)
            self._state.widget._setup()
        return self._state.widget


class qSlicerAbstractModuleWidget(qMRMLWidget):
    """Base/QTGUI/qSlicerAbstractModuleWidget.h"""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own.entered = False
        self._own.scene = slicer.mrmlScene

    def enter(self) -> None:
        self._own.entered = True

    def exit(self) -> None:
        self._own.entered = False

    isEntered = Property(bool, lambda self: self._own.entered)


class qSlicerScriptedLoadableModuleWidget(qSlicerAbstractModuleWidget):
    """Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h: makes and drives the Python widget."""

    def __init__(self, module: qSlicerScriptedLoadableModule) -> None:
        super().__init__()
        self._own.module = module
        self._own.python = None
        self.setLayout(QVBoxLayout())

    def _setup(self) -> None:
        name = self._own.module.name
        python = getattr(sys.modules[name], f"{name}Widget")(self)
        self._own.python = python
        setattr(slicer.modules, f"{name}Widget", python)
        python.setup()

    def reload(self) -> None:
        """As in Slicer, ``setup`` of the new widget is called and ``enter`` is not."""
        self._setup()

    def self(self) -> Any:
        return self._own.python

    def enter(self) -> None:
        super().enter()
        getattr(self._own.python, "enter", int)()

    def exit(self) -> None:
        super().exit()
        getattr(self._own.python, "exit", int)()

    moduleName = Property(str, lambda self: self._own.module.name)


class _SegmentEditorModuleWidget(qSlicerScriptedLoadableModuleWidget):
    """Modules/Scripted/SegmentEditor/SegmentEditor.py: ``self().editor`` is its widget."""

    def __init__(self) -> None:
        super().__init__(types.SimpleNamespace(name="SegmentEditor"))
        editor = qMRMLSegmentEditorWidget(self)
        editor.setMRMLScene(slicer.mrmlScene)
        self._own.python = types.SimpleNamespace(editor=editor)

    def enter(self) -> None:
        super().enter()
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag("SegmentEditor")
            node = scene.AddNode(node)
        self._own.python.editor.setMRMLSegmentEditorNode(node)


def load_module(path: str | Path) -> qSlicerScriptedLoadableModule:
    """What Slicer does with a scripted module at start-up; its widget is made when selected."""
    path = Path(path).resolve()
    name = path.stem
    sys.modules.pop(name, None)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # Slicer adds the folders of its scripted modules
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent = qSlicerScriptedLoadableModule(name, str(path))
    parent._state.module = getattr(module, name)(parent)
    setattr(slicer.modules, name.lower(), parent)
    slicer.app.moduleManager().moduleLoaded(name)
    return parent
