"""The cochlea's own axes, by the definition of the human bony labyrinth dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Side

Vector = NDArray[np.float64]
"""A point or direction (3,), or several (..., 3)."""

Points = Mapping[str, Vector]
"""RAS mm by name."""


def axes_of(
    center: ArrayLike, round_window: ArrayLike, apex: ArrayLike, mirrored: bool
) -> tuple[Vector, Vector]:
    """Origin and axes from three points.

    As ``COORD`` of Wimmer et al. 2019 has them: x runs from the centre of the basal turn to the
    round window, z is the direction to the apex made perpendicular to x. (Not the other way round:
    in F06 the two differ by 9.5 degrees.)

    Args:
        center: of the basal turn, mm.
        round_window: its centre, mm.
        apex: the helicotrema, mm.
        mirrored: whether this is a left ear; y then runs along z x x turned round, so that it
            points where the basal turn goes in either ear.

    Returns:
        The origin (3,), and the unit vectors x, y, z as rows (3, 3).

    Raises:
        ValueError: if the points are on a line.
    """
    origin = np.asarray(center, dtype=np.float64)
    x = np.asarray(round_window, dtype=np.float64) - origin
    x = x / max(float(np.linalg.norm(x)), 1e-9)
    z = np.asarray(apex, dtype=np.float64) - origin
    z = z - (z @ x) * x
    length = float(np.linalg.norm(z))
    if length < 0.2 or not x.any():
        raise ValueError("round window, helicotrema and basal turn centre are on a line")
    z = z / length
    return origin, np.array([x, np.cross(z, x) * (-1.0 if mirrored else 1.0), z])


@dataclass(frozen=True, eq=False)
class CochlearFrame:
    """The cochlea's own coordinate system.

    Attributes:
        side: of the ear. The frame of a left ear is left-handed: y points where the basal turn
            goes from the round window, so that angles grow along the spiral in both ears.
        origin: (3,) RAS mm, the centre of the basal turn.
        axes: (3, 3), rows are the unit vectors x (towards the round window, in the basal plane),
            y and z (along the modiolus, from base to apex), in RAS.
    """

    side: Side
    origin: Vector
    axes: Vector

    def to_ras(self, points: ArrayLike) -> Vector:
        """Frame mm (..., 3) to RAS mm."""
        return np.asarray(np.asarray(points, np.float64) @ self.axes + self.origin, np.float64)

    def from_ras(self, points: ArrayLike) -> Vector:
        """RAS mm (..., 3) to frame mm."""
        return np.asarray((np.asarray(points, np.float64) - self.origin) @ self.axes.T, np.float64)

    def to_json(self) -> dict[str, list[float]]:
        """Plain lists, in RAS mm."""
        names = zip(("x_axis", "y_axis", "z_axis"), self.axes, strict=True)
        return {"origin_ras_mm": [round(float(v), 4) for v in self.origin]} | {
            name: [round(float(v), 5) for v in axis] for name, axis in names
        }


CENTROID = "labyrinth centroid"
LONG, MIDDLE, THIN = "labyrinth long axis", "labyrinth middle axis", "labyrinth thin axis"
PRINCIPAL_POINTS = (CENTROID, LONG, MIDDLE, THIN)

REACH_MM = {LONG: 5.0, MIDDLE: 3.0, THIN: 3.0}
"""How far from the centroid a principal axis is pinned: about where the labyrinth ends."""


@dataclass(frozen=True, eq=False)
class PrincipalAxes:
    """Centroid and principal axes of a labyrinth.

    Attributes:
        centroid: (3,) mm.
        axes: (3, 3), rows are unit vectors, longest first; their signs mean nothing.
    """

    centroid: Vector
    axes: Vector

    @classmethod
    def of(cls, voxels: Vector) -> PrincipalAxes:
        """From the places (n, 3) in mm of all voxels inside, two at least."""
        return cls(voxels.mean(axis=0), np.linalg.eigh(np.cov(voxels.T))[1].T[::-1])

    def points(self, side: Side) -> list[dict[str, Vector]]:
        """Return four points, mm by name, for each way in which the axes may point.

        Args:
            side: of the ear; its handedness rules out half of the ways.
        """
        handed = 1.0 if side == "right" else -1.0
        ways = []
        for first, second in product((1.0, -1.0), repeat=2):
            long, middle = first * self.axes[0], second * self.axes[1]
            ends = {LONG: long, MIDDLE: middle, THIN: handed * np.cross(long, middle)}
            ways.append(
                {CENTROID: self.centroid}
                | {name: self.centroid + REACH_MM[name] * end for name, end in ends.items()}
            )
        return ways
