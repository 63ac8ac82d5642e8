"""The 3D view turned so that the landmarks of an ear are well apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..results import Side
from .find_results import Results
from .matrices import to_world
from .read_back import node_landmarks
from .segment_content import segment_content
from .viewpoints import anatomical_viewpoints
from .views import nodes_of

_DISTANCE_MM = 50.0
_MAX_POINTS = 2000


def face_windows(scene: Any, results: Results, side: Side) -> None:
    """Turns the 3D view to look at the oval and the round window of an ear.

    Args:
        scene: with the application's camera nodes.
        results: of one CT.
        side: of the ear; without a segment nothing happens.
    """
    node, landmarks = results.segmentation, results.landmarks.get(side)
    content = None if node is None else segment_content(node, side)
    if content is None or landmarks is None:
        return
    inside, matrix = content
    index = np.argwhere(inside)[:, ::-1]
    index = index[:: max(1, len(index) // _MAX_POINTS)]
    cloud = to_world(node, index @ matrix[:3, :3].T + matrix[:3, 3])
    points = {
        name: to_world(landmarks, ras)
        for name, ras in node_landmarks(landmarks).items()
        if ras is not None
    }
    _, direction, up = anatomical_viewpoints(cloud, points)[0]
    direction = direction / np.linalg.norm(direction)
    center = (cloud.min(axis=0) + cloud.max(axis=0)) / 2.0
    for camera in nodes_of(scene, "vtkMRMLCameraNode"):
        camera.SetFocalPoint(*center)
        camera.SetPosition(*(center + _DISTANCE_MM * direction))
        camera.SetViewUp(*up)
        camera.ResetClippingRange()
