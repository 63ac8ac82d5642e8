"""How views were before the Cochlear view turned them, noted in their own nodes.

So it is part of the scene: a scene saved with turned views can be turned back after loading, and
closing the scene takes the notes along. They are attributes, which hold JSON; lengths in mm.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cochlea.frame import CochlearFrame
from .landmarks import ATTRIBUTE
from .scene import nodes_of, numpy_matrix, to_world, vtk_matrix
from .views import center_slice, fitted_field

VIEW_ATTRIBUTE = ATTRIBUTE + "BeforeCochlearView"
"""Of slice, crosshair and line nodes, with what they go back to."""


def is_noted(node: Any) -> bool:
    """Whether a node is other than it was before."""
    return bool(node.GetAttribute(VIEW_ATTRIBUTE))


def note_slice(view: Any) -> None:
    """Notes how a slice view is; the first time only, as later it is turned already."""
    _note(
        view,
        {
            "slice_to_ras": numpy_matrix(view.GetSliceToRAS()).tolist(),
            "field_of_view": view.GetFieldOfView(),
            "origin": view.GetXYZOrigin(),
            "dimensions": view.GetDimensions(),
        },
    )


def move_noted_slice(view: Any, place: ArrayLike) -> None:
    """Lets a slice view go back to another place, world RAS mm, turned and zoomed as it was."""
    before = _read(view)
    if before is not None:
        for row, value in zip(before["slice_to_ras"], np.asarray(place), strict=False):
            row[3] = float(value)
        before["origin"] = [0.0, 0.0, 0.0]  # centred, as JumpSliceByCentering does it
        _write(view, before)


def bring_back_slice(view: Any) -> None:
    """Makes a slice view as it was, with square pixels in its present window."""
    before = _take(view)
    if before is None:
        return
    view.GetSliceToRAS().DeepCopy(vtk_matrix(before["slice_to_ras"]))
    field = before["field_of_view"]
    view.SetFieldOfView(*fitted_field(field, before["dimensions"], view.GetDimensions()))
    view.SetXYZOrigin(*before["origin"])
    view.UpdateMatrices()


def note_crosshair(node: Any) -> None:
    """Notes place and look of the crosshair, the first time only."""
    _note(node, {"ras": node.GetCrosshairRAS(), "mode": node.GetCrosshairMode()})


def move_noted_crosshair(node: Any, place: ArrayLike) -> None:
    """Lets the crosshair go back to another place, world RAS mm."""
    before = _read(node)
    if before is not None:
        before["ras"] = np.asarray(place).tolist()
        _write(node, before)


def bring_back_crosshair(node: Any) -> None:
    """Makes the crosshair as it was."""
    before = _take(node)
    if before is not None:
        node.SetCrosshairRAS(*before["ras"])
        node.SetCrosshairMode(before["mode"])


def note_line(node: Any) -> None:
    """Notes whether a line is shown, the first time only."""
    _note(node, {"shown": bool(node.GetDisplayVisibility())})


def bring_back_line(node: Any) -> None:
    """Shows or hides a line as before."""
    before = _take(node)
    if before is not None:
        node.SetDisplayVisibility(before["shown"])


def _note(node: Any, before: dict[str, Any]) -> None:
    if not is_noted(node):
        _write(node, before)


def _write(node: Any, before: dict[str, Any]) -> None:
    node.SetAttribute(VIEW_ATTRIBUTE, json.dumps(before))


def _read(node: Any) -> dict[str, Any] | None:
    """What a node notes; None: nothing, or nothing that can be read."""
    try:
        before = json.loads(node.GetAttribute(VIEW_ATTRIBUTE) or "null")
    except ValueError:
        return None
    return before if isinstance(before, dict) else None


def _take(node: Any) -> dict[str, Any] | None:
    before = _read(node)
    node.RemoveAttribute(VIEW_ATTRIBUTE)
    return before


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
