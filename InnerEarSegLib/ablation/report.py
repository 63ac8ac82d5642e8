"""Write the report of a study: a table, a forest plot, and sentences made from the figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from .compare import (
    ALPHA,
    METRICS,
    Row,
    coupling_questions,
    csv_text,
    is_better,
    is_different,
    moved_by_seed,
    repeated,
    rows_of,
    smallest_p,
)
from .plan import BASAL, Plan
from .runs import read_study

TABLE, PLOT, TEXT = "ablation.csv", "ablation.png", "ablation.md"

COLORS = {True: "#1b7837", False: "#b2182b", None: "#666666"}
"""Better, worse and unclear in the plot."""

FAR = 4.0
"""Beyond so many times the median reach a row is drawn as an arrow."""


def write_report(runs: Path, output: Path, against: Path | None = None) -> list[str]:
    """Write ``ablation.csv``, ``ablation.png`` and ``ablation.md`` of a study's folder.

    ``against`` is an earlier ``ablation.csv``, in whose intervals this study's figures should lie.

    Return the text's conclusions, line by line, and where the files are. Raise UnusableInput if
    there is no study, or nothing of it is finished.
    """
    study = read_study(runs)
    rows = rows_of(study)
    if not any(row["folds"] for row in rows):
        raise UnusableInput(f"No run of {runs} is finished; go on with innerearseg ablate.")
    again = [] if against is None else list(repeated(rows, against))
    said = conclusions(study.plan, rows, study.folds)
    output.mkdir(parents=True, exist_ok=True)
    forest_plot(rows, study.plan.name, output / PLOT)
    (output / TABLE).write_text(csv_text(rows), encoding="utf-8")
    text = [
        f"# {study.plan.name}", "", *said, "", "## All variations", "",
        "Differences to the basal training with their 95 % bootstrap intervals over specimens; "
        "bold where the corrected p is below 0.05.", "", *_markdown_table(rows), "",
        f"![Forest plot]({PLOT})", "",
    ]  # fmt: skip
    (output / TEXT).write_text("\n".join(text), encoding="utf-8")
    return [*said, "", *again, f"Files: {output}"]


def _markdown_table(rows: Sequence[Row]) -> list[str]:
    """Give the means of the basal training, and each variation's differences to it."""
    headings = " | ".join(metric.heading for metric in METRICS.values())
    lines = [f"| variation | change | {headings} |", "|---|---|---|---|---|"]
    for group, members in groupby(rows, itemgetter("group")):
        lines += [f"| **{group}** | | | | |"] if group else []
        for row in members:
            cells = " | ".join(_cell(row, metric) for metric in METRICS)
            lines.append(f"| {row['name']} | {_change(row)} | {cells} |")
    return lines


def _cell(row: Row, metric: str) -> str:
    if row[metric] is None:
        return "diverged" if row["diverged"] else ""
    key, sign = (metric, "") if row["name"] == BASAL else (f"{metric}_difference", "+")
    if row[key] is None:
        return "not finished"
    mean, low, high = (
        f"{row[key + end]:{sign}.{METRICS[metric].digits}f}" for end in ("", "_low", "_high")
    )
    text = f"{mean} ({low} to {high})"
    return f"**{text}**" if is_different(row, metric) else text


def _change(row: Row) -> str:
    if not row["field"]:
        return ""
    return f"{row['field']}: {_plain(row['basal_value'])} → {_plain(row['value'])}"


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return value if isinstance(value, str) else json.dumps(value)


def conclusions(plan: Plan, rows: Sequence[Row], folds: Sequence[Sequence[str]]) -> list[str]:
    """Say what the figures allow to say: on the study, on coupling, and on the other variations."""
    lines = [
        f"{len(rows) - 1} variations of one field each beside the basal training, "
        f"{plan.basal.optimiser.steps} steps a training; {sum(map(len, folds))} specimens in "
        f"{len(folds)} folds, each held out once."
    ]
    by_seed = moved_by_seed(rows)
    moved = [f"{METRICS[m].name} by {by_seed[m]:.{METRICS[m].digits}f}" for m in by_seed]
    for sentence, about in (
        ("Not finished, and so not compared: {}.",
         [row["name"] for row in rows if row["folds"] < len(folds)]),
        ("The loss was no longer a number in: {}.",
         [row["name"] for row in rows if row["diverged"]]),
        ("Another seed alone moves {}; a difference that is not larger says nothing here, whatever "
         "its p.", moved),
    ):  # fmt: skip
        lines += [sentence.format(", ".join(about))] if about else []
    asked = coupling_questions(plan)
    named = {row["name"]: row for row in rows}
    answers = [f"- {_answer(named[name], m, len(asked), by_seed.get(m, 0.0))}" for name, m in asked]
    lines += ["", "## Does learning both tasks together help each?", ""]
    lines += answers or ["The plan has no variation that learns one task alone."]
    others = [row for row in rows if row["name"] not in (BASAL, *(name for name, _ in asked))]
    lines += ["", "## What changes for the better or for the worse", ""]
    return lines + _others(others, by_seed)


def _answer(row: Row, metric: str, asked: int, by_seed: float) -> str:
    """Whether coupling helps, from the variation that learns one task alone."""
    how, task = METRICS[metric], "landmarks" if metric == "landmark_mm" else "labyrinth"
    start = f"{task.capitalize()}, {how.name.removeprefix('landmark ')}: "
    if row[f"{metric}_difference"] is None:
        return start + f"not known, because {row['name']!r} or the basal training is not finished."
    # Turned round, so that it tells what the joint network gains.
    gain, *ends = (-how.sign * row[f"{metric}_difference{end}"] for end in ("", "_low", "_high"))
    low, high = sorted(ends)
    more = "higher" if (gain >= 0) == (how.sign > 0) else "lower"
    pairs, digits = row[f"{metric}_pairs"], how.digits
    if is_different(row, metric):
        effect = "coupling helps" if gain > 0 else "coupling harms"
        effect = effect if abs(gain) > by_seed else "no more than another seed does"
    elif smallest_p(pairs) * asked >= ALPHA:
        effect = f"cannot be told from {pairs} specimens"
    else:
        effect = "no effect of coupling could be shown"
    return (
        f"{start}{effect}: that of the joint network is {abs(gain):.{digits}f} {more} than that of "
        f"the one that learns the {task} alone (gain {gain:+.{digits}f}, 95 % interval "
        f"{low:+.{digits}f} to {high:+.{digits}f}, {pairs} specimens, corrected p = "
        f"{row[f'{metric}_p_corrected']:.3g})."
    )


TITLES = {
    (True, False): "Better than the basal training, which the study so recommends",
    (False, True): "Worse",
    (True, True): "Better in one figure and worse in another",
}
"""Of variations, by whether a figure is better and one is worse."""


def _others(rows: Sequence[Row], by_seed: dict[str, float]) -> list[str]:
    """Which variations are better or worse by more than another seed is."""
    pairs = [count for row in rows for m in METRICS if (count := row[f"{m}_pairs"]) is not None]
    if not pairs:
        return ["Nothing is compared yet."]
    lines = [f"{len(pairs)} comparisons, corrected together (Holm)."]
    smallest = smallest_p(min(pairs))
    if smallest * len(pairs) >= ALPHA:
        lines.append(
            f"With {min(pairs)} specimens the smallest p is {smallest:.2g}, so that alone among so "
            "many not even a variation that is better on all of them counts."
        )
    found: dict[tuple[bool, bool], list[str]] = {}
    for row in rows:
        if row["field"] == "seed" or not any(row[f"{metric}_pairs"] for metric in METRICS):
            continue
        changes: dict[bool, list[str]] = {True: [], False: []}
        for metric, how in METRICS.items():
            better, difference = is_better(row, metric), row[f"{metric}_difference"]
            if better is not None and abs(difference) > by_seed.get(metric, 0.0):
                changes[better].append(f"{how.name} {difference:+.{how.digits}f}")
        gains, losses = changes[True], changes[False]
        line = f"- {row['name']} ({_change(row)}): {', '.join(gains + losses)}"
        line = line if gains or losses else row["name"]
        found.setdefault((bool(gains), bool(losses)), []).append(line)
    for kind, title in TITLES.items():
        lines += ["", f"{title}:", "", *found[kind]] if kind in found else ["", f"{title}: none."]
    same = found.get((False, False), [])
    names = ", ".join(same) or "none"
    return [*lines, "", f"Not told apart from the basal training ({len(same)}): {names}."]


def forest_plot(rows: Sequence[Row], title: str, path: Path) -> None:
    """Plot variations' differences to the basal training; UnusableInput without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise UnusableInput(
            "The plot needs matplotlib: pip install 'innerearseg[evaluation]'."
        ) from None
    labels: list[str] = []
    bold: list[int] = []
    places: dict[str, int] = {}
    for group, members in groupby((r for r in rows if r["name"] != BASAL), itemgetter("group")):
        if group:
            bold.append(len(labels))
            labels.append(group)
        for row in members:
            places[row["name"]] = len(labels)
            labels.append(row["name"])
    figure = Figure(figsize=(11, 1.6 + 0.21 * len(labels)), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(METRICS), sharey=True)
    moved = moved_by_seed(rows)
    for axis, (metric, how) in zip(axes, METRICS.items(), strict=True):
        shown = [row for row in rows if row[f"{metric}_difference"] is not None]
        limit = _limit(shown, metric)
        axis.set_xlim(-limit, limit)
        axis.axvline(0.0, color="black", linewidth=0.8)
        by_seed = moved.get(metric, 0.0)
        axis.axvspan(-by_seed, by_seed, color="#e8e8e8", linewidth=0)
        for row in shown:
            _draw(axis, row, metric, places[row["name"]], limit)
        arrow = "better →" if how.sign > 0 else "← better"
        axis.set_xlabel(f"difference of {how.heading}\n{arrow}", fontsize=9)
        axis.grid(axis="x", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        axis.tick_params(labelsize=8)
        axis.tick_params(axis="y", length=0)
        axis.spines[["top", "right", "left"]].set_visible(False)
    axes[0].set_ylim(len(labels) - 0.5, -0.5)
    axes[0].set_yticks(range(len(labels)), labels)
    for place, tick in enumerate(axes[0].get_yticklabels()):
        tick.set_fontweight("bold" if place in bold else "normal")
    figure.suptitle(
        f"{title}\nmean paired difference to the basal training, 95 % bootstrap interval over "
        "specimens; filled and coloured: corrected p < 0.05; grey band: another seed",
        fontsize=10,
    )
    figure.savefig(path)


def _draw(axis: Any, row: Row, metric: str, y: int, limit: float) -> None:
    """One interval, or an arrow with the number where it is far outside."""
    mean, low, high = (row[f"{metric}_difference{end}"] for end in ("", "_low", "_high"))
    color = COLORS[is_better(row, metric)]
    fill = color if is_different(row, metric) else "white"
    if abs(mean) > limit:
        right = mean > 0
        end = limit if right else -limit
        axis.plot([0.96 * end], [y], ">" if right else "<", color=color, mfc=fill)
        axis.text(
            0.9 * end, y, f"{mean:+.{METRICS[metric].digits - 1}f}", color=color,
            ha="right" if right else "left", va="center", fontsize=8,
        )  # fmt: skip
        return
    axis.plot([low, high], [y, y], color=color, linewidth=1.4)
    axis.plot([mean], [y], "o", markersize=5, color=color, mfc=fill)


def _limit(rows: Sequence[Row], metric: str) -> float:
    """Half the width of an axis: a few that are far off must not squeeze all others."""
    ends = [[abs(row[f"{metric}_difference_{end}"]) for end in ("low", "high")] for row in rows]
    reach = sorted(map(max, ends))
    if not reach:
        return 1.0
    usual = FAR * reach[len(reach) // 2]
    return max(1.1 * max((r for r in reach if r <= usual), default=0.0), 1e-3)
