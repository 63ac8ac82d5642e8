"""Measure specimens against their references, and summarise the figures."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Cancelled, InnerEarSegError, UnusableInput, UnusableModel
from ..io.case import NO_REFERENCE, Case, check_names
from ..io.fingerprint import fingerprint
from ..model.bundle import Model
from ..model.provenance import counted, knows
from ..segmentation.pipeline import segment
from ..types import GOOD, LANDMARKS, WHOLE_CANALS, Ear, Segmentation
from .metrics import MaskMetrics, bootstrap_interval, compare_masks, ear_of, on_common_grid, on_grid
from .simulated_scans import AS_SCANNED, in_scan

Row = dict[str, Any]
Say = Callable[[str], None]
Cases = Mapping[str, Callable[[], Case]]
"""What reads each case, by name; see ``io.case.Dataset.readers``."""

Look = Callable[[Case, Ear, Row], None]
"""Called with each case in which an ear was found, the ear, and its row."""

SUMMARY = "summary.json"
MASK_FIELDS = tuple(field.name for field in fields(MaskMetrics))
FINDINGS = ("closed_canals", "edge_width_mm")
"""Of ``types.Findings``; None in rows of ears without."""

LARGER_IS_BETTER = ("dice", "iou", "surface_dice")
ALL_LANDMARKS = "all landmarks mm"
RESAMPLES = 2000

FEW_VOXELS = 3
"""By so many an ear may reach beyond a label map that was cropped to its labels."""


def evaluate(
    cases: Cases,
    bundle: Model,
    names: Sequence[str] | None,
    say: Say,
    look: Look | None = None,
    scans: Sequence[str] = (AS_SCANNED,),
) -> tuple[list[Row], dict[str, str]]:
    """Segment and measure cases, in each of ``scans``.

    ``look`` receives what pictures of the CT as scanned need, while it is in memory.

    Return a row (see ``row_of``, and ``trained_on``) a case and scan, and why other cases have
    none, by name.
    """
    rows: list[Row] = []
    names_known = bundle.card.get("training", {}).get("trained_on", ())

    def measure(case: Case) -> None:
        if not case.has_reference:
            raise UnusableInput(NO_REFERENCE)
        of_case: list[Row] = []
        trained_on = knows(bundle.card, case.name, fingerprint(case.ct.array))
        said = (*case.remarks, *case.points_outside)
        if not trained_on and case.name in names_known:
            said += (f"The model was trained on another CT that is called {case.name}.",)
        for scan in scans:
            seen = in_scan(case, scan, bundle.template)
            result = segment(seen.ct, bundle)
            row = row_of(seen, result, scan) | {"trained_on": trained_on}
            of_case.append(row)
            title = case.name if len(scans) == 1 else f"{case.name}, {scan}"
            say(f"{title}: {sentence_of(row)}{' (trained on)' if row['trained_on'] else ''}")
            remarks = (*(said if scan == scans[0] else ()), row["remark"])
            for remark in filter(None, remarks):
                say(f"  {remark}")
            ear = ear_of(result, seen)
            if look is not None and ear is not None and scan == AS_SCANNED:
                look(seen, ear, row)
        rows.extend(of_case)

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


def row_of(case: Case, result: Segmentation, scan: str = AS_SCANNED) -> Row:
    """Compare what was found in a scan of a case with the case's reference.

    A case whose ear was not found counts as Dice, IoU and surface Dice 0, its side as wrong and
    its landmarks as missed; its distances are unknown.

    Returns:
        case, scan, found, side, side_right, verdict, closed_canals and edge_width_mm (see
        ``types.Findings``), the fields of ``MaskMetrics``, and for each landmark its error
        in mm and in voxels of the reference's grid, its predicted radius, its confidence, and
        whether it was missed; of auxiliary landmarks the error in mm; and a remark if what was
        found reaches beyond the label map.
    """
    ear = ear_of(result, case)
    side_right = None if case.side is None else ear is not None and ear.side == case.side
    row: Row = {"case": case.name, "scan": scan, "found": ear is not None}
    if ear is None:
        row |= {"side": None, "side_right": side_right}
        row |= {} if case.labels is None else asdict(MaskMetrics())
        row |= {f"{name} missed": name in case.landmarks for name in LANDMARKS}
        return row | {"remark": ""}
    masks, remark = _masks(ear, case)
    row |= {"side": ear.side, "side_right": side_right, "verdict": ear.quality.verdict}
    row |= {name: getattr(ear.findings, name, None) for name in FINDINGS} | masks
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
        other = "right" if row["side"] == "left" else "left"
        parts.append(
            f"side {row['side']}, correct"
            if row["side_right"]
            else f"SIDE WRONG: called {row['side']}, the reference says {other}"
        )
    if row["closed_canals"] is not None:
        parts.append(f"{row['closed_canals']} canals closed, {row['verdict']}")
    return ", ".join(parts) or "nothing to compare with"


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """Summarise each figure over the cases that have it.

    Returns:
        cases, found, side_right of side_known, landmarks_missed, coverage_90 (the share of
        landmarks within their predicted radius, with inside and of); whole (ears with three closed
        canals, of all found), good (so many called so) and good_with_open_canal; and by figure:
        mean, median, worst (for the volume error the largest in size), interval (95 %, bootstrap
        over cases, percentile method; None with fewer than 3 cases) and cases.
    """
    sides = [row["side_right"] for row in rows if row.get("side_right") is not None]
    summary: dict[str, Any] = {
        "cases": len(rows),
        "found": sum(row["found"] for row in rows),
        "side_right": sum(sides),
        "side_known": len(sides),
        "landmarks_missed": sum(bool(row.get(f"{n} missed")) for row in rows for n in LANDMARKS),
    }
    good = [row for row in rows if row.get("verdict") == GOOD]
    summary["good"] = len(good)
    if any(row.get("closed_canals") is not None for row in rows):
        whole = sum(row.get("closed_canals") == WHOLE_CANALS for row in rows)
        summary["whole"] = {"ears": whole, "of": summary["found"]}
        summary["good_with_open_canal"] = sum(row["closed_canals"] != WHOLE_CANALS for row in good)
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


def by_scan(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group rows by scan, in the order in which they come."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["scan"], []).append(row)
    return groups


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
        f"{summary['side_right']} of {summary['side_known']} sides correct, "
        f"{summary['landmarks_missed']} landmarks missed"
    ]
    if "whole" in summary:
        whole = summary["whole"]
        lines.append(
            f"{whole['ears']} of {whole['of']} ears with three closed canals; "
            f"{summary['good_with_open_canal']} of {summary['good']} called good have an open one"
        )
    for key, value in summary.items():
        if isinstance(value, dict) and "mean" in value:
            low_high = value["interval"]
            interval = " ({:.4f} to {:.4f})".format(*low_high) if low_high else ""
            lines.append(
                f"{key}: mean {value['mean']:.4f}{interval}, median {value['median']:.4f}, "
                f"worst {value['worst']:.4f}, {counted(value['cases'], 'case')}"
            )
    if "coverage_90" in summary:
        held = summary["coverage_90"]
        lines.append(f"90 % radii: {held['inside']} of {held['of']} landmarks within theirs")
    return lines


def lines_of(rows: Sequence[Row]) -> list[str]:
    """Put the summary of the CTs as scanned in lines, and that of several scans in a table."""
    groups = by_scan(rows)
    lines = sentences(summarise(groups[AS_SCANNED])) if AS_SCANNED in groups else []
    return lines if len(groups) < 2 else [*lines, "", *_scan_table(groups)]


def _scan_table(groups: Mapping[str, Sequence[Row]]) -> list[str]:
    """A table in Markdown: one row a scan, means with the worst case in brackets."""
    titles = ("scan", "found", "sides correct", "Dice", "ASSD mm", "landmarks mm",
              "three closed canals", "good", "good with open canal", "in 90 % radius")  # fmt: skip
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for scan, rows in groups.items():
        of = summarise(rows)
        cells = [
            scan,
            f"{of['found']} of {of['cases']}",
            f"{of['side_right']} of {of['side_known']}",
        ]
        for key, digits in (("dice", 4), ("assd_mm", 3), (ALL_LANDMARKS, 3)):
            figure = of.get(key)
            cells.append(f"{figure['mean']:.{digits}f} ({figure['worst']:.{digits}f})" if figure
                         else "")  # fmt: skip
        whole, held = of.get("whole"), of.get("coverage_90")
        cells.append(f"{whole['ears']} of {whole['of']}" if whole else "")
        cells += [str(of.get(key, "")) for key in ("good", "good_with_open_canal")]
        cells.append(f"{held['inside']} of {held['of']}" if held else "")
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def write_tables(rows: Sequence[Row], folder: Path, command: str, **more: Any) -> None:
    """Write cases.csv, and SUMMARY with the command that measured and ``more`` fields.

    ``summary`` is of the CTs as scanned, ``summary_by_scan`` of each scan. Cases that the model was
    trained on have summaries of their own, ``summary_trained_on`` and so on.
    """
    folder.mkdir(parents=True, exist_ok=True)
    titles = list(dict.fromkeys(key for row in rows for key in row))
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, titles)
        writer.writeheader()
        writer.writerows(rows)
    others, trained_on = by_training(rows)
    content = {"command": command, **more, **_summaries("summary", others)}
    if trained_on:
        content |= _summaries("summary_trained_on", trained_on)
    content["cases"] = list(rows)
    (folder / SUMMARY).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _summaries(name: str, rows: Sequence[Row]) -> dict[str, Any]:
    groups = by_scan(rows)
    summaries: dict[str, Any] = {name: summarise(groups.get(AS_SCANNED, []))}
    if len(groups) > 1:
        summaries[f"{name}_by_scan"] = {scan: summarise(of) for scan, of in groups.items()}
    return summaries
