"""The cochlea's own axes, by the human bony labyrinth dataset, and the average ear in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..segmentation.pose import fit_orthonormal
from ..types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Side,
    apply_affine,
    side_sign,
)

Vector = NDArray[np.float64]
"""A point or direction (3,), or several (..., 3)."""

Points = Mapping[str, Vector]
"""RAS mm by name."""

_AXES = ("x_axis", "y_axis", "z_axis")


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

    @classmethod
    def of(
        cls, side: Side, center: ArrayLike, round_window: ArrayLike, apex: ArrayLike
    ) -> CochlearFrame:
        """From three points, RAS mm: centre of the basal turn, round window and helicotrema.

        As ``COORD`` of Wimmer et al. 2019 has it: x runs from the centre to the round window, z
        is the direction to the apex made perpendicular to x. (Not the other way round: in F06 the
        two differ by 9.5 degrees.)

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
        return cls(side, origin, np.array([x, np.cross(z, x) * side_sign(side), z]))

    @property
    def right_in_view(self) -> Vector:
        """(3,) what is right when the basal turn is seen from the apex with y up, RAS.

        So the round window is right in a right ear, left in a left one.
        """
        return np.asarray(self.axes[0] * side_sign(self.side), np.float64)

    @property
    def matrix(self) -> Vector:
        """4 x 4 from frame mm to RAS mm."""
        matrix = np.eye(4)
        matrix[:3, :3], matrix[:3, 3] = self.axes.T, self.origin
        return matrix

    def to_ras(self, points: ArrayLike) -> Vector:
        """Frame mm (..., 3) to RAS mm."""
        return np.asarray(np.asarray(points, np.float64) @ self.axes + self.origin, np.float64)

    def from_ras(self, points: ArrayLike) -> Vector:
        """RAS mm (..., 3) to frame mm."""
        return np.asarray((np.asarray(points, np.float64) - self.origin) @ self.axes.T, np.float64)

    def to_json(self) -> dict[str, list[float]]:
        """Plain lists, in RAS mm."""
        origin = {"origin_ras_mm": np.round(self.origin, 4).tolist()}
        return origin | dict(zip(_AXES, np.round(self.axes, 5).tolist(), strict=True))


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
        """Return PRINCIPAL_POINTS, mm by name, for each way in which an ear's axes may point."""
        ways = []
        for first, second in product((1.0, -1.0), repeat=2):  # handedness rules out the other half
            long, middle = first * self.axes[0], second * self.axes[1]
            ends = {LONG: long, MIDDLE: middle, THIN: side_sign(side) * np.cross(long, middle)}
            ways.append(
                {CENTROID: self.centroid}
                | {name: self.centroid + REACH_MM[name] * end for name, end in ends.items()}
            )
        return ways


POINTS = (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, BASAL_TURN, VESTIBULE)

Template = Mapping[str, ArrayLike]
"""Millimetres along x (towards the round window), y (where the basal turn goes) and z (towards the
apex) of the cochlear frame, by name."""

TEMPLATE: Template = {
    HELICOTREMA: (-0.05, 0.0, 2.97),
    OVAL_WINDOW: (4.82, -2.70, 0.26),
    ROUND_WINDOW: (5.76, 0.0, 0.0),
    BASAL_TURN: (0.0, 0.0, 0.0),
    VESTIBULE: (4.76, -3.13, -1.63),
    CENTROID: (3.58, -2.11, -1.04),
    LONG: (0.12, 0.89, 0.94),
    MIDDLE: (1.81, -4.47, -0.54),
    THIN: (4.81, -2.46, 1.66),
}

SPREAD_MM = 0.2
"""Standard deviation along an axis of a specimen's points about the fitted template; 0.14 (round
window) to 0.3 mm (ends of the labyrinth's axes)."""

RADIUS_MM = 0.5
"""90 % radius of a landmark where the model states none: 0.2 mm along an axis, 0.32 mm on average,
a little more than the 0.24 to 0.28 mm by which the bundled model's are off."""

SIGMAS_IN_RADIUS = 2.5003
"""A ball of this many standard deviations along an axis holds 90 % of a normal distribution in
three dimensions (the root of chi-square's 0.9 quantile with 3 degrees of freedom)."""

MIN_POINTS = 3
"""Landmarks that a frame needs, the round window among them."""


def cochlear_frame(
    side: Side,
    points: Mapping[str, ArrayLike],
    radii: Mapping[str, float],
    principal_axes: PrincipalAxes | None,
    template: Template = TEMPLATE,
) -> CochlearFrame | None:
    """The frame that landmarks, the labyrinth's shape and average anatomy together suggest.

    0.25 mm at the helicotrema or the basal turn's centre, 3 mm apart, turn the axis by 7 degrees.
    So the average ear is fitted to all points, and each of the three that define the frame is
    drawn towards its place in it: by as much as it is less sure than the average ear's place. A
    point that is known exactly stays where it is; one that is missing is taken from the fit.

    Args:
        side: of the ear.
        points: RAS mm by name: landmarks and auxiliary landmarks that are there.
        radii: 90 % radius in mm by name, as far as known.
        principal_axes: of the labyrinth, where it is whole.
        template: the average ear.

    Returns:
        None without the round window, with fewer than three points, or if they make up no ear.
    """
    known = {name: np.asarray(points[name], np.float64) for name in POINTS if name in points}
    if ROUND_WINDOW not in known or len(known) < MIN_POINTS:
        return None
    variances = {name: (radii.get(name, RADIUS_MM) / SIGMAS_IN_RADIUS) ** 2 for name in known}
    to_ras = fit_template(side, known, variances, principal_axes, template)
    best = []
    for name in (BASAL_TURN, ROUND_WINDOW, HELICOTREMA):
        average = apply_affine(to_ras, template[name])
        trust = SPREAD_MM**2 / (SPREAD_MM**2 + variances[name]) if name in known else 0.0
        best.append(trust * known.get(name, average) + (1.0 - trust) * average)
    try:
        return CochlearFrame.of(side, *best)
    except ValueError:
        return None


def fit_template(
    side: Side,
    points: Points,
    variances: Mapping[str, float],
    principal_axes: PrincipalAxes | None,
    template: Template,
) -> Vector:
    """Fit the average ear to points (variances in mm²) and principal axes: 4 x 4 to RAS mm."""
    fits = []
    for more in [{}] if principal_axes is None else principal_axes.points(side):
        known = {**points, **more}
        fits.append(
            fit_orthonormal(
                np.array([template[name] for name in known]),
                np.array(list(known.values())),
                side_sign(side),
                np.array([1.0 / (SPREAD_MM**2 + variances.get(name, 0.0)) for name in known]),
            )
        )
    return min(fits, key=lambda fit: fit.residual).matrix


def misfits(
    side: Side,
    points: Points,
    principal_axes: PrincipalAxes | None,
    template: Template = TEMPLATE,
) -> dict[str, float]:
    """Distance in mm of each point from its place in the average ear that fits all of them best.

    Points are RAS mm by name, three at least. All count the same here: one that the user is sure
    of may still have the wrong name.
    """
    to_ras = fit_template(side, points, {}, principal_axes, template)
    return {
        name: float(np.linalg.norm(apply_affine(to_ras, np.asarray(template[name])) - point))
        for name, point in points.items()
    }
