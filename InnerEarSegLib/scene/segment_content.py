"""What a segment holds: its volume, its middle, and whether the user has edited it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..results import Side
from .landmarks_node import ATTRIBUTE
from .matrices import image_array, numpy_matrix
from .segmentation_node import SEGMENT_IDS

Content = tuple[NDArray[np.bool_], NDArray[np.float64]]
"""Voxels [k, j, i] cut to what is set, and their IJK-to-RAS matrix in the node's own RAS mm."""


def volume_attribute(side: Side) -> str:
    """Node attribute with the labyrinth's volume in mm³."""
    return f"{ATTRIBUTE}VolumeMm3.{side}"


def automatic_segment_attribute(side: Side) -> str:
    """Node attribute with a hash of the automatic segment."""
    return f"{ATTRIBUTE}AutomaticSegment.{side}"


def segment_content(node: Any, side: Side) -> Content | None:
    """An ear's segment; None if there is none or it is empty."""
    segment = node.GetSegmentation().GetSegment(SEGMENT_IDS[side])
    if segment is None:
        return None
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    image = segment.GetRepresentation(name)
    if image is None or image.IsEmpty():
        return None
    # Segments that were edited share one image, each with a label of its own.
    inside = image_array(image) == segment.GetLabelValue()
    if not inside.any():
        return None
    matrix = _matrix_of(image)
    first = np.array(image.GetExtent()[::2], float)
    kept = []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        kept.append(slice(int(used[0]), int(used[-1]) + 1))
    start = first + [part.start for part in kept[::-1]]
    matrix[:3, 3] += matrix[:3, :3] @ start
    return inside[tuple(kept)], matrix


def segment_volume(node: Any, side: Side) -> float:
    """Volume of an ear's segment in mm³."""
    content = segment_content(node, side)
    if content is None:
        return 0.0
    inside, matrix = content
    return float(inside.sum() * abs(np.linalg.det(matrix[:3, :3])))


def segment_center(node: Any, side: Side) -> NDArray[np.float64] | None:
    """Middle of an ear's segment, the node's own RAS mm; None if it is empty."""
    content = segment_content(node, side)
    if content is None:
        return None
    inside, matrix = content
    return matrix[:3, :3] @ ((np.array(inside.shape[::-1]) - 1) / 2.0) + matrix[:3, 3]


def update_volume(node: Any, side: Side) -> float:
    """Measures an ear's segment, stores the volume with the node and returns it."""
    volume = segment_volume(node, side)
    text = f"{volume:.2f}"
    if node.GetAttribute(volume_attribute(side)) != text:
        node.SetAttribute(volume_attribute(side), text)
    return volume


def remember_automatic_segment(node: Any, side: Side) -> None:
    """Notes the segment as it is now as the automatic one."""
    node.SetAttribute(automatic_segment_attribute(side), fingerprint(segment_content(node, side)))


def automatic_fingerprint(node: Any, side: Side) -> str:
    """``fingerprint`` of the automatic segment; empty if it is not known."""
    return node.GetAttribute(automatic_segment_attribute(side)) or ""


def segment_was_edited(node: Any, side: Side) -> bool:
    """Whether an ear's segment is another than was found automatically."""
    remembered = automatic_fingerprint(node, side)
    if not remembered or node.GetSegmentation().GetSegment(SEGMENT_IDS[side]) is None:
        return False
    return fingerprint(segment_content(node, side)) != remembered


def fingerprint(content: Content | None) -> str:
    """The same for the same voxels, wherever they lie."""
    if content is None:
        return "empty"
    inside, _ = content
    digest = hashlib.sha256(str(inside.shape).encode())
    digest.update(np.packbits(inside).tobytes())
    return digest.hexdigest()[:32]


def _matrix_of(image: Any) -> NDArray[np.float64]:
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    return numpy_matrix(matrix)
