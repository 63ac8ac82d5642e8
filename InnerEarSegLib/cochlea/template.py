"""The average cochlea, and the cochlear frame fitted to points that are each a little wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from ..segmentation.pose import Pose, fit_orthonormal
from ..types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Side,
    apply_affine,
)
from .frame import (
    CENTROID,
    LONG,
    MIDDLE,
    PRINCIPAL_POINTS,
    THIN,
    CochlearFrame,
    Points,
    PrincipalAxes,
    Vector,
    axes_of,
)

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


def fit_template(
    side: Side,
    points: Points,
    variances: Mapping[str, float],
    principal_axes: PrincipalAxes | None,
    template: Template = TEMPLATE,
) -> Pose:
    """The pose of the average ear that fits best.

    Args:
        side: of the ear.
        points: RAS mm by name, all in the template; together with the principal axes, at least
            four that are not in a plane.
        variances: of each point along an axis, in mm².
        principal_axes: of a whole labyrinth, or None; they point the way that fits best.
        template: the average ear.
    """
    determinant = 1.0 if side == "right" else -1.0
    fits = []
    for more in [{}] if principal_axes is None else principal_axes.points(side):
        known = {**points, **more}
        fits.append(
            fit_orthonormal(
                np.array([template[name] for name in known]),
                np.array(list(known.values())),
                determinant,
                np.array([1.0 / (SPREAD_MM**2 + variances.get(name, 0.0)) for name in known]),
            )
        )
    return min(fits, key=lambda fit: fit.residual)


def misfits(
    side: Side,
    points: Points,
    principal_axes: PrincipalAxes | None,
    template: Template = TEMPLATE,
) -> dict[str, float]:
    """Distance in mm of each point from its place in the average ear that fits all of them best.

    All count the same here: a point that the user is sure of may still have the wrong name.

    Args:
        side: of the ear.
        points: RAS mm by name, three at least.
        principal_axes: of a whole labyrinth, or None.
        template: the average ear.
    """
    fit = fit_template(side, points, {}, principal_axes, template)
    return {
        name: float(np.linalg.norm(apply_affine(fit.matrix, np.asarray(template[name])) - point))
        for name, point in points.items()
    }


def mean_template(
    cases: Sequence[tuple[Side, Points, PrincipalAxes | None]],
) -> tuple[dict[str, Vector], dict[str, float]]:
    """Generalised Procrustes mean of specimens in the cochlear frame, and the spread about it.

    Args:
        cases: side, RAS mm of all POINTS by name, and principal axes, one case at least.

    Returns:
        Mean in mm of the cochlear frame, and standard deviation along an axis in mm, by name.
    """
    mirror = {"right": np.ones(3), "left": np.array([-1.0, 1.0, 1.0])}
    shapes = [np.array([at[name] for name in POINTS]) * mirror[side] for side, at, _ in cases]
    mean = shapes[0] - shapes[0].mean(axis=0)
    for _ in range(20):
        fits = [fit_orthonormal(shape, mean, 1.0) for shape in shapes]
        pairs = list(zip(fits, shapes, strict=True))
        aligned = np.array([apply_affine(fit.matrix, shape) for fit, shape in pairs])
        mean = aligned.mean(axis=0)
    at = dict(zip(POINTS, mean, strict=True))
    origin, axes = axes_of(at[BASAL_TURN], at[ROUND_WINDOW], at[HELICOTREMA], mirrored=False)
    template = {name: axes @ (point - origin) for name, point in at.items()}
    spreads = np.sqrt(((aligned - mean) ** 2).mean(axis=(0, 2)))
    spread = dict(zip(POINTS, map(float, spreads), strict=True))
    ends = _principal_points(cases, template)
    for name in PRINCIPAL_POINTS if ends else ():
        places = np.array([end[name] for end in ends])
        template[name] = places.mean(axis=0)
        spread[name] = float(np.sqrt(places.var(axis=0).mean()))
    return template, spread


def _principal_points(
    cases: Sequence[tuple[Side, Points, PrincipalAxes | None]],
    template: Template,
) -> list[dict[str, Vector]]:
    """Points of the principal axes in the cochlear frame, pointing as in the average ear."""
    found: list[dict[str, Vector]] = []
    for side, at, principal_axes in cases:
        if principal_axes is None:
            continue
        to_frame = np.linalg.inv(fit_template(side, at, {}, None, template).matrix)
        ways = [
            {name: apply_affine(to_frame, point) for name, point in way.items()}
            for way in principal_axes.points(side)
        ]
        found.append(min(ways, key=_off_the_usual))
    return found


def _off_the_usual(way: Points) -> float:
    """How far the axes point from where they usually do, mm; only their signs matter."""
    return float(
        sum(np.linalg.norm(np.subtract(way[name], TEMPLATE[name])) for name in PRINCIPAL_POINTS)
    )


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
    fit = fit_template(side, known, variances, principal_axes, template)
    best = {}
    for name in (BASAL_TURN, ROUND_WINDOW, HELICOTREMA):
        average = apply_affine(fit.matrix, template[name])
        trust = SPREAD_MM**2 / (SPREAD_MM**2 + variances[name]) if name in known else 0.0
        best[name] = trust * known.get(name, average) + (1.0 - trust) * average
    try:
        origin, axes = axes_of(
            best[BASAL_TURN], best[ROUND_WINDOW], best[HELICOTREMA], side == "left"
        )
    except ValueError:
        return None
    return CochlearFrame(side, origin, axes)
