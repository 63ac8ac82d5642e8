"""Plots of an evaluation: what a table does not show at a glance."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np

from ..results import LANDMARKS
from .summary import Row, errors_of

matplotlib.use("Agg")  # no display is needed, nor looked for
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

COLORS = {"helicotrema": "#0072b2", "oval window": "#d55e00", "round window": "#009e73"}
"""Okabe and Ito's, which colour-blind people can tell apart."""


def draw_plots(rows: Sequence[Row], folder: Path) -> list[Path]:
    """Write the plots for which there are figures.

    Args:
        rows: from ``evaluate``.
        folder: made if it is not there.

    Returns:
        The PNG files: cases.png (Dice, ASSD and landmark errors by case), landmarks.png (box plots
        of landmark errors), radius.png (error against predicted radius).
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    found = [row for row in rows if row["found"]]
    if found:
        written.append(_save(_by_case(found), folder / "cases.png"))
    if any(errors_of(row) for row in found):
        written.append(_save(_by_landmark(found), folder / "landmarks.png"))
    if any(row.get(f"{name} radius mm") for row in found for name in errors_of(row)):
        written.append(_save(_against_radius(found), folder / "radius.png"))
    return written


def draw_reliability(held: Sequence[Row], path: Path) -> Path:
    """Observed against nominal coverage of the radii, a line a copy.

    Args:
        held: from ``reliability``.
        path: the PNG.
    """
    figure, panel = plt.subplots(figsize=(5, 5))
    panel.plot([40, 100], [40, 100], color="#777777", linewidth=1)
    for copy in dict.fromkeys(row["copy"] for row in held):
        points = [row for row in held if row["copy"] == copy and row["of"]]
        panel.plot(
            [100 * row["nominal"] for row in points],
            [100 * row["inside"] / row["of"] for row in points],
            "o-", label=f"{copy} ({points[0]['of']})" if points else copy,
        )  # fmt: skip
    panel.set_xlabel("nominal, %")
    _tidy(panel, "landmarks within their radius, %")
    panel.set_xlim(40, 100)
    panel.set_ylim(40, 102)
    panel.legend(fontsize=8, frameon=False)
    return _save(figure, path)


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.savefig(path, dpi=120, bbox_inches="tight")
    plt.close(figure)
    return path


def _by_case(rows: Sequence[Row]) -> plt.Figure:
    """Three panels over the cases."""
    width = max(6.0, 1.5 + 0.4 * len(rows))
    figure, panels = plt.subplots(3, 1, figsize=(width, 7), sharex=True)
    at = np.arange(len(rows))
    for panel, key, label in zip(panels, ("dice", "assd_mm"), ("Dice", "ASSD, mm"), strict=False):
        values = [np.nan if row.get(key) is None else row[key] for row in rows]
        panel.plot(at, values, "o", color="#333333")
        _tidy(panel, label)
    for number, (name, color) in enumerate(COLORS.items()):
        values = [errors_of(row).get(name, np.nan) for row in rows]
        panels[2].plot(at + 0.15 * (number - 1), values, "o", color=color, label=name)
    _tidy(panels[2], "landmark error, mm")
    panels[2].set_ylim(bottom=0)
    panels[2].legend(fontsize=8, ncols=3, frameon=False)
    panels[2].set_xticks(at, [row["case"] for row in rows], rotation=90 if len(rows) > 8 else 0)
    return figure


def _by_landmark(rows: Sequence[Row]) -> plt.Figure:
    """A box for each landmark, with every case as a point."""
    figure, panel = plt.subplots(figsize=(6, 4))
    for at, name in enumerate(LANDMARKS):
        values = [error for row in rows for n, error in errors_of(row).items() if n == name]
        if not values:
            continue
        panel.boxplot(values, positions=[at], widths=0.5, showfliers=False)
        beside = np.linspace(-0.12, 0.12, len(values)) if len(values) > 1 else [0.0]
        panel.plot(at + np.array(beside), sorted(values), "o", color=COLORS[name], alpha=0.7)
    panel.set_xticks(range(len(LANDMARKS)), LANDMARKS)
    panel.set_ylim(bottom=0)
    _tidy(panel, "error, mm")
    return figure


def _against_radius(rows: Sequence[Row]) -> plt.Figure:
    """Error against the radius that should hold 90 % of them: points below the line are held."""
    figure, panel = plt.subplots(figsize=(5, 5))
    top = 0.0
    for name, color in COLORS.items():
        pairs = [
            (row[f"{name} radius mm"], errors_of(row)[name])
            for row in rows
            if name in errors_of(row) and row.get(f"{name} radius mm")
        ]
        if pairs:
            panel.plot(*zip(*pairs, strict=True), "o", color=color, label=name)
            top = max(top, max(map(max, pairs)))
    panel.plot([0, 1.1 * top], [0, 1.1 * top], color="#777777", linewidth=1)
    panel.set_xlim(0, 1.1 * top)
    panel.set_ylim(0, 1.1 * top)
    panel.set_xlabel("predicted radius that holds 90 %, mm")
    _tidy(panel, "error, mm")
    panel.legend(fontsize=8, frameon=False)
    return figure


def _tidy(panel: Axes, label: str) -> None:
    panel.set_ylabel(label)
    panel.grid(axis="y", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
