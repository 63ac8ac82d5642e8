"""Pictures with what is drawn on them, in numbers: page and PDF draw that as vectors."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cochlea.measurements import CochlearMeasurements
from ..types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, Ear, Side, Volume
from .planes import Plane, cochlear_planes, draw, orthogonal_planes, png

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


def landmark_figures(ct: Volume, ear: Ear) -> dict[str, list[Figure]]:
    """Three planes through each landmark that is there, with a cross around it."""
    return {
        landmark.name: [
            _figure(ct, ear, plane, _cross(0.5, 0.5)) for plane in orthogonal_planes(landmark.ras)
        ]
        for landmark in ear.landmarks
        if landmark.ras is not None
    }


def cochlear_figures(ct: Volume, ear: Ear, plan: CochlearMeasurements) -> list[Figure]:
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
    return [_figure(ct, ear, flat, across, words), _figure(ct, ear, upright, along, tall)]


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
    ct: Volume, ear: Ear, plane: Plane, lines: list[Line], words: list[Word] | None = None
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
    return Figure(
        plane.name, png(draw(ct, ear, plane)), (*lines, *bar), (*directions, *(words or []))
    )


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


SIZE = 1000
_TEXT, _LINE, _DOT = 42, 6, 11


def figure_svg(figure: Figure) -> str:
    """The picture, as wide as what it stands in."""
    data = base64.b64encode(figure.png).decode("ascii")
    halo = figure.halo
    parts = [
        f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{escape(figure.caption)}">',
        f'<image width="{SIZE}" height="{SIZE}" href="data:image/png;base64,{data}"/>',
        *(_line(line, halo) for line in figure.lines),
        *(_dot(dot, halo) for dot in figure.dots),
        *(_word(word, halo) for word in figure.words),
        "</svg>",
    ]
    return "".join(parts)


def _line(line: Line, halo: str) -> str:
    (x1, y1), (x2, y2) = ((SIZE * x, SIZE * y) for x, y in (line.start, line.end))
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    width = _LINE * line.width
    return (
        f'<line {place} stroke="{halo}" stroke-opacity=".55" stroke-width="{width + 5:.1f}"/>'
        f'<line {place} stroke="{line.color}" stroke-width="{width:.1f}"/>'
    )


def _dot(dot: Dot, halo: str) -> str:
    x, y = (SIZE * value for value in dot.at)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" fill="{dot.color}" stroke="{halo}" '
        'stroke-width="4"/>'
    )


def _word(word: Word, halo: str) -> str:
    x, y = (SIZE * value for value in word.at)
    weight = ' font-weight="700"' if word.bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{_TEXT}" text-anchor="{word.anchor}" '
        f'fill="{word.color}" stroke="{halo}" stroke-width="5" '
        f'stroke-opacity=".7" stroke-linejoin="round" paint-order="stroke"{weight}>'
        f"{escape(word.text)}</text>"
    )


VIEWS = "views.json"
INK, RED, GREEN, AMBER = "#14202b", "#c2183c", "#0b7a3b", "#a15c00"

SHORT = {HELICOTREMA: "H", OVAL_WINDOW: "OW", ROUND_WINDOW: "RW"}
LEGEND = "H helicotrema, OW oval window, RW round window, A and B diameters, black: modiolar axis"


@dataclass(frozen=True, eq=False)
class View:
    """One picture in 3D.

    Attributes:
        side: of the ear.
        plane: the picture's plane; everything is projected on it along its normal.
    """

    side: Side
    plane: Plane

    def to_json(self) -> dict[str, Any]:
        """Plain lists and numbers, RAS mm."""
        return {
            "side": self.side,
            "name": self.plane.name,
            "field_mm": self.plane.field_mm,
            **{key: getattr(self.plane, key).tolist() for key in ("center", "right", "up")},
        }


def view_figures(folder: Path, ear: Ear, plan: CochlearMeasurements) -> list[Figure]:
    """The views that were drawn of an ear, with landmarks and diameters marked; maybe none."""
    try:
        views = json.loads((folder / VIEWS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    figures = []
    for item in views:
        if item["side"] != ear.side:
            continue
        center, right, up = (np.array(item[key]) for key in ("center", "right", "up"))
        plane = Plane(item["name"], center, right, up, item["field_mm"])
        lines, dots, words = _marks(ear, plan, plane)
        bar, label = scale_bar(plane.field_mm, INK)
        picture = (folder / item["file"]).read_bytes()
        figures.append(
            Figure(
                plane.name,
                picture,
                (*lines, *bar),
                (*words, label, *_ends(plane)),
                dots,
                halo="#ffffff",
            )
        )
    return figures


def _marks(
    ear: Ear, plan: CochlearMeasurements, plane: Plane
) -> tuple[list[Line], tuple[Dot, ...], list[Word]]:
    lines, words = [], []
    for name, color in (("A", GREEN), ("B", AMBER), ("axis", INK)):
        if name in plan.lines:
            start, end = ((float(x), float(y)) for x, y in plane.place(plan.lines[name]))
            lines.append(Line(start, end, color))
            if name != "axis":
                words.append(Word(name, _beyond(start, end), color, bold=True))
    places = {x.name: plane.place(x.ras) for x in ear.landmarks if x.ras is not None}
    dots = tuple(Dot((float(x), float(y)), RED) for x, y in places.values())
    middle = np.mean([*places.values()], axis=0) if places else np.zeros(2)
    for name, place in places.items():
        away = _beyond(tuple(middle), tuple(place), 0.045)
        words.append(Word(SHORT[name], away, RED, bold=True))
    return lines, dots, words


def _beyond(
    start: tuple[float, float], end: tuple[float, float], by: float = 0.03
) -> tuple[float, float]:
    """Where the name of a line stands: a little further than its end."""
    x, y = end[0] - start[0], end[1] - start[1]
    length = max(float(np.hypot(x, y)), 1e-9)
    return end[0] + by * x / length, end[1] + by * y / length + 0.014


def _ends(plane: Plane) -> list[Word]:
    letters = plane.letters
    return [
        Word(letters["top"], (0.5, 0.05), INK),
        Word(letters["bottom"], (0.5, 0.985), INK),
        Word(letters["left"], (0.02, 0.95), INK, "start"),
    ]
