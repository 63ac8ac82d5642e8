"""From where to look at a labyrinth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..results import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW

Viewpoint = tuple[str, NDArray[np.float64], NDArray[np.float64]]
"""Caption, unit vector from the ear to the camera, and the view's up; world RAS."""

_MARGIN = 1.18  # room for the labels


def anatomical_viewpoints(
    cloud: NDArray[np.float64], landmarks: Mapping[str, NDArray[np.float64]]
) -> list[Viewpoint]:
    """Two views in which the landmarks are well apart.

    The directions come from the ear, not from the patient's axes: a specimen may lie in the
    scanner in any way.

    Args:
        cloud: (n, 3) points of the labyrinth, world RAS mm.
        landmarks: positions by name, world RAS mm; missing ones left out.
    """
    center = cloud.mean(axis=0)
    if not {HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW} <= set(landmarks):
        up = np.array([0.0, 0.0, 1.0])
        return [
            ("from the front", np.array([0.0, 1.0, 0.0]), up),
            ("from above", up, np.array([0.0, 1.0, 0.0])),
        ]
    apex, oval, round_ = (landmarks[n] for n in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW))
    # Both windows open towards the middle ear.
    windows = (oval + round_) / 2
    along = _unit(oval - round_)  # roughly from the cochlea's base towards the canals
    normal = _unit(np.cross(apex - round_, oval - round_))
    if normal @ (windows - center) < 0:
        normal = -normal
    side = _unit(np.cross(along, normal))
    return [
        ("facing the windows", _unit(normal + 0.25 * along), along),
        (
            "a quarter turn further",
            _unit(side * np.sign(side @ (apex - windows)) + 0.35 * normal),
            along,
        ),
    ]


def aim(view: Any, cloud: NDArray[np.float64], direction: NDArray, up: NDArray) -> None:
    """Points a ``ThreeDView``'s camera at a cloud of points, filling the view."""
    backward = _unit(direction)
    right = _unit(np.cross(up, backward))
    axes = np.stack([right, np.cross(backward, right), backward])
    seen = cloud @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    center = (low + high) / 2 @ axes
    half = (high - low) / 2
    camera = view.renderer.GetActiveCamera()
    width, height = view.window.GetSize()
    tangent = np.tan(np.radians(camera.GetViewAngle() / 2))
    # The nearest part must fit too, as it looks largest.
    distance = _MARGIN * max(half[0] / tangent * height / width, half[1] / tangent) + half[2]
    camera.SetFocalPoint(*center)
    camera.SetPosition(*(center + distance * backward))
    camera.SetViewUp(*axes[1])
    view.renderer.ResetCameraClippingRange()


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
