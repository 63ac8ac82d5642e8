"""A forest plot: each variation's difference to the basal training, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import UnusableInput
from .compare import HIGHER_IS_BETTER, METRICS, Row
from .plan import BASAL
from .tables import HEADINGS

BETTER, WORSE, UNCLEAR = "#1b7837", "#b2182b", "#666666"


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
        axis.axvline(0.0, color="black", linewidth=0.8)
        for row in rows:
            shown = row.figures.get(metric)
            if shown is None or shown.against_basal is None:
                continue
            against, better = shown.against_basal, row.is_better(metric)
            color = UNCLEAR if better is None else BETTER if better else WORSE
            y = positions[row.name]
            axis.plot([against.low, against.high], [y, y], color=color, linewidth=1.4)
            axis.plot(
                [against.difference], [y], "o", markersize=5, color=color,
                markerfacecolor="white" if better is None else color,
            )  # fmt: skip
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
        "specimens; filled and coloured: corrected p < 0.05",
        fontsize=10,
    )
    figure.savefig(path)


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
