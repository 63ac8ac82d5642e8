"""The average ear of cases with references, by which a cochlear frame is found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..cochlea.frame import (
    POINTS,
    PRINCIPAL_POINTS,
    TEMPLATE,
    CochlearFrame,
    Points,
    PrincipalAxes,
    Template,
    Vector,
    fit_template,
)
from ..cochlea.walls import LabyrinthMask
from ..io.case import Case
from ..segmentation.pose import procrustes_mean
from ..types import BASAL_TURN, HELICOTREMA, ROUND_WINDOW, Side, apply_affine, side_sign
from .evaluate import Cases

TemplateCase = tuple[Side, Points, PrincipalAxes | None]
"""Side, RAS mm of all POINTS by name, and principal axes."""


def template_case(case: Case) -> TemplateCase:
    """Return what the average ear is made from, of a case that has all POINTS."""
    principal_axes = None
    if case.labels is not None:
        principal_axes = LabyrinthMask.of(case.labels, case.label_geometry).principal_axes
    return case.stated_side, case.landmarks, principal_axes


def template_of(cases: Cases, without: Sequence[str]) -> tuple[dict[str, Vector], dict[str, float]]:
    """Return the average ear of all but some cases, and the spread; see ``mean_template``."""
    return mean_template(
        [template_case(read()) for name, read in cases.items() if name not in without]
    )


def mean_template(cases: Sequence[TemplateCase]) -> tuple[dict[str, Vector], dict[str, float]]:
    """Generalised Procrustes mean of specimens, one at least, and the spread about it.

    Returns:
        Mean in mm of the cochlear frame, and standard deviation along an axis in mm, by name.
    """
    shapes = [
        np.array([at[name] for name in POINTS]) * (side_sign(side), 1.0, 1.0)
        for side, at, _ in cases
    ]
    mean, aligned = procrustes_mean(shapes)
    at = dict(zip(POINTS, mean, strict=True))
    frame = CochlearFrame.of("right", at[BASAL_TURN], at[ROUND_WINDOW], at[HELICOTREMA])
    template = {name: frame.axes @ (point - frame.origin) for name, point in at.items()}
    spreads = np.sqrt(((aligned - mean) ** 2).mean(axis=(0, 2)))
    spread = dict(zip(POINTS, map(float, spreads), strict=True))
    ends = _principal_points(cases, template)
    for name in PRINCIPAL_POINTS if ends else ():
        places = np.array([end[name] for end in ends])
        template[name] = places.mean(axis=0)
        spread[name] = float(np.sqrt(places.var(axis=0).mean()))
    return template, spread


def _principal_points(cases: Sequence[TemplateCase], template: Template) -> list[dict[str, Vector]]:
    """Points of the principal axes in the cochlear frame, pointing as in the average ear."""

    def off(way: Points) -> float:
        return float(sum(np.linalg.norm(np.subtract(way[x], TEMPLATE[x])) for x in way))

    found: list[dict[str, Vector]] = []
    for side, at, principal_axes in cases:
        if principal_axes is not None:
            to_frame = np.linalg.inv(fit_template(side, at, {}, None, template))
            ways = [
                {name: apply_affine(to_frame, point) for name, point in way.items()}
                for way in principal_axes.points(side)
            ]
            found.append(min(ways, key=off))
    return found
