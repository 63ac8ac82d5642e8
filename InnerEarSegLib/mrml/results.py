"""The results of one CT in a scene: found again, and grouped in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import slicer

from ..types import Side
from .landmarks import side_of

CT_ROLE = "InnerEarSeg.CT"
"""Node reference from a result to its CT; it is saved with the scene and survives importing."""


@dataclass(frozen=True, eq=False)
class Results:
    """What the scene holds for one CT.

    Attributes:
        segmentation: the vtkMRMLSegmentationNode, or None.
        landmarks: the vtkMRMLMarkupsFiducialNode of each ear.
    """

    segmentation: Any = None
    landmarks: dict[Side, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return self.segmentation is not None or bool(self.landmarks)

    @property
    def nodes(self) -> list[Any]:
        """All result nodes."""
        first = [] if self.segmentation is None else [self.segmentation]
        return [*first, *self.landmarks.values()]


def find_results(scene: Any, volume_node: Any) -> Results:
    """The results of a CT; empty if it has none."""
    if volume_node is None or volume_node.GetID() is None:
        return Results()
    segmentations = linked_nodes(scene, "vtkMRMLSegmentationNode", volume_node)
    landmarks: dict[Side, Any] = {}
    for node in linked_nodes(scene, "vtkMRMLMarkupsFiducialNode", volume_node):
        side = side_of(node)
        if side is not None:
            landmarks.setdefault(side, node)
    return Results(segmentations[0] if segmentations else None, landmarks)


def link_to_ct(node: Any, volume_node: Any) -> None:
    """Marks a node as a result of a CT."""
    node.SetNodeReferenceID(CT_ROLE, volume_node.GetID())


def linked_nodes(scene: Any, class_name: str, volume_node: Any) -> list[Any]:
    """All nodes of a class that are results of a CT."""
    nodes = (
        scene.GetNthNodeByClass(index, class_name)
        for index in range(scene.GetNumberOfNodesByClass(class_name))
    )
    return [node for node in nodes if node.GetNodeReferenceID(CT_ROLE) == volume_node.GetID()]


FOLDER_NAME = "InnerEarSeg results"


def group_results(scene: Any, volume_node: Any, result_nodes: Sequence[Any]) -> int:
    """Puts result nodes into a folder beside the CT; returns the folder's item ID.

    Nodes that lie in a folder already stay in it, and the others join them there.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    root = hierarchy.GetSceneItemID()
    volume_item = _item(hierarchy, volume_node, root)
    # A CT loaded from DICOM lies in its study: the results belong there too.
    parent = (hierarchy.GetItemParent(volume_item) if volume_item else root) or root
    folder = _folder_of(hierarchy, result_nodes)
    if not folder:
        name = FOLDER_NAME
        if hierarchy.GetItemChildWithName(parent, name):  # of another CT
            name = f"{FOLDER_NAME} {volume_node.GetName()}"
        folder = hierarchy.CreateFolderItem(parent, name)
    for node in result_nodes:
        item = _item(hierarchy, node, folder)
        if item and hierarchy.GetItemParent(item) in (root, parent):
            hierarchy.SetItemParent(item, folder)
    return int(folder)


def _folder_of(hierarchy: Any, result_nodes: Sequence[Any]) -> int:
    for node in result_nodes:
        item = hierarchy.GetItemByDataNode(node)
        parent = hierarchy.GetItemParent(item) if item else 0
        if parent and hierarchy.GetItemName(parent).startswith(FOLDER_NAME):
            return int(parent)
    return 0


def _item(hierarchy: Any, node: Any, parent: int) -> int:
    # In the application items appear by themselves; without it nobody makes them.
    return int(hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node))
