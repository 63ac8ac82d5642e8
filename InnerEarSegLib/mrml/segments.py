"""The labyrinths as one segmentation node, and what its segments hold."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import SimpleITK as sitk
import slicer
import vtk
from numpy.typing import NDArray

from ..io.volume import image_of
from ..types import Ear, Geometry, Segmentation, Side
from .landmarks import ATTRIBUTE
from .scene import image_array, image_data, numpy_matrix, vtk_matrix

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_CATEGORY = "SCT^123037004^Anatomical Structure"
_TYPE = "SCT^22945000^Inner ear"
_LATERALITY = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def inner_ear_term(side: Side) -> str:
    """Slicer's seven-part terminology entry: context, category, type, modifier, region."""
    return "~".join([_CONTEXT, _CATEGORY, _TYPE, _LATERALITY[side], _REGION_CONTEXT, "^^", "^^"])


TOLERANCE = 1e-3
"""Voxels; grids that agree this well everywhere count as one lattice."""


def common_lattice(grids: Sequence[Geometry]) -> Geometry:
    """The lattice of the finest grid, extended to cover all grids. RAS mm."""
    finest = min(grids, key=lambda grid: grid.voxel_volume)
    corners = np.concatenate([finest.to_ijk(grid.corners) for grid in grids])
    # Corners lie half a voxel outside the outer voxels' centres.
    first = np.ceil(corners.min(axis=0) - TOLERANCE)
    last = np.floor(corners.max(axis=0) + TOLERANCE)
    return finest.part(first, (last - first + 1)[::-1])


def offset_on_lattice(grid: Geometry, lattice: Geometry) -> NDArray[np.int64] | None:
    """IJK index on ``lattice`` of the grid's first voxel, or None if the grids are staggered."""
    last = np.array(grid.shape[::-1]) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, 8).T
    mapped = lattice.to_ijk(grid.to_ras(corners))
    offset = np.round(mapped[0])
    if np.abs(mapped - corners - offset).max() > TOLERANCE:
        return None
    return offset.astype(np.int64)


def resample_mask(
    mask: NDArray[np.uint8], grid: Geometry, lattice: Geometry
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bring a mask [k, j, i] onto another lattice by linear interpolation.

    Returns:
        The mask on the part of ``lattice`` that covers ``grid``, and that part's first IJK index.
    """
    corners = lattice.to_ijk(grid.corners)
    first = np.floor(corners.min(axis=0)).astype(np.int64)
    size = np.ceil(corners.max(axis=0)).astype(np.int64) - first + 1
    part = lattice.part(first, size[::-1])
    target = image_of(np.zeros(part.shape, np.uint8), part)
    image = image_of((mask != 0).astype(np.float32), grid)
    resampled = sitk.Resample(image, target, sitk.Transform(), sitk.sitkLinear, 0.0)
    return (sitk.GetArrayFromImage(resampled) >= 0.5).astype(np.uint8), first


COLORS = {"left": (0.25, 0.70, 1.00), "right": (1.00, 0.62, 0.15)}
"""Blue and orange: told apart by colour-blind people too, and both bright on bone."""

SEGMENT_IDS: dict[Side, str] = {"left": "Labyrinth_left", "right": "Labyrinth_right"}
SEGMENT_NAMES: dict[Side, str] = {"left": "Labyrinth left", "right": "Labyrinth right"}

_LABELMAP = "Binary labelmap"  # vtkSegmentationConverter's name of the representation
_OUTLINE_PIXELS = 2
_FILL_OPACITY = 0.12


def add_segmentation(scene: Any, volume_node: Any, result: Segmentation) -> Any:
    """Add one segment per ear, under the CT's parent transform.

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
    """Tie the segmentation to its CT and the CT's parent transform."""
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    # This also makes the CT the source volume of the Segment Editor.
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def set_segments(node: Any, ears: Sequence[Ear]) -> None:
    """Add the ears' segments, or put them in the place of older ones; others stay.

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
    for segment_id in segmentation.GetSegmentIDs():
        if segment_id in ids:
            image = segmentation.GetSegment(segment_id).GetRepresentation(_LABELMAP)
            if image is not None and not image.IsEmpty():
                return _geometry_of(image)
    return None


def _geometry_of(image: Any) -> Geometry:
    """The grid of a vtkOrientedImageData's own voxels: its matrix is that of index 0."""
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    shape = tuple(image.GetDimensions()[::-1])
    return Geometry(numpy_matrix(matrix), shape).part(image.GetExtent()[::2], shape)


def _set_reference_lattice(node: Any, lattice: Geometry) -> None:
    # The CT's grid would be the usual choice, but on saving Slicer resamples all segments to the
    # reference grid, and the labyrinth is finer than the CT.
    converter = slicer.vtkSegmentationConverter
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(*lattice.shape[::-1])
    image.SetImageToWorldMatrix(vtk_matrix(lattice.ijk_to_ras))
    node.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(),
        converter.SerializeImageGeometry(image),
    )


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
    segment.AddRepresentation(_LABELMAP, image)
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


Content = tuple[NDArray[np.bool_], Geometry]
"""Voxels [k, j, i] cut to what is set, and their grid in the node's own RAS mm."""


def volume_attribute(side: Side) -> str:
    """Node attribute with the labyrinth's volume in mm³."""
    return f"{ATTRIBUTE}VolumeMm3.{side}"


def automatic_segment_attribute(side: Side) -> str:
    """Node attribute with a hash of the automatic segment."""
    return f"{ATTRIBUTE}AutomaticSegment.{side}"


def segment_content(node: Any, side: Side) -> Content | None:
    """Return an ear's segment; None if there is none or it is empty."""
    segment = node.GetSegmentation().GetSegment(SEGMENT_IDS[side])
    image = None if segment is None else segment.GetRepresentation(_LABELMAP)
    if image is None or image.IsEmpty():
        return None
    # Segments that were edited share one image, each with a label of its own.
    inside = image_array(image) == segment.GetLabelValue()
    if not inside.any():
        return None
    kept = []
    for axis in range(3):
        used = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        kept.append(slice(int(used[0]), int(used[-1]) + 1))
    inside = inside[tuple(kept)]
    return inside, _geometry_of(image).part([part.start for part in kept[::-1]], inside.shape)


def segment_volume(node: Any, side: Side) -> float:
    """Return the volume of an ear's segment in mm³."""
    content = segment_content(node, side)
    return 0.0 if content is None else float(content[0].sum()) * content[1].voxel_volume


def segment_center(node: Any, side: Side) -> NDArray[np.float64] | None:
    """Return the middle of an ear's segment, the node's own RAS mm; None if it is empty."""
    content = segment_content(node, side)
    return None if content is None else content[1].center


def update_volume(node: Any, side: Side) -> float:
    """Measure an ear's segment; store the volume with the node and return it."""
    volume = segment_volume(node, side)
    text = f"{volume:.2f}"
    if node.GetAttribute(volume_attribute(side)) != text:
        node.SetAttribute(volume_attribute(side), text)
    return volume


def remember_automatic_segment(node: Any, side: Side) -> None:
    """Note the segment as it is now as the automatic one."""
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
