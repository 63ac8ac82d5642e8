"""A second ear: the mirror image of the prepared one, 80 mm to the other side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from InnerEarSegLib.types import Geometry, Quality, Volume
from Testing.panel.helpers import write_prepared

DISTANCE_MM = 80.0


def mirror(geometry: Geometry) -> np.ndarray:
    """4 x 4 matrix that makes a left ear of a right one, so far to the patient's other side."""
    flip = np.diag([-1.0, 1.0, 1.0, 1.0])
    away = -DISTANCE_MM if geometry.center[0] > 0 else DISTANCE_MM
    flip[0, 3] = 2 * geometry.center[0] + away
    return flip


def other_ear(one, confidence=0.2):
    """The mirrored ear; its helicotrema is the least certain of all landmarks."""
    flip = mirror(one.geometry)
    landmarks = tuple(
        replace(
            mark,
            ras=tuple((flip @ [*mark.ras, 1.0])[:3].tolist()),
            confidence=confidence if mark.name == "helicotrema" else 0.88,
        )
        for mark in one.landmarks
    )
    return replace(
        one, side="right" if one.side == "left" else "left", landmarks=landmarks,
        geometry=Geometry(flip @ one.geometry.ijk_to_ras, one.geometry.shape),
        quality=Quality("poor", ("The cochlea has 1.2 turns, which no labyrinth has.",)),
    )  # fmt: skip


def prepare_two(story):
    """Makes the worker find both ears; returns the second one."""
    one = story.ear.ear
    other = other_ear(one)
    ears = tuple(sorted((one, other), key=lambda ear: ear.side))
    write_prepared(replace(story.ear.result, ears=ears), story.prepared)
    return other


def head(ct: Volume) -> Volume:
    """A CT with the ear and its mirror image, 0.4 mm."""
    from scipy.ndimage import map_coordinates

    flip = mirror(ct.geometry)
    corners = np.concatenate(
        [ct.geometry.corners, ct.geometry.corners @ flip[:3, :3] + flip[:3, 3]]
    )
    low, high = corners.min(axis=0), corners.max(axis=0)
    matrix = np.diag([0.4, 0.4, 0.4, 1.0])
    matrix[:3, 3] = low
    size = np.ceil((high - low) / 0.4).astype(int)
    grid = Geometry(matrix, tuple(int(n) for n in size[::-1]))
    points = grid.to_ras(np.indices(grid.shape)[::-1].reshape(3, -1).T)
    nearer = np.abs(points[:, 0] - ct.geometry.center[0]) > DISTANCE_MM / 2
    points[nearer] = points[nearer] @ flip[:3, :3] + flip[:3, 3]
    ijk = ct.geometry.to_ijk(points)[:, ::-1].T
    values = map_coordinates(ct.array, ijk, order=1, cval=-1000, output=np.float32)
    return Volume(values.reshape(grid.shape).astype(np.int16), grid, "Head")
