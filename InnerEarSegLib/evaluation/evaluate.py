"""Measure specimens against their references, and summarise the figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Cancelled, InnerEarSegError, UnusableModel
from ..io.dataset import Case
from ..io.manifest import check_names
from ..model.bundle import Model
from ..segmentation.pipeline import segment
from ..types import LANDMARKS, Ear, Segmentation
from .metrics import MaskMetrics, bootstrap_interval, compare_masks, ear_of, on_common_grid, on_grid

Row = dict[str, Any]
Say = Callable[[str], None]
Cases = Mapping[str, Callable[[], Case]]
"""What reads each case, by name; see ``io.manifest.cases_of``."""

Look = Callable[[Case, Ear, Row], None]
"""Called with each case in which an ear was found, the ear, and its row."""

MASK_FIELDS = tuple(field.name for field in fields(MaskMetrics))
LARGER_IS_BETTER = ("dice", "iou", "surface_dice")
ALL_LANDMARKS = "all landmarks mm"
RESAMPLES = 2000

FEW_VOXELS = 3
"""By so many an ear may reach beyond a label map that was cropped to its labels."""


def evaluate(
    cases: Cases, bundle: Model, names: Sequence[str] | None, say: Say, look: Look | None = None
) -> tuple[list[Row], dict[str, str]]:
    """Segment and measure cases; ``look`` receives what pictures need, while it is in memory.

    Return a row (see ``row_of``, and ``trained_on``) a case, and why others have none, by name.
    """
    trained_on = bundle.card.get("training", {}).get("trained_on", ())
    rows: list[Row] = []

    def measure(case: Case) -> None:
        result = segment(case.ct, bundle)
        row = row_of(case, result) | {"trained_on": case.name in trained_on}
        rows.append(row)
        say(f"{case.name}: {sentence_of(row)}{' (trained on)' if row['trained_on'] else ''}")
        for remark in filter(None, (*case.remarks, row["remark"])):
            say(f"  {remark}")
        ear = ear_of(result, case)
        if look is not None and ear is not None:
            look(case, ear, row)

    return rows, each_case(cases, names, measure, say)


def each_case(
    cases: Cases,
    names: Iterable[str] | None,
    work: Callable[[Case], None],
    say: Say,
    otherwise: str = "not measured",
) -> dict[str, str]:
    """Read the named cases, or all, and do something with each; go on where one fails.

    ``otherwise`` is said of a case that failed, before the reason. Return the reasons, a sentence
    each, by name. Raise UnusableInput if there is no such case, UnusableModel if the model cannot
    run.
    """
    chosen = list(cases if names is None else names)
    check_names(chosen, cases)
    failed = {}
    for name in chosen:
        try:
            work(cases[name]())
        except (Cancelled, UnusableModel):
            raise
        except Exception as error:  # an unforeseen one must not cost the other cases either
            if isinstance(error, MemoryError):
                reason = "This machine has not enough memory."
            elif isinstance(error, InnerEarSegError):
                reason = str(error)
            else:
                reason = f"Unexpected {type(error).__name__}: {error}"
            failed[name] = " ".join(reason.split())
            say(f"{name}: {otherwise}: {failed[name]}")
    return failed


def row_of(case: Case, result: Segmentation) -> Row:
    """Compare what was found with a case's reference.

    A case whose ear was not found counts as Dice, IoU and surface Dice 0, its side as wrong and
    its landmarks as missed; its distances are unknown.

    Returns:
        case, found, side, side_right, verdict, the fields of ``MaskMetrics``, and for
        each landmark its error in mm and in voxels of the reference's grid, its predicted
        radius, its confidence, and whether it was missed; of auxiliary landmarks the error in mm;
        and a remark if what was found reaches beyond the label map.
    """
    ear = ear_of(result, case)
    side_right = None if case.side is None else ear is not None and ear.side == case.side
    row: Row = {"case": case.name, "found": ear is not None}
    if ear is None:
        row |= {"side": None, "side_right": side_right}
        row |= {} if case.labels is None else asdict(MaskMetrics())
        row |= {f"{name} missed": name in case.landmarks for name in LANDMARKS}
        return row | {"remark": ""}
    masks, remark = _masks(ear, case)
    row |= {"side": ear.side, "side_right": side_right, "verdict": ear.quality.verdict}
    row |= masks
    grid = case.label_geometry
    for landmark in (*ear.landmarks, *ear.auxiliary):
        name, error, voxels = landmark.name, None, None
        if landmark.ras is not None and name in case.landmarks:
            found, truth = np.array(landmark.ras), case.landmarks[name]
            error = float(np.linalg.norm(found - truth))
            voxels = float(np.linalg.norm(grid.to_ijk(found) - grid.to_ijk(truth)))
        row[f"{name} mm"] = error
        if landmark in ear.landmarks:
            row |= {
                f"{name} voxels": voxels,
                f"{name} radius mm": landmark.radius_mm,
                f"{name} confidence": landmark.confidence,
                f"{name} missed": name in case.landmarks and landmark.ras is None,
            }
    return row | {"remark": remark}


def _masks(ear: Ear, case: Case) -> tuple[Row, str]:
    """The fields of ``MaskMetrics``, None without reference labels; and a remark."""
    labels, grid = case.labels, case.label_geometry
    if labels is None or not labels.any():
        return dict.fromkeys(MASK_FIELDS), ""
    if not on_grid(ear, grid).any():
        return asdict(MaskMetrics()), ""
    found, truth, beyond = on_common_grid(ear, labels, grid)
    remark = ""
    if beyond.max() > FEW_VOXELS:
        remark = (
            f"{(beyond > 0).mean():.0%} of what was found lies outside the reference's label map, "
            f"by up to {beyond.max()} voxels, and counts as wrong; check that the map holds the "
            "whole labyrinth."
        )
    return asdict(compare_masks(found, truth, grid.spacing[::-1])), remark


def sentence_of(row: Row) -> str:
    """Put one case in a line."""
    if not row["found"]:
        return "its inner ear was not found"
    parts = []
    if row["dice"] is not None:
        parts.append(
            "Dice 0: what was found lies outside the reference's labels"
            if row["assd_mm"] is None
            else f"Dice {row['dice']:.4f}, ASSD {row['assd_mm']:.4f} mm"
        )
    for name in LANDMARKS:
        error, radius = row[f"{name} mm"], row[f"{name} radius mm"]
        if row[f"{name} missed"]:
            parts.append(f"{name} missing")
        elif error is not None:
            parts.append(f"{name} {error:.2f} mm" + (f" (± {radius:.2f})" if radius else ""))
    if row["side_right"] is not None:
        parts.append("side right" if row["side_right"] else "SIDE WRONG")
    return ", ".join(parts) or "nothing to compare with"


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Summarise each figure over the cases that have it.

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
    units = ("mm", "voxels")
    for key in (*MASK_FIELDS, *(f"{name} {unit}" for unit in units for name in LANDMARKS)):
        values = [row[key] for row in rows if row.get(key) is not None]
        if values:
            summary[key] = _figure(key, values)
    errors = [list(of.values()) for row in rows if (of := errors_of(row))]
    if errors:
        summary[ALL_LANDMARKS] = _figure(ALL_LANDMARKS, [np.mean(of) for of in errors]) | {
            "worst": max(map(max, errors)), "landmarks": sum(map(len, errors)),
        }  # fmt: skip
    inside = [
        error <= radius
        for row in rows
        for name, error in errors_of(row).items()
        if (radius := row.get(f"{name} radius mm")) is not None
    ]
    if inside:
        share = float(np.mean(inside))
        summary["coverage_90"] = {"share": share, "inside": sum(inside), "of": len(inside)}
    return summary


def _figure(key: str, values: Sequence[Any]) -> dict[str, Any]:
    array = np.array(values, dtype=np.float64)
    worst = array.min() if key in LARGER_IS_BETTER else array[np.abs(array).argmax()]
    return {
        "mean": float(array.mean()), "median": float(np.median(array)), "worst": float(worst),
        "interval": list(bootstrap_interval(array, RESAMPLES)) if len(array) >= 3 else None,
        "cases": len(array),
    }  # fmt: skip


def by_training(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Split rows into cases that the model was not trained on, and cases that it was."""
    trained_on = [row for row in rows if row.get("trained_on")]
    return [row for row in rows if not row.get("trained_on")], trained_on


def errors_of(row: Row) -> dict[str, float]:
    """Return the landmark errors in mm of a case, by name."""
    errors = {name: row.get(f"{name} mm") for name in LANDMARKS}
    return {name: error for name, error in errors.items() if error is not None}


def sentences(summary: Mapping[str, Any]) -> list[str]:
    """Put a summary in lines, one a figure."""
    lines = [
        f"{summary['found']} of {summary['cases']} found, "
        f"{summary['side_right']} of {summary['side_known']} sides right, "
        f"{summary['landmarks_missed']} landmarks missed"
    ]
    for key, value in summary.items():
        if isinstance(value, dict) and "mean" in value:
            low_high = value["interval"]
            interval = " ({:.4f} to {:.4f})".format(*low_high) if low_high else ""
            lines.append(
                f"{key}: mean {value['mean']:.4f}{interval}, median {value['median']:.4f}, "
                f"worst {value['worst']:.4f}, {value['cases']} cases"
            )
    if "coverage_90" in summary:
        held = summary["coverage_90"]
        lines.append(f"90 % radii: {held['inside']} of {held['of']} landmarks within theirs")
    return lines


def write_tables(rows: Sequence[Row], folder: Path, command: str, **more: Any) -> None:
    """Write cases.csv, and summary.json with the command that measured and ``more`` fields.

    Cases that the model was trained on have a summary of their own, ``summary_trained_on``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    titles = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, titles)
        writer.writeheader()
        writer.writerows(rows)
    others, trained_on = by_training(rows)
    content = {"command": command, **more, "summary": summarise(others)}
    if trained_on:
        content["summary_trained_on"] = summarise(trained_on)
    content["cases"] = list(rows)
    (folder / "summary.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
