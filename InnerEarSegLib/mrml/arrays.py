"""Numpy arrays and 4 x 4 matrices to VTK's and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import ArrayLike, NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy


def vtk_matrix(matrix: NDArray[np.float64]) -> Any:
    """vtkMatrix4x4 of a 4 x 4 array."""
    result = vtk.vtkMatrix4x4()
    result.DeepCopy(np.asarray(matrix, dtype=np.float64).ravel())
    return result


def numpy_matrix(matrix: Any) -> NDArray[np.float64]:
    """4 x 4 array of a vtkMatrix4x4."""
    return np.array([[matrix.GetElement(row, col) for col in range(4)] for row in range(4)])


def image_data(array: NDArray, image: Any) -> Any:
    """``image`` (a new vtkImageData or a subclass) filled with a copy of ``array`` [k, j, i]."""
    values = np.ascontiguousarray(array)
    if values.dtype == bool:
        values = values.view(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    elif not values.dtype.isnative:  # as NIfTI and NRRD readers return it
        values = values.astype(values.dtype.newbyteorder("="))
    image.SetDimensions(*values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    return image


def image_array(image: Any) -> NDArray:
    """Copy of a vtkImageData's voxels, [k, j, i]."""
    scalars = vtk_to_numpy(image.GetPointData().GetScalars())
    return scalars.reshape(image.GetDimensions()[::-1]).copy()


def to_world(node: Any, ras: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 3) in a node's own RAS mm, mapped to world RAS mm by its parent transforms."""
    points = np.asarray(ras, dtype=np.float64)
    parent = node.GetParentTransformNode()
    if parent is None:
        return points.copy()
    # Not a matrix: the parent may be a grid transform, as for irregular DICOM series.
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(parent, None, general)
    mapped = [general.TransformPoint(*point) for point in points.reshape(-1, 3)]
    return np.array(mapped).reshape(points.shape)
