"""The results of one CT in a scene: found again, read back, and grouped in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..types import (
    AUTOMATIC,
    CHECK,
    EDITED,
    GOOD,
    LANDMARKS,
    POOR,
    SEGMENT_REMOVED,
    UNKNOWN_MODEL,
    Ear,
    Geometry,
    ModelIdentity,
    Quality,
    Side,
)
from .landmarks import (
    ATTRIBUTE,
    MODEL,
    REASONS_ATTRIBUTE,
    RUN_WARNINGS_ATTRIBUTE,
    VERDICT_ATTRIBUTE,
    auxiliary_of,
    findings_of,
    landmark_of,
    reasons_of,
    side_of,
)
from .scene import matrix_from, nodes_of
from .segments import segment_content, segment_was_edited

CT_ROLE = "InnerEarSeg.CT"  # reference from a result to its CT; survives saving and importing


@dataclass(frozen=True, eq=False)
class Results:
    """What the scene holds for one CT."""

    segmentation: Any = None  # the vtkMRMLSegmentationNode
    landmarks: dict[Side, Any] = field(default_factory=dict)  # vtkMRMLMarkupsFiducialNodes

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.nodes)

    @property
    def nodes(self) -> list[Any]:
        """All result nodes."""
        nodes = (self.segmentation, *self.landmarks.values())
        return [node for node in nodes if node is not None]


def find_results(scene: Any, volume_node: Any) -> Results:
    """The results of a CT; empty if it has none."""
    segmentations = linked_nodes(scene, "vtkMRMLSegmentationNode", volume_node)
    landmarks: dict[Side, Any] = {}
    for node in linked_nodes(scene, "vtkMRMLMarkupsFiducialNode", volume_node):
        side = side_of(node)
        if side is not None:
            landmarks.setdefault(side, node)
    return Results(next(iter(segmentations), None), landmarks)


def link_to_ct(node: Any, volume_node: Any) -> None:
    """Mark a node as a result of a CT."""
    node.SetNodeReferenceID(CT_ROLE, volume_node.GetID())


def linked_nodes(scene: Any, class_name: str, volume_node: Any, role: str = CT_ROLE) -> list[Any]:
    """All nodes of a class that are results of a CT, which may be None or not in the scene.

    With another role, those that refer to it in that.
    """
    volume_id = None if volume_node is None else volume_node.GetID()
    if volume_id is None or scene is None:  # None of a node that left the scene
        return []
    nodes = nodes_of(scene, class_name)
    return [node for node in nodes if node.GetNodeReferenceID(role) == volume_id]


def read_ear(results: Results, side: Side) -> Ear | None:
    """Return an ear as the scene has it now, in the landmarks' own RAS mm.

    Where segment and landmarks lie under different transforms, the segment is brought to the
    landmarks' coordinates. If the transforms differ by more than a matrix, it counts as absent.

    Returns:
        None without the landmarks' node. Without a segment, the labyrinth is a single 0.
    """
    node, segmentation = results.landmarks.get(side), results.segmentation
    if node is None:
        return None
    content = None if segmentation is None else segment_content(segmentation, side)
    segment = SEGMENT_REMOVED  # no ear is found without one
    inside, geometry = np.zeros((1, 1, 1), bool), Geometry(np.eye(4), (1, 1, 1))
    if content is not None:
        segment = EDITED if segment_was_edited(segmentation, side) else AUTOMATIC
        between = matrix_between(segmentation, node)
        if between is not None:
            inside, grid = content
            geometry = Geometry(between @ grid.ijk_to_ras, grid.shape)
    verdict = node.GetAttribute(VERDICT_ATTRIBUTE)
    return Ear(
        side=side,
        labyrinth=inside.astype(np.uint8),
        geometry=geometry,
        landmarks=tuple(landmark_of(node, name) for name in LANDMARKS),
        volume_mm3=float(inside.sum()) * geometry.voxel_volume,
        quality=Quality(
            verdict if verdict in (GOOD, CHECK, POOR) else CHECK,
            tuple(reasons_of(node)),
        ),
        auxiliary=auxiliary_of(node),
        segment=segment,
        findings=findings_of(node),
        model=model_of(results, side),
    )


def model_of(results: Results, side: Side) -> ModelIdentity:
    """Return the model that drew an ear's segment; where that is not noted, of its landmarks."""
    segmentation = results.segmentation
    text = segmentation and segmentation.GetAttribute(MODEL + side)
    if not text:
        found = {results.landmarks[side].GetAttribute(MODEL + name) for name in LANDMARKS} - {None}
        text = found.pop() if len(found) == 1 else None
    if not text and segmentation:  # earlier versions noted the last run's alone
        last = (segmentation.GetAttribute(ATTRIBUTE + key) for key in ("Model", "ModelSha256"))
        text = " ".join(each or "" for each in last)
    parts = (text or "").rsplit(" ", 2)
    return ModelIdentity(*parts) if len(parts) == 3 else UNKNOWN_MODEL


def run_warnings(results: Results) -> list[str]:
    """Return the warnings of the runs that found the ears, each once."""
    # Scenes of earlier versions have those of the last run, in the segmentation.
    last = results.segmentation and results.segmentation.GetAttribute(REASONS_ATTRIBUTE)
    found = [x.GetAttribute(RUN_WARNINGS_ATTRIBUTE) for x in results.landmarks.values()]
    texts = [last if text is None else text for text in found] or [last]
    return list(dict.fromkeys(line for text in texts for line in (text or "").splitlines()))


def matrix_between(source: Any, target: Any) -> NDArray[np.float64] | None:
    """4 x 4 matrix from one node's own RAS mm to another's; None if no matrix says it."""
    parents = source.GetParentTransformNode(), target.GetParentTransformNode()
    if parents[0] is parents[1]:
        return np.eye(4)
    one, other = parents if parents[0] is not None else reversed(parents)
    if not one.IsTransformToNodeLinear(other):
        return None
    between = slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes
    return matrix_from(between, *parents)


FOLDER_NAME = "InnerEarSeg results"


def group_results(scene: Any, volume_node: Any, result_nodes: Sequence[Any]) -> int:
    """Put result nodes into a folder beside the CT; return the folder's item ID.

    Nodes that lie in a folder already stay in it, and the others join them there.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    root = hierarchy.GetSceneItemID()
    volume_item = _item(hierarchy, volume_node, root)
    # A CT loaded from DICOM lies in its study: the results belong there too.
    parent = (hierarchy.GetItemParent(volume_item) if volume_item else root) or root
    items = [item for node in result_nodes if (item := hierarchy.GetItemByDataNode(node))]
    folders = [item for item in map(hierarchy.GetItemParent, items) if item]
    named = (item for item in folders if hierarchy.GetItemName(item).startswith(FOLDER_NAME))
    folder = next(named, 0)
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


def remove_from_hierarchy(scene: Any, node: Any) -> None:
    """Remove a node from the scene, and its item from the subject hierarchy.

    In this order: what follows a segmentation complains where its item is gone before it is.
    """
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
    scene.RemoveNode(node)
    if item := hierarchy.GetItemByDataNode(node):  # the application removes it by itself
        hierarchy.RemoveItem(item, False, False)


def _item(hierarchy: Any, node: Any, parent: int) -> int:
    # The application makes items by itself; without it they are missing.
    return int(hierarchy.GetItemByDataNode(node) or hierarchy.CreateItem(parent, node))
