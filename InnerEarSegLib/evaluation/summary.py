"""Rows of cases to figures: mean, median, worst, interval, and how many cases."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import bootstrap

from ..types import LANDMARKS

Row = dict[str, Any]

MASK_FIELDS = (
    "dice", "iou", "average_hausdorff_voxels", "average_hausdorff_mm", "assd_mm", "hd95_mm",
    "hd_mm", "surface_dice", "volume_error",
)  # fmt: skip
LARGER_IS_BETTER = ("dice", "iou", "surface_dice")
ALL_LANDMARKS = "all landmarks mm"
RESAMPLES = 2000


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Each figure over the cases that have it.

    Returns:
        cases, found, side_right of side_known, landmarks_missed, coverage_90 (the share of
        landmarks within their predicted radius, with inside and of); and by figure: mean, median,
        worst (for the volume error the largest in size), interval (95 %, bootstrap over cases,
        percentile method; None with fewer than 3 cases) and cases.
    """
    sides = [row["side_right"] for row in rows if row.get("side_right") is not None]
    summary: dict[str, Any] = {
        "cases": len(rows),
        "found": sum(row["found"] for row in rows),
        "side_right": sum(sides),
        "side_known": len(sides),
        "landmarks_missed": sum(bool(row.get(f"{n} missed")) for row in rows for n in LANDMARKS),
    }
    keys = [*MASK_FIELDS]
    keys += [f"{name} {unit}" for unit in ("mm", "voxels") for name in LANDMARKS]
    for key in keys:
        values = [row[key] for row in rows if row.get(key) is not None]
        if values:
            summary[key] = _figure(key, np.array(values, dtype=np.float64))
    errors = [list(errors_of(row).values()) for row in rows if errors_of(row)]
    if errors:
        summary[ALL_LANDMARKS] = _figure(
            ALL_LANDMARKS, np.array([np.mean(of_case) for of_case in errors])
        ) | {"worst": max(map(max, errors)), "landmarks": sum(map(len, errors))}
    inside = [
        error <= row[f"{name} radius mm"]
        for row in rows
        for name, error in errors_of(row).items()
        if row.get(f"{name} radius mm") is not None
    ]
    if inside:
        summary["coverage_90"] = {
            "share": float(np.mean(inside)), "inside": sum(inside), "of": len(inside),
        }  # fmt: skip
    return summary


def apart(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Rows of cases that the model was not trained on, and of those that it was."""
    trained_on = [row for row in rows if row.get("trained_on")]
    return [row for row in rows if not row.get("trained_on")], trained_on


def errors_of(row: Row) -> dict[str, float]:
    """Landmark errors in mm of a case, by name, where there are any."""
    return {
        name: row[f"{name} mm"] for name in LANDMARKS if row.get(f"{name} mm") is not None
    }  # fmt: skip


def _figure(key: str, values: np.ndarray) -> dict[str, Any]:
    """One figure of values (n,)."""
    worst = values.min() if key in LARGER_IS_BETTER else values[np.abs(values).argmax()]
    interval = None
    if len(values) >= 3:
        found = bootstrap(
            (values,), np.mean, n_resamples=RESAMPLES, method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval  # fmt: skip
        interval = [float(found.low), float(found.high)]
    return {
        "mean": float(values.mean()),
        "median": float(np.median(values)),
        "worst": float(worst),
        "interval": interval,
        "cases": len(values),
    }


def sentences(summary: Mapping[str, Any]) -> list[str]:
    """A summary, a line a figure."""
    lines = [
        f"{summary['found']} of {summary['cases']} found, "
        f"{summary['side_right']} of {summary['side_known']} sides right, "
        f"{summary['landmarks_missed']} landmarks missed"
    ]
    for key, value in summary.items():
        if not isinstance(value, dict) or "mean" not in value:
            continue
        line = f"{key}: mean {value['mean']:.4f}"
        if value["interval"]:
            line += " ({:.4f} to {:.4f})".format(*value["interval"])
        line += f", median {value['median']:.4f}, worst {value['worst']:.4f}"
        lines.append(f"{line}, {value['cases']} cases")
    if "coverage_90" in summary:
        held = summary["coverage_90"]
        lines.append(f"90 % radii: {held['inside']} of {held['of']} landmarks within theirs")
    return lines


def write_tables(rows: Sequence[Row], folder: Path, command: str, **more: Any) -> None:
    """Write cases.csv, and summary.json with the command that measured.

    Cases that the model was trained on have a summary of their own, ``summary_trained_on``.

    Args:
        rows: the cases.
        folder: made if it is not there.
        command: that printed the figures.
        more: further fields of summary.json.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fields = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        writer.writerows(rows)
    others, trained_on = apart(rows)
    content = {"command": command, **more, "summary": summarise(others)}
    if trained_on:
        content["summary_trained_on"] = summarise(trained_on)
    content["cases"] = list(rows)
    (folder / "summary.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
