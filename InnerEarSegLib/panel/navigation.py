"""Turning Slicer's views to ears and landmarks."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from numpy.typing import NDArray

from ..mrml.landmarks import automatic_of, position_of
from ..mrml.results import Results
from ..mrml.review import Key
from ..mrml.segments import segment_center
from ..mrml.views import face_windows, jump_to, show_ear, slide_to
from ..types import LANDMARKS, Side


def ear_center(results: Results, side: Side) -> NDArray[np.float64] | None:
    """Middle of an ear, RAS mm of its CT; None where neither segment nor landmarks are there."""
    center: Any = None
    if results.segmentation is not None:
        center = segment_center(results.segmentation, side)
    if center is None and side in results.landmarks:
        places = (position_of(results.landmarks[side], name) for name in LANDMARKS)
        center = next((place for place in places if place is not None), None)
    return None if center is None else np.array(center)


def go_to_ear(volume: Any, results: Results, side: Side) -> None:
    """Turns slices and 3D view to the middle of an ear."""
    center = ear_center(results, side)
    if center is not None:
        show_ear(slicer.mrmlScene, volume, center)
        face_windows(slicer.mrmlScene, results, side)


def go_to_landmark(volume: Any, results: Results, key: Key) -> bool:
    """Turns all views to a landmark; False, and nothing is done, where it was not found."""
    side, name = key
    node = results.landmarks[side]
    place = position_of(node, name) or automatic_of(node, name)
    if place is None:
        return False
    jump_to(slicer.mrmlScene, node, place, volume)
    return True


def follow_landmark(results: Results, key: Key) -> None:
    """While a point is dragged in one view, the others show the slice that it is in."""
    side, name = key
    place = position_of(results.landmarks[side], name)
    if place is not None:
        slide_to(slicer.mrmlScene, results.landmarks[side], place)
