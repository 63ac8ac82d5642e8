"""Stand-ins for Slicer's qMRML widgets, on a real scene.

API: Slicer/Slicer at 583e9b3, Libs/MRML/Widgets/<class>.h, and for the segment editor
Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h. As in Slicer, only properties,
signals, slots and Q_INVOKABLE methods can be reached from Python.
"""
# ruff: noqa: N801, N802, N815

import types
from typing import Any

from PySide6.QtCore import Property, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from .ctk_widgets import tight, unused


class qMRMLWidget(QWidget):
    """qMRMLWidget.h: hands its scene on to children that were connected to it in Qt Designer."""

    mrmlSceneChanged = Signal(object)
    SIGNALS = {"mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged"}  # noqa: RUF012
    SLOTS = ("setMRMLScene(vtkMRMLScene*)",)

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(scene=None)

    def setMRMLScene(self, scene: Any) -> None:
        if scene is not self._own.scene:
            self._own.scene = scene
            self.mrmlSceneChanged(scene)


class qMRMLNodeComboBox(QWidget):
    """qMRMLNodeComboBox.h: what the panel uses; its menu adds nodes and does nothing else."""

    currentNodeChanged = Signal(object)
    nodeAddedByUser = Signal(object)
    SIGNALS = {  # noqa: RUF012
        "currentNodeChanged(vtkMRMLNode*)": "currentNodeChanged",
        "nodeAddedByUser(vtkMRMLNode*)": "nodeAddedByUser",
    }
    SLOTS = ("setMRMLScene(vtkMRMLScene*)", "setCurrentNode(vtkMRMLNode*)", "addNode()")

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        combo = QComboBox(self)
        tight(QHBoxLayout(self), combo)
        self._own = types.SimpleNamespace(
            combo=combo, scene=None, observers=[], node=None, types=[], children=True, none=False,
            add=True, remove=True, rename=False, none_display="",
        )  # fmt: skip

    def setMRMLScene(self, scene: Any) -> None:
        own = self._own
        if scene is own.scene:
            return
        for tag in own.observers:
            own.scene.RemoveObserver(tag)
        own.scene, own.observers = scene, []
        if scene is not None:
            names = "NodeAdded", "NodeRemoved", "EndImport", "EndClose", "EndBatchProcess"
            events = [getattr(scene, f"{name}Event") for name in (*names, "EndRestore")]
            own.observers = [scene.AddObserver(e, lambda *_: self._refresh()) for e in events]
        self._refresh()

    def _nodes(self) -> list[Any]:
        own = self._own
        count = 0 if own.scene is None else own.scene.GetNumberOfNodes()
        nodes = (own.scene.GetNthNode(n) for n in range(count))
        return [
            node
            for node in nodes
            if not node.GetHideFromEditors()
            and any(node.IsA(t) if own.children else node.GetClassName() == t for t in own.types)
        ]

    def _refresh(self) -> None:
        own = self._own
        if own.scene is not None and own.scene.IsBatchProcessing():
            return
        nodes, combo = self._nodes(), own.combo
        combo.blockSignals(True)
        combo.clear()
        if own.none:
            combo.addItem(own.none_display or "None", "")
        for node in nodes:
            combo.addItem(node.GetName(), node.GetID())
        if own.add:
            combo.insertSeparator(combo.count)
            combo.addItem("Create new...", "action:add")
        combo.blockSignals(False)
        if own.node not in (*nodes, None) or (own.node is None and nodes and not own.none):
            self._change(nodes[0] if nodes and not own.none else None)
        else:
            self._show_current()

    def _show_current(self) -> None:
        combo, node = self._own.combo, self._own.node
        combo.blockSignals(True)
        combo.setCurrentIndex(combo.findData(node.GetID() if node is not None else ""))
        combo.blockSignals(False)

    def _change(self, node: Any) -> None:
        self._own.node = node
        self._show_current()
        self.currentNodeChanged(node)

    def currentNode(self) -> Any:
        return self._own.node

    def setCurrentNode(self, node: Any) -> None:
        if node is not None and not hasattr(node, "GetID"):
            raise ValueError(f"setCurrentNode wants a node, got {type(node).__name__}")
        if node is not None and node not in self._nodes():
            node = None  # as in Slicer: a node that the filter refuses selects nothing
        if node is None and not self._own.none and self._nodes() and self._own.node is not None:
            return  # "None" cannot be chosen when it is not enabled
        if node is not self._own.node:
            self._change(node)

    def addNode(self) -> Any:
        node = self._own.scene.AddNewNodeByClass(self._own.types[0])
        self.nodeAddedByUser(node)
        self.setCurrentNode(node)
        return node

    def _option(name: str) -> Any:  # type: ignore[misc]  # noqa: N805
        def setter(self: Any, value: Any) -> None:
            setattr(self._own, name, list(value) if isinstance(value, (list, tuple)) else value)
            self._refresh()

        return (lambda self: getattr(self._own, name)), setter

    nodeTypes = Property("QStringList", *_option("types"))
    showChildNodeTypes = Property(bool, *_option("children"))
    noneEnabled = Property(bool, *_option("none"))
    addEnabled = Property(bool, *_option("add"))
    removeEnabled = Property(bool, *_option("remove"))
    renameEnabled = Property(bool, *_option("rename"))
    noneDisplay = Property(str, *_option("none_display"))


class qMRMLSegmentEditorWidget(qMRMLWidget):
    """qMRMLSegmentEditorWidget.h: only what opening a segment asks for; no effects."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own.node = None

    def setMRMLSegmentEditorNode(self, node: Any) -> None:
        self._own.node = node

    def _of_node(name: str) -> Any:  # type: ignore[misc]  # noqa: N805
        return lambda self, *given: getattr(self._own.node, name)(*given)

    segmentationNode = _of_node("GetSegmentationNode")
    setSegmentationNode = _of_node("SetAndObserveSegmentationNode")
    sourceVolumeNode = _of_node("GetSourceVolumeNode")
    setSourceVolumeNode = _of_node("SetAndObserveSourceVolumeNode")
    currentSegmentID = _of_node("GetSelectedSegmentID")
    setCurrentSegmentID = _of_node("SetSelectedSegmentID")


def make() -> dict[str, Any]:
    """Names that go into the module ``slicer``."""
    classes = {name: value for name, value in globals().items() if name.startswith("qMRML")}
    return classes | unused("qMRMLRangeWidget", "qMRMLSliderWidget", "qMRMLSpinBox")
