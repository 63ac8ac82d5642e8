"""What the slice and 3D views of a scene show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .matrices import to_world

FIELD_OF_VIEW_MM = 30.0
"""Wide enough for a labyrinth (up to 20 mm) and the windows' surroundings."""

_CAMERA_MM = 75.0


def show_ear(scene: Any, volume_node: Any, center: ArrayLike) -> None:
    """Turns all slice views and the 3D view to an ear.

    Args:
        scene: with the view nodes of the application (or of ``boot.headless_scene``).
        volume_node: the CT, shown in the background.
        center: middle of the ear, RAS mm of the CT (its parent transform not yet applied).
    """
    world = to_world(volume_node, center)
    for node in nodes_of(scene, "vtkMRMLSliceCompositeNode"):
        node.SetBackgroundVolumeID(volume_node.GetID())
        # Scrolling and zooming stays per view: linked views would all jump to one field of view.
        node.SetLinkedControl(False)
    for node in nodes_of(scene, "vtkMRMLSliceNode"):
        center_slice(node, world, min(volume_node.GetSpacing()))
    for node in nodes_of(scene, "vtkMRMLViewNode"):
        node.SetBoxVisible(False)
        node.SetAxisLabelsVisible(False)
        node.SetOrientationMarkerType(node.OrientationMarkerTypeAxes)
        node.SetOrientationMarkerSize(node.OrientationMarkerSizeSmall)
        node.SetRulerType(node.RulerTypeThin)
    for node in nodes_of(scene, "vtkMRMLCameraNode"):
        _aim_camera(node, world)
    for node in nodes_of(scene, "vtkMRMLCrosshairNode"):
        node.SetCrosshairRAS(*world)
        node.SetCrosshairMode(node.NoCrosshair)
    for node in nodes_of(scene, "vtkMRMLSelectionNode"):
        node.SetActiveVolumeID(volume_node.GetID())


def nodes_of(scene: Any, class_name: str) -> list[Any]:
    """All nodes of a class."""
    return [
        scene.GetNthNodeByClass(index, class_name)
        for index in range(scene.GetNumberOfNodesByClass(class_name))
    ]


def center_slice(node: Any, world: np.ndarray, spacing: float) -> None:
    """Centres a slice view on a point, zoomed to an ear."""
    width, height, _ = node.GetDimensions()
    # The shorter side of the window shows the whole field of view.
    per_pixel = FIELD_OF_VIEW_MM / max(min(width, height), 1)
    node.SetFieldOfView(width * per_pixel, height * per_pixel, spacing)
    node.JumpSliceByCentering(*world)
    node.SetRulerType(node.RulerTypeThin)


def fitted_field(
    field: Sequence[float], before: Sequence[int], now: Sequence[int]
) -> tuple[float, float, float]:
    """Field of view in a window of another size, as vtkMRMLSliceLogic::ResizeSliceNode has it.

    The picture is as high in mm as before, and pixels stay as square as they were.

    Args:
        field: width, height and depth in mm that were shown.
        before: width, height and depth of the window then, pixels.
        now: the same at present.
    """
    width, height, depth = field
    if min(*before[:2], *now[:2]) <= 0:
        return width, height, depth
    wider, higher = now[0] / before[0], now[1] / before[1]
    return width * wider / higher, height, depth


def _aim_camera(node: Any, world: np.ndarray) -> None:
    """From the front and a little above, as Slicer's default view."""
    node.SetFocalPoint(*world)
    node.SetPosition(*(world + _CAMERA_MM * np.array([0.0, 0.94, 0.34])))
    node.SetViewUp(0.0, 0.0, 1.0)
    node.ResetClippingRange()


def show_in_3d(scene: Any) -> None:
    """Changes to the four-up layout if only a single slice view is shown."""
    for layout in nodes_of(scene, "vtkMRMLLayoutNode"):
        alone = (
            layout.SlicerLayoutOneUpRedSliceView,
            layout.SlicerLayoutOneUpYellowSliceView,
            layout.SlicerLayoutOneUpGreenSliceView,
        )
        if layout.GetViewArrangement() in alone:
            layout.SetViewArrangement(layout.SlicerLayoutFourUpView)
