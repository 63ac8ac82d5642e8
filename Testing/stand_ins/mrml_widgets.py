"""Stand-ins for Slicer's qMRML widgets, on a real scene.

API: Slicer/Slicer at 583e9b3, Libs/MRML/Widgets/<class>.h, and for the segment editor
Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h. As in Slicer, only properties,
signals, slots and Q_INVOKABLE methods can be reached from Python.
"""
# ruff: noqa: N801, N802, N815

from __future__ import annotations

import types
from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QInputDialog, QWidget


class qMRMLWidget(QWidget):
    """qMRMLWidget.h: hands its scene on to children that were connected to it in Qt Designer."""

    mrmlSceneChanged = Signal(object)
    SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}  # noqa: RUF012
    SLOTS = ("setMRMLScene(vtkMRMLScene*)",)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(scene=None)

    def mrmlScene(self) -> Any:
        return self._own.scene

    def setMRMLScene(self, scene: Any) -> None:
        if scene is self._own.scene:
            return
        self._own.scene = scene
        self.mrmlSceneChanged(scene)


class qMRMLNodeComboBox(QWidget):
    """qMRMLNodeComboBox.h"""

    currentNodeChanged = Signal(object)
    _current_node_valid = Signal(bool)
    currentNodeIDChanged = Signal(str)
    nodeActivated = Signal(object)
    nodeAdded = Signal(object)
    nodeAddedByUser = Signal(object)
    nodeAddedByUserAction = Signal(object)
    nodeAboutToBeRemoved = Signal(object)
    currentNodeRenamed = Signal(str)
    SIGNALS = {  # noqa: RUF012
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "currentNodeChanged(bool)": "_current_node_valid",
        "currentNodeIDChanged(QString)": "currentNodeIDChanged",
        "nodeActivated(vtkMRMLNode*)": "nodeActivated",
        "nodeAdded(vtkMRMLNode*)": "nodeAdded",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
        "nodeAddedByUserAction(vtkMRMLNode*)": "nodeAddedByUserAction",
        "nodeAboutToBeRemoved(vtkMRMLNode*)": "nodeAboutToBeRemoved",
        "currentNodeRenamed(QString)": "currentNodeRenamed",
    }
    SLOTS = (
        "setMRMLScene(vtkMRMLScene*)", "setCurrentNode(vtkMRMLNode*)", "setCurrentNode(QString)",
        "setCurrentNodeID(QString)", "setCurrentNodeIndex(int)", "addNode(QString)", "addNode()",
        "removeCurrentNode()", "renameCurrentNode()",
    )  # fmt: skip

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        combo = QComboBox(self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(combo)
        self._own = types.SimpleNamespace(
            combo=combo, scene=None, observers=[], node=None, node_observer=None, types=[],
            children=True, none=False, add=True, remove=True, rename=False, none_display="",
        )  # fmt: skip
        combo.activated.connect(self._activated)

    # The scene

    def mrmlScene(self) -> Any:
        return self._own.scene

    def setMRMLScene(self, scene: Any) -> None:
        own = self._own
        if scene is own.scene:
            return
        if own.scene is not None:
            for tag in own.observers:
                own.scene.RemoveObserver(tag)
        own.scene, own.observers = scene, []
        if scene is not None:
            events = (
                scene.NodeAddedEvent, scene.NodeRemovedEvent, scene.EndImportEvent,
                scene.EndCloseEvent, scene.EndBatchProcessEvent, scene.EndRestoreEvent,
            )  # fmt: skip
            own.observers = [scene.AddObserver(e, lambda *_: self._refresh()) for e in events]
        self._refresh()

    def _nodes(self) -> list[Any]:
        own, found = self._own, []
        if own.scene is None or not own.types:
            return []
        for index in range(own.scene.GetNumberOfNodes()):
            node = own.scene.GetNthNode(index)
            if not node.GetHideFromEditors() and any(self._is(node, t) for t in own.types):
                found.append(node)
        return found

    def _is(self, node: Any, node_type: str) -> bool:
        if self._own.children:
            return bool(node.IsA(node_type))
        return node.GetClassName() == node_type

    def _refresh(self) -> None:
        own = self._own
        if own.scene is not None and own.scene.IsBatchProcessing():
            return
        nodes = self._nodes()
        combo = own.combo
        combo.blockSignals(True)
        combo.clear()
        if own.none:
            combo.addItem(own.none_display or "None", "")
        for node in nodes:
            combo.addItem(node.GetName(), node.GetID())
        extra = [
            text
            for text, on in (
                ("Create new...", own.add), ("Rename current...", own.rename),
                ("Delete current", own.remove),
            )
            if on
        ]  # fmt: skip
        if extra:
            combo.insertSeparator(combo.count)
        for text in extra:
            combo.addItem(text, f"action:{text}")
        combo.blockSignals(False)
        if own.node is not None and own.node not in nodes:
            self._change(nodes[0] if nodes and not own.none else None)
        elif own.node is None and nodes and not own.none:
            self._change(nodes[0])
        else:
            self._show_current()

    def _show_current(self) -> None:
        combo, node = self._own.combo, self._own.node
        combo.blockSignals(True)
        combo.setCurrentIndex(combo.findData(node.GetID() if node is not None else ""))
        combo.blockSignals(False)

    def _change(self, node: Any) -> None:
        own = self._own
        if own.node_observer is not None:
            own.node_observer[0].RemoveObserver(own.node_observer[1])
            own.node_observer = None
        own.node = node
        if node is not None:
            tag = node.AddObserver("ModifiedEvent", lambda *_: self._renamed())
            own.node_observer = (node, tag)
        self._show_current()
        self.currentNodeChanged(node)
        _emit_valid(self, node is not None)
        self.currentNodeIDChanged(node.GetID() if node is not None else "")

    def _renamed(self) -> None:
        own = self._own
        index = own.combo.findData(own.node.GetID()) if own.node is not None else -1
        if index >= 0 and own.combo.itemText(index) != own.node.GetName():
            own.combo.setItemText(index, own.node.GetName())
            self.currentNodeRenamed(own.node.GetName())

    def _activated(self, index: int) -> None:
        data = self._own.combo.itemData(index)
        actions = {
            "action:Create new...": self._add_by_user,
            "action:Rename current...": self.renameCurrentNode,
            "action:Delete current": self.removeCurrentNode,
        }
        if data in actions:
            self._show_current()
            actions[data]()
            return
        self._set_id(data)
        self.nodeActivated(self._own.node)

    def _add_by_user(self) -> None:
        node = self.addNode()
        self.nodeAddedByUserAction(node)

    # Slots and Q_INVOKABLE methods

    def currentNode(self) -> Any:
        return self._own.node

    def setCurrentNode(self, node: Any) -> None:
        if isinstance(node, str):
            return self._set_id(node)
        if node is not None and not hasattr(node, "GetID"):
            raise ValueError(f"setCurrentNode wants a node, got {type(node).__name__}")
        if node is not None and node not in self._nodes():
            node = None  # as in Slicer: a node that the filter refuses selects nothing
        if node is None and not self._own.none and self._nodes() and self._own.node is not None:
            return None  # "None" cannot be chosen when it is not enabled
        if node is not self._own.node:
            self._change(node)
        return None

    def setCurrentNodeID(self, node_id: str) -> None:
        self._set_id(node_id)

    def _set_id(self, node_id: str) -> None:
        scene = self._own.scene
        self.setCurrentNode(scene.GetNodeByID(node_id) if scene and node_id else None)

    def setCurrentNodeIndex(self, index: int) -> None:
        self.setCurrentNode(self.nodeFromIndex(index))

    def currentNodeId(self) -> str:
        return self._own.node.GetID() if self._own.node is not None else ""

    def nodeFromIndex(self, index: int) -> Any:
        nodes = self._nodes()
        return nodes[index] if 0 <= index < len(nodes) else None

    def addNode(self, node_type: str | None = None) -> Any:
        own = self._own
        node = own.scene.AddNewNodeByClass(node_type or own.types[0])
        self.nodeAdded(node)
        self.nodeAddedByUser(node)
        self.setCurrentNode(node)
        return node

    def removeCurrentNode(self) -> None:
        node = self._own.node
        if node is not None:
            self.nodeAboutToBeRemoved(node)
            self._own.scene.RemoveNode(node)

    def renameCurrentNode(self) -> None:
        name = QInputDialog.getText(self, "Rename", "New name:")
        if name and self._own.node is not None:
            self._own.node.SetName(name)

    # Properties

    def _option(name: str, refresh: bool = True) -> Any:  # type: ignore[misc]  # noqa: N805
        def setter(self: Any, value: Any) -> None:
            setattr(self._own, name, list(value) if isinstance(value, (list, tuple)) else value)
            if refresh:
                self._refresh()

        return (lambda self: getattr(self._own, name)), setter

    nodeTypes = Property("QStringList", *_option("types"))
    showChildNodeTypes = Property(bool, *_option("children"))
    noneEnabled = Property(bool, *_option("none"))
    addEnabled = Property(bool, *_option("add"))
    removeEnabled = Property(bool, *_option("remove"))
    renameEnabled = Property(bool, *_option("rename"))
    noneDisplay = Property(str, *_option("none_display"))
    currentNodeID = Property(str, currentNodeId, setCurrentNodeID)


def _emit_valid(box: qMRMLNodeComboBox, valid: bool) -> None:
    from . import pythonqt

    pythonqt._find_signal(box, "currentNodeChanged(bool)")[0].emit(valid)


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """qMRMLSegmentEditorWidget.h: only what opening a segment asks for; no effects."""

    currentSegmentIDChanged = Signal(str)
    sourceVolumeNodeChanged = Signal(object)
    segmentationNodeChanged = Signal(object)
    SIGNALS = {  # noqa: RUF012
        "currentSegmentIDChanged(QString)": "currentSegmentIDChanged",
        "sourceVolumeNodeChanged(vtkMRMLVolumeNode*)": "sourceVolumeNodeChanged",
        "segmentationNodeChanged(vtkMRMLSegmentationNode*)": "segmentationNodeChanged",
    }

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own.node = None
        self._own.effect = ""

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._own.node = node

    def segmentationNode(self) -> Any:
        return self._own.node.GetSegmentationNode() if self._own.node else None

    def setSegmentationNode(self, node: Any) -> None:
        self._own.node.SetAndObserveSegmentationNode(node)
        self.segmentationNodeChanged(node)

    def sourceVolumeNode(self) -> Any:
        return self._own.node.GetSourceVolumeNode() if self._own.node else None

    def setSourceVolumeNode(self, node: Any) -> None:
        self._own.node.SetAndObserveSourceVolumeNode(node)
        self.sourceVolumeNodeChanged(node)

    def currentSegmentID(self) -> str:
        return (self._own.node.GetSelectedSegmentID() or "") if self._own.node else ""

    def setCurrentSegmentID(self, segment_id: str) -> None:
        self._own.node.SetSelectedSegmentID(segment_id)
        self.currentSegmentIDChanged(segment_id)


def make() -> dict[str, Any]:
    """Names that go into the module ``slicer``."""
    from .ctk_widgets import _unused

    missing = _unused("qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox")
    classes = {name: value for name, value in globals().items() if name.startswith("qMRML")}
    return {**classes, **missing}
