"""Pictures of a duct: unrolled over the angle with its frequencies and arrays, and as a spiral."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ..cochlea.curves import interpolated
from ..cochlea.duct import LATERAL, MODIOLAR, Duct
from ..cochlea.frame import CochlearFrame
from ..cochlea.frequencies import OrganOfCorti, ganglion_frequency
from ..cochlea.insertion import NOT_IN_DUCT, Insertion
from .figures import INK, PIXELS, RED, WHITE, Dot, Figure, Mark, Place, Plane, Word, png, rgb

LOW_HZ, HIGH_HZ = 19.0, 20000.0
MARKED_HZ = (60, 125, 250, 500, 1000, 2000, 4000, 8000, 16000)
MOST_DRAWN = 4
"""So many bars fit below the curve."""

_LAST_DEG = 990.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 0.13, 0.97, 0.09, 0.60
_BARS_TOP, _BAR_STEP = 0.735, 0.077
_GRID, _SOFT = "#d9dfe4", "#5a6875"
_SPIRAL_MM = 12.0
_EDGE, _FADE = 2 * PIXELS, 0.55
_COLORS = (
    (50.0, (122, 16, 58)), (250.0, (209, 62, 40)), (1000.0, (222, 148, 12)),
    (4000.0, (40, 150, 84)), (20000.0, (38, 84, 190)),
)  # fmt: skip
"""RGB by Hz, between which the logarithm is interpolated: low red, high blue."""


def color_of(hertz: float, fade: float = 0.0) -> str:
    """Color of a frequency, as #rrggbb; ``fade`` from 0 (full) to 1 (white)."""
    keys = [math.log(hz) for hz, _ in _COLORS]
    parts = (np.interp(math.log(hertz), keys, [color[i] for _, color in _COLORS]) for i in range(3))
    return "#" + "".join(f"{round(part + fade * (255 - part)):02x}" for part in parts)


def unrolled(duct: Duct, insertions: Sequence[Insertion]) -> Figure:
    """Frequency over the angle from the round window, and arrays as bars with their contacts."""
    corti, pixels = OrganOfCorti.of(duct), _blank()
    marks = _axes(pixels)
    _draw(pixels, [(_x(duct.apex_deg), _TOP), (_x(duct.apex_deg), _BOTTOM)], _SOFT, 0.002)
    marks.append(Word("apex", (_x(duct.apex_deg) - 0.01, _TOP + 0.04), _SOFT, "end"))
    step = 5.0
    for angle in np.arange(0.0, corti.end_deg, step):
        ends = [min(float(a), corti.end_deg) for a in (angle, angle + step)]
        hertz = [corti.frequency(a) or LOW_HZ for a in ends]
        fade = _FADE if duct.extrapolated(LATERAL, ends[1]) else 0.0
        places = [_at(a, f) for a, f in zip(ends, hertz, strict=True)]
        _draw(pixels, places, color_of(hertz[0], fade), 0.006)
    for angle in np.arange(0.0, 721.0, 45.0):
        ganglion = ganglion_frequency(float(angle))
        if ganglion is not None and angle <= duct.apex_deg:
            marks.append(Dot(_at(float(angle), ganglion), _SOFT))
    for index, each in enumerate(insertions[:MOST_DRAWN]):
        marks += _bar(each, _BARS_TOP + index * _BAR_STEP, pixels)
    return Figure("unrolled: frequency by angle", png(pixels), tuple(marks), WHITE)


def _axes(pixels: NDArray[np.uint8]) -> list[Mark]:
    marks: list[Mark] = [Word("Hz", (_LEFT - 0.015, 0.055), _SOFT, "end")]
    for hertz in MARKED_HZ:
        y = _at(0.0, hertz)[1]
        _draw(pixels, [(_LEFT, y), (_RIGHT, y)], _GRID, 0.0015)
        marks.append(Word(_short(hertz), (_LEFT - 0.015, y + 0.014), _SOFT, "end"))
    for angle in range(0, 901, 180):
        x = _x(angle)
        _draw(pixels, [(x, _TOP), (x, _BOTTOM)], _GRID, 0.0015)
        marks.append(Word(f"{angle}°", (x, _BOTTOM + 0.045), _SOFT))
    return marks


def _bar(insertion: Insertion, y: float, pixels: NDArray[np.uint8]) -> list[Mark]:
    """Draw an array as a bar from 0° to its last contact, and mark its contacts and name."""
    inside = insertion.inside
    ends = f"{insertion.reach_deg:.0f}°" if inside else NOT_IN_DUCT
    marks: list[Mark] = [Word(f"{insertion.array.name}  {ends}", (_LEFT, y - 0.022), INK, "start")]
    if inside:
        _draw(pixels, [(_x(0.0), y), (_x(inside[-1].angle_deg or 0.0), y)], _GRID, 0.009)
    for contact in inside:
        fade = _FADE if contact.extrapolated else 0.0
        color = color_of(contact.organ_of_corti_hz or LOW_HZ, fade)
        marks.append(Dot((_x(contact.angle_deg or 0.0), y), color))
    return marks


def spiral(duct: Duct, frame: CochlearFrame, insertion: Insertion | None) -> Figure:
    """The duct seen from the apex, in the colors of its frequencies, with an array's contacts."""
    corti, pixels = OrganOfCorti.of(duct), _blank()
    wall = frame.from_ras(duct.curves[LATERAL].points)
    middle = frame.to_ras((wall.min(axis=0) + wall.max(axis=0)) / 2.0)
    place = Plane("spiral", middle, frame.right_in_view, frame.axes[1], _SPIRAL_MM).place
    for name in (MODIOLAR, LATERAL):
        curve = duct.curves[name]
        places = [place(point) for point in curve.points]
        for index, angle in enumerate(map(float, duct.angles[:-1])):
            beyond = duct.extrapolated(name, angle)
            if beyond and name == MODIOLAR:
                break  # an average one would only be in the way
            color = color_of(corti.frequency(angle) or LOW_HZ, _FADE if beyond else 0.0)
            _draw(pixels, places[index : index + 2], color, 0.006)
    marks: list[Mark] = []
    for hertz in (8000, 4000, 2000, 1000, 500, 250):
        marks.append(_beside_wall(duct, corti, hertz, place))
    if insertion is not None:
        marks += [
            Dot(place(np.array(contact.ras)), INK)
            for contact in insertion.inside
            if contact.ras is not None
        ]
    start = place(duct.curves[LATERAL].points[0])
    marks += [Dot(start, RED), Word("RW", (start[0], start[1] + 0.06), RED)]
    caption = "seen from the apex" + (f": {insertion.array.name}" if insertion else "")
    return Figure(caption, png(pixels), tuple(marks), WHITE)


def _beside_wall(
    duct: Duct, corti: OrganOfCorti, hertz: int, place: Callable[[NDArray[np.float64]], Place]
) -> Mark:
    """Write a frequency beside the lateral wall where it belongs."""
    angles = np.arange(0.0, corti.end_deg, 1.0)
    nearest = [abs(math.log((corti.frequency(float(a)) or LOW_HZ) / hertz)) for a in angles]
    angle = angles[int(np.argmin(nearest))]
    wall, inner = (
        interpolated(angle, duct.angles, duct.curves[name].points) for name in (LATERAL, MODIOLAR)
    )
    outward = (wall - inner) / max(float(np.linalg.norm(wall - inner)), 1e-6)
    x, y = place(wall + (0.65 if angle < 360.0 else 0.35) * outward)
    return Word(_short(hertz), (x, y + 0.014), color_of(float(hertz)))


def _short(hertz: int) -> str:
    return f"{hertz // 1000} k" if hertz >= 1000 else str(hertz)


def _blank() -> NDArray[np.uint8]:
    return np.full((_EDGE, _EDGE, 3), 255, np.uint8)


def _draw(
    pixels: NDArray[np.uint8], places: Sequence[Place], color: str, half_width: float
) -> None:
    """Draw a line between two places into a picture; as marks, many short ones would break up."""
    start, end = (np.array(each) * len(pixels) for each in places)
    half = half_width * len(pixels)
    low = np.maximum(np.floor(np.minimum(start, end) - half - 1), 0).astype(int)
    high = np.minimum(np.ceil(np.maximum(start, end) + half + 2), len(pixels)).astype(int)
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]] + 0.5
    run = end - start
    share = ((x - start[0]) * run[0] + (y - start[1]) * run[1]) / max(float(run @ run), 1e-9)
    share = np.clip(share, 0.0, 1.0)
    off = np.hypot(x - start[0] - share * run[0], y - start[1] - share * run[1])
    cover = np.clip(half + 0.5 - off, 0.0, 1.0)[..., None]
    ink = np.array(rgb(color))
    part = pixels[low[1] : high[1], low[0] : high[0]]
    part[:] = np.round(part * (1.0 - cover) + ink * cover)


def _x(angle: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * angle / _LAST_DEG


def _at(angle: float, hertz: float) -> Place:
    """Place of an angle and a frequency in the unrolled picture."""
    share = math.log(max(hertz, LOW_HZ) / LOW_HZ) / math.log(HIGH_HZ * 1.1 / LOW_HZ)
    return _x(angle), _BOTTOM - (_BOTTOM - _TOP) * share
