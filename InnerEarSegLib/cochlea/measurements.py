"""Measure one ear's cochlea, with the uncertainty of each value."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import __version__
from ..progress import run_steps
from ..types import (
    AUXILIARY,
    BY_HAND,
    EDITED,
    LANDMARKS,
    POINT_DECIMALS,
    RADIUS_DECIMALS,
    ROUND_WINDOW,
    Ear,
    Geometry,
    Side,
)
from .catalogue import CATALOGUE, DISTANCES, EXTRAPOLATED, VOLUME, Measurement
from .duct import LENGTHS, LENGTHS_WIDER, DrawnDuct, Duct, draw, measure_duct, with_plus_minus
from .duct_axis import duct_frame
from .frame import (
    RADIUS_MM,
    SIGMAS_IN_RADIUS,
    SPREAD_MM,
    TEMPLATE,
    CochlearFrame,
    Points,
    Template,
    Vector,
    cochlear_frame,
)
from .remarks import ear_remarks, why_not
from .walls import WALL_MM, LabyrinthMask, farthest_wall, height, lateral_wall

DRAWS = 32
"""Sets of displaced landmarks from which uncertainty is taken: its own error is then an eighth."""

HALF_WIDTH = 1.645
"""Standard deviations in the half width of a normal distribution's 90 % interval."""

WIDER = {
    "a_diameter": 1.9,
    "b_diameter": 1.8,
    "cochlear_height": 1.8,
    "round_window_to_lateral_wall": 1.25,
} | dict.fromkeys(LENGTHS, LENGTHS_WIDER)
"""± is so much wider than drawn values scatter, to hold 90 % of the differences from references in
cross-validation, as scanned and with bone and soft kernel. ``innerearseg plan-accuracy --crossval
RUNS --scan all`` prints by how much more it should be (docs/planning.md). Most of A's difference is
along one line, at the round window, and a radius says nothing of direction."""

METAL = "not measured: metal in the ear hides it; check landmarks and segment by hand"

HAND_RADIUS_MM = 0.2
"""90 % radius that a landmark counts with once the user has moved or placed it. An assumption: who
corrects a point means it, so it counts more than the network's 0.5 mm, and clicks still scatter."""


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
        duct: the cochlear canal in 3D, where the segment shows it.
    """

    side: Side
    frame: CochlearFrame | None
    measurements: tuple[Measurement, ...]
    lines: dict[str, Vector] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    radii: dict[str, float] = field(default_factory=dict)
    points: dict[str, Vector] = field(default_factory=dict)
    duct: Duct | None = None

    def __getitem__(self, key: str) -> Measurement:
        """The measurement with a key of the catalogue, else KeyError."""
        return {measurement.key: measurement for measurement in self.measurements}[key]

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings; lengths in mm, points in RAS mm."""
        return {
            "side": self.side,
            "remarks": list(self.remarks),
            "points": [
                {
                    "name": name,
                    "ras_mm": np.round(ras, 4).tolist(),
                    "counted_radius_90_mm": round(self.radii[name], 4),
                }
                for name, ras in self.points.items()
            ],
            "cochlear_frame": None if self.frame is None else self.frame.to_json(),
            "measurements": [measurement.to_json() for measurement in self.measurements],
            "duct": None if self.duct is None else self.duct.summary(),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One row a measurement; each that needs the ear's axes or walls has the ear's remarks."""
        return [
            {"side": self.side, **item.to_json(), "remark": self.remark_on(item)}
            for item in self.measurements
        ]

    def remark_on(self, item: Measurement) -> str:
        """All that is to be said on one of the measurements, also of the ear; may be empty."""
        of_the_ear = () if item.key in (*DISTANCES, VOLUME) else self.remarks
        own = "; ".join(filter(None, (item.remark, EXTRAPOLATED if item.extrapolated else "")))
        return " ".join(filter(None, (own and f"{own}.", *of_the_ear)))


_CACHE_SIZE = 8
_cache: dict[str, CochlearMeasurements] = {}


def measure(ear: Ear) -> CochlearMeasurements:
    """Measure an ear as it is now; the last few results are kept, so that asking again is free.

    Landmarks that the user moved or placed count with HAND_RADIUS_MM. Positions and radii count to
    as many decimals as files have, so that a result measures the same before and after it is saved.
    """
    return run_steps(measure_steps(ear))


def measure_steps(ear: Ear) -> Generator[None, None, CochlearMeasurements]:
    """``measure`` in steps of some hundredths of a second, for a panel that must not freeze."""
    key = signature(ear)
    if key not in _cache:
        found = yield from _cochlea_steps(
            ear.side, ear.labyrinth, ear.geometry, _counted_points(ear), _counted_radii(ear)
        )
        while len(_cache) >= _CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = without(found, _hidden(ear))
    return _cache[key]


def _hidden(ear: Ear) -> tuple[str, ...]:
    """Keys of the measurements that metal in the ear makes unsure.

    Those of walls, unless the user edited the segment, and distances of landmarks that the user has
    not reviewed.
    """
    if not ear.metal:
        return ()
    unseen = {x.name for x in ear.landmarks if not x.reviewed}
    distances = [key for key, names in DISTANCES.items() if unseen & set(names)]
    walls = [] if ear.segment == EDITED else [key for key in CATALOGUE if key not in DISTANCES]
    return (*distances, *walls)


def without(found: CochlearMeasurements, hidden: Sequence[str]) -> CochlearMeasurements:
    """Return measurements without the values of some keys, which metal hides.

    Lines and duct are left out with those of the walls.
    """
    if not hidden:
        return found
    items = tuple(
        replace(item, value=None, uncertainty=None, remark=METAL) if item.key in hidden else item
        for item in found.measurements
    )
    if "a_diameter" in hidden:
        return replace(found, measurements=items, lines={}, duct=None)
    return replace(found, measurements=items)


def signature(ear: Ear) -> str:
    """Return a hash of all that the measurements of an ear are made from."""
    digest = hashlib.sha256(np.packbits(ear.labyrinth).tobytes())
    # With the version: another one may measure in another way.
    digest.update(str((__version__, ear.side, ear.geometry.shape)).encode())
    digest.update(np.round(ear.geometry.ijk_to_ras, 4).tobytes())
    digest.update(str(sorted(_counted_points(ear).items())).encode())
    digest.update(str(sorted(_counted_radii(ear).items())).encode())
    digest.update(" ".join(_hidden(ear)).encode())
    return digest.hexdigest()[:32]


def _counted_points(ear: Ear) -> dict[str, list[float]]:
    """RAS mm of each landmark by name, as far as there, to the decimals of ``result.json``."""
    return {name: np.round(ras, POINT_DECIMALS).tolist() for name, ras in ear.points.items()}


def _counted_radii(ear: Ear) -> dict[str, float]:
    """90 % radius in mm that each landmark counts with, by name, as far as known."""
    radii = {}
    for landmark in (*ear.landmarks, *ear.auxiliary):
        radius = HAND_RADIUS_MM if landmark.state in BY_HAND else landmark.radius_mm
        if landmark.ras is not None and radius is not None:
            radii[landmark.name] = round(radius, RADIUS_DECIMALS)
    return radii


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
    return run_steps(_cochlea_steps(side, labyrinth, geometry, landmarks, radii, template))


def _cochlea_steps(
    side: Side,
    labyrinth: NDArray[np.uint8],
    geometry: Geometry,
    landmarks: Mapping[str, ArrayLike],
    radii: Mapping[str, float] | None = None,
    template: Template = TEMPLATE,
) -> Generator[None, None, CochlearMeasurements]:
    """``measure_cochlea``, which yields between its steps."""
    points = {  # always in this order, so that the draws below are the same
        name: np.asarray(landmarks[name], dtype=np.float64)
        for name in (*AUXILIARY, *LANDMARKS)
        if name in landmarks and np.isfinite(landmarks[name]).all()
    }
    counted = {name: (radii or {}).get(name, RADIUS_MM) for name in points}
    mask = LabyrinthMask.of(labyrinth, geometry)
    frame = cochlear_frame(side, points, counted, mask.principal_axes, template)
    numbers, lines = _values(mask, points, frame)
    yield
    duct, axis = None, frame
    if frame is not None and mask.volume:
        axis = duct_frame(mask, frame, points[ROUND_WINDOW])
        yield
        duct = measure_duct(mask, axis, points[ROUND_WINDOW])
    yield
    spread, drawn = yield from _spread(side, mask, points, counted, template, duct, axis)
    extrapolated: set[str] = set()
    if duct is not None:
        duct = with_plus_minus(duct, drawn, HALF_WIDTH)
        numbers |= duct.numbers()
        extrapolated = duct.extrapolated_numbers()
    measurements = []
    for key, entry in CATALOGUE.items():
        value = numbers.get(key)
        if value is None:
            remark, uncertainty = why_not(key, numbers, points, frame), None
        else:
            odd = entry.formula and CATALOGUE["a_diameter"].range_remark(numbers["a_diameter"])
            of_a = "made from an A diameter outside the published range" if odd else ""
            remark = "; ".join(filter(None, (entry.range_remark(value), of_a)))
            uncertainty = spread.get(key)
        label, unit, definition, source = entry[:4]
        beyond = key in extrapolated
        measurements.append(
            Measurement(key, label, value, unit, uncertainty, definition, source, remark, beyond)
        )
    remarks = ear_remarks(side, points, mask, frame, template, numbers)
    return CochlearMeasurements(
        side, frame, tuple(measurements), lines, remarks, counted, points, duct
    )


def _values(
    mask: LabyrinthMask,
    points: Points,
    frame: CochlearFrame | None,
    shifts: Sequence[float] = (0.0,) * 5,
) -> tuple[dict[str, float], dict[str, Vector]]:
    """Numbers by key and lines as in CochlearMeasurements, without what cannot be measured.

    Shifts move walls outwards, in mm: opposite of the round window, both ends of B, both of z.
    """
    lines: dict[str, Vector] = {}
    numbers = {VOLUME: mask.volume} if mask.volume else {}
    for key, (here, there) in DISTANCES.items():
        if here in points and there in points:
            numbers[key] = float(np.linalg.norm(points[here] - points[there]))
    if frame is not None and mask.volume:
        x, y, z = frame.from_ras(points[ROUND_WINDOW])
        distance = float(np.hypot(x, y))
        along = np.array([x, y]) / distance
        across = np.array([-along[1], along[0]])
        opposite = lateral_wall(mask, frame, -along)
        first, second = (lateral_wall(mask, frame, sign * across) for sign in (1.0, -1.0))
        if opposite is not None:
            numbers["a_diameter"] = distance + opposite + shifts[0]
            lines["A"] = frame.to_ras([[*distance * along, z], [*-opposite * along, z]])
        if first is not None and second is not None:
            numbers["b_diameter"] = first + second + sum(shifts[1:3])
            lines["B"] = frame.to_ras([[*first * across, z], [*-second * across, z]])
        reach = height(mask, frame)
        if reach is not None:
            numbers["cochlear_height"] = reach[1] - reach[0] + sum(shifts[3:])
            lines["axis"] = frame.to_ras([[0.0, 0.0, reach[0]], [0.0, 0.0, reach[1]]])
        farthest = farthest_wall(mask, frame, points[ROUND_WINDOW])
        if farthest is not None:
            numbers["round_window_to_lateral_wall"] = farthest + shifts[0]
    for key, entry in CATALOGUE.items():
        if entry.formula is not None and all(name in numbers for name in entry.inputs):
            value = entry.formula(*(numbers[name] for name in entry.inputs))
            if value is not None:
                numbers[key] = value
    return numbers, lines


def _spread(
    side: Side,
    mask: LabyrinthMask,
    points: Points,
    radii: Mapping[str, float],
    template: Template,
    duct: Duct | None,
    axis: CochlearFrame | None,
) -> Generator[None, None, tuple[dict[str, float], list[DrawnDuct]]]:
    """Half width of the 90 % interval by key, from points displaced at random, and ducts so drawn.

    The average ear's are displaced, too, as specimens scatter about it: a point that is missing,
    or drawn towards its place there, is only as sure as that. And so are the segment's walls.
    """
    generator = np.random.default_rng(20061101)  # the same numbers for the same ear, always
    walls = np.random.default_rng(20100801)  # apart, so that the other numbers stay as they are
    drawn: dict[str, list[float]] = {}
    ducts: list[DrawnDuct] = []
    for _ in range(DRAWS):
        displaced = {
            name: ras + generator.normal(0.0, radii[name] / SIGMAS_IN_RADIUS, 3)
            for name, ras in points.items()
        }
        average = {
            name: np.asarray(place) + generator.normal(0.0, SPREAD_MM, 3)
            for name, place in template.items()
        }
        shifts = generator.normal(0.0, WALL_MM, 5).tolist()
        frame = cochlear_frame(side, displaced, radii, mask.principal_axes, average)
        for key, value in _values(mask, displaced, frame, shifts)[0].items():
            drawn.setdefault(key, []).append(value)
        if duct is not None and axis is not None:
            ducts.append(draw(duct, axis, displaced[ROUND_WINDOW], walls))
            for key, value in duct.drawn_numbers(ducts[-1]).items():
                drawn.setdefault(key, []).append(value)
        yield
    spread = {
        key: _wider(key) * HALF_WIDTH * float(np.std(values))
        for key, values in drawn.items()
        if len(values) > DRAWS // 2 and key != VOLUME
    }
    return spread, ducts


def _wider(key: str) -> float:
    """WIDER of a measurement; of one by a formula, the largest of what goes into it."""
    entry = CATALOGUE[key]
    keys = (key,) if entry.formula is None else entry.inputs
    return max(WIDER.get(each, 1.0) for each in keys)


def compare(left: CochlearMeasurements, right: CochlearMeasurements) -> tuple[Measurement, ...]:
    """Left minus right, for each measurement that both ears have."""
    return tuple(
        replace(one.minus(other), definition="Left minus right.")
        for one, other in zip(left.measurements, right.measurements, strict=True)
        if one.value is not None and other.value is not None
    )
