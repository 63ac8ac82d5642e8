"""How far one plan is from another, in numbers and in lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..planning.plan import EarPlan

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


def error_between(case: str, found: EarPlan, truth: EarPlan, seconds: float) -> PlanError | None:
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
