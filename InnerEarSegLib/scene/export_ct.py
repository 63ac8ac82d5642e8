"""A CT of the scene as a file for the worker, without touching the scene.

Slicer's own way to save a node gives it a storage node and marks it as saved; this writes the
voxels and nothing else. The file is in the CT's local RAS: its parent transform is left out, as
results are put under the same transform.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..errors import UnusableInput
from ..geometry import RAS_FROM_LPS, Geometry
from .matrices import numpy_matrix

REGION_MARGIN_MM = 15.0
"""Kept around a point or an ROI: a labyrinth is up to 20 mm long."""

_NRRD_TYPES = {
    "int8": "int8", "uint8": "uint8", "int16": "int16", "uint16": "uint16", "int32": "int32",
    "uint32": "uint32", "int64": "int64", "uint64": "uint64", "float32": "float",
    "float64": "double",
}  # fmt: skip


def voxels(volume_node: Any) -> NDArray:
    """A view, not a copy, of a volume node's voxels [k, j, i].

    Raises:
        UnusableInput: the volume is empty or has several values per voxel.
    """
    image = volume_node.GetImageData()
    scalars = None if image is None else image.GetPointData().GetScalars()
    if scalars is None or image.GetNumberOfPoints() == 0:
        raise UnusableInput(f"The volume {volume_node.GetName()} has no voxels.")
    if scalars.GetNumberOfComponents() != 1:
        raise UnusableInput(f"The volume {volume_node.GetName()} is a colour image, not a CT.")
    return vtk_to_numpy(scalars).reshape(image.GetDimensions()[::-1])


def geometry_of(volume_node: Any) -> Geometry:
    """Grid of a volume node in its local RAS mm."""
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    i, j, k = volume_node.GetImageData().GetDimensions()
    return Geometry(numpy_matrix(matrix), (k, j, i))


def export_ct(volume_node: Any, path: Path, region_node: Any = None) -> None:
    """Writes the CT, or the part of it around a region, as an uncompressed NRRD file.

    Args:
        volume_node: the CT.
        path: ends in .nrrd.
        region_node: markups point list or ROI, or None for the whole CT.

    Raises:
        UnusableInput: nothing could be written, in one sentence.
    """
    array, geometry = voxels(volume_node), geometry_of(volume_node)
    if region_node is not None:
        first, last = _box(geometry, _region_points(region_node, volume_node))
        array = array[first[2] : last[2] + 1, first[1] : last[1] + 1, first[0] : last[0] + 1]
        matrix = geometry.ijk_to_ras.copy()
        matrix[:3, 3] = geometry.to_ras(first)
        geometry = Geometry(matrix, array.shape)
    try:
        with path.open("wb") as stream:
            stream.write(_header(array, geometry))
            array.astype(array.dtype.newbyteorder("<"), copy=False).tofile(stream)
    except OSError as error:
        raise UnusableInput(
            f"The CT cannot be written to {path.parent}: {error.strerror or error}."
        ) from None


def has_region(region_node: Any) -> bool:
    """Whether a markups node says where to look."""
    return region_node is not None and bool(_world_points(region_node))


def _world_points(region_node: Any) -> list[list[float]]:
    if region_node.IsA("vtkMRMLMarkupsROINode"):
        if region_node.GetNumberOfDefinedControlPoints() == 0:
            return []
        half = np.array(region_node.GetSize()) / 2.0
        to_world = numpy_matrix(region_node.GetObjectToWorldMatrix())
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, 8).T
        return (signs * half @ to_world[:3, :3].T + to_world[:3, 3]).tolist()
    return [
        list(region_node.GetNthControlPointPositionWorld(index))
        for index in range(region_node.GetNumberOfControlPoints())
        if region_node.GetNthControlPointPositionStatus(index) == region_node.PositionDefined
    ][:1]


def _region_points(region_node: Any, volume_node: Any) -> NDArray[np.float64]:
    """Corners of the region in the CT's local RAS mm."""
    world = _world_points(region_node)
    if not world:
        raise UnusableInput(
            f"{region_node.GetName()} has no point yet: place it in the ear, or choose none."
        )
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, volume_node.GetParentTransformNode(), general
    )
    return np.array([general.TransformPoint(*point) for point in world])


def _box(
    geometry: Geometry, points: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    ijk = geometry.to_ijk(points)
    margin = REGION_MARGIN_MM / geometry.spacing
    size = np.array(geometry.shape[::-1])
    first = np.maximum(np.floor(ijk.min(axis=0) - margin), 0).astype(np.int64)
    last = np.minimum(np.ceil(ijk.max(axis=0) + margin), size - 1).astype(np.int64)
    if np.any(last - first < 1):
        raise UnusableInput("The place to look lies outside the CT.")
    return first, last


def _header(array: NDArray, geometry: Geometry) -> bytes:
    kind = _NRRD_TYPES.get(array.dtype.newbyteorder("=").name)
    if kind is None:
        raise UnusableInput(f"Voxels of type {array.dtype} are not supported.")
    lps = RAS_FROM_LPS @ geometry.ijk_to_ras
    vectors = ["(" + ",".join(repr(float(v)) for v in lps[:3, axis]) + ")" for axis in range(4)]
    lines = [
        "NRRD0004",
        f"type: {kind}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(str(n) for n in array.shape[::-1]),
        "space directions: " + " ".join(vectors[:3]),
        "kinds: domain domain domain",
        *(["endian: little"] if array.dtype.itemsize > 1 else []),
        "encoding: raw",
        f"space origin: {vectors[3]}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")
