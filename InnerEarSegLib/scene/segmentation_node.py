"""The labyrinths as one segmentation node."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..geometry import Geometry
from ..results import Ear, Segmentation, Side
from .lattice import common_lattice, offset_on_lattice, resample_mask
from .matrices import image_data, numpy_matrix, vtk_matrix
from .terminology import inner_ear_term

COLORS = {"left": (0.25, 0.70, 1.00), "right": (1.00, 0.62, 0.15)}
"""Blue and orange: told apart by colour-blind people too, and both bright on bone."""

SEGMENT_IDS: dict[Side, str] = {"left": "Labyrinth_left", "right": "Labyrinth_right"}
SEGMENT_NAMES = {"left": "Labyrinth left", "right": "Labyrinth right"}

_OUTLINE_PIXELS = 2
_FILL_OPACITY = 0.12


def add_segmentation(scene: Any, volume_node: Any, result: Segmentation) -> Any:
    """Adds one segment per ear, under the CT's parent transform.

    Returns:
        The vtkMRMLSegmentationNode, with a closed surface for the 3D view.
    """
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Labyrinth")
    node.CreateDefaultDisplayNodes()
    place_under_ct(node, volume_node)
    set_segments(node, result.ears)
    _show(node)
    return node


def place_under_ct(node: Any, volume_node: Any) -> None:
    """Ties the segmentation to its CT and the CT's parent transform."""
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    # This also makes the CT the source volume of the Segment Editor.
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def set_segments(node: Any, ears: Sequence[Ear]) -> None:
    """Adds the ears' segments, or puts them in the place of older ones; others stay.

    Segments lie on their ear's own grid when the ears share a lattice; an ear on another lattice
    than the finest ear's is brought to that (see ``lattice``).
    """
    others = set(node.GetSegmentation().GetSegmentIDs()) - {SEGMENT_IDS[e.side] for e in ears}
    grids = [ear.geometry for ear in ears]
    present = _lattice_of_segments(node, others)
    if present is not None:
        grids.insert(0, present)
    if not grids:
        return
    lattice = common_lattice(grids)
    segments = {ear.side: _segment(ear, lattice) for ear in ears}  # all made before any is added
    _set_reference_lattice(node, lattice)
    for side, segment in segments.items():
        if node.GetSegmentation().GetSegment(SEGMENT_IDS[side]) is not None:
            node.GetSegmentation().RemoveSegment(SEGMENT_IDS[side])
        if not node.GetSegmentation().AddSegment(segment, SEGMENT_IDS[side]):
            raise RuntimeError(f"Slicer did not accept the segment {segment.GetName()}")
    node.CreateClosedSurfaceRepresentation()


def _lattice_of_segments(node: Any, ids: Collection[str]) -> Geometry | None:
    """The lattice of the segments that are already there and stay."""
    segmentation = node.GetSegmentation()
    staying = [name for name in segmentation.GetSegmentIDs() if name in ids]
    name = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    for segment_id in staying:
        image = segmentation.GetSegment(segment_id).GetRepresentation(name)
        if image is not None and not image.IsEmpty():
            matrix = vtk.vtkMatrix4x4()
            image.GetImageToWorldMatrix(matrix)
            ijk_to_ras = numpy_matrix(matrix)
            ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ image.GetExtent()[::2]
            return Geometry(ijk_to_ras, tuple(image.GetDimensions()[::-1]))
    return None


def _set_reference_lattice(node: Any, lattice: Geometry) -> None:
    # The CT's grid would be the usual choice, but on saving Slicer resamples all segments to the
    # reference grid, and the labyrinth is finer than the CT.
    converter = slicer.vtkSegmentationConverter
    text = converter.SerializeImageGeometry(_empty_image(lattice))
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), text
    )


def _empty_image(lattice: Geometry) -> Any:
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*lattice.shape[::-1])
    image.SetImageToWorldMatrix(vtk_matrix(lattice.ijk_to_ras))
    return image


def _segment(ear: Ear, lattice: Geometry) -> Any:
    """A vtkSegment, not yet in any segmentation."""
    mask: NDArray[np.uint8] = (np.asarray(ear.labyrinth) != 0).astype(np.uint8)
    if mask.shape != tuple(ear.geometry.shape):
        raise ValueError(f"labyrinth is {mask.shape}, its geometry {ear.geometry.shape}")
    first = offset_on_lattice(ear.geometry, lattice)
    if first is None:
        mask, first = resample_mask(mask, ear.geometry, lattice)
    image = image_data(mask, slicer.vtkOrientedImageData())
    image.SetImageToWorldMatrix(vtk_matrix(lattice.ijk_to_ras))
    last = first + image.GetDimensions() - 1
    image.SetExtent(*np.stack([first, last], axis=1).ravel().tolist())

    segment = slicer.vtkSegment()
    segment.SetName(SEGMENT_NAMES[ear.side])
    segment.SetColor(*COLORS[ear.side])
    segment.SetTerminology(inner_ear_term(ear.side))
    representation = (
        slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
    )
    segment.AddRepresentation(representation, image)
    return segment


def _show(node: Any) -> None:
    display = node.GetDisplayNode()
    display.SetVisibility2DFill(True)
    display.SetVisibility2DOutline(True)
    display.SetOpacity2DFill(_FILL_OPACITY)
    display.SetOpacity2DOutline(1.0)
    display.SetSliceIntersectionThickness(_OUTLINE_PIXELS)
    # See-through in 3D, because the helicotrema lies inside.
    display.SetOpacity3D(0.55)
