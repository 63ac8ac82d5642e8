"""How far one plan is from another, in numbers and in lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cochlea.frame import PrincipalAxes
from ..cochlea.measurements import CochlearMeasurements, measure_cochlea
from ..cochlea.template import POINTS, SIGMAS_IN_RADIUS, Template, mean_template
from ..cochlea.walls import LabyrinthMask
from ..errors import Cancelled, UnusableInput, UnusableModel
from ..io.dataset import Case, case_names, read_case
from ..io.manifest import check_names
from ..types import Ear, Side
from .evaluate import reason_of

COMPARED = ("a_diameter", "b_diameter", "cochlear_height", "round_window_to_lateral_wall")


@dataclass(frozen=True)
class PlanError:
    """How far one ear's plan is from the one measured on its reference.

    Attributes:
        case: specimen.
        axis_deg: angle between the modiolar axes.
        origin_mm: distance of the origins.
        mm: signed difference of each of COMPARED that both have.
        within: of each of these, whether it is within the plan's 90 % interval.
        seconds: that the plan took.
    """

    case: str
    axis_deg: float
    origin_mm: float
    mm: dict[str, float]
    within: dict[str, bool]
    seconds: float


def error_between(
    case: str, found: CochlearMeasurements, truth: CochlearMeasurements, seconds: float
) -> PlanError | None:
    """How far a plan is off; None if one of the two has no cochlear frame.

    Args:
        case: name of the specimen.
        found: the plan.
        truth: what is measured on the reference.
        seconds: that the plan took.
    """
    if found.frame is None or truth.frame is None:
        return None
    cosine = float(found.frame.axes[2] @ truth.frame.axes[2])
    differences, within = {}, {}
    for key in COMPARED:
        value, true = found[key].value, truth[key].value
        if value is not None and true is not None:
            differences[key] = value - true
            within[key] = abs(value - true) <= (found[key].uncertainty or 0.0)
    return PlanError(
        case,
        float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
        float(np.linalg.norm(found.frame.origin - truth.frame.origin)),
        differences,
        within,
        seconds,
    )


def mean_of(name: str, errors: Sequence[PlanError]) -> PlanError:
    """The mean error of one specimen, absolute in mm; of one draw at least."""
    sizes = {key: [abs(error.mm[key]) for error in errors if key in error.mm] for key in COMPARED}
    return PlanError(
        name,
        float(np.mean([error.axis_deg for error in errors])),
        float(np.mean([error.origin_mm for error in errors])),
        {key: float(np.mean(values)) for key, values in sizes.items() if values},
        {},
        float(np.mean([error.seconds for error in errors])),
    )


def sentence(error: PlanError) -> str:
    """One case in a line."""
    parts = [f"axis {error.axis_deg:.1f}°", f"origin {error.origin_mm:.2f} mm"]
    parts += [f"{key.replace('_', ' ')} {value:+.2f} mm" for key, value in error.mm.items()]
    return f"{error.case}: {', '.join(parts)}"


def summary(errors: Sequence[PlanError]) -> list[str]:
    """Mean, 95th percentile and worst of each absolute error, a line each."""
    columns = {
        "axis, degrees": [error.axis_deg for error in errors],
        "origin, mm": [error.origin_mm for error in errors],
    }
    for key in COMPARED:
        columns[f"{key.replace('_', ' ')}, mm"] = [abs(e.mm[key]) for e in errors if key in e.mm]
    lines = [
        f"{name}: mean {np.mean(values):.2f}, 95 % {np.percentile(values, 95):.2f}, "
        f"worst {max(values):.2f}, n {len(values)}"
        for name, values in columns.items()
        if values
    ]
    for key in COMPARED:
        hits = [error.within[key] for error in errors if key in error.within]
        if hits:
            name = key.replace("_", " ")
            lines.append(f"{name}: {sum(hits)} of {len(hits)} within their 90 % interval")
    if errors:
        lines.append(f"seconds an ear: {np.mean([error.seconds for error in errors]):.2f}")
    return lines


MEAN_OF_SIGMA = 2.0 * np.sqrt(2.0 / np.pi)
"""Mean length of a normal vector in three dimensions, per standard deviation along an axis."""

Say = Callable[[str], None]
Segment = Callable[[Case], Ear | None]
TemplateCase = tuple[Side, Mapping[str, NDArray], PrincipalAxes | None]


@dataclass(frozen=True)
class Planned:
    """What came of a dataset.

    Attributes:
        errors: of the cases that could be measured.
        failed: why others could not be, in a sentence, by name.
    """

    errors: list[PlanError]
    failed: dict[str, str]


def segmented_errors(
    root: Path, names: Sequence[str] | None, segment: Segment, say: Say
) -> Planned:
    """Errors of the whole journey: CT to labyrinth and landmarks to plan.

    A case that cannot be read or measured does not stop the others.

    Args:
        root: the dataset's folder.
        names: which specimens; None for all.
        segment: finds the ear in a case's CT.
        say: receives a line a case.

    Raises:
        UnusableInput: if there is no such case.
        UnusableModel: if the model cannot be run.
    """

    def measured(name: str) -> None:
        case = read_case(root, name)
        ear = segment(case)
        error = None if ear is None else _planned_error(case, ear)
        if error is None:
            say(f"{name}: no inner ear found" if ear is None else f"{name}: no cochlear frame")
            return
        errors.append(error)
        say(sentence(error))

    errors: list[PlanError] = []
    return Planned(errors, _each(measured, _names(root, names), say))


def _planned_error(case: Case, ear: Ear) -> PlanError | None:
    """Of the plan on an ear that was found; None if one of the two has no cochlear frame."""
    marks = (*ear.landmarks, *ear.auxiliary)
    points = {mark.name: np.array(mark.ras) for mark in marks if mark.ras}
    radii = {mark.name: mark.radius_mm for mark in marks if mark.radius_mm is not None}
    start = time.perf_counter()
    found = measure_cochlea(ear.side, ear.labyrinth, ear.geometry, points, radii)
    return error_between(case.name, found, reference(case), time.perf_counter() - start)


def displaced_errors(
    root: Path, names: Sequence[str] | None, mean_mm: float, draws: int, say: Say
) -> Planned:
    """Errors where all reference points are displaced at random, by a normal distribution.

    The average ear is then that of the other specimens that can be read. Unlike a network's, these
    errors are independent of what the reference's own clicks got wrong.

    Args:
        root: the dataset's folder.
        names: which specimens; None for all with labels.
        mean_mm: mean distance by which a point is displaced.
        draws: how often for each specimen.
        say: receives a line a case: its mean errors.
    """
    chosen = _names(root, names)
    every: dict[str, Case] = {}
    shapes: dict[str, TemplateCase] = {}

    def read(name: str) -> None:
        case = read_case(root, name)
        lacking = [point for point in POINTS if point not in case.landmarks]
        if lacking:
            raise UnusableInput(f"Its reference has no {lacking[0]}.")
        shapes[name] = _template_case(case)
        every[name] = case

    def measured(name: str) -> None:
        case = every[name]
        if case.labels is None:
            return
        others = [shape for other, shape in shapes.items() if other != name]
        if not others:
            raise UnusableInput("No other specimen can be read to make an average ear of.")
        mine = _displaced(case, mean_template(others)[0], mean_mm, draws)
        if not mine:
            say(f"{name}: no cochlear frame")
            return
        errors.extend(mine)
        say(sentence(mean_of(name, mine)))

    errors: list[PlanError] = []
    unread = _each(read, case_names(root), say, "left out of the average ear")
    failed = _each(measured, [name for name in chosen if name in every], say)
    return Planned(errors, {name: unread[name] for name in chosen if name in unread} | failed)


def _displaced(case: Case, template: Template, mean_mm: float, draws: int) -> list[PlanError]:
    generator = np.random.default_rng(0)
    assert case.labels is not None
    truth = reference(case)
    errors = []
    for _ in range(draws):
        points = {
            key: ras + generator.normal(0.0, mean_mm / MEAN_OF_SIGMA, 3)
            for key, ras in case.landmarks.items()
        }
        radii = dict.fromkeys(points, mean_mm / MEAN_OF_SIGMA * SIGMAS_IN_RADIUS)
        start = time.perf_counter()
        found = measure_cochlea(
            case.stated_side, case.labels, case.label_geometry, points, radii, template=template
        )
        error = error_between(case.name, found, truth, time.perf_counter() - start)
        if error is not None:
            errors.append(error)
    return errors


def template_of(
    root: Path, without: Sequence[str]
) -> tuple[dict[str, NDArray[np.float64]], dict[str, float]]:
    """The average ear of a dataset, and the spread about it; see ``mean_template``."""
    return mean_template(
        [_template_case(read_case(root, name)) for name in case_names(root) if name not in without]
    )


def reference(case: Case) -> CochlearMeasurements:
    """What is measured on the reference's labels in the reference's frame."""
    labels = np.zeros((1, 1, 1), np.uint8) if case.labels is None else case.labels
    exact = dict.fromkeys(POINTS, 0.0)
    return measure_cochlea(case.stated_side, labels, case.label_geometry, case.landmarks, exact)


def _names(root: Path, names: Sequence[str] | None) -> list[str]:
    """Those chosen of a dataset's specimens, or all."""
    known = case_names(root)
    check_names(names or (), known)
    return list(names or known)


def _each(
    work: Callable[[str], None], names: Sequence[str], say: Say, what: str = "not measured"
) -> dict[str, str]:
    """Do something with each specimen, and tell why it could not be done with some, by name."""
    failed = {}
    for name in names:
        try:
            work(name)
        except (Cancelled, UnusableModel):
            raise
        except Exception as error:  # also a mistake of ours must not cost the other cases
            failed[name] = reason_of(error)
            say(f"{name}: {what}: {failed[name]}")
    return failed


def _template_case(case: Case) -> TemplateCase:
    principal_axes = None
    if case.labels is not None:
        principal_axes = LabyrinthMask.of(case.labels, case.label_geometry).principal_axes
    return case.stated_side, case.landmarks, principal_axes
