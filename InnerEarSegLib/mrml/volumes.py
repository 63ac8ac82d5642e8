"""The CT as a scalar volume node, as a file for the worker, and the region to look in."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData

from ..errors import UnusableInput
from ..io.region import CENTER_REACH_MM, Region
from ..report.figures import HIGH_HU, LOW_HU
from ..types import RAS_FROM_LPS, Geometry, Volume
from .scene import image_data, matrix_from, numpy_matrix, transform_between, vtk_matrix


def add_volume(scene: Any, volume: Volume) -> Any:
    """Add the CT with the HU range of bone; return the vtkMRMLScalarVolumeNode.

    Voxels [k, j, i] are copied; ``volume.geometry`` gives the position in RAS mm.
    """
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", volume.name)
    node.SetIJKToRASMatrix(vtk_matrix(volume.geometry.ijk_to_ras))
    # Before the voxels, else MRML looks through them all for a grey scale.
    node.CreateDefaultDisplayNodes()
    show_bone_range(node)
    node.SetAndObserveImageData(image_data(volume.array, vtkImageData()))
    return node


def show_bone_range(volume_node: Any) -> None:
    """Set a volume node's grey scale to the HU range of bone."""
    display = volume_node.GetDisplayNode()
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeGrey")
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(LOW_HU, HIGH_HU)


PIECE_BYTES = 4_000_000  # written at a time: some 10 ms on a slow disk


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


def empty_end(volume_node: Any) -> int:
    """Return how many slices at the end hold nothing but 0: a reader fills what a file lacks."""
    array = voxels(volume_node)
    full = next((n for n, values in enumerate(array[::-1]) if values.any()), 0)
    return int(full)


def geometry_of(volume_node: Any) -> Geometry:
    """Grid of a volume node in its local RAS mm."""
    i, j, k = volume_node.GetImageData().GetDimensions()
    return Geometry(matrix_from(volume_node.GetIJKToRASMatrix), (k, j, i))


def export_steps(
    volume_node: Any, path: Path, slice_mm: float | None = None
) -> Generator[float, None, None]:
    """Write the CT as an uncompressed .nrrd file, a few milliseconds at a time.

    No writer of VTK or SimpleITK can be interrupted, and the panel would freeze meanwhile. Yields
    the part that is done, 0 to 1. ``slice_mm`` is the thickness of the slices, where it is known.

    The voxels are kept alive meanwhile, also when the node is removed. A generator that is closed
    before its end leaves a part of the file.

    Raises:
        UnusableInput: nothing could be written, in one sentence.
    """
    array = voxels(volume_node)
    header = _header(array, geometry_of(volume_node), slice_mm)
    values = array.reshape(-1)  # a view: VTK's arrays have no gaps
    step = max(1, PIECE_BYTES // array.dtype.itemsize)
    little = array.dtype.newbyteorder("<")
    try:
        with path.open("wb") as stream:
            stream.write(header)
            for first in range(0, values.size, step):
                values[first : first + step].astype(little, copy=False).tofile(stream)
                yield min(1.0, (first + step) / values.size)
    except OSError as error:
        raise UnusableInput(
            f"The CT cannot be written to {path.parent}: {error.strerror or error}."
        ) from None


def _header(array: NDArray, geometry: Geometry, slice_mm: float | None) -> bytes:
    kind = {"f4": "float", "f8": "double"}.get(array.dtype.str[1:], array.dtype.name)
    if array.dtype.kind not in "iu" and kind == array.dtype.name:
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
        *([] if slice_mm is None else [f"thicknesses: nan nan {slice_mm!r}"]),
        *(["endian: little"] if array.dtype.itemsize > 1 else []),
        "encoding: raw",
        f"space origin: {vectors[3]}",
    ]
    return ("\n".join(lines) + "\n\n").encode("ascii")


SLICE_THICKNESS = "0018,0050"


def slice_thickness(volume: Any) -> float | None:
    """Return the mm that the DICOM database has for a volume node's slices; None without."""
    uids, database = dicom_instances(volume), dicom_database()
    try:
        mm = float(database.instanceValue(uids[0], SLICE_THICKNESS)) if uids and database else 0.0
    except ValueError:  # empty, or no number
        return None
    return mm if mm > 0.0 else None


def dicom_database() -> Any:
    """Return Slicer's ctkDICOMDatabase; None in a 3D Slicer that was built without DICOM."""
    return getattr(slicer.app, "dicomDatabase", lambda: None)()


def dicom_instances(volume: Any) -> list[str]:
    """Return SOPInstanceUIDs as Slicer's DICOM readers note them, one a file."""
    return list(dict.fromkeys((volume.GetAttribute("DICOM.instanceUIDs") or "").split()))


def has_region(region_node: Any) -> bool:
    """Whether a markups node says where to look."""
    return region_node is not None and len(_world_points(region_node)) > 0


def where_to_look(region_node: Any, volume_node: Any) -> Region | None:
    """A markups point list or ROI in the CT's own RAS mm; None, as of no node: the whole CT.

    Raises:
        UnusableInput: there is no point yet, or it lies outside the CT.
    """
    if region_node is None:
        return None
    world = _world_points(region_node)
    if not len(world):
        raise UnusableInput(
            f"{region_node.GetName()} has no point yet: place it in the ear, or choose none."
        )
    general = transform_between(None, volume_node.GetParentTransformNode())
    local = np.array([general.TransformPoint(*point) for point in world])
    low, high = local.min(axis=0), local.max(axis=0)
    ijk = geometry_of(volume_node).to_ijk(local)
    size = np.array(volume_node.GetImageData().GetDimensions())
    if np.any(ijk.max(axis=0) < -0.5) or np.any(ijk.min(axis=0) > size - 0.5):
        raise UnusableInput("The place to look lies outside the CT.")
    half = np.full(3, CENTER_REACH_MM) if len(world) == 1 else (high - low) / 2
    return Region((low + high) / 2, half)


def _world_points(region_node: Any) -> NDArray[np.float64]:
    """The point, or points all over the surface of the box, as a grid transform bends its faces."""
    if region_node.IsA("vtkMRMLMarkupsROINode"):
        half = np.array(region_node.GetSize()) / 2.0
        if region_node.GetNumberOfDefinedControlPoints() == 0 or half.min() <= 0:
            return np.empty((0, 3))
        to_world = numpy_matrix(region_node.GetObjectToWorldMatrix())
        ticks = np.linspace(-1, 1, 9)
        cube = np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
        surface = cube[np.abs(cube).max(axis=1) == 1]
        return surface * half @ to_world[:3, :3].T + to_world[:3, 3]
    points = [
        list(region_node.GetNthControlPointPositionWorld(index))
        for index in range(region_node.GetNumberOfControlPoints())
        if region_node.GetNthControlPointPositionStatus(index) == region_node.PositionDefined
    ]
    return np.array(points[:1]).reshape(-1, 3)
