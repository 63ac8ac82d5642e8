"""Measure one ear's cochlea, with the uncertainty of each value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import __version__
from ..types import AUXILIARY, BY_HAND, LANDMARKS, ROUND_WINDOW, Ear, Geometry, Side
from . import formulas
from .catalogue import (
    CATALOGUE,
    DISTANCES,
    INSERTION_ANGLES_DEG,
    INSERTION_LENGTHS_MM,
    VOLUME,
    Measurement,
    insertion_angle_key,
    insertion_length_key,
    is_made_of_a,
    range_remark,
)
from .checks import ear_remarks, why_not
from .frame import CochlearFrame, Points, Vector
from .template import RADIUS_MM, SIGMAS_IN_RADIUS, SPREAD_MM, TEMPLATE, Template, cochlear_frame
from .walls import LabyrinthMask, farthest_wall, height, lateral_wall


@dataclass(frozen=True)
class WallShifts:
    """By how many mm the segment's walls are to be taken farther outside than they are.

    Attributes:
        opposite: the lateral wall opposite of the round window.
        beside: the two that B lies between.
        ends: basal turn's lowest point and apex.
    """

    opposite: float = 0.0
    beside: tuple[float, float] = (0.0, 0.0)
    ends: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, eq=False)
class Values:
    """What one set of points gives.

    Attributes:
        frame: of the cochlea, or None.
        numbers: by key of the catalogue; what could not be measured is absent.
        lines: end points (2, 3) in RAS mm of "A", "B" and "axis".
    """

    frame: CochlearFrame | None
    numbers: dict[str, float] = field(default_factory=dict)
    lines: dict[str, Vector] = field(default_factory=dict)


def values_of(
    side: Side,
    mask: LabyrinthMask,
    points: Points,
    radii: Mapping[str, float],
    template: Template = TEMPLATE,
    shifts: WallShifts = WallShifts(),
) -> Values:
    """Measure one ear.

    Args:
        side: of the ear.
        mask: its labyrinth.
        points: RAS mm by name, landmarks and auxiliary landmarks.
        radii: 90 % radius in mm by name, as far as known.
        template: the average ear.
        shifts: of the walls.
    """
    frame = cochlear_frame(side, points, radii, mask.principal_axes, template)
    values = Values(frame, {VOLUME: mask.volume} if mask.volume else {})
    for key, (here, there) in DISTANCES.items():
        if here in points and there in points:
            values.numbers[key] = float(np.linalg.norm(points[here] - points[there]))
    if frame is not None and mask.volume:
        _measure_cochlea(values, mask, frame, points[ROUND_WINDOW], shifts)
    if "a_diameter" in values.numbers:
        _apply_formulas(values.numbers)
    return values


def _measure_cochlea(
    values: Values,
    mask: LabyrinthMask,
    frame: CochlearFrame,
    round_window: Vector,
    shifts: WallShifts,
) -> None:
    """Diameters, height and the lines that show them."""
    window = frame.from_ras(round_window)
    distance = float(np.hypot(window[0], window[1]))
    along = window[:2] / distance
    across = np.array([-along[1], along[0]])
    opposite = lateral_wall(mask, frame, -along)
    first, second = (lateral_wall(mask, frame, sign * across) for sign in (1.0, -1.0))
    if opposite is not None:
        values.numbers["a_diameter"] = distance + opposite + shifts.opposite
        values.lines["A"] = _in_plane(frame, distance * along, -opposite * along, window[2])
    if first is not None and second is not None:
        values.numbers["b_diameter"] = first + second + sum(shifts.beside)
        values.lines["B"] = _in_plane(frame, first * across, -second * across, window[2])
    reach = height(mask, frame)
    if reach is not None:
        values.numbers["cochlear_height"] = reach[1] - reach[0] + sum(shifts.ends)
        values.lines["axis"] = frame.to_ras([[0.0, 0.0, reach[0]], [0.0, 0.0, reach[1]]])
    farthest = farthest_wall(mask, frame, round_window)
    if farthest is not None:
        values.numbers["round_window_to_lateral_wall"] = farthest + shifts.opposite


def _in_plane(frame: CochlearFrame, start: Vector, end: Vector, z: float) -> Vector:
    """Two points given in x and y, at a height, in RAS mm: (2, 3)."""
    return frame.to_ras([[*start, z], [*end, z]])


def _apply_formulas(numbers: dict[str, float]) -> None:
    """Add what the published formulas derive from A."""
    a = numbers["a_diameter"]
    if "b_diameter" in numbers:
        numbers["lateral_wall_first_turn"] = formulas.elliptic_circular_first_turn(
            a, numbers["b_diameter"]
        )
    numbers["lateral_wall_two_turns"] = formulas.escude_lateral_wall(a, 720.0)
    numbers["lateral_wall_length"] = formulas.erixon_lateral_wall(a)
    numbers["organ_of_corti_two_turns"] = formulas.alexiades_two_turns(a)
    numbers["organ_of_corti_length"] = formulas.alexiades_organ_of_corti(a)
    for length in INSERTION_LENGTHS_MM:
        reached = formulas.insertion_angle(a, length)
        if reached is not None:
            numbers[insertion_angle_key(length)] = reached
    for angle in INSERTION_ANGLES_DEG:
        numbers[insertion_length_key(angle)] = formulas.escude_lateral_wall(a, angle)


DRAWS = 32
"""Sets of displaced landmarks from which uncertainty is taken: its own error is then an eighth."""

WALL_MM = 0.06
"""Standard deviation of a segment's wall, an assumption: the mean distance between drawn and
reference surfaces is 0.026 mm for fine CT and 0.064 mm for the coarser network
(docs/accuracy.md)."""

HALF_WIDTH = 1.645
"""Standard deviations in the half width of a normal distribution's 90 % interval."""


@dataclass(frozen=True, eq=False)
class CochlearMeasurements:
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
    lines: dict[str, Vector] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    radii: dict[str, float] = field(default_factory=dict)
    points: dict[str, Vector] = field(default_factory=dict)

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


HAND_RADIUS_MM = 0.2
"""90 % radius that a landmark counts with once the user has moved or placed it. An assumption: who
corrects a point means it, so it counts more than the network's 0.5 mm, and clicks still scatter."""

_CACHE_SIZE = 8
_cache: dict[str, CochlearMeasurements] = {}


def measure(ear: Ear) -> CochlearMeasurements:
    """Measure an ear as it is now; the last few results are kept, so that asking again is free.

    Landmarks that the user moved or placed count with HAND_RADIUS_MM.
    """
    key = signature(ear)
    if key not in _cache:
        while len(_cache) >= _CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = measure_cochlea(
            ear.side, ear.labyrinth, ear.geometry, ear.points, counted_radii(ear)
        )
    return _cache[key]


def counted_radii(ear: Ear) -> dict[str, float]:
    """Return the 90 % radius in mm that each landmark counts with, by name, as far as known."""
    radii = {}
    for landmark in (*ear.landmarks, *ear.auxiliary):
        radius = HAND_RADIUS_MM if landmark.state in BY_HAND else landmark.radius_mm
        if landmark.ras is not None and radius is not None:
            radii[landmark.name] = radius
    return radii


def signature(ear: Ear) -> str:
    """Return a hash of all that the measurements of an ear are made from."""
    digest = hashlib.sha256(np.packbits(ear.labyrinth).tobytes())
    # With the version: another one may measure in another way.
    digest.update(str((__version__, ear.side, ear.geometry.shape)).encode())
    digest.update(np.round(ear.geometry.ijk_to_ras, 4).tobytes())
    rounded = {name: np.round(ras, 3).tolist() for name, ras in ear.points.items()}
    digest.update(str(sorted(rounded.items())).encode())
    digest.update(str(sorted(counted_radii(ear).items())).encode())
    return digest.hexdigest()[:32]


def measure_cochlea(
    side: Side,
    labyrinth: NDArray[np.uint8],
    geometry: Geometry,
    landmarks: Mapping[str, ArrayLike],
    radii: Mapping[str, float] | None = None,
    template: Template = TEMPLATE,
) -> CochlearMeasurements:
    """Measure one ear, with the uncertainty that its landmarks and walls carry over.

    The error of the published formulas is not in it.

    Args:
        side: of the ear.
        labyrinth: uint8 [k, j, i], 1 inside the bony labyrinth; may be empty.
        geometry: its grid.
        landmarks: RAS mm by name (LANDMARKS and AUXILIARY), those that are there; one that is
            not finite counts as missing.
        radii: 90 % radius in mm by name, also of auxiliary landmarks; 0.5 mm where absent, a little
            more than the bundled model's errors suggest. 0 for a point that is known exactly.
        template: the average ear.
    """
    points = {  # always in this order, so that the draws below are the same
        name: np.asarray(landmarks[name], dtype=np.float64)
        for name in (*AUXILIARY, *LANDMARKS)
        if name in landmarks and np.isfinite(landmarks[name]).all()
    }
    counted = {name: (radii or {}).get(name, RADIUS_MM) for name in points}
    mask = LabyrinthMask.of(labyrinth, geometry)

    def take(places: Points, average: Template, shifts: WallShifts) -> Values:
        return values_of(side, mask, places, counted, average, shifts)

    values = take(points, template, WallShifts())
    spread = _spread(take, points, counted, template)
    return CochlearMeasurements(
        side,
        values.frame,
        tuple(_measurement(key, values, spread, points) for key in CATALOGUE),
        values.lines,
        ear_remarks(side, points, mask, values.frame, template, values.numbers),
        counted,
        points,
    )


def _spread(
    take: Callable[[Points, Template, WallShifts], Values],
    points: Points,
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
    key: str, values: Values, spread: Mapping[str, float], points: Points
) -> Measurement:
    found = CATALOGUE[key]
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
    """Flag values derived from an A diameter outside the published range."""
    odd = is_made_of_a(key) and range_remark(CATALOGUE["a_diameter"], numbers["a_diameter"])
    return "made from an A diameter outside the published range" if odd else ""


def compare(left: CochlearMeasurements, right: CochlearMeasurements) -> tuple[Measurement, ...]:
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
