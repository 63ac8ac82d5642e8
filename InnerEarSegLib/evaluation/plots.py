"""Draw what the tables of an evaluation do not show at a glance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from ..io.case import Case
from ..training.plots import STYLE
from ..types import LANDMARKS, Ear, Volume
from .evaluate import Cases, Row, errors_of
from .metrics import on_grid

PICTURES = (
    "cases.png", "landmarks.png", "radius.png", "reliability.png",
    "best.png", "median.png", "worst.png",
)  # fmt: skip
"""All pictures of an evaluation; those of an earlier one show other figures."""

COLORS = {"helicotrema": "#0072b2", "oval window": "#d55e00", "round window": "#009e73"}
"""Okabe and Ito's, which colour-blind people can tell apart."""

FOUND, REFERENCE = "#ff9f1c", "#2ec4b6"
HU_RANGE = (-700.0, 2300.0)
AXES = ("i", "j", "k")
HALF_MM = 7.0
"""Half the edge of a picture of an ear; a cochlea is about 8 mm wide."""


@matplotlib.rc_context(STYLE)
def draw_plots(rows: Sequence[Row], folder: Path) -> None:
    """Write the plots for which the rows of ``evaluate`` have figures.

    These are cases.png (Dice, ASSD and landmark errors by case), landmarks.png (box plots of
    landmark errors) and radius.png (error against predicted radius).
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = [row for row in rows if row["found"]]
    if found:
        _save(_by_case(found), folder / "cases.png")
    if any(errors_of(row) for row in found):
        _save(_by_landmark(found), folder / "landmarks.png")
    if any(row.get(f"{name} radius mm") for row in found for name in errors_of(row)):
        _save(_against_radius(found), folder / "radius.png")


@matplotlib.rc_context(STYLE)
def draw_reliability(held: Sequence[Row], path: Path) -> None:
    """Plot observed against nominal coverage of the radii from ``reliability``, as PNG."""
    figure = Figure(figsize=(5, 5))
    panel = figure.subplots()
    panel.plot([40, 100], [40, 100], color="#777777", linewidth=1)
    for name in dict.fromkeys(row["copy"] for row in held):
        points = [row for row in held if row["copy"] == name and row["of"]]
        panel.plot(
            [100 * row["nominal"] for row in points],
            [100 * row["inside"] / row["of"] for row in points],
            "o-", label=f"{name} ({points[0]['of']})" if points else name,
        )  # fmt: skip
    panel.set(xlim=(40, 100), ylim=(40, 102))
    panel.set(xlabel="nominal, %", ylabel="landmarks within their radius, %")
    panel.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=120, bbox_inches="tight")


def _by_case(rows: Sequence[Row]) -> Figure:
    """Three panels over the cases."""
    figure = Figure(figsize=(max(6.0, 1.5 + 0.4 * len(rows)), 7))
    panels = figure.subplots(3, 1, sharex=True)
    at = np.arange(len(rows))
    for panel, key, label in zip(panels, ("dice", "assd_mm"), ("Dice", "ASSD, mm"), strict=False):
        values = [np.nan if row.get(key) is None else row[key] for row in rows]
        panel.plot(at, values, "o", color="#333333")
        panel.set_ylabel(label)
    for number, (name, color) in enumerate(COLORS.items()):
        values = [errors_of(row).get(name, np.nan) for row in rows]
        panels[2].plot(at + 0.15 * (number - 1), values, "o", color=color, label=name)
    panels[2].set_ylim(bottom=0)
    panels[2].set_ylabel("landmark error, mm")
    panels[2].legend(ncols=3)
    panels[2].set_xticks(at, [row["case"] for row in rows], rotation=90 if len(rows) > 8 else 0)
    return figure


def _by_landmark(rows: Sequence[Row]) -> Figure:
    """A box for each landmark, with every case as a point."""
    figure = Figure(figsize=(6, 4))
    panel = figure.subplots()
    for at, name in enumerate(LANDMARKS):
        values = [errors_of(row)[name] for row in rows if name in errors_of(row)]
        if values:
            panel.boxplot(values, positions=[at], widths=0.5, showfliers=False)
            beside = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else np.zeros(1)
            panel.plot(at + beside, sorted(values), "o", color=COLORS[name], alpha=0.7)
    panel.set_xticks(range(len(LANDMARKS)), LANDMARKS)
    panel.set_ylim(bottom=0)
    panel.set_ylabel("error, mm")
    return figure


def _against_radius(rows: Sequence[Row]) -> Figure:
    """Error against the radius that should hold 90 % of them: points below the line are held."""
    figure = Figure(figsize=(5, 5))
    panel = figure.subplots()
    top = 0.0
    for name, color in COLORS.items():
        pairs = [
            (row[f"{name} radius mm"], errors_of(row)[name])
            for row in rows
            if name in errors_of(row) and row.get(f"{name} radius mm")
        ]
        if pairs:
            panel.plot(*np.transpose(pairs), "o", color=color, label=name)
            top = max(top, 1.1 * np.max(pairs))
    panel.plot([0, top], [0, top], color="#777777", linewidth=1)
    panel.set(xlim=(0, top), ylim=(0, top))
    panel.set(xlabel="predicted radius that holds 90 %, mm", ylabel="error, mm")
    panel.legend()
    return figure


class Extremes:
    """Keep the best, the median and the worst case of a running evaluation for their pictures.

    The worst is the one with the largest error of a landmark, or, where references have no
    landmarks, with the smallest Dice. Cases that the model was trained on count only where there
    are no others. ``cases`` reads those that are drawn again: the CTs of all would fill the memory.
    """

    def __init__(self, cases: Cases) -> None:
        self._cases = cases
        self._seen: list[tuple[float, str, Ear, Row]] = []

    def look(self, case: Case, ear: Ear, row: Row) -> None:
        """Take a case into account."""
        badness = max(errors_of(row).values(), default=-(row.get("dice") or 0.0))
        self._seen.append((badness, case.name, ear, row))
        self._seen.sort(key=lambda item: item[0])

    def draw(self, folder: Path) -> None:
        """Write best.png, median.png and worst.png, as far as there are so many cases."""
        folder.mkdir(parents=True, exist_ok=True)
        ranked = [item for item in self._seen if not item[3].get("trained_on")] or self._seen
        which = {"worst": len(ranked) - 1, "median": len(ranked) // 2, "best": 0}
        drawn = set()
        for name, index in which.items():
            if ranked and index not in drawn:
                drawn.add(index)
                _, case, ear, row = ranked[index]
                draw_case(self._cases[case](), ear, row, folder / f"{name}.png")


def draw_case(case: Case, ear: Ear, row: Row, path: Path) -> None:
    """Draw slices through each landmark and the ear's middle, titled from ``row``, as PNG."""
    grid = case.ct.geometry
    found = on_grid(ear, grid)
    middle = np.argwhere(found).mean(axis=0)[::-1] if found.any() else np.zeros(3)
    there = [x.ras for x in ear.landmarks if x.ras is not None]
    places = {"middle of the labyrinth": middle} | {
        x.name: grid.to_ijk(x.ras) for x in ear.landmarks if x.ras is not None
    }
    shown = Shown(
        case.ct,
        [(case.labels_on_ct, REFERENCE), (found, FOUND)],
        [(case.landmarks.values(), REFERENCE, "+"), (there, FOUND, "x")],
    )
    figure = Figure(figsize=(10.5, 3.6 * len(places)), facecolor="black")
    panels = figure.subplots(len(places), 3, squeeze=False)
    for line, (name, ijk) in zip(panels, places.items(), strict=True):
        for axis, panel in enumerate(line):
            draw_slice(panel, shown, ijk, axis)
        error = errors_of(row).get(name)
        title = name + (f": {error:.2f} mm off" if error is not None else "")
        line[0].set_title(title, color="white", loc="left", fontsize=10)
    dice = "" if row.get("dice") is None else f", Dice {row['dice']:.3f}"
    figure.suptitle(
        f"{case.name}{dice}: found (orange) and reference (turquoise)", color="white", y=0.995
    )
    figure.tight_layout()
    figure.savefig(path, dpi=80, facecolor="black")


@dataclass(frozen=True, eq=False)
class Shown:
    """What slices of one ear show.

    Attributes:
        outlines: masks [k, j, i] on the CT's grid, or None, and their colours.
        points: RAS mm, and colour and marker of each group of them.
    """

    ct: Volume
    outlines: Sequence[tuple[NDArray[np.uint8] | None, str]]
    points: Sequence[tuple[Iterable[ArrayLike], str, str]]


def draw_slice(panel: Axes, shown: Shown, ijk: NDArray, axis: int) -> None:
    """Draw one slice across an axis (0: i, 1: j, 2: k) through a point (i, j, k)."""
    geometry = shown.ct.geometry
    number = int(np.clip(round(ijk[axis]), 0, geometry.shape[2 - axis] - 1))
    right, up = (a for a in range(3) if a != axis)
    panel.set_axis_off()
    panel.text(0.02, 0.02, f"{AXES[axis]} = {number}", color="white", fontsize=7,
               transform=panel.transAxes)  # fmt: skip
    low, high = HU_RANGE
    image = np.take(shown.ct.array, number, axis=2 - axis)
    panel.imshow(image, cmap="gray", vmin=low, vmax=high, origin="lower")
    panel.set_aspect(float(geometry.spacing[up] / geometry.spacing[right]))
    for mask, color in shown.outlines:
        outline = None if mask is None else np.take(mask, number, axis=2 - axis)
        if outline is not None and outline.any():
            panel.contour(outline, [0.5], colors=[color], linewidths=0.9)
    for points, color, marker in shown.points:
        for point in map(geometry.to_ijk, points):
            if abs(point[axis] - number) < 1.5:
                panel.plot(point[right], point[up], marker, color=color, markersize=9)
    half = HALF_MM / geometry.spacing
    panel.set_xlim(ijk[right] - half[right], ijk[right] + half[right])
    panel.set_ylim(ijk[up] - half[up], ijk[up] + half[up])
