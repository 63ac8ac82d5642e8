"""All values of one ear from one set of points: plain numbers, no uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..results import ROUND_WINDOW, Side
from . import formulas
from .axes import CochlearFrame
from .catalogue import DISTANCES, VOLUME, insertion_angle_key, insertion_length_key
from .frame import cochlear_frame
from .lumen import Lumen
from .template import TEMPLATE, Template
from .walls import farthest_wall, height, lateral_wall

INSERTION_LENGTHS_MM = (20.0, 24.0, 28.0)
INSERTION_ANGLES_DEG = (360.0, 540.0)


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
    lines: dict[str, NDArray[np.float64]] = field(default_factory=dict)


def measure(
    side: Side,
    lumen: Lumen,
    points: Mapping[str, NDArray],
    radii: Mapping[str, float],
    lengths_mm: Sequence[float] = INSERTION_LENGTHS_MM,
    angles_deg: Sequence[float] = INSERTION_ANGLES_DEG,
    template: Template = TEMPLATE,
    shifts: WallShifts = WallShifts(),
) -> Values:
    """Measure one ear.

    Args:
        side: of the ear.
        lumen: its labyrinth.
        points: RAS mm by name, landmarks and auxiliary landmarks.
        radii: 90 % radius in mm by name, as far as known.
        lengths_mm: insertion lengths whose angle is asked for.
        angles_deg: insertion angles whose length is asked for.
        template: the average ear.
        shifts: of the walls.
    """
    frame = cochlear_frame(side, points, radii, lumen.body, template)
    values = Values(frame, {VOLUME: lumen.volume} if lumen.volume else {})
    for key, (here, there) in DISTANCES.items():
        if here in points and there in points:
            values.numbers[key] = float(np.linalg.norm(points[here] - points[there]))
    if frame is not None and lumen.volume:
        _measure_cochlea(values, lumen, frame, points[ROUND_WINDOW], shifts)
    if "a_diameter" in values.numbers:
        _apply_formulas(values.numbers, lengths_mm, angles_deg)
    return values


def _measure_cochlea(
    values: Values,
    lumen: Lumen,
    frame: CochlearFrame,
    round_window: NDArray,
    shifts: WallShifts,
) -> None:
    """Diameters, height and the lines that show them."""
    window = frame.from_ras(round_window)
    distance = float(np.hypot(window[0], window[1]))
    along = window[:2] / distance
    across = np.array([-along[1], along[0]])
    opposite = lateral_wall(lumen, frame, -along)
    first, second = (lateral_wall(lumen, frame, sign * across) for sign in (1.0, -1.0))
    if opposite is not None:
        values.numbers["a_diameter"] = distance + opposite + shifts.opposite
        values.lines["A"] = _in_plane(frame, distance * along, -opposite * along, window[2])
    if first is not None and second is not None:
        values.numbers["b_diameter"] = first + second + sum(shifts.beside)
        values.lines["B"] = _in_plane(frame, first * across, -second * across, window[2])
    reach = height(lumen, frame)
    if reach is not None:
        values.numbers["cochlear_height"] = reach[1] - reach[0] + sum(shifts.ends)
        values.lines["axis"] = frame.to_ras([[0.0, 0.0, reach[0]], [0.0, 0.0, reach[1]]])
    farthest = farthest_wall(lumen, frame, round_window)
    if farthest is not None:
        values.numbers["round_window_to_lateral_wall"] = farthest + shifts.opposite


def _in_plane(frame: CochlearFrame, start: NDArray, end: NDArray, z: float) -> NDArray:
    """Two points given in x and y, at a height, in RAS mm: (2, 3)."""
    return frame.to_ras([[*start, z], [*end, z]])


def _apply_formulas(
    numbers: dict[str, float], lengths_mm: Sequence[float], angles_deg: Sequence[float]
) -> None:
    """What the published formulas make of A."""
    a = numbers["a_diameter"]
    if "b_diameter" in numbers:
        numbers["lateral_wall_first_turn"] = formulas.elliptic_circular_first_turn(
            a, numbers["b_diameter"]
        )
    numbers["lateral_wall_two_turns"] = formulas.escude_lateral_wall(a, 720.0)
    numbers["lateral_wall_length"] = formulas.erixon_lateral_wall(a)
    numbers["organ_of_corti_two_turns"] = formulas.alexiades_two_turns(a)
    numbers["organ_of_corti_length"] = formulas.alexiades_organ_of_corti(a)
    for length in lengths_mm:
        reached = formulas.insertion_angle(a, length)
        if reached is not None:
            numbers[insertion_angle_key(length)] = reached
    for angle in angles_deg:
        numbers[insertion_length_key(angle)] = formulas.escude_lateral_wall(a, angle)
