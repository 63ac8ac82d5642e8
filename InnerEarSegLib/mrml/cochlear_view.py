"""The Cochlear view: slice views turned to the cochlea's own planes, and back.

How views were before is noted in attributes of their own nodes, as JSON with lengths in mm. So it
is part of the scene: a scene saved with turned views can be turned back after loading, and closing
the scene takes the notes along.
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
from .views import center_slice

VIEW_ATTRIBUTE = ATTRIBUTE + "BeforeCochlearView"
"""Of slice, crosshair and line nodes, with what they go back to."""

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

    What it has done is noted in the scene, not here: it outlives the scene's file and the panel.

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
        """Turn the slice views to the middle of a cochlea; how they were before is noted.

        If they are turned to the other ear already, restoring keeps this ear centred.

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
            _note(line)
            line.SetDisplayVisibility(True)
        planes = slice_planes(landmarks, frame)
        if self.active and self.landmarks is not landmarks:
            self.go_back_to(planes[0][:3, 3] if middle is None else middle)
        for view, name, plane in zip(self._views(), PLANES, planes, strict=False):
            _note(view)
            view.SetNodeReferenceID(EAR_ROLE, landmarks.GetID())
            _note_plane(view, name, plane)
            view.GetSliceToRAS().DeepCopy(vtk_matrix(plane))
            view.UpdateMatrices()
            center_slice(view, plane[:3, 3], spacing)
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            _note(crosshair)
            crosshair.SetCrosshairRAS(*planes[0][:3, 3])
            crosshair.SetCrosshairMode(crosshair.NoCrosshair)  # A and B would lie under it

    def follow(self, frame: CochlearFrame) -> bool:
        """Turn the slice views as far as the cochlea was since; zoom and scrolling stay.

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
        """When turned back, show this place, world RAS mm, not where the views were."""
        for view in self._turned():
            _move_note(view, np.asarray(place))
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            _move_note(crosshair, np.asarray(place))

    def leave(self) -> None:
        """Turn the views back to what they were."""
        for view in self._turned():
            _bring_back(view)
            view.SetNodeReferenceID(EAR_ROLE, None)
            view.RemoveAttribute(PLANE_ATTRIBUTE)
        for crosshair in nodes_of(self._scene, "vtkMRMLCrosshairNode"):
            _bring_back(crosshair)
        self._hide_lines()

    def _hide_lines(self) -> None:
        for line in nodes_of(self._scene, "vtkMRMLMarkupsLineNode"):
            _bring_back(line)

    def _turned(self) -> list[Any]:
        views = nodes_of(self._scene, "vtkMRMLSliceNode")
        return [view for view in views if view.GetAttribute(VIEW_ATTRIBUTE)]

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
    """Return SliceToRAS (4 x 4, world RAS mm) of the basal turn's plane and two through the axis.

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


def _note(node: Any) -> None:
    """Note how a slice view, crosshair or line is; later it may be turned already."""
    if node.GetAttribute(VIEW_ATTRIBUTE):
        return
    if node.IsA("vtkMRMLSliceNode"):
        before = {
            "slice_to_ras": numpy_matrix(node.GetSliceToRAS()).tolist(),
            "field_of_view": node.GetFieldOfView(),
            "origin": node.GetXYZOrigin(),
            "dimensions": node.GetDimensions(),
        }
    elif node.IsA("vtkMRMLCrosshairNode"):
        before = {"ras": node.GetCrosshairRAS(), "mode": node.GetCrosshairMode()}
    else:
        before = {"shown": bool(node.GetDisplayVisibility())}
    node.SetAttribute(VIEW_ATTRIBUTE, json.dumps(before))


def _noted(node: Any) -> dict[str, Any] | None:
    """What a node notes; None: nothing, or nothing that can be read."""
    try:
        before = json.loads(node.GetAttribute(VIEW_ATTRIBUTE) or "null")
    except ValueError:
        return None
    return before if isinstance(before, dict) else None


def _move_note(node: Any, place: NDArray[np.float64]) -> None:
    """Let a slice view or crosshair go back to another place, world RAS mm."""
    before = _noted(node)
    if before is None:
        return
    if "ras" in before:
        before["ras"] = place.tolist()
    else:
        for row, value in zip(before["slice_to_ras"], place.tolist(), strict=False):
            row[3] = value
        before["origin"] = [0.0, 0.0, 0.0]  # centred, as JumpSliceByCentering does it
    node.SetAttribute(VIEW_ATTRIBUTE, json.dumps(before))


def _bring_back(node: Any) -> None:
    """Make a node as it was; a slice view gets square pixels in its present window."""
    before = _noted(node)
    node.RemoveAttribute(VIEW_ATTRIBUTE)
    if before is None:
        return
    if node.IsA("vtkMRMLSliceNode"):
        node.GetSliceToRAS().DeepCopy(vtk_matrix(before["slice_to_ras"]))
        field, dimensions = before["field_of_view"], before["dimensions"]
        node.SetFieldOfView(*fitted_field(field, dimensions, node.GetDimensions()))
        node.SetXYZOrigin(*before["origin"])
        node.UpdateMatrices()
    elif node.IsA("vtkMRMLCrosshairNode"):
        node.SetCrosshairRAS(*before["ras"])
        node.SetCrosshairMode(before["mode"])
    else:
        node.SetDisplayVisibility(before["shown"])
