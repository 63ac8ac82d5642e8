"""Turning all views to one point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .matrices import to_world
from .views import FIELD_OF_VIEW_MM, center_slice, nodes_of

CLOSE_MM = 2 * FIELD_OF_VIEW_MM
"""A view that shows less than this is near enough to see a landmark; its zoom is left alone."""


def jump_to(scene: Any, node: Any, position: ArrayLike, volume_node: Any = None) -> None:
    """Centres all slice views and the crosshair on a point, and the 3D view if it is far from it.

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
    """Moves all slices through a point, without panning; the crosshair goes along."""
    world = to_world(node, position)
    for view in nodes_of(scene, "vtkMRMLSliceNode"):
        view.JumpSliceByOffsetting(*world)
    for crosshair in nodes_of(scene, "vtkMRMLCrosshairNode"):
        crosshair.SetCrosshairRAS(*world)
