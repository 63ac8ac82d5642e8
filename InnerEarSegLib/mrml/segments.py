"""The labyrinths as one segmentation node, and what its segments hold."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..types import Ear, Geometry, Segmentation, Side
from .arrays import image_array, image_data, numpy_matrix, vtk_matrix
from .landmarks import ATTRIBUTE

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
    origin = np.eye(4)
    origin[:3, 3] = first
    size = (last - first + 1).astype(int)
    return Geometry(finest.ijk_to_ras @ origin, (int(size[2]), int(size[1]), int(size[0])))


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
    """A mask [k, j, i] brought onto another lattice by trilinear interpolation.

    Returns:
        The mask on the part of ``lattice`` that covers ``grid``, and that part's first IJK index.
    """
    corners = lattice.to_ijk(grid.corners)
    first = np.floor(corners.min(axis=0)).astype(np.int64)
    size = np.ceil(corners.max(axis=0)).astype(np.int64) - first + 1
    values = np.zeros(size[::-1], dtype=np.uint8)
    # A rim of zeros, so that interpolation needs no special case at the edges.
    padded = np.pad(mask, 1).astype(np.float32)
    limit = np.array(padded.shape[::-1]) - 2
    j, i = np.meshgrid(np.arange(size[1]), np.arange(size[0]), indexing="ij")
    for k in range(size[2]):  # slice by slice: the whole grid of points would need gigabytes
        points = np.stack([i + first[0], j + first[1], np.full_like(i, k + first[2])], axis=-1)
        ijk = grid.to_ijk(lattice.to_ras(points)) + 1
        inside = np.all((ijk >= 0) & (ijk <= limit + 1), axis=-1)
        ijk = ijk[inside]
        if ijk.size:
            low = np.clip(np.floor(ijk).astype(np.int64), 0, limit)
            values[k][inside] = _trilinear(padded, low, ijk - low) >= 0.5
    return values, first


def _trilinear(
    array: NDArray[np.float32], low: NDArray[np.int64], part: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = np.zeros(len(low))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        i, j, k = (low + corner).T
        total += weight * array[k, j, i]
    return total


COLORS = {"left": (0.25, 0.70, 1.00), "right": (1.00, 0.62, 0.15)}
"""Blue and orange: told apart by colour-blind people too, and both bright on bone."""

SEGMENT_IDS: dict[Side, str] = {"left": "Labyrinth_left", "right": "Labyrinth_right"}
SEGMENT_NAMES: dict[Side, str] = {"left": "Labyrinth left", "right": "Labyrinth right"}

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
