"""A forest plot: each variation's difference to the basal training, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from .compare import HIGHER_IS_BETTER, METRICS, Metric, Row, moved_by_seed
from .plan import BASAL
from .tables import DIGITS, HEADINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BETTER, WORSE, UNCLEAR = "#1b7837", "#b2182b", "#666666"

FAR = 4.0
"""Beyond so many times the median reach a row is drawn as an arrow."""


def forest_plot(rows: Sequence[Row], title: str, path: Path) -> None:
    """Write the plot as PNG.

    Raises:
        UnusableInput: if matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise UnusableInput(
            "The plot needs matplotlib: pip install 'innerearseg[evaluation]'."
        ) from None
    labels, positions = _layout(rows)
    figure = Figure(figsize=(11, 1.6 + 0.21 * len(labels)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(METRICS), sharey=True)
    for axis, metric in zip(axes, METRICS, strict=True):
        limit = _limit(rows, metric)
        axis.set_xlim(-limit, limit)
        axis.axvline(0.0, color="black", linewidth=0.8)
        by_seed = moved_by_seed(rows).get(metric, 0.0)
        axis.axvspan(-by_seed, by_seed, color="#e8e8e8", linewidth=0)
        for row in rows:
            _draw(axis, row, metric, positions.get(row.name, 0), limit)
        arrow = "better →" if HIGHER_IS_BETTER[metric] else "← better"
        axis.set_xlabel(f"difference of {HEADINGS[metric]}\n{arrow}", fontsize=9)
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8)
        for side in ("top", "right", "left"):
            axis.spines[side].set_visible(False)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    axes[0].set_yticks(range(len(labels)), [label for label, _ in labels])
    for tick, (_, heading) in zip(axes[0].get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if heading else "normal")
    for axis in axes:
        axis.tick_params(axis="y", length=0)
    figure.suptitle(
        f"{title}\nmean paired difference to the basal training, 95 % bootstrap interval over "
        "specimens; filled and coloured: corrected p < 0.05; grey band: another seed",
        fontsize=10,
    )
    figure.savefig(path)


def _draw(axis: Axes, row: Row, metric: Metric, y: int, limit: float) -> None:
    """One interval, or an arrow with the number where it is far outside."""
    shown = row.figures.get(metric)
    if shown is None or shown.against_basal is None:
        return
    against, better = shown.against_basal, row.is_better(metric)
    color = UNCLEAR if better is None else BETTER if better else WORSE
    fill = "white" if better is None else color
    if abs(against.difference) > limit:
        sign = 1.0 if against.difference > 0 else -1.0
        axis.plot([0.96 * sign * limit], [y], ">" if sign > 0 else "<", color=color, mfc=fill)
        axis.text(
            0.9 * sign * limit, y, f"{against.difference:+.{DIGITS[metric] - 1}f}", color=color,
            ha="right" if sign > 0 else "left", va="center", fontsize=8,
        )  # fmt: skip
        return
    axis.plot([against.low, against.high], [y, y], color=color, linewidth=1.4)
    axis.plot([against.difference], [y], "o", markersize=5, color=color, mfc=fill)


def _limit(rows: Sequence[Row], metric: Metric) -> float:
    """Half the width of an axis: a few that are far off must not squeeze all others."""
    reach = sorted(
        max(abs(a.low), abs(a.high))
        for row in rows
        if (figure := row.figures.get(metric)) and (a := figure.against_basal)
    )
    if not reach:
        return 1.0
    usual = FAR * reach[len(reach) // 2]
    return max(1.1 * max((r for r in reach if r <= usual), default=0.0), 1e-3)


def _layout(rows: Sequence[Row]) -> tuple[list[tuple[str, bool]], dict[str, int]]:
    """(label, whether it is a heading) from top to bottom, and where each variation is."""
    labels: list[tuple[str, bool]] = []
    positions: dict[str, int] = {}
    group = ""
    for row in rows:
        if row.name == BASAL:
            continue
        if row.group != group:
            group = row.group
            labels.append((group, True))
        positions[row.name] = len(labels)
        labels.append((row.name, False))
    return labels, positions
