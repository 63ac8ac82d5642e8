"""Make the average cochlea's surface and course of specimens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..cochlea.duct_axis import SurfaceDistance, duct_frame, fit_average
from ..cochlea.frame import CochlearFrame, Vector
from ..cochlea.turns import ANGLES, BASAL_DEG, COURSE, follow_turns
from ..cochlea.walls import LabyrinthMask
from ..errors import UnusableInput
from ..io.case import Case
from ..types import BASAL_TURN, HELICOTREMA, ROUND_WINDOW, apply_affine
from .evaluate import Cases

_RAYS, _ROUNDS = 700, 8
_CENTER_MM = (0.0, 0.0, 1.0)
_DISTANCES_MM = np.arange(0.4, 6.0, 0.05)

Specimen = tuple[LabyrinthMask, CochlearFrame]


def average_cochlea(cases: Cases, without: Sequence[str]) -> Vector:
    """The mean surface (n, 3) of the labelled cases but some, mm in their mean cochlear frame.

    Begins with rays to the first case's wall. In each round the surface is fitted to each case, and
    each of its points becomes the mean of where the cases' walls are nearest to it.

    Raises:
        UnusableInput: if none of the cases has labels.
    """
    specimens = [
        _specimen(case)
        for name, read in cases.items()
        if name not in without and (case := read()).labels is not None
    ]
    if not specimens:
        raise UnusableInput("None of these cases has labels to make an average cochlea of.")
    surface = _wall(*specimens[0])
    for _ in range(_ROUNDS):
        moved, frames = [], []
        for mask, frame in specimens:
            fit = fit_average(mask, frame, surface)
            assert fit is not None  # a specimen's own frame lies in its cochlea
            points = apply_affine(fit[0], surface)
            distance = SurfaceDistance(mask, points)
            slope = distance.gradient(points)
            on_wall = points - distance.at(points)[:, None] * slope
            back = np.linalg.inv(fit[0])
            moved.append(apply_affine(back, on_wall))
            frames.append(back @ frame.matrix)
        surface = apply_affine(np.linalg.inv(_mean(frames)), np.mean(moved, axis=0))
    return np.asarray(surface, np.float64)


def average_course(cases: Cases) -> list[tuple[float, float]]:
    """Angle and mean elevation of the lateral wall of all labelled cases, as ``turns.COURSE``."""
    courses = []
    for read in cases.values():
        case = read()
        if case.labels is not None:
            mask, frame = _specimen(case)
            window = case.landmarks[ROUND_WINDOW]
            turns = follow_turns(mask, duct_frame(mask, frame, window), window)
            courses += [] if turns is None else [turns.elevation]
    angles = ANGLES[ANGLES >= BASAL_DEG]
    elevations = np.mean(courses, axis=0)
    return [(angle, float(np.interp(angle, angles, elevations))) for angle in COURSE[0]]


def _specimen(case: Case) -> Specimen:
    at = case.landmarks
    lacking = [name for name in (BASAL_TURN, ROUND_WINDOW, HELICOTREMA) if name not in at]
    if lacking:
        raise UnusableInput(f"The reference of {case.name} has no {lacking[0]}.")
    frame = CochlearFrame.of(case.stated_side, at[BASAL_TURN], at[ROUND_WINDOW], at[HELICOTREMA])
    assert case.labels is not None
    return LabyrinthMask.of(case.labels, case.label_geometry), frame


def _wall(mask: LabyrinthMask, frame: CochlearFrame) -> Vector:
    """Where rays from inside a cochlea leave it last, away from round window and vestibule."""
    index = np.arange(_RAYS) + 0.5
    climb = np.arcsin(1.0 - 2.0 * index / _RAYS)
    turn = np.pi * (1.0 + 5.0**0.5) * index  # a Fibonacci sphere
    rays = np.column_stack(
        [np.cos(climb) * np.cos(turn), np.cos(climb) * np.sin(turn), np.sin(climb)]
    )
    places = rays[:, None] * _DISTANCES_MM[:, None] + np.array(_CENTER_MM)
    inside = (mask.inside(frame.to_ras(places)) >= 0.5) & _of_the_cochlea(places)
    last = inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    kept = inside.any(axis=1) & (last + 4 < inside.shape[1])
    points = places[np.arange(_RAYS), np.minimum(last + 4, inside.shape[1] - 1)]
    kept &= _of_the_cochlea(points)  # else the ray ended at that border, not at the wall
    return np.asarray(places[np.arange(_RAYS), last][kept], np.float64)


def _of_the_cochlea(places: Vector) -> NDArray[np.bool_]:
    """Whether places (..., 3) in the frame are far from round window, vestibule and modiolus."""
    x, y, z = np.moveaxis(places, -1, 0)
    near = (x > 2.8) & (y < 0.2)
    radius = np.hypot(x, y)
    modiolus = (radius < 1.0) & (z < _CENTER_MM[2])  # some segments leave it out
    return np.asarray((radius < 5.2) & (z > -2.2) & ~near & ~modiolus, np.bool_)


def _mean(matrices: Sequence[Vector]) -> Vector:
    """The mean similarity: its rotation is the one nearest to the mean."""
    mean = np.mean(matrices, axis=0)
    u, sizes, v = np.linalg.svd(mean[:3, :3])
    mean[:3, :3] = u @ v * sizes.mean()
    return np.asarray(mean, np.float64)
