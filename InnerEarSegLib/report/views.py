"""Pictures in 3D as they come from the process that drew them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..planning.plan import EarPlan
from ..results import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, Side
from .figures import Dot, Figure, Line, Word, scale_bar
from .planes import Plane
from .subject import ReviewedEar

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


def view_figures(folder: Path, ear: ReviewedEar, plan: EarPlan) -> list[Figure]:
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
    ear: ReviewedEar, plan: EarPlan, plane: Plane
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
