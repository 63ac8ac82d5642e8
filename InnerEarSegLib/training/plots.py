"""Draw the learning curves of a run from its logs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..model.card import NETWORKS
from .trainer import LOG, replace_bytes

CURVES = "learning_curves.png"

LOSSES = {
    "dice_loss": ("Dice loss", "#0072b2"),
    "cross_entropy": ("cross-entropy", "#009e73"),
    "landmark_kl": ("landmarks", "#d55e00"),
    "core_loss": ("cores missed", "#cc79a7"),
    "septum_loss": ("septa drawn over", "#56b4e9"),
}
"""Columns of the log by title and colour: Okabe and Ito's, which colour-blind people can tell
apart."""

HELD_OUT = {"held_out_dice": "held out: Dice", "held_out_landmark_mm": "held out: landmarks, mm"}

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True, "axes.grid": True, "axes.grid.axis": "y", "axes.spines.right": False,
    "axes.spines.top": False, "grid.color": "#dddddd", "grid.linewidth": 0.6,
    "legend.fontsize": 8, "legend.frameon": False,
}  # fmt: skip
"""Of all plots over figures, as ``matplotlib.rc_context`` takes it."""

Log = Mapping[str, Sequence[float]]
"""Values by column, those that are not there as NaN."""


@matplotlib.rc_context(STYLE)
def draw_curves(run_folder: Path) -> None:
    """Write CURVES into a run folder: a column a network, losses and, if any, held-out figures.

    Each loss is unweighted, the mean since the row before; what stays 0 is left out.

    Raises:
        OSError: if it cannot be written.
    """
    logs = {name: _read(run_folder / name / LOG) for name in NETWORKS}
    logs = {name: log for name, log in logs.items() if log.get("step")}
    if not logs:
        return
    rows = [key for key in HELD_OUT if any(_there(log[key]) for log in logs.values())]
    count = 1 + len(rows)
    figure = Figure(figsize=(1.5 + 3.8 * len(logs), 0.8 + 2.2 * count), layout="constrained")
    panels = figure.subplots(count, len(logs), squeeze=False, sharex="col", sharey="row")
    for column, (name, log) in enumerate(logs.items()):
        _draw_losses(panels[0, column], log)
        panels[0, column].set_title(f"{name}, {log['step'][-1]:.0f} steps", loc="left", fontsize=10)
        for panel, key in zip(panels[1:, column], rows, strict=True):
            points = [at for at in zip(log["step"], log[key], strict=True) if at[1] == at[1]]
            if points:
                panel.plot(*zip(*points, strict=True), "o-", color="#333333", markersize=3)
        panels[-1, column].set_xlabel("step")
        panels[-1, column].xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    for panel, label in zip(panels[:, 0], ("loss", *(HELD_OUT[key] for key in rows)), strict=True):
        panel.set_ylabel(label)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png")
    replace_bytes(run_folder / CURVES, content.getvalue())


def _draw_losses(panel: Axes, log: Log) -> None:
    for key, (title, color) in LOSSES.items():
        if any(value > 0 for value in log.get(key, ())):
            panel.plot(log["step"], log[key], color=color, linewidth=1.2, label=title)
    panel.set_yscale("log")
    panel.legend(fontsize=7)


def _there(values: Sequence[float]) -> bool:
    return any(value == value for value in values)


def _read(path: Path) -> dict[str, list[float]]:
    """The columns of a log; none without one."""
    if not path.is_file():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: [float(row[key] or "nan") for row in rows] for key in (rows[0] if rows else ())}
