"""A segment as a closed surface in mm, to be seen in a report, or printed and held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..types import Geometry, apply_affine

FORMATS = ("stl", "obj")

_SMOOTHING, _PASS_BAND = 25, 0.08
"""Steps and pass band of Taubin's filter, which takes off the voxels' stairs."""


def surface_of(labyrinth: NDArray[Any], geometry: Geometry) -> Any:
    """Return a mask's [k, j, i] surface, a vtkPolyData in RAS mm without holes, facing outwards.

    Parts that hang together by an edge or a corner alone come apart.
    """
    mask = np.pad((np.asarray(labyrinth) != 0).astype(np.float32), 1)
    image = vtk.vtkImageData()
    image.SetDimensions(*mask.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(mask.ravel(), deep=True))
    contour = vtk.vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    contour.ComputeGradientsOff()
    contour.ComputeScalarsOff()
    smooth = vtk.vtkWindowedSincPolyDataFilter()
    smooth.SetInputConnection(contour.GetOutputPort())
    smooth.SetNumberOfIterations(_SMOOTHING)
    smooth.SetPassBand(_PASS_BAND)
    smooth.NormalizeCoordinatesOn()
    smooth.BoundarySmoothingOff()
    smooth.FeatureEdgeSmoothingOff()
    smooth.Update()
    found = smooth.GetOutput()
    if not found.GetNumberOfPoints():
        return found
    points = vtk_to_numpy(found.GetPoints().GetData()).astype(np.float64) - 1.0  # of the padding
    placed = vtk.vtkPoints()
    placed.SetData(numpy_to_vtk(apply_affine(geometry.ijk_to_ras, points), deep=True))
    surface = vtk.vtkPolyData()
    surface.SetPoints(placed)
    surface.SetPolys(found.GetPolys())
    if volume_of(surface) < 0.0:
        surface = _turned(surface)
    _grow(surface, float(np.count_nonzero(mask)) * geometry.voxel_volume)
    return surface


def volume_of(surface: Any) -> float:
    """Volume in mm³ inside a closed vtkPolyData of triangles; negative if they face inwards."""
    points = vtk_to_numpy(surface.GetPoints().GetData())
    corners = points[vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)]
    corners = corners - points.mean(axis=0)
    return float(np.einsum("ij,ij->", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])) / 6.0)


def open_edges(surface: Any) -> int:
    """How many edges do not join exactly two triangles: 0 if the surface is watertight."""
    edges = vtk.vtkFeatureEdges()
    edges.SetInputData(surface)
    edges.FeatureEdgesOff()
    edges.BoundaryEdgesOn()
    edges.NonManifoldEdgesOn()
    edges.ManifoldEdgesOff()
    edges.Update()
    return int(edges.GetOutput().GetNumberOfCells())


def write_surface(surface: Any, path: Path) -> None:
    """Write a binary STL or an OBJ, by the file's ending; RAS mm."""
    writer = vtk.vtkSTLWriter() if path.suffix.lower() == ".stl" else vtk.vtkOBJWriter()
    if path.suffix.lower() == ".stl":
        writer.SetFileTypeToBinary()
    writer.SetFileName(str(path))
    writer.SetInputData(surface)
    writer.AddObserver("ErrorEvent", lambda *event: None)  # else VTK prints it
    if not writer.Write():
        full = writer.GetErrorCode() == vtk.vtkErrorCode.OutOfDiskSpaceError
        raise OSError("no space left" if full else f"{path.name} was not written")


def _grow(surface: Any, volume: float) -> None:
    """Move a closed surface along its normals by one distance, so that it has this volume in mm³.

    Contouring cuts the voxels' corners, which makes thin parts more than 1 % smaller.
    """
    points = vtk_to_numpy(surface.GetPoints().GetData())
    triangles = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    first, second, third = points[triangles].transpose(1, 0, 2)
    # The gradient of the volume by a point is a third of the area vectors of its triangles.
    area = np.cross(second - first, third - first) / 6.0
    gradient = np.zeros_like(points)
    for corner in triangles.T:
        np.add.at(gradient, corner, area)
    size = np.linalg.norm(gradient, axis=1, keepdims=True)
    step = (volume - volume_of(surface)) / max(float(size.sum()), 1e-12)
    points += step * gradient / np.maximum(size, 1e-12)  # in place: VTK's own memory
    surface.GetPoints().Modified()


def _turned(surface: Any) -> Any:
    reverse = vtk.vtkReverseSense()
    reverse.SetInputData(surface)
    reverse.ReverseCellsOn()
    reverse.Update()
    return reverse.GetOutput()
