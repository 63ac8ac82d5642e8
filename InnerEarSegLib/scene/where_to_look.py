"""Where the user wants the ear to be looked for, in the CT's own coordinates.

The command line takes a point or a box along R, A and S of the CT's file. The file is written
without the CT's parent transform, so both are brought into the CT's local RAS mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from ..errors import UnusableInput
from .export_ct import geometry_of
from .matrices import numpy_matrix

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Where:
    """Where to look.

    Attributes:
        center: R, A, S of a point, or None.
        roi: R, A, S of a box's centre and its full edge lengths along them, or None.
    """

    center: Numbers | None = None
    roi: Numbers | None = None


def has_region(region_node: Any) -> bool:
    """Whether a markups node says where to look."""
    return region_node is not None and len(_world_points(region_node)) > 0


def where_to_look(region_node: Any, volume_node: Any) -> Where:
    """A markups point list or ROI as the command line wants it; None: nowhere in particular.

    Raises:
        UnusableInput: there is no point yet, or it lies outside the CT.
    """
    if region_node is None:
        return Where()
    world = _world_points(region_node)
    if not len(world):
        raise UnusableInput(
            f"{region_node.GetName()} has no point yet: place it in the ear, or choose none."
        )
    general = vtk.vtkGeneralTransform()
    slicer.vtkMRMLTransformNode.GetTransformBetweenNodes(
        None, volume_node.GetParentTransformNode(), general
    )
    local = np.array([general.TransformPoint(*point) for point in world])
    low, high = local.min(axis=0), local.max(axis=0)
    ijk = geometry_of(volume_node).to_ijk(local)
    size = np.array(volume_node.GetImageData().GetDimensions())
    if np.any(ijk.max(axis=0) < -0.5) or np.any(ijk.min(axis=0) > size - 0.5):
        raise UnusableInput("The place to look lies outside the CT.")
    if len(world) == 1:
        return Where(center=_rounded(low))
    return Where(roi=_rounded(np.concatenate([(low + high) / 2, high - low])))


def _rounded(values: NDArray[np.float64]) -> Numbers:
    return tuple(round(float(value), 4) for value in values)


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
