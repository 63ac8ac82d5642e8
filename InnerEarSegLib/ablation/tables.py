"""A study's rows as CSV and as Markdown."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from .compare import METRICS, Row
from .plan import BASAL

HEADINGS = {"dice": "Dice", "assd_mm": "ASSD, mm", "landmark_mm": "landmarks, mm"}
DIGITS = {"dice": 4, "assd_mm": 3, "landmark_mm": 3}

_FIGURES = ("", "_low", "_high", "_difference", "_difference_low", "_difference_high", "_p",
            "_p_corrected", "_pairs")  # fmt: skip
FIELDS = (
    "name", "group", "field", "basal_value", "value", "why", "seed", "steps", "folds", "diverged",
    "cases", *(metric + suffix for metric in METRICS for suffix in _FIGURES), "parameters",
    "seconds", "device", "code_revision",
)  # fmt: skip


def csv_text(rows: Sequence[Row]) -> str:
    """All that is known of each row; empty where nothing is."""
    file = io.StringIO()
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_values(row) for row in rows)
    return file.getvalue()


def _values(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": row.name, "group": row.group, "field": row.field, "why": row.why,
        "basal_value": json.dumps(row.basal_value) if row.field else "",
        "value": json.dumps(row.value) if row.field else "",
        "seed": row.seed, "steps": row.steps, "folds": row.folds, "diverged": row.diverged,
        "cases": row.cases, "parameters": row.parameters,
        "seconds": "" if row.seconds is None else f"{row.seconds:.0f}",
        "device": "; ".join(row.devices), "code_revision": "; ".join(row.code_revisions),
    }  # fmt: skip
    for metric, figure in row.figures.items():
        numbers: list[float | None] = [figure.mean, figure.low, figure.high]
        if (against := figure.against_basal) is not None:
            numbers += [against.difference, against.low, against.high, against.p]
            numbers += [figure.p_corrected]
            values[f"{metric}_pairs"] = against.cases
        for suffix, number in zip(_FIGURES, numbers, strict=False):
            values[metric + suffix] = "" if number is None else f"{number:.6g}"
    return values


def markdown_table(rows: Sequence[Row]) -> list[str]:
    """Means of the basal training, and each variation's differences to it."""
    lines = [
        "| variation | change | " + " | ".join(HEADINGS[metric] for metric in METRICS) + " |",
        "|---|---|---|---|---|",
    ]
    group = ""
    for row in rows:
        if row.group != group:
            group = row.group
            lines.append(f"| **{group}** | | | | |")
        change = f"{row.field}: {plain(row.basal_value)} → {plain(row.value)}" if row.field else ""
        cells = [_cell(row, metric) for metric in METRICS]
        lines.append(f"| {row.name} | {change} | {' | '.join(cells)} |")
    return lines


def plain(value: Any) -> str:
    """A value as a reader writes it."""
    if isinstance(value, list):
        return "(" + ", ".join(map(plain, value)) + ")"
    return value if isinstance(value, str) else json.dumps(value)


def _cell(row: Row, metric: Any) -> str:
    figure, digits = row.figures.get(metric), DIGITS[metric]
    if figure is None:
        return "diverged" if row.diverged else ""
    if row.name == BASAL:
        return f"{figure.mean:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"
    if (against := figure.against_basal) is None:
        return "not finished"
    text = (
        f"{against.difference:+.{digits}f} "
        f"({against.low:+.{digits}f} to {against.high:+.{digits}f})"
    )
    return f"**{text}**" if figure.is_different() else text
