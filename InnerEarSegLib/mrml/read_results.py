"""Saved results back as arrays and numbers, read by Slicer's own classes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..errors import UnusableInput
from .arrays import image_array, numpy_matrix
from .scene import headless_scene


@dataclass(frozen=True, eq=False)
class SavedSegment:
    """One segment of a .seg.nrrd.

    Attributes:
        name: e.g. "Labyrinth left".
        array: uint8 [k, j, i], 1 inside.
        ijk_to_ras: 4 x 4 affine from IJK index of ``array`` to RAS mm.
        terminology: Slicer's seven-part entry.
        color: RGB, 0 to 1.
    """

    name: str
    array: NDArray[np.uint8]
    ijk_to_ras: NDArray[np.float64]
    terminology: str
    color: tuple[float, float, float]


def read_segments(path: Path) -> dict[str, SavedSegment]:
    """The segments of a .seg.nrrd by name."""
    with headless_scene() as session:
        return node_segments(segmentation_node(session.scene, path))


def segmentation_node(scene: Any, path: Path) -> Any:
    """A .seg.nrrd as a new vtkMRMLSegmentationNode.

    Raises:
        UnusableInput: it cannot be read.
    """
    return _read(scene, path, "vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode")


def node_segments(node: Any) -> dict[str, SavedSegment]:
    """The segments of a segmentation node by name, in the node's own RAS mm."""
    segmentation = node.GetSegmentation()
    result = {}
    for index in range(segmentation.GetNumberOfSegments()):
        segment = segmentation.GetNthSegment(index)
        image = slicer.vtkOrientedImageData()
        node.GetBinaryLabelmapRepresentation(segmentation.GetNthSegmentID(index), image)
        matrix = vtk.vtkMatrix4x4()
        image.GetImageToWorldMatrix(matrix)
        ijk_to_ras = numpy_matrix(matrix)
        # The array starts at the extent's first voxel, the matrix at index 0.
        ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ image.GetExtent()[::2]
        result[segment.GetName()] = SavedSegment(
            segment.GetName(),
            (image_array(image) != 0).astype(np.uint8),
            ijk_to_ras,
            segment.GetTerminology(),
            tuple(segment.GetColor()),
        )
    return result


def read_landmarks(path: Path) -> dict[str, tuple[float, float, float] | None]:
    """Label to RAS mm of a .mrk.json, in the file's order; None where the position is missing."""
    with headless_scene() as session:
        return node_landmarks(landmarks_node(session.scene, path))


def landmarks_node(scene: Any, path: Path) -> Any:
    """A .mrk.json as a new vtkMRMLMarkupsFiducialNode.

    Raises:
        UnusableInput: it cannot be read.
    """
    return _read(scene, path, "vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode")


def node_landmarks(node: Any) -> dict[str, tuple[float, float, float] | None]:
    """Label to the node's own RAS mm; None where the position is missing."""
    defined = slicer.vtkMRMLMarkupsNode.PositionDefined
    return {
        node.GetNthControlPointLabel(index): tuple(node.GetNthControlPointPosition(index))
        # A missing point still returns numbers: only its status tells.
        if node.GetNthControlPointPositionStatus(index) == defined
        else None
        for index in range(node.GetNumberOfControlPoints())
    }


def _read(scene: Any, path: Path, node_class: str, storage_class: str) -> Any:
    path = Path(path).resolve()
    if not path.is_file():
        raise UnusableInput(f"There is no file {path}.")
    node = scene.AddNewNodeByClass(node_class)
    storage = scene.AddNewNodeByClass(storage_class)
    storage.SetFileName(str(path))
    node.SetAndObserveStorageNodeID(storage.GetID())
    if not storage.ReadData(node):
        raise UnusableInput(f"{path} cannot be read.")
    return node
