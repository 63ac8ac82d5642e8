"""The results of one CT, found again among all nodes of a scene."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..results import Side
from .landmark_memory import side_of

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
