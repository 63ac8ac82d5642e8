"""What the slice and 3D views of a scene show, and from where."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Side
from .ear_rendering import anatomical_viewpoints
from .landmarks import node_landmarks
from .results import Results
from .scene import nodes_of, to_world
from .segments import segment_content

FIELD_OF_VIEW_MM = 30.0
"""Wide enough for a labyrinth (up to 20 mm) and the windows' surroundings."""

_CAMERA_MM = 75.0


def show_ear(scene: Any, volume_node: Any, center: ArrayLike) -> None:
    """Turn all slice views and the 3D view to an ear.

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


def center_slice(node: Any, world: np.ndarray, spacing: float) -> None:
    """Centre a slice view on a point, zoomed to an ear."""
    width, height, _ = node.GetDimensions()
    # The shorter side of the window shows the whole field of view.
    per_pixel = FIELD_OF_VIEW_MM / max(min(width, height), 1)
    node.SetFieldOfView(width * per_pixel, height * per_pixel, spacing)
    node.JumpSliceByCentering(*world)
    node.SetRulerType(node.RulerTypeThin)


def _aim_camera(node: Any, world: np.ndarray) -> None:
    """From the front and a little above, as Slicer's default view."""
    node.SetFocalPoint(*world)
    node.SetPosition(*(world + _CAMERA_MM * np.array([0.0, 0.94, 0.34])))
    node.SetViewUp(0.0, 0.0, 1.0)
    node.ResetClippingRange()


def show_in_3d(scene: Any) -> None:
    """Change to the four-up layout if only a single slice view is shown."""
    for layout in nodes_of(scene, "vtkMRMLLayoutNode"):
        alone = (
            layout.SlicerLayoutOneUpRedSliceView,
            layout.SlicerLayoutOneUpYellowSliceView,
            layout.SlicerLayoutOneUpGreenSliceView,
        )
        if layout.GetViewArrangement() in alone:
            layout.SetViewArrangement(layout.SlicerLayoutFourUpView)


CLOSE_MM = 2 * FIELD_OF_VIEW_MM
"""A view that shows less than this is near enough to see a landmark; its zoom is left alone."""


def jump_to(scene: Any, node: Any, position: ArrayLike, volume_node: Any = None) -> None:
    """Centre all slice views and the crosshair on a point, and the 3D view if it is far from it.

    Args:
        scene: with the application's view nodes.
        node: whose coordinates ``position`` is in (its parent transform not yet applied).
        position: RAS mm.
        volume_node: the CT, brought into views that show another volume, or None.
    """
    world = to_world(node, position)
    if volume_node is not None:
        for composite in nodes_of(scene, "vtkMRMLSliceCompositeNode"):
            if composite.GetBackgroundVolumeID() != volume_node.GetID():
                composite.SetBackgroundVolumeID(volume_node.GetID())
    for view in nodes_of(scene, "vtkMRMLSliceNode"):
        if max(view.GetFieldOfView()[:2]) > CLOSE_MM:
            center_slice(view, world, view.GetFieldOfView()[2])
        else:
            view.JumpSliceByCentering(*world)
    for crosshair in nodes_of(scene, "vtkMRMLCrosshairNode"):
        crosshair.SetCrosshairRAS(*world)
        # With a gap in the middle, so that the landmark stays visible.
        crosshair.SetCrosshairMode(crosshair.ShowIntersection)
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        shift = world - camera.GetFocalPoint()
        if np.linalg.norm(shift) < FIELD_OF_VIEW_MM / 2:
            continue  # this ear is in view as a whole, and a shift would cut it off
        camera.SetPosition(*(camera.GetPosition() + shift))
        camera.SetFocalPoint(*world)
        camera.ResetClippingRange()


def slide_to(scene: Any, node: Any, position: ArrayLike) -> None:
    """Move all slices through a point, without panning; the crosshair goes along."""
    world = to_world(node, position)
    for view in nodes_of(scene, "vtkMRMLSliceNode"):
        view.JumpSliceByOffsetting(*world)
    for crosshair in nodes_of(scene, "vtkMRMLCrosshairNode"):
        crosshair.SetCrosshairRAS(*world)


_DISTANCE_MM = 50.0


def landmark_places(node: Any) -> dict[str, NDArray[np.float64]]:
    """Return the world RAS mm of the landmarks that are there, by label."""
    places = node_landmarks(node)
    return {name: to_world(node, ras) for name, ras in places.items() if ras is not None}


def labyrinth_cloud(node: Any, side: Side, most: int) -> NDArray[np.float64]:
    """Return about ``most`` points of an ear's segment, world RAS mm (n, 3); maybe none."""
    content = segment_content(node, side)
    if content is None:
        return np.empty((0, 3))
    index = np.argwhere(content[0])[:, ::-1]
    return to_world(node, content[1].to_ras(index[:: max(1, len(index) // most)]))


def face_windows(scene: Any, results: Results, side: Side) -> None:
    """Turn the 3D view to look at the oval and the round window of an ear.

    Args:
        scene: with the application's camera nodes.
        results: of one CT.
        side: of the ear; without a segment nothing happens.
    """
    node, landmarks = results.segmentation, results.landmarks.get(side)
    if node is None or landmarks is None:
        return
    cloud = labyrinth_cloud(node, side, 2000)
    if not len(cloud):
        return
    _, direction, up = anatomical_viewpoints(cloud, landmark_places(landmarks))[0]
    direction = direction / np.linalg.norm(direction)
    center = (cloud.min(axis=0) + cloud.max(axis=0)) / 2.0
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        camera.SetFocalPoint(*center)
        camera.SetPosition(*(center + _DISTANCE_MM * direction))
        camera.SetViewUp(*up)
        camera.ResetClippingRange()
