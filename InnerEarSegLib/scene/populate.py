"""A whole result into a scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..results import Segmentation
from .hierarchy import group_results
from .landmarks_node import ATTRIBUTE, add_landmarks
from .segmentation_node import add_segmentation
from .views import show_ear


@dataclass(frozen=True, eq=False)
class ResultNodes:
    """What ``add_result`` put into the scene.

    Attributes:
        volume: the CT's vtkMRMLScalarVolumeNode.
        segmentation: the vtkMRMLSegmentationNode.
        landmarks: vtkMRMLMarkupsFiducialNode per side.
        folder_item: subject hierarchy folder with the results.
    """

    volume: Any
    segmentation: Any
    landmarks: dict[str, Any]
    folder_item: int


def add_result(scene: Any, volume_node: Any, result: Segmentation) -> ResultNodes:
    """Adds segments and landmarks of all ears, grouped, with the first ear in view."""
    segmentation = add_segmentation(scene, volume_node, result)
    segmentation.SetAttribute(ATTRIBUTE + "Model", f"{result.model.name} {result.model.version}")
    segmentation.SetAttribute(ATTRIBUTE + "ModelSha256", result.model.sha256)
    landmarks: dict[str, Any] = {}
    for ear in result.ears:
        segmentation.SetAttribute(f"{ATTRIBUTE}VolumeMm3.{ear.side}", f"{ear.volume_mm3:.1f}")
        landmarks[ear.side] = add_landmarks(scene, volume_node, ear)
    folder = group_results(scene, volume_node, [segmentation, *landmarks.values()])
    if result.ears:
        show_ear(scene, volume_node, result.ears[0].geometry.center)
    return ResultNodes(volume_node, segmentation, landmarks, folder)
