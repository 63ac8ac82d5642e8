"""How views were before the Cochlear view turned them, noted in their own nodes.

So it is part of the scene: a scene saved with turned views can be turned back after loading, and
closing the scene takes the notes along. They are attributes, which hold JSON; lengths in mm.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .landmarks_node import ATTRIBUTE
from .matrices import numpy_matrix, vtk_matrix
from .views import fitted_field

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
