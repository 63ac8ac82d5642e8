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
    DISTANCES,
    VOLUME,
    entry,
    insertion_angle_key,
    insertion_length_key,
    is_made_of_a,
    range_remark,
)
from .frame import RADIUS_MM, SIGMAS_IN_RADIUS
from .lumen import Lumen
from .measure import INSERTION_ANGLES_DEG, INSERTION_LENGTHS_MM, Values, WallShifts, measure
from .measurement import Measurement
from .remarks import ear_remarks, why_not
from .template import SPREAD_MM, TEMPLATE, Template

DRAWS = 32
"""Sets of displaced landmarks from which uncertainty is taken: its own error is then an eighth."""

WALL_MM = 0.06
"""Standard deviation of a segment's wall, an assumption: the mean distance between drawn and
reference surfaces is 0.026 mm for fine CT and 0.064 mm for the coarser network
(docs/accuracy.md)."""

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
        remarks: sentences on the ear as a whole, where something is missing or does not fit.
        radii: 90 % radius in mm that each point counted with, by name.
        points: RAS mm of landmarks and auxiliary landmarks by name, as far as there.
    """

    side: Side
    frame: CochlearFrame | None
    measurements: tuple[Measurement, ...]
    lines: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    radii: dict[str, float] = field(default_factory=dict)
    points: dict[str, NDArray[np.float64]] = field(default_factory=dict)

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
            "remarks": list(self.remarks),
            "points": [
                {
                    "name": name,
                    "ras_mm": [round(float(value), 4) for value in ras],
                    "counted_radius_90_mm": round(self.radii[name], 4),
                }
                for name, ras in self.points.items()
            ],
            "cochlear_frame": None if self.frame is None else self.frame.to_json(),
            "measurements": [measurement.to_json() for measurement in self.measurements],
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a measurement, for a table with a column for the side.

        What is to be said on the ear stands in each row that needs its axes or its walls: rows are
        read one by one.
        """
        return [
            {"side": self.side, **item.to_json(), "remark": self.remark_on(item)}
            for item in self.measurements
        ]

    def remark_on(self, item: Measurement) -> str:
        """All that is to be said on one of the measurements, also of the ear; may be empty."""
        of_the_ear = () if item.key in (*DISTANCES, VOLUME) else self.remarks
        return " ".join(filter(None, (item.remark and f"{item.remark}.", *of_the_ear)))


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
    """Measure one ear, with the uncertainty that its landmarks and walls carry over.

    The error of the published formulas is not in it.

    Args:
        side: of the ear.
        labyrinth: uint8 [k, j, i], 1 inside the bony labyrinth; may be empty.
        geometry: its grid.
        landmarks: RAS mm by name (``results.LANDMARKS``), those that are there; one that is not
            finite counts as missing.
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
        if np.isfinite(ras).all()
    }
    counted = {name: (radii or {}).get(name, RADIUS_MM) for name in points}
    lumen = Lumen.of(labyrinth, geometry)

    def take(places: Mapping[str, NDArray], average: Template, shifts: WallShifts) -> Values:
        wanted = (insertion_lengths_mm, insertion_angles_deg)
        return measure(side, lumen, places, counted, *wanted, average, shifts)

    values = take(points, template, WallShifts())
    spread = _spread(take, points, counted, template)
    keys = [
        *CATALOGUE,
        *map(insertion_angle_key, insertion_lengths_mm),
        *map(insertion_length_key, insertion_angles_deg),
    ]
    return EarPlan(
        side,
        values.frame,
        tuple(_measurement(key, values, spread, points) for key in keys),
        values.lines,
        ear_remarks(side, points, lumen, values.frame, template, values.numbers),
        counted,
        points,
    )


def _spread(
    take: Callable[[Mapping[str, NDArray], Template, WallShifts], Values],
    points: Mapping[str, NDArray],
    radii: Mapping[str, float],
    template: Template,
) -> dict[str, float]:
    """Half width of the 90 % interval by key, from points displaced at random.

    The average ear's are displaced, too, as specimens scatter about it: a point that is missing,
    or drawn towards its place there, is only as sure as that. And so are the segment's walls.
    """
    generator = np.random.default_rng(20061101)  # the same numbers for the same ear, always
    drawn: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        displaced = {
            name: ras + generator.normal(0.0, radii[name] / SIGMAS_IN_RADIUS, 3)
            for name, ras in points.items()
        }
        average = {
            name: np.asarray(place) + generator.normal(0.0, SPREAD_MM, 3)
            for name, place in template.items()
        }
        walls = generator.normal(0.0, WALL_MM, 5)
        shifts = WallShifts(walls[0], (walls[1], walls[2]), (walls[3], walls[4]))
        for key, value in take(displaced, average, shifts).numbers.items():
            drawn.setdefault(key, []).append(value)
    return {
        key: HALF_WIDTH * float(np.std(values))
        for key, values in drawn.items()
        if len(values) > DRAWS // 2 and key != VOLUME
    }


def _measurement(
    key: str, values: Values, spread: Mapping[str, float], points: Mapping[str, NDArray]
) -> Measurement:
    found = entry(key)
    value = values.numbers.get(key)
    if value is None:
        remark = why_not(key, values.numbers, points, values.frame)
    else:
        said = (range_remark(found, value), _of_a(key, values.numbers))
        remark = "; ".join(filter(None, said))
    return Measurement(
        key,
        found.label,
        value,
        found.unit,
        None if value is None else spread.get(key),
        found.definition,
        found.source,
        remark,
    )


def _of_a(key: str, numbers: Mapping[str, float]) -> str:
    """Where a formula was fed with a diameter that nobody has published the like of."""
    odd = is_made_of_a(key) and range_remark(entry("a_diameter"), numbers["a_diameter"])
    return "made from an A diameter outside the published range" if odd else ""


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
