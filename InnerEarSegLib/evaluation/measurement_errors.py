"""How far a cochlea's measurements are from those of its reference."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cochlea.catalogue import CATALOGUE
from ..cochlea.curves import interpolated
from ..cochlea.duct import CENTRE, LATERAL, Duct
from ..cochlea.frame import POINTS, SIGMAS_IN_RADIUS, Template
from ..cochlea.measurements import CochlearMeasurements, measure_cochlea
from ..cochlea.parts import Canal, divide
from ..cochlea.walls import LabyrinthMask
from ..errors import UnusableInput
from ..io.case import Case, check_names
from ..report.surface import open_edges, surface_of, volume_of
from ..types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Ear,
    Geometry,
    Side,
)
from .average_ear import TemplateCase, mean_template, template_case
from .evaluate import Cases, Say, each_case

COMPARED = (
    "a_diameter",
    "b_diameter",
    "cochlear_height",
    "round_window_to_lateral_wall",
    "duct_lateral_wall_360",
    "duct_lateral_wall_720",
    "duct_lateral_wall",
    "duct_apical_angle",
)

DISPLACED = (ROUND_WINDOW, BASAL_TURN, HELICOTREMA, OVAL_WINDOW, VESTIBULE)
"""In the order of the public dataset, so that a displacement does not depend on a file's order."""

DISTANT = (LATERAL, CENTRE)
"""Curves of the duct whose distance from the reference's is told."""

_NAMES = {key: key.replace("_", " ") for key in COMPARED}

MEAN_OF_SIGMA = 2.0 * np.sqrt(2.0 / np.pi)
"""Mean length of a normal vector in three dimensions, per standard deviation along an axis."""


@dataclass(frozen=True)
class MeasurementErrors:
    """How far one ear's measurements are from those of its reference.

    ``axis_deg`` is the angle between the modiolar axes, ``origin_mm`` the distance of the origins,
    ``differences`` the signed difference of each of COMPARED that both have, in its unit,
    ``shares`` how large each is as a share of its ±, ``seconds`` how long measuring took,
    ``curves_mm`` the mean distance of each curve of the duct from the reference's, ``canals_deg``
    the angle between each canal's plane and the reference's, ``surface`` how much larger the
    closed surface of ``mesh`` is than the segment, as a share, and how many of its edges are open.
    """

    case: str
    axis_deg: float
    origin_mm: float
    differences: dict[str, float]
    shares: dict[str, float]
    seconds: float
    curves_mm: dict[str, float] = field(default_factory=dict)
    canals_deg: dict[str, float] = field(default_factory=dict)
    surface: tuple[float, int] | None = None

    @classmethod
    def between(
        cls, case: str, found: CochlearMeasurements, truth: CochlearMeasurements, seconds: float
    ) -> MeasurementErrors | None:
        """Compare two ears; None if one of them has no cochlear frame."""
        if found.frame is None or truth.frame is None:
            return None
        cosine = float(found.frame.axes[2] @ truth.frame.axes[2])
        differences, shares = {}, {}
        for key in COMPARED:
            value, true = found[key].value, truth[key].value
            if value is not None and true is not None:
                differences[key] = value - true
                shares[key] = abs(value - true) / max(found[key].uncertainty or 0.0, 1e-9)
        axis_deg = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
        origin_mm = float(np.linalg.norm(found.frame.origin - truth.frame.origin))
        curves = {}
        if found.duct is not None and truth.duct is not None:
            curves = {name: curve_distance(found.duct, truth.duct, name) for name in DISTANT}
        return cls(case, axis_deg, origin_mm, differences, shares, seconds, curves)

    @classmethod
    def mean(cls, case: str, errors: Sequence[MeasurementErrors]) -> MeasurementErrors:
        """Average the errors of one specimen, absolute; of one draw at least."""

        def mean(keys: Sequence[str], each: Callable[[MeasurementErrors], dict]) -> dict:
            sizes = {key: [abs(each(e)[key]) for e in errors if key in each(e)] for key in keys}
            return {key: float(np.mean(values)) for key, values in sizes.items() if values}

        rest = np.mean([(e.axis_deg, e.origin_mm, e.seconds) for e in errors], axis=0)
        differences = mean(COMPARED, lambda e: e.differences)
        curves = mean(DISTANT, lambda e: e.curves_mm)
        return cls(case, float(rest[0]), float(rest[1]), differences, {}, float(rest[2]), curves)

    def __str__(self) -> str:
        parts = [f"axis {self.axis_deg:.1f}°", f"origin {self.origin_mm:.2f} mm"]
        for key, value in self.differences.items():
            parts.append(f"{_NAMES[key]} {value:+.2f} {CATALOGUE[key].unit}")
        parts += [f"{name} {value:.2f} mm away" for name, value in self.curves_mm.items()]
        parts += [f"{name} {value:.1f}°" for name, value in self.canals_deg.items()]
        return f"{self.case}: {', '.join(parts)}"


def summary(errors: Sequence[MeasurementErrors]) -> list[str]:
    """Give mean, 95th percentile and worst of each absolute error, a line each."""
    columns = {
        "axis, degrees": [error.axis_deg for error in errors],
        "origin, mm": [error.origin_mm for error in errors],
    }
    for key, name in _NAMES.items():
        unit = CATALOGUE[key].unit.replace("°", "degrees")
        columns[f"{name}, {unit}"] = [
            abs(e.differences[key]) for e in errors if key in e.differences
        ]
    for curve in DISTANT:
        columns[f"{curve}, mm away"] = [e.curves_mm[curve] for e in errors if curve in e.curves_mm]
    columns["canals' planes, degrees"] = [x for e in errors for x in e.canals_deg.values()]
    surfaces = [e.surface for e in errors if e.surface is not None]
    columns["volume of the surface, %"] = [100.0 * abs(share) for share, _ in surfaces]
    lines = [
        f"{name}: mean {np.mean(values):.2f}, 95 % {np.percentile(values, 95):.2f}, "
        f"worst {max(values):.2f}, n {len(values)}"
        for name, values in columns.items()
        if values
    ]
    lines += coverage(errors)
    if surfaces:
        closed = sum(edges == 0 for _, edges in surfaces)
        lines.append(f"surfaces: {closed} of {len(surfaces)} watertight")
    if errors:
        lines.append(f"seconds an ear: {np.mean([error.seconds for error in errors]):.2f}")
    return lines


def coverage(errors: Sequence[MeasurementErrors]) -> list[str]:
    """Count what lies within its 90 % interval, and by which factor the intervals would hold 90 %.

    The factor is the error / ± at the rank of split conformal prediction, ceil(0.9 (n + 1)); for
    ten errors and more.
    """
    lines = []
    for key, name in _NAMES.items():
        shares = sorted(error.shares[key] for error in errors if key in error.shares)
        if shares:
            hits = sum(share <= 1.0 for share in shares)
            line = f"{name}: {hits} of {len(shares)} within their 90 % interval"
            if len(shares) >= 10:
                rank = min(len(shares), math.ceil(0.9 * (len(shares) + 1))) - 1
                line += f", ± x {shares[rank]:.2f} holds 90 %"
            lines.append(line)
    return lines


def kernels_apart(
    bone: Sequence[MeasurementErrors], soft: Sequence[MeasurementErrors]
) -> list[str]:
    """Say how far measurements of the same ears with two kernels differ, a line each."""
    lines = []
    others = {error.case: error.differences for error in soft}
    for key, name in _NAMES.items():
        apart = [
            abs(error.differences[key] - others[error.case][key])
            for error in bone
            if key in error.differences and key in others.get(error.case, {})
        ]
        if apart:
            lines.append(
                f"bone against soft kernel, {name}: mean {np.mean(apart):.2f}, "
                f"worst {max(apart):.2f}, n {len(apart)}"
            )
    return lines


def _compared(
    case: Case, truth: CochlearMeasurements, *ear: Any
) -> tuple[CochlearMeasurements, MeasurementErrors | None]:
    """Measure an ear (see ``measure_cochlea``) of a case, and compare."""
    start = time.perf_counter()
    found = measure_cochlea(*ear)
    seconds = time.perf_counter() - start
    return found, MeasurementErrors.between(case.name, found, truth, seconds)


def _canals(
    side: Side, labyrinth: NDArray[Any], geometry: Geometry, cochlea: CochlearMeasurements
) -> dict[str, Canal]:
    """The canals of an ear that have a plane, by name."""
    if cochlea.duct is None:
        return {}
    mask = LabyrinthMask.of(labyrinth, geometry)
    return divide(mask, side, cochlea.points, cochlea.duct).canals


def _surface(ear: Ear) -> tuple[float, int]:
    """How much larger an ear's closed surface is than its segment, and its open edges."""
    surface = surface_of(ear.labyrinth, ear.geometry)
    volume = float(np.count_nonzero(ear.labyrinth)) * ear.geometry.voxel_volume
    return volume_of(surface) / volume - 1.0, open_edges(surface)


def segmented_errors(
    cases: Cases, names: Sequence[str] | None, find: Callable[[Case], Ear | None], say: Say
) -> tuple[list[MeasurementErrors], dict[str, str]]:
    """Measure what a model finds: CT to labyrinth and landmarks to measurements.

    ``find`` finds the ear in a case's CT. Returns the errors; and, as ``each_case``, why others
    have none.
    """
    errors: list[MeasurementErrors] = []

    def measure(case: Case) -> None:
        ear = find(case)
        if ear is None:
            say(f"{case.name}: no inner ear found")
            return
        marks = (*ear.landmarks, *ear.auxiliary)
        points = {mark.name: np.array(mark.ras) for mark in marks if mark.ras}
        radii = {mark.name: mark.radius_mm for mark in marks if mark.radius_mm is not None}
        measured = ear.side, ear.labyrinth, ear.geometry, points, radii
        truth = reference(case)
        found, error = _compared(case, truth, *measured)
        if error is not None and case.labels is not None:
            true = _canals(case.stated_side, case.labels, case.label_geometry, truth)
            own = _canals(ear.side, ear.labyrinth, ear.geometry, found)
            apart = {name: own[name].degrees_to(true[name]) for name in own if name in true}
            error = replace(error, canals_deg=apart, surface=_surface(ear))
        errors.extend([] if error is None else [error])
        say(str(error or f"{case.name}: no cochlear frame"))

    return errors, each_case(cases, names, measure, say)


def displaced_errors(
    cases: Cases, names: Sequence[str] | None, mean_mm: float, draws: int, say: Say
) -> tuple[list[MeasurementErrors], dict[str, str]]:
    """Measure references whose points are all displaced at random, by a normal distribution.

    The average ear is then that of the other specimens that can be read. Unlike a network's, these
    errors are independent of what the reference's own clicks got wrong. Each specimen is displaced
    ``draws`` times, a point by ``mean_mm`` on average. Returns as ``segmented_errors``.
    """
    shapes: dict[str, TemplateCase] = {}
    errors: list[MeasurementErrors] = []

    def keep(case: Case) -> None:
        lacking = [point for point in POINTS if point not in case.landmarks]
        if lacking:
            raise UnusableInput(f"Its reference has no {lacking[0]}.")
        shapes[case.name] = template_case(case)

    def measure(case: Case) -> None:
        if case.labels is None:
            return
        others = [shape for name, shape in shapes.items() if name != case.name]
        if not others:
            raise UnusableInput("No other specimen can be read to make an average ear of.")
        own = _displaced(case, mean_template(others)[0], mean_mm, draws)
        errors.extend(own)
        say(str(MeasurementErrors.mean(case.name, own)) if own
            else f"{case.name}: no cochlear frame")  # fmt: skip

    chosen = list(cases if names is None else names)
    check_names(chosen, cases)
    unread = each_case(cases, None, keep, say, "left out of the average ear")
    # Read again: the CTs of a large dataset do not fit into the memory.
    failed = each_case(cases, [name for name in chosen if name in shapes], measure, say)
    return errors, {name: unread[name] for name in chosen if name in unread} | failed


def _displaced(
    case: Case, template: Template, mean_mm: float, draws: int
) -> list[MeasurementErrors]:
    generator = np.random.default_rng(0)
    assert case.labels is not None
    truth, sigma = reference(case), mean_mm / MEAN_OF_SIGMA
    radii = dict.fromkeys(case.landmarks, sigma * SIGMAS_IN_RADIUS)
    errors = []
    for _ in range(draws):
        points = {
            name: case.landmarks[name] + generator.normal(0.0, sigma, 3) for name in DISPLACED
        }
        measured = case.stated_side, case.labels, case.label_geometry, points, radii, template
        errors.append(_compared(case, truth, *measured)[1])
    return [error for error in errors if error is not None]


def reference(case: Case) -> CochlearMeasurements:
    """Measure the reference's labels in the reference's frame."""
    labels = np.zeros((1, 1, 1), np.uint8) if case.labels is None else case.labels
    exact = dict.fromkeys(POINTS, 0.0)
    return measure_cochlea(case.stated_side, labels, case.label_geometry, case.landmarks, exact)


def curve_distance(duct: Duct, other: Duct, curve: str) -> float:
    """Mean distance in mm from points of one duct's curve, evenly spaced, to the other's."""
    here, there = (
        interpolated(np.arange(0.0, each.lengths[-1], 0.05), each.lengths, each.points)
        for each in (duct.curves[curve], other.curves[curve])
    )
    apart = np.linalg.norm(here[::4, None] - there[None], axis=-1)
    return float(apart.min(axis=1).mean())
