"""The results of one CT in a folder of the subject hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import slicer

FOLDER_NAME = "InnerEarSeg results"


def group_results(scene: Any, volume_node: Any, result_nodes: Sequence[Any]) -> int:
    """Puts result nodes into a folder beside the CT; returns the folder's item ID."""
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    root = hierarchy.GetSceneItemID()
    volume_item = _item(hierarchy, volume_node, root)
    # A CT loaded from DICOM lies in its study: the results belong there too.
    parent = hierarchy.GetItemParent(volume_item) if volume_item else root
    folder = hierarchy.CreateFolderItem(parent or root, FOLDER_NAME)
    for node in result_nodes:
        item = _item(hierarchy, node, folder)
        if item:
            hierarchy.SetItemParent(item, folder)
    return int(folder)


def _item(hierarchy: Any, node: Any, parent: int) -> int:
    # In the application items appear by themselves; without it nobody makes them.
    return int(hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node))
