"""An ear's plan: its cochlear frame and measurements with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..geometry import Geometry
from ..results import Side
from .axes import CochlearFrame
from .catalogue import (
    CATALOGUE,
    entry,
    insertion_angle_key,
    insertion_length_key,
    range_remark,
)
from .frame import RADIUS_MM, SIGMAS_IN_RADIUS
from .measure import INSERTION_ANGLES_DEG, INSERTION_LENGTHS_MM, Values, measure
from .measurement import Measurement
from .template import TEMPLATE, Template
from .walls import Lumen

DRAWS = 32
"""Sets of displaced landmarks from which uncertainty is taken: its own error is then an eighth."""

HALF_WIDTH = 1.645
"""Standard deviations in the half width of a normal distribution's 90 % interval."""


@dataclass(frozen=True, eq=False)
class EarPlan:
    """What there is to plan on in one ear.

    Attributes:
        side: of the ear.
        frame: of the cochlea; None where landmarks do not suffice.
        measurements: in the order in which they are shown; always the same keys.
        lines: end points (2, 3) in RAS mm of "A", "B" and "axis", as far as measured.
    """

    side: Side
    frame: CochlearFrame | None
    measurements: tuple[Measurement, ...]
    lines: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def __getitem__(self, key: str) -> Measurement:
        """The measurement with that key.

        Raises:
            KeyError: if there is none.
        """
        for measurement in self.measurements:
            if measurement.key == key:
                return measurement
        raise KeyError(key)

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings; lengths in mm, points in RAS mm."""
        return {
            "side": self.side,
            "cochlear_frame": None if self.frame is None else self.frame.to_json(),
            "measurements": [measurement.to_json() for measurement in self.measurements],
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a measurement, for a table with a column for the side."""
        return [{"side": self.side, **item.to_json()} for item in self.measurements]


def plan_ear(
    side: Side,
    labyrinth: NDArray[np.uint8],
    geometry: Geometry,
    landmarks: Mapping[str, ArrayLike],
    radii: Mapping[str, float] | None = None,
    auxiliary: Mapping[str, ArrayLike] | None = None,
    insertion_lengths_mm: Sequence[float] = INSERTION_LENGTHS_MM,
    insertion_angles_deg: Sequence[float] = INSERTION_ANGLES_DEG,
    template: Template = TEMPLATE,
) -> EarPlan:
    """Measure one ear, with the uncertainty that its landmarks carry over.

    The labyrinth's own error is not in the uncertainty, nor that
    of the published formulas.

    Args:
        side: of the ear.
        labyrinth: uint8 [k, j, i], 1 inside the bony labyrinth; may be empty.
        geometry: its grid.
        landmarks: RAS mm by name (``results.LANDMARKS``), those that are there.
        radii: 90 % radius in mm by name, also of auxiliary landmarks; 0.5 mm where absent, a little
            more than the bundled model's errors suggest. 0 for a point that is known exactly.
        auxiliary: RAS mm by name (``results.AUXILIARY``), those that are there.
        insertion_lengths_mm: whose angles are asked for.
        insertion_angles_deg: whose lengths are asked for.
        template: the average ear.
    """
    points = {
        name: np.asarray(ras, dtype=np.float64)
        for name, ras in {**(auxiliary or {}), **landmarks}.items()
    }
    known, lumen = radii or {}, Lumen.of(labyrinth, geometry)

    def take(places: Mapping[str, NDArray]) -> Values:
        return measure(
            side, lumen, places, known, insertion_lengths_mm, insertion_angles_deg, template
        )

    values, spread = take(points), _spread(take, points, known)
    keys = [
        *CATALOGUE,
        *map(insertion_angle_key, insertion_lengths_mm),
        *map(insertion_length_key, insertion_angles_deg),
    ]
    measurements = tuple(_measurement(key, values, spread) for key in keys)
    return EarPlan(side, values.frame, measurements, values.lines)


def _spread(
    take: Callable[[Mapping[str, NDArray]], Values],
    points: Mapping[str, NDArray],
    radii: Mapping[str, float],
) -> dict[str, float]:
    """Half width of the 90 % interval by key, from landmarks displaced at random."""
    generator = np.random.default_rng(20061101)  # the same numbers for the same ear, always
    drawn: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        displaced = {
            name: ras + generator.normal(0.0, radii.get(name, RADIUS_MM) / SIGMAS_IN_RADIUS, 3)
            for name, ras in points.items()
        }
        for key, value in take(displaced).numbers.items():
            drawn.setdefault(key, []).append(value)
    return {
        key: HALF_WIDTH * float(np.std(values))
        for key, values in drawn.items()
        if len(values) > DRAWS // 2 and key != "labyrinth_volume"
    }


def _measurement(key: str, values: Values, spread: Mapping[str, float]) -> Measurement:
    found = entry(key)
    value = values.numbers.get(key)
    if value is None:
        missing = "not measured: landmarks or segment do not suffice"
        return Measurement(
            key, found.label, None, found.unit, None, found.definition, found.source, missing
        )
    return Measurement(
        key,
        found.label,
        value,
        found.unit,
        spread.get(key),
        found.definition,
        found.source,
        range_remark(found, value),
    )


def compare(left: EarPlan, right: EarPlan) -> tuple[Measurement, ...]:
    """Left minus right, for each measurement that both ears have.

    Uncertainties add as squares: the ears' landmarks err independently.
    """
    theirs = {measurement.key: measurement for measurement in right.measurements}
    differences = []
    for ours in left.measurements:
        other = theirs.get(ours.key)
        if ours.value is None or other is None or other.value is None:
            continue
        known = ours.uncertainty is not None and other.uncertainty is not None
        spread = float(np.hypot(ours.uncertainty or 0.0, other.uncertainty or 0.0))
        differences.append(
            Measurement(
                ours.key,
                ours.label,
                ours.value - other.value,
                ours.unit,
                spread if known else None,
                "Left minus right.",
                ours.source,
            )
        )
    return tuple(differences)
