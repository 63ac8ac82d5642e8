"""Pictures with what is drawn on them, in numbers: the page and the PDF draw that as vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ..planning.plan import EarPlan
from ..results import ROUND_WINDOW
from .planes import Plane, cochlear_planes, draw, orthogonal_planes, png
from .subject import ReviewedEar

HEIGHT_NOTE = "the turn's lowest point may lie beside this plane"
"""Else the line seems to begin below the cochlea, in the nerve's canal."""

BAR_MM = 5.0
MARK, AXIS, LINE_A, LINE_B = "#ffe92b", "#ff5c7a", "#6dff8b", "#ffd24a"

_GAP, _ARM = 0.035, 0.16
"""The cross leaves the point itself free; shares of the picture's edge."""


@dataclass(frozen=True)
class Line:
    """A straight line; points are (x, y) from 0, 0 (left, top) to 1, 1 (right, bottom)."""

    start: tuple[float, float]
    end: tuple[float, float]
    color: str
    width: float = 1.0


@dataclass(frozen=True)
class Dot:
    """A small disc at (x, y)."""

    at: tuple[float, float]
    color: str


@dataclass(frozen=True)
class Word:
    """A text; ``anchor`` is "start", "middle" or "end" of it, ``at`` on its baseline's height."""

    text: str
    at: tuple[float, float]
    color: str = "#ffffff"
    anchor: str = "middle"
    bold: bool = False


@dataclass(frozen=True)
class Figure:
    """A square picture.

    Attributes:
        caption: what it shows.
        png: the pixels as a file.
        lines: drawn on it, in order.
        words: drawn on it.
        dots: drawn on it.
        halo: color around lines and words, so that they can be read on anything.
    """

    caption: str
    png: bytes
    lines: tuple[Line, ...] = field(default=())
    words: tuple[Word, ...] = field(default=())
    dots: tuple[Dot, ...] = field(default=())
    halo: str = "#000000"


def landmark_figures(ear: ReviewedEar) -> dict[str, list[Figure]]:
    """Three planes through each landmark that is there, with a cross around it."""
    return {
        landmark.name: [
            _figure(ear, plane, _cross(0.5, 0.5)) for plane in orthogonal_planes(landmark.ras)
        ]
        for landmark in ear.landmarks
        if landmark.ras is not None
    }


def cochlear_figures(ear: ReviewedEar, plan: EarPlan) -> list[Figure]:
    """The cochlea in its own planes, with A, B and the modiolar axis; empty without a frame."""
    if plan.frame is None:
        return []
    points = {x.name: np.array(x.ras) for x in ear.landmarks if x.ras is not None}
    window = plan.frame.from_ras(points[ROUND_WINDOW])
    flat, upright = cochlear_planes(plan.frame, float(window[2]))
    lengths = {"A": plan["a_diameter"].value, "B": plan["b_diameter"].value}
    height = plan["cochlear_height"].value
    across, words = _measured(flat, plan.lines, lengths, {"A": LINE_A, "B": LINE_B})
    along, tall = _measured(upright, plan.lines, {"axis": height}, {"axis": AXIS})
    upright = replace(upright, name=f"{upright.name}; {HEIGHT_NOTE}") if tall else upright
    return [_figure(ear, flat, across, words), _figure(ear, upright, along, tall)]


def _measured(
    plane: Plane,
    ends: Mapping[str, NDArray[np.float64]],
    lengths: Mapping[str, float | None],
    colors: Mapping[str, str],
) -> tuple[list[Line], list[Word]]:
    lines, words = [], []
    for name, length in lengths.items():
        if name not in ends or length is None:
            continue
        start, end = plane.place(ends[name])
        lines.append(Line(tuple(start), tuple(end), colors[name]))
        label = "height" if name == "axis" else name
        # Beside the far end, where no other line is.
        at = end + 0.035 * (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
        anchor = "end" if at[0] > 0.75 else "start" if at[0] < 0.25 else "middle"
        shift = (0.0, -0.012) if at[1] < 0.5 else (0.0, 0.04)
        place = (float(np.clip(at[0] + shift[0], 0.04, 0.96)), float(at[1] + shift[1]))
        words.append(Word(f"{label} {length:.1f} mm", place, colors[name], anchor, True))
    return lines, words


def _figure(
    ear: ReviewedEar, plane: Plane, lines: list[Line], words: list[Word] | None = None
) -> Figure:
    letters = plane.letters
    bar, label = scale_bar(plane.field_mm, "#ffffff")
    directions = [
        Word(letters["left"], (0.03, 0.515), anchor="start", bold=True),
        Word(letters["right"], (0.97, 0.515), anchor="end", bold=True),
        Word(letters["top"], (0.5, 0.06), bold=True),
        Word(letters["bottom"], (0.5, 0.98), bold=True),
        label,
    ]
    return Figure(plane.name, png(draw(ear, plane)), (*lines, *bar), (*directions, *(words or [])))


def scale_bar(field_mm: float, color: str) -> tuple[list[Line], Word]:
    """A bar of 5 mm at the lower right of a picture, and its label."""
    left, right, y = 0.955 - BAR_MM / field_mm, 0.955, 0.945
    lines = [
        Line((left, y), (right, y), color),
        Line((left, y - 0.013), (left, y + 0.013), color),
        Line((right, y - 0.013), (right, y + 0.013), color),
    ]
    return lines, Word(f"{BAR_MM:g} mm", (right, y - 0.025), color, "end")


def _cross(x: float, y: float) -> list[Line]:
    lines = []
    for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        start = (x + dx * _GAP, y + dy * _GAP)
        lines.append(Line(start, (x + dx * _ARM, y + dy * _ARM), MARK))
    return lines
