"""The labyrinths as one segmentation node, and what its segments hold."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy

from ..report.figures import COLORS
from ..types import Ear, Geometry, Side, Volume
from .landmarks import ATTRIBUTE
from .scene import configure, grid_text, image_data, matrix_from, same_grid, vtk_matrix

# Slicer's seven-part terminology entry: context, category, type, modifier, region.
_TERM = (
    "Segmentation category and type - 3D Slicer General Anatomy list"
    "~SCT^123037004^Anatomical Structure~{type}~{laterality}"
    "~Anatomic codes - DICOM master list~^^~^^"
)
_LATERALITY = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
INNER_EAR = "SCT^22945000^Inner ear"


def terminology(side: Side, anatomy: str = INNER_EAR) -> str:
    """Slicer's terminology entry of a structure ("scheme^code^meaning") of one ear."""
    return _TERM.format(type=anatomy, laterality=_LATERALITY[side])


TOLERANCE = 1e-3  # voxels; grids that agree this well everywhere count as one lattice


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
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(grid.shape[::-1]) - 1)
    mapped = lattice.to_ijk(grid.to_ras(corners))
    offset = np.round(mapped[0])
    if np.abs(mapped - corners - offset).max() > TOLERANCE:
        return None
    return offset.astype(np.int64)


def resample_mask(
    mask: NDArray[np.uint8], grid: Geometry, lattice: Geometry
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Bring a mask [k, j, i] onto another lattice by linear interpolation.

    Return it on the part of ``lattice`` that covers ``grid``, and that part's first IJK index.
    """
    corners = lattice.to_ijk(grid.corners)
    first = np.floor(corners.min(axis=0)).astype(np.int64)
    size = np.ceil(corners.max(axis=0)).astype(np.int64) - first + 1
    ear = Volume((mask != 0).astype(np.float32), grid).on(lattice.part(first, size[::-1]))
    return (ear.array >= 0.5).astype(np.uint8), first


SEGMENT_IDS: dict[Side, str] = {"left": "Labyrinth_left", "right": "Labyrinth_right"}
SEGMENT_NAMES: dict[Side, str] = {"left": "Labyrinth left", "right": "Labyrinth right"}

AUTOMATIC_SEGMENT = ATTRIBUTE + "AutomaticSegment."  # attribute of each side: ``segment_key``

_LABELMAP = "Binary labelmap"  # vtkSegmentationConverter's name of the representation


def add_segmentation(scene: Any) -> Any:
    """Add an empty vtkMRMLSegmentationNode for labyrinths."""
    node = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Labyrinth")
    node.CreateDefaultDisplayNodes()
    configure(
        node.GetDisplayNode(),
        Visibility2DFill=True,
        Visibility2DOutline=True,
        Opacity2DFill=0.12,
        Opacity2DOutline=1.0,
        SliceIntersectionThickness=2,
        Opacity3D=0.55,  # see-through, because the helicotrema lies inside
    )
    return node


def place_under_ct(node: Any, volume_node: Any) -> None:
    """Tie the segmentation to its CT and the CT's parent transform."""
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    # This also makes the CT the source volume of the Segment Editor.
    node.SetReferenceImageGeometryParameterFromVolumeNode(volume_node)


def set_segments(node: Any, ears: Sequence[Ear]) -> None:
    """Add the ears' segments, or put them in the place of older ones; others stay.

    Segments lie on their ear's own grid when the ears share a lattice; an ear on another lattice
    than the finest ear's is brought to that (see ``common_lattice``).
    """
    segmentation = node.GetSegmentation()
    new = {SEGMENT_IDS[ear.side]: ear for ear in ears}
    kept = [_labelmap(node, x) for x in segmentation.GetSegmentIDs() if x not in new]
    present = [_geometry_of(image) for image in kept if image is not None]
    grids = [*present[:1], *(ear.geometry for ear in ears)]
    if not grids:
        return
    lattice = common_lattice(grids)
    segments = {  # all, before any is added
        segment_id: new_segment(
            ear.labyrinth, ear.geometry, lattice,
            Name=SEGMENT_NAMES[ear.side], Color=tuple(x / 255.0 for x in COLORS[ear.side]),
            Terminology=terminology(ear.side),
        )
        for segment_id, ear in new.items()
    }  # fmt: skip
    put_segments(node, segments, lattice)


def put_segments(node: Any, segments: Mapping[str, Any], lattice: Geometry) -> None:
    """Add vtkSegments by ID, or put them in the place of older ones; others stay.

    Their surfaces, which 3D views show, are left to the caller.
    """
    segmentation = node.GetSegmentation()
    # The CT's grid would be the usual reference, but on saving Slicer resamples all segments to
    # it, and the labyrinth is finer than the CT.
    converter = slicer.vtkSegmentationConverter
    image = configure(slicer.vtkOrientedImageData(), Dimensions=lattice.shape[::-1])
    image.SetImageToWorldMatrix(vtk_matrix(lattice.ijk_to_ras))
    segmentation.SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(image)
    )
    for segment_id, segment in segments.items():
        if segmentation.GetSegment(segment_id) is not None:
            segmentation.RemoveSegment(segment_id)
        if not segmentation.AddSegment(segment, segment_id):
            raise RuntimeError(f"Slicer did not accept the segment {segment.GetName()}")


def _labelmap(node: Any, segment_id: str) -> Any:
    """A segment's vtkOrientedImageData; None if there is none or it is empty."""
    segment = node.GetSegmentation().GetSegment(segment_id)
    image = None if segment is None else segment.GetRepresentation(_LABELMAP)
    return None if image is None or image.IsEmpty() else image


def _geometry_of(image: Any) -> Geometry:
    """The grid of a vtkOrientedImageData's own voxels: its matrix is that of index 0."""
    shape = tuple(image.GetDimensions()[::-1])
    matrix = matrix_from(image.GetImageToWorldMatrix)
    return Geometry(matrix, shape).part(image.GetExtent()[::2], shape)


def new_segment(
    mask: NDArray[np.uint8], geometry: Geometry, lattice: Geometry, **properties: Any
) -> Any:
    """A vtkSegment, not yet in any segmentation, on a lattice; with properties such as its Name."""
    mask = (np.asarray(mask) != 0).astype(np.uint8)
    if mask.shape != tuple(geometry.shape):
        raise ValueError(f"labyrinth is {mask.shape}, its geometry {geometry.shape}")
    first = offset_on_lattice(geometry, lattice)
    if first is None:
        mask, first = resample_mask(mask, geometry, lattice)
    image = image_data(mask, slicer.vtkOrientedImageData())
    image.SetImageToWorldMatrix(vtk_matrix(lattice.ijk_to_ras))
    last = first + image.GetDimensions() - 1
    image.SetExtent(*np.stack([first, last], axis=1).ravel().tolist())
    segment = configure(slicer.vtkSegment(), **properties)
    segment.AddRepresentation(_LABELMAP, image)
    return segment


def add_surface(segment: Any) -> None:
    """Give a vtkSegment the closed surface that 3D views show, beside its voxels."""
    name = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()
    alone = slicer.vtkSegmentation()
    alone.SetSourceRepresentationName(_LABELMAP)
    alone.AddSegment(segment, "alone")
    alone.CreateRepresentation(name)
    alone.RemoveSegment("alone")


# Voxels [k, j, i] cut to what is set, and their grid in the node's own RAS mm.
Content = tuple[NDArray[np.bool_], Geometry]


def segment_content(node: Any, side: Side) -> Content | None:
    """Return an ear's segment; None if there is none or it is empty."""
    image = _labelmap(node, SEGMENT_IDS[side])
    if image is None:
        return None
    # Segments that were edited share one image, each with a label of its own.
    label = node.GetSegmentation().GetSegment(SEGMENT_IDS[side]).GetLabelValue()
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    inside = scalars.reshape(image.GetDimensions()[::-1]) == label
    index = np.argwhere(inside)
    if not len(index):
        return None
    first, last = index.min(axis=0), index.max(axis=0)
    inside = inside[tuple(map(slice, first, last + 1))]
    return inside, _geometry_of(image).part(first[::-1], inside.shape)


def segment_volume(node: Any, side: Side) -> float:
    """Return the volume of an ear's segment in mm³."""
    content = segment_content(node, side)
    return 0.0 if content is None else float(content[0].sum()) * content[1].voxel_volume


def segment_center(node: Any, side: Side) -> NDArray[np.float64] | None:
    """Return the middle of an ear's segment, the node's own RAS mm; None if it is empty."""
    content = segment_content(node, side)
    return None if content is None else content[1].center


def remember_automatic_segment(node: Any, side: Side) -> None:
    """Note the segment as it is now as the automatic one."""
    node.SetAttribute(AUTOMATIC_SEGMENT + side, segment_key(segment_content(node, side)))


def is_automatic(node: Any, side: Side, content: Content | None) -> bool:
    """Whether this is the segment that was found automatically; False if that is not known."""
    remembered = node.GetAttribute(AUTOMATIC_SEGMENT + side) or ""
    return same_segment(segment_key(content), remembered)


def segment_was_edited(node: Any, side: Side) -> bool:
    """Whether an ear's segment is another, or lies elsewhere, than was found automatically."""
    known = node.GetAttribute(AUTOMATIC_SEGMENT + side)
    if not known or node.GetSegmentation().GetSegment(SEGMENT_IDS[side]) is None:
        return False
    return not is_automatic(node, side, segment_content(node, side))


def segment_key(content: Content | None) -> str:
    """Return what a segment is known by: a hash of its voxels, and their grid."""
    if content is None:
        return "empty"
    inside, geometry = content
    digest = hashlib.sha256(str(inside.shape).encode())
    digest.update(np.packbits(inside).tobytes())
    return f"{digest.hexdigest()[:32]} {grid_text(geometry.ijk_to_ras, inside.shape[::-1])}"


def same_segment(one: str, other: str) -> bool:
    """Whether two ``segment_key`` are of the same voxels in the same place.

    Scenes of earlier versions do not tell the place.
    """
    (voxels, _, here), (others, _, there) = one.partition(" "), other.partition(" ")
    return voxels == others and (not (here and there) or same_grid(here, there))
