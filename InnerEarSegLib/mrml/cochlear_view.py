"""Slice views turned to the cochlea's own planes or to the way in, and back.

How views were before is noted in attributes of their own nodes, as JSON with lengths in mm. So it
is part of the scene: a scene saved with turned views can be turned back after loading, and closing
the scene takes the notes along.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cochlea.frame import CochlearFrame
from ..cochlea.way_in import WayIn
from .landmarks import ATTRIBUTE
from .scene import configure, nodes_of, numpy_matrix, to_world, vtk_matrix
from .views import center_slice

VIEW_ATTRIBUTE = ATTRIBUTE + "BeforeCochlearView"  # what a node goes back to
PLANE_ATTRIBUTE = ATTRIBUTE + "CochlearPlane"  # name and SliceToRAS that a view was turned to
EAR_ROLE = "InnerEarSeg.CochlearView"  # reference from a turned view to its ear's landmarks

PLANES = ("basal turn", "mid-modiolar", "mid-modiolar, perpendicular")
"""What the first, second and third slice view show."""

WAY_IN_PLANES = ("down the way in", "along the way in", "along the way in, perpendicular")
"""The same when they are turned to the way in."""

_SLICE_ORDER = {"Red": 0, "Yellow": 1, "Green": 2}
_SLICE, _CROSSHAIR, _LINE = "vtkMRMLSliceNode", "vtkMRMLCrosshairNode", "vtkMRMLMarkupsLineNode"
_SAME = 1e-6  # mm, or of a unit vector
_PARALLEL = 0.9999  # cosine of 0.8 degrees
_STEEP = 0.95  # cosine of 18 degrees


class CochlearView:
    """The slice views of a scene, which it turns, keeps with the cochlea and turns back.

    What it has done is noted in the scene, not here: it outlives the scene's file and the panel.
    """

    def __init__(self, scene: Any) -> None:
        self._scene = scene

    @property
    def active(self) -> bool:
        """Whether the views are turned."""
        return bool(self._noted(_SLICE))

    @property
    def shows_way_in(self) -> bool:
        """Whether it is the way in that they are turned to."""
        noted = [_noted_plane(view) for view in self._noted(_SLICE)]
        return any(plane is not None and plane[0] in WAY_IN_PLANES for plane in noted)

    @property
    def landmarks(self) -> Any:
        """The vtkMRMLMarkupsFiducialNode of the ear that the views are turned to, or None."""
        return next((view.GetNodeReference(EAR_ROLE) for view in self._noted(_SLICE)), None)

    def enter(
        self,
        landmarks: Any,
        target: CochlearFrame | WayIn,
        spacing: float,
        lines: Sequence[Any] = (),
        middle: Iterable[float] | None = None,
    ) -> None:
        """Turn the slice views to a cochlea or its way in; how they were before is noted.

        If they are turned to the other ear already, restoring keeps this ear centred.

        Args:
            landmarks: the ear's vtkMRMLMarkupsFiducialNode.
            target: in the landmarks' own RAS mm, their parent transform not applied.
            spacing: of the slices, mm.
            lines: the ear's vtkMRMLMarkupsLineNodes, shown until the views are turned back.
            middle: of the ear, world RAS mm; None: the cochlea's is taken.
        """
        for line in self._noted(_LINE):
            _bring_back(line)
        for line in lines:
            _note(line)
            line.SetDisplayVisibility(True)
        planes = planes_of(landmarks, target)
        center = next(iter(planes.values()))[:3, 3]
        if self.active and self.landmarks is not landmarks:
            self.go_back_to(center if middle is None else middle)
        slices = nodes_of(self._scene, _SLICE)
        views = sorted(slices, key=lambda view: _SLICE_ORDER.get(view.GetLayoutName(), 3))
        for view, (name, plane) in zip(views, planes.items(), strict=False):
            _note(view)
            view.SetNodeReferenceID(EAR_ROLE, landmarks.GetID())
            _turn(view, name, plane, plane)
            center_slice(view, plane[:3, 3], spacing)
        for crosshair in nodes_of(self._scene, _CROSSHAIR):
            _note(crosshair)
            crosshair.SetCrosshairRAS(*center)
            crosshair.SetCrosshairMode(crosshair.NoCrosshair)  # A and B would lie under it

    def follow(self, target: CochlearFrame | WayIn) -> bool:
        """Turn the slice views as far as what they show was since; zoom and scrolling stay.

        A view that the user has tilted meanwhile stays as it is, and so does one that does not know
        what it was turned to, as a script may have left it.

        Returns:
            Whether they had to be turned to ``target``, in the landmarks' own RAS mm.
        """
        landmarks, moved = self.landmarks, False
        if landmarks is None:
            return False
        planes = planes_of(landmarks, target)
        for view in self._noted(_SLICE):
            noted = _noted_plane(view)
            if noted is None or noted[0] not in planes:
                continue
            name, old = noted
            now = numpy_matrix(view.GetSliceToRAS())
            elsewhere = now[:3, 2] @ old[:3, 2] < _PARALLEL
            if elsewhere or np.allclose(planes[name], old, rtol=0.0, atol=_SAME):
                continue
            _turn(view, name, planes[name], planes[name] @ np.linalg.inv(old) @ now)
            moved = True
        return moved

    def go_back_to(self, place: Iterable[float]) -> None:
        """When turned back, show this place, world RAS mm, not where the views were."""
        for node in self._noted(_SLICE, _CROSSHAIR):
            before = _before(node)
            if before is None:
                continue
            if "ras" in before:
                before["ras"] = list(place)
            else:
                for row, value in zip(before["slice_to_ras"], place, strict=False):
                    row[3] = value
                before["origin"] = [0.0, 0.0, 0.0]  # centred, as JumpSliceByCentering does it
            node.SetAttribute(VIEW_ATTRIBUTE, json.dumps(before))

    def leave(self) -> None:
        """Turn the views back to what they were."""
        for node in self._noted(_SLICE, _CROSSHAIR, _LINE):
            _bring_back(node)

    def _noted(self, *class_names: str) -> list[Any]:
        """Nodes that note what they go back to."""
        nodes = [node for name in class_names for node in nodes_of(self._scene, name)]
        return [node for node in nodes if node.GetAttribute(VIEW_ATTRIBUTE)]


def _turn(view: Any, name: str, plane: NDArray[np.float64], matrix: NDArray[np.float64]) -> None:
    """Give a slice view this SliceToRAS, and note the plane that it shows."""
    view.SetAttribute(PLANE_ATTRIBUTE, json.dumps([name, plane.tolist()]))
    view.GetSliceToRAS().DeepCopy(vtk_matrix(matrix))
    view.UpdateMatrices()


def _noted_plane(view: Any) -> tuple[str, NDArray[np.float64]] | None:
    """Name and SliceToRAS (4 x 4) of what a view was turned to; None: there is no such note."""
    try:
        name, rows = json.loads(view.GetAttribute(PLANE_ATTRIBUTE) or "null")
        plane = np.array(rows, dtype=float).reshape(4, 4)
    except (TypeError, ValueError):
        return None
    return (name, plane) if name in (*PLANES, *WAY_IN_PLANES) else None


def planes_of(node: Any, target: CochlearFrame | WayIn) -> dict[str, NDArray[np.float64]]:
    """Return SliceToRAS (4 x 4, world RAS mm) by name for the three slice views."""
    if isinstance(target, WayIn):
        return dict(zip(WAY_IN_PLANES, way_in_planes(node, target), strict=True))
    return dict(zip(PLANES, slice_planes(node, target), strict=True))


def slice_planes(node: Any, frame: CochlearFrame) -> list[NDArray[np.float64]]:
    """Return SliceToRAS (4 x 4, world RAS mm) of the basal turn's plane and two through the axis.

    The basal turn is seen from the apex, with the round window to the right in a right ear and to
    the left in a left one; in the other two planes the apex is up. The frame is in the node's own
    RAS mm; the node is the CT or the ear's landmarks.
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
    return [_plane(origin, across, up) for across, up in ((right, y), (right, z), (y, z))]


def way_in_planes(node: Any, way: WayIn) -> list[NDArray[np.float64]]:
    """Return SliceToRAS (4 x 4, world RAS mm) of the plane across the way in and two along it.

    The first is seen from outside, as one looks into the cochlea, with the patient's superior up
    (anterior, where the way in is steep); in the other two, outside is up. All go through the round
    window. The way in is in the node's own RAS mm.
    """
    start, tip = to_world(node, [way.start, way.start + way.direction])
    outwards = (start - tip) / np.linalg.norm(start - tip)
    up = np.array([0.0, 1.0, 0.0] if abs(outwards[2]) > _STEEP else [0.0, 0.0, 1.0])
    up = up - (up @ outwards) * outwards
    up = up / np.linalg.norm(up)
    right = np.cross(up, outwards)
    return [
        _plane(start, across, upwards)
        for across, upwards in ((right, up), (right, outwards), (up, outwards))
    ]


def _plane(
    origin: NDArray[np.float64], across: NDArray[np.float64], up: NDArray[np.float64]
) -> NDArray[np.float64]:
    columns = np.column_stack([across, up, np.cross(across, up), origin])
    return np.vstack([columns, [0.0, 0.0, 0.0, 1.0]])


def fitted_field(
    field: Sequence[float], before: Sequence[int], now: Sequence[int]
) -> tuple[float, float, float]:
    """Field of view in a window of another size, as vtkMRMLSliceLogic::ResizeSliceNode has it.

    The picture is as high in mm as before, and pixels stay as square as they were. All are width,
    height and depth: of the field in mm, of the window in pixels.
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
    if node.IsA(_SLICE):
        before = {
            "slice_to_ras": numpy_matrix(node.GetSliceToRAS()).tolist(),
            "field_of_view": node.GetFieldOfView(),
            "origin": node.GetXYZOrigin(),
            "dimensions": node.GetDimensions(),
        }
    elif node.IsA(_CROSSHAIR):
        before = {"ras": node.GetCrosshairRAS(), "mode": node.GetCrosshairMode()}
    else:
        before = {"shown": bool(node.GetDisplayVisibility())}
    node.SetAttribute(VIEW_ATTRIBUTE, json.dumps(before))


def _before(node: Any) -> dict[str, Any] | None:
    """What a node goes back to; None: it notes nothing that can be read."""
    try:
        before = json.loads(node.GetAttribute(VIEW_ATTRIBUTE) or "null")
    except ValueError:
        return None
    return before if isinstance(before, dict) else None


def _bring_back(node: Any) -> None:
    """Make a node as it was; a slice view gets square pixels in its present window."""
    before = _before(node)
    node.RemoveAttribute(VIEW_ATTRIBUTE)
    if node.IsA(_SLICE):
        node.SetNodeReferenceID(EAR_ROLE, None)
        node.RemoveAttribute(PLANE_ATTRIBUTE)
    if before is None:
        return
    if node.IsA(_SLICE):
        node.GetSliceToRAS().DeepCopy(vtk_matrix(before["slice_to_ras"]))
        field, dimensions = before["field_of_view"], before["dimensions"]
        node.SetFieldOfView(*fitted_field(field, dimensions, node.GetDimensions()))
        node.SetXYZOrigin(*before["origin"])
        node.UpdateMatrices()
    elif node.IsA(_CROSSHAIR):
        configure(node, CrosshairRAS=tuple(before["ras"]), CrosshairMode=before["mode"])
    else:
        node.SetDisplayVisibility(before["shown"])
