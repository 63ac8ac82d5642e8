"""Where the cochlea's axes are, from points that are each a little wrong."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from ..geometry import apply_affine
from ..results import BASAL_TURN, HELICOTREMA, ROUND_WINDOW, Side
from .axes import CochlearFrame, axes_of
from .body import Body
from .template import POINTS, SPREAD_MM, TEMPLATE, Template, fit_template

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
    body: Body | None,
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
        body: of the labyrinth, where it is whole.
        template: the average ear.

    Returns:
        None without the round window, with fewer than three points, or if they make up no ear.
    """
    known = {name: np.asarray(points[name], np.float64) for name in POINTS if name in points}
    if ROUND_WINDOW not in known or len(known) < MIN_POINTS:
        return None
    variances = {name: (radii.get(name, RADIUS_MM) / SIGMAS_IN_RADIUS) ** 2 for name in known}
    fit = fit_template(side, known, variances, body, template)
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
