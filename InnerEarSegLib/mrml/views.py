"""What the slice and 3D views of a scene show, and from where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..report.figures import anatomical_viewpoints
from ..types import Side
from .landmarks import node_landmarks
from .results import Results
from .scene import configure, nodes_of, to_world
from .segments import segment_content

FIELD_OF_VIEW_MM = 30.0  # a labyrinth (up to 20 mm) and the windows' surroundings
CLOSE_MM = 2 * FIELD_OF_VIEW_MM
"""A view that shows less than this is near enough to see a landmark; its zoom is left alone."""


def show_ear(scene: Any, volume_node: Any, center: ArrayLike) -> None:
    """Turn all slice views, with the CT in the background, and the 3D view to an ear.

    ``center`` is the ear's, RAS mm of the CT, its parent transform not yet applied.
    """
    world = to_world(volume_node, center)
    for node in nodes_of(scene, "vtkMRMLSliceCompositeNode"):
        node.SetBackgroundVolumeID(volume_node.GetID())
        # Scrolling and zooming stays per view: linked views would all jump to one field of view.
        node.SetLinkedControl(False)
    for node in nodes_of(scene, "vtkMRMLSliceNode"):
        center_slice(node, world, min(volume_node.GetSpacing()))
    for node in nodes_of(scene, "vtkMRMLViewNode"):
        configure(
            node,
            BoxVisible=False,
            AxisLabelsVisible=False,
            OrientationMarkerType=node.OrientationMarkerTypeAxes,
            OrientationMarkerSize=node.OrientationMarkerSizeSmall,
            RulerType=node.RulerTypeThin,
        )
    # From the front and a little above, as Slicer's default view.
    _aim_cameras(scene, world, 75.0 * np.array([0.0, 0.94, 0.34]), (0.0, 0.0, 1.0))
    for node in nodes_of(scene, "vtkMRMLCrosshairNode"):
        configure(node, CrosshairRAS=tuple(world), CrosshairMode=node.NoCrosshair)
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


def _aim_cameras(scene: Any, focus: NDArray, offset: NDArray, up: Iterable[float]) -> None:
    """Let all cameras look at a point from ``offset`` mm beside it, world RAS."""
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        camera.SetFocalPoint(*focus)
        camera.SetPosition(*(focus + offset))
        camera.SetViewUp(*up)
        camera.ResetClippingRange()


def show_in_3d(scene: Any) -> None:
    """Change to the four-up layout if only a single slice view is shown."""
    for layout in nodes_of(scene, "vtkMRMLLayoutNode"):
        views = ("Red", "Yellow", "Green")
        alone = [getattr(layout, f"SlicerLayoutOneUp{name}SliceView") for name in views]
        if layout.GetViewArrangement() in alone:
            layout.SetViewArrangement(layout.SlicerLayoutFourUpView)


def jump_to(scene: Any, node: Any, position: ArrayLike, volume_node: Any = None) -> None:
    """Centre all slice views and the crosshair on a point, and the 3D view if it is far from it.

    Args:
        scene: with the application's view nodes.
        node: whose own RAS mm ``position`` is in, its parent transform not yet applied.
        position: of the point.
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
        # With a gap in the middle, so that the landmark stays visible.
        configure(crosshair, CrosshairRAS=tuple(world), CrosshairMode=crosshair.ShowIntersection)
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        shift = world - camera.GetFocalPoint()
        # Nearer than that this ear is in view as a whole, and a shift would cut it off.
        if np.linalg.norm(shift) >= FIELD_OF_VIEW_MM / 2:
            camera.SetPosition(*(camera.GetPosition() + shift))
            camera.SetFocalPoint(*world)
            camera.ResetClippingRange()


def name_landmarks(results: Results, side: Side | None) -> None:
    """Show the names of one ear's landmarks alone, as both ears' would overlap; None: of all."""
    for own, node in results.landmarks.items():
        display = node.GetDisplayNode()
        if display is not None:
            display.SetPointLabelsVisibility(side in (None, own))


def slide_to(scene: Any, node: Any, position: ArrayLike) -> None:
    """Move all slices through a point, without panning; the crosshair goes along."""
    world = to_world(node, position)
    for view in nodes_of(scene, "vtkMRMLSliceNode"):
        view.JumpSliceByOffsetting(*world)
    for crosshair in nodes_of(scene, "vtkMRMLCrosshairNode"):
        crosshair.SetCrosshairRAS(*world)


def face_windows(scene: Any, results: Results, side: Side) -> None:
    """Turn the 3D view to an ear's oval and round window; without a segment nothing happens."""
    node, landmarks = results.segmentation, results.landmarks.get(side)
    content = None if node is None else segment_content(node, side)
    if content is None or landmarks is None:
        return
    index = np.argwhere(content[0])[:, ::-1]
    cloud = to_world(node, content[1].to_ras(index[:: max(1, len(index) // 2000)]))
    places = {
        name: to_world(landmarks, ras)
        for name, ras in node_landmarks(landmarks).items()
        if ras is not None
    }
    _, direction, up = anatomical_viewpoints(cloud, places)[0]
    center = (cloud.min(axis=0) + cloud.max(axis=0)) / 2.0
    _aim_cameras(scene, center, 50.0 * direction, up)
