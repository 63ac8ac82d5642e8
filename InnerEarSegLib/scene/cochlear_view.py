"""Slice views turned to the cochlea, and back.

Verbist BM et al., Otol Neurotol 31 (2010) 722-730: the basal turn in its plane, and planes through
the modiolus perpendicular to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..planning.axes import CochlearFrame
from .landmarks_node import ATTRIBUTE
from .matrices import numpy_matrix, to_world, vtk_matrix
from .view_memory import (
    bring_back_crosshair,
    bring_back_line,
    bring_back_slice,
    is_noted,
    move_noted_crosshair,
    move_noted_slice,
    note_crosshair,
    note_line,
    note_slice,
)
from .views import center_slice, nodes_of

EAR_ROLE = "InnerEarSeg.CochlearView"
"""Node reference from a turned slice view to the landmarks of the ear that it shows."""

PLANE_ATTRIBUTE = ATTRIBUTE + "CochlearPlane"
"""Attribute of a turned slice view: name and SliceToRAS of the plane that it was turned to."""

PLANES = ("basal turn", "mid-modiolar", "mid-modiolar, perpendicular")
"""What the first, second and third slice view show."""

_SLICE_ORDER = ("Red", "Yellow", "Green")
_SAME = 1e-6  # mm, or of a unit vector
_PARALLEL = 0.9999  # cosine of 0.8 degrees


class CochlearView:
    """The slice views of a scene, which it turns, keeps with the cochlea and turns back.

    What it has done is noted in the scene (see ``view_memory``), not here: it outlives the scene's
    file and the panel.

    Args:
        scene: with the application's slice nodes.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene

    @property
    def active(self) -> bool:
        """Whether the views are turned."""
        return bool(self._turned())

    @property
    def landmarks(self) -> Any:
        """The vtkMRMLMarkupsFiducialNode of the ear that the views are turned to, or None."""
        return next((view.GetNodeReference(EAR_ROLE) for view in self._turned()), None)

    def enter(
        self,
        landmarks: Any,
        frame: CochlearFrame,
        spacing: float,
        lines: Sequence[Any] = (),
        middle: ArrayLike | None = None,
    ) -> None:
        """Turns the slice views to the middle of a cochlea; they remember how they were before.

        Those that are turned to another ear already stay at this one when they are turned back.

        Args:
            landmarks: the ear's vtkMRMLMarkupsFiducialNode, whose parent transform the frame is
                under.
            frame: in the landmarks' own RAS mm.
            spacing: of the slices, mm.
            lines: the ear's vtkMRMLMarkupsLineNodes, shown until the views are turned back.
            middle: of the ear, world RAS mm; None: the cochlea's is taken.
        """
        self._hide_lines()
        for line in lines:
            note_line(line)
            line.SetDisplayVisibility(True)
        planes = slice_planes(landmarks, frame)
        if self.active and self.landmarks is not landmarks:
            self.go_back_to(planes[0][:3, 3] if middle is None else middle)
        for view, name, plane in zip(self._views(), PLANES, planes, strict=False):
            note_slice(view)
            view.SetNodeReferenceID(EAR_ROLE, landmarks.GetID())
            _note_plane(view, name, plane)
            view.GetSliceToRAS().DeepCopy(vtk_matrix(plane))
            view.UpdateMatrices()
            center_slice(view, plane[:3, 3], spacing)
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            note_crosshair(crosshair)
            crosshair.SetCrosshairRAS(*planes[0][:3, 3])
            crosshair.SetCrosshairMode(crosshair.NoCrosshair)  # A and B would lie under it

    def follow(self, frame: CochlearFrame) -> bool:
        """Turns the slice views as far as the cochlea was since; zoom and scrolling stay.

        A view that the user has tilted meanwhile stays as it is, and so does one that does not know
        what it was turned to, as a script may have left it.

        Args:
            frame: the present one of the ear in view, in its landmarks' own RAS mm.

        Returns:
            Whether they had to be turned.
        """
        landmarks, moved = self.landmarks, False
        if landmarks is None:
            return False
        planes = dict(zip(PLANES, slice_planes(landmarks, frame), strict=True))
        for view in self._turned():
            noted = _noted_plane(view)
            if noted is None:
                continue
            name, old = noted
            now = numpy_matrix(view.GetSliceToRAS())
            elsewhere = now[:3, 2] @ old[:3, 2] < _PARALLEL
            if elsewhere or np.allclose(planes[name], old, rtol=0.0, atol=_SAME):
                continue
            view.GetSliceToRAS().DeepCopy(vtk_matrix(planes[name] @ np.linalg.inv(old) @ now))
            view.UpdateMatrices()
            _note_plane(view, name, planes[name])
            moved = True
        return moved

    def go_back_to(self, place: ArrayLike) -> None:
        """Turned back, the views will be at this place, world RAS mm, not where they were."""
        for view in self._turned():
            move_noted_slice(view, place)
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            move_noted_crosshair(crosshair, place)

    def leave(self) -> None:
        """Turns the views back to what they were."""
        for view in self._turned():
            bring_back_slice(view)
            view.SetNodeReferenceID(EAR_ROLE, None)
            view.RemoveAttribute(PLANE_ATTRIBUTE)
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            bring_back_crosshair(crosshair)
        self._hide_lines()

    def _hide_lines(self) -> None:
        for line in nodes_of(self._scene, "vtkMRMLMarkupsLineNode"):
            bring_back_line(line)

    def _turned(self) -> list[Any]:
        return [view for view in nodes_of(self._scene, "vtkMRMLSliceNode") if is_noted(view)]

    def _views(self) -> list[Any]:
        """Red, yellow, green, then what else there is."""

        def order(view: Any) -> int:
            name = view.GetLayoutName()
            return _SLICE_ORDER.index(name) if name in _SLICE_ORDER else len(_SLICE_ORDER)

        return sorted(nodes_of(self._scene, "vtkMRMLSliceNode"), key=order)


def _note_plane(view: Any, name: str, plane: NDArray[np.float64]) -> None:
    view.SetAttribute(PLANE_ATTRIBUTE, json.dumps([name, plane.tolist()]))


def _noted_plane(view: Any) -> tuple[str, NDArray[np.float64]] | None:
    """Name and SliceToRAS (4 x 4) of what a view was turned to; None: there is no such note."""
    try:
        name, rows = json.loads(view.GetAttribute(PLANE_ATTRIBUTE) or "null")
        plane = np.array(rows, dtype=float).reshape(4, 4)
    except (TypeError, ValueError):
        return None
    return (name, plane) if name in PLANES else None


def slice_planes(node: Any, frame: CochlearFrame) -> list[NDArray[np.float64]]:
    """SliceToRAS matrices (4 x 4, world RAS mm) of the basal turn's plane and two through the axis.

    The basal turn is seen from the apex, with the round window to the right in a right ear and to
    the left in a left one; in the other two planes the apex is up.

    Args:
        node: whose own coordinates the frame is in: the CT, or the ear's landmarks.
        frame: RAS mm of that node.
    """
    ends = frame.origin + np.concatenate([np.zeros((1, 3)), frame.axes])
    origin, *tips = to_world(node, ends)
    x, y, z = (tip - origin for tip in tips)
    # A parent transform may scale or bend: make the three perpendicular again, z first.
    z = z / np.linalg.norm(z)
    x = x - (x @ z) * z
    x = x / np.linalg.norm(x)
    along = np.cross(z, x)
    y = along * np.sign(along @ y)
    right = x if np.cross(x, y) @ z > 0 else -x
    planes = []
    for across, up in ((right, y), (right, z), (y, z)):
        plane = np.eye(4)
        plane[:3, 0], plane[:3, 1], plane[:3, 2] = across, up, np.cross(across, up)
        plane[:3, 3] = origin
        planes.append(plane)
    return planes


def turned_to(view: Any, plane: NDArray[np.float64]) -> bool:
    """Whether a slice view shows a plane, up to panning and zooming within it."""
    matrix = numpy_matrix(view.GetSliceToRAS())
    distance = abs((matrix[:3, 3] - plane[:3, 3]) @ plane[:3, 2])
    return bool(matrix[:3, 2] @ plane[:3, 2] > _PARALLEL and distance < 0.05)
