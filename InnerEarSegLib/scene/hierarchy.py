"""The results of one CT in a folder of the subject hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

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
