"""Compare the finished runs of a study: a row for each training, as in ``ablation.csv``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..errors import UnusableInput
from ..evaluation.metrics import bootstrap_interval
from .plan import BASAL, Plan, value_of
from .runs import StudyFolder

EXACT_CASES = 16
"""Up to so many cases all signs are tried: 65 536."""

ALPHA = 0.05

Row = dict[str, Any]


class Metric(NamedTuple):
    """How a figure is shown, and whether more of it is better."""

    heading: str
    name: str
    digits: int
    sign: float


METRICS = {
    "dice": Metric("Dice", "Dice", 4, 1.0),
    "assd_mm": Metric("ASSD, mm", "ASSD in mm", 3, -1.0),
    "landmark_mm": Metric("landmarks, mm", "landmark distance in mm", 3, -1.0),
}
_ENDINGS = ("", "_low", "_high", "_difference", "_difference_low", "_difference_high", "_p",
            "_p_corrected", "_pairs")  # fmt: skip
_FIGURES = tuple(metric + ending for metric in METRICS for ending in _ENDINGS)
FIELDS = (
    "name", "group", "field", "basal_value", "value", "why", "seed", "steps", "folds", "diverged",
    "cases", *_FIGURES, "parameters", "seconds", "device", "code_revision",
)  # fmt: skip


def rows_of(study: StudyFolder) -> list[Row]:
    """Compare all variations with the basal training, corrected for their number.

    There are two families of comparisons, each corrected for its own number: the questions that
    the study was made for, whether learning both tasks together helps each, and all others.
    A variation is compared where all folds are finished and none diverged.

    Returns:
        Rows with FIELDS as keys, in the plan's order. Of each metric: mean over cases with its 95 %
        bootstrap interval, mean paired difference to the basal training with its interval, p, p
        corrected, and pairs; None where there is none.
    """
    folds = range(len(study.folds))
    results = {
        name: [result for fold in folds if (result := study.result(name, fold))]
        for name in study.plan.names()
    }
    complete = {
        name: found if len(found) == len(folds) and not any(r["diverged"] for r in found) else []
        for name, found in results.items()
    }
    rows = [
        _row(study.plan, name, found, complete[BASAL] if complete[name] else [])
        for name, found in results.items()
    ]
    asked = coupling_questions(study.plan)
    compared = [(row, m) for row in rows for m in METRICS if row[f"{m}_p"] is not None]
    for of_coupling in (True, False):
        family = [each for each in compared if ((each[0]["name"], each[1]) in asked) == of_coupling]
        corrected = holm([row[f"{metric}_p"] for row, metric in family])
        for (row, metric), p in zip(family, corrected, strict=True):
            row[f"{metric}_p_corrected"] = p
    return rows


def _row(plan: Plan, name: str, found: list[dict], basal: list[dict]) -> Row:
    variation, study = plan.variation(name), plan.study(name)
    row: Row = dict.fromkeys(FIELDS) | {
        "name": name, "group": "", "field": "", "why": "What all others are compared with.",
        "seed": study.seed,
        "steps": study.optimiser.steps,
        "folds": len(found),
        "diverged": sum(bool(result["diverged"]) for result in found),
        "cases": len({case["name"] for result in found for case in result["cases"]}),
        "parameters": next((r["parameters"] for r in found if "parameters" in r), None),
        "seconds": float(np.mean([r["seconds"] for r in found])) if found else None,
        "device": "; ".join(sorted({result["device"] for result in found})),
        "code_revision": "; ".join(sorted({result["code_revision"] for result in found})),
    }  # fmt: skip
    if variation is not None:
        row |= {"group": variation.group, "field": variation.field, "why": variation.why}
        row |= {"basal_value": value_of(plan.basal, variation.field)}
        row |= {"value": value_of(study, variation.field)}
    for metric in METRICS:
        own, others = by_case(found, metric), by_case(basal, metric)
        if own:
            row |= _interval(metric, list(own.values()))
        pairs = [(own[case], others[case]) for case in own if case in others]
        if variation is not None and pairs:
            differences = np.subtract(*np.transpose(pairs))
            row |= _interval(f"{metric}_difference", differences)
            row |= {f"{metric}_p": sign_flip_p(differences), f"{metric}_pairs": len(pairs)}
    return row


def by_case(results: Sequence[Mapping[str, Any]], metric: str) -> dict[str, float]:
    """Return one metric of each specimen that has it."""
    cases = (case for result in results for case in result["cases"])
    return {case["name"]: case[metric] for case in cases if case[metric] is not None}


def _interval(key: str, values: ArrayLike) -> dict[str, float]:
    low, high = bootstrap_interval(values)
    return {key: float(np.asarray(values).mean()), f"{key}_low": low, f"{key}_high": high}


def coupling_questions(plan: Plan) -> list[tuple[str, str]]:
    """Return (variation, metric) of the comparisons that tell whether coupling helps."""
    alone = plan.segmentation_alone, plan.landmarks_alone
    asked = {"dice": alone[0], "assd_mm": alone[0], "landmark_mm": alone[1]}
    return [(name, metric) for metric, name in asked.items() if name]


def moved_by_seed(rows: Sequence[Row]) -> dict[str, float]:
    """Return how far another seed alone moves each metric: a change must do more than that.

    The specimens' own spread does not hold this: those of a fold share one training.
    """
    moved: dict[str, float] = {}
    for row in rows:
        for metric in METRICS:
            if row["field"] == "seed" and (size := row[f"{metric}_difference"]) is not None:
                moved[metric] = max(abs(size), moved.get(metric, 0.0))
    return moved


def is_different(row: Row, metric: str) -> bool:
    """Whether chance alone is no good explanation of a difference."""
    corrected = row[f"{metric}_p_corrected"]
    return corrected is not None and corrected < ALPHA


def is_better(row: Row, metric: str) -> bool | None:
    """Whether a row is better than the basal one; None where that cannot be told."""
    if not is_different(row, metric):
        return None
    return row[f"{metric}_difference"] * METRICS[metric].sign > 0


def sign_flip_p(differences: ArrayLike) -> float:
    """Return the two-sided p of the paired permutation test: every difference may change sign.

    It assumes nothing of how differences are spread, and its smallest value is 2 / 2**n. Up to
    EXACT_CASES all signs are tried; above, as many random ones.
    """
    from scipy.stats import permutation_test

    array = np.asarray(differences, dtype=float)
    if not array.any():
        return 1.0
    return float(
        permutation_test(
            (array,), lambda x, axis: np.mean(x, axis=axis), permutation_type="samples",
            vectorized=True, n_resamples=2**EXACT_CASES, rng=np.random.default_rng(0),
        ).pvalue
    )  # fmt: skip


def smallest_p(cases: int) -> float:
    """Return the smallest p that this many cases can give in ``sign_flip_p``."""
    return 2.0 / 2.0**cases if cases <= EXACT_CASES else 2.0 / (1 + 2**EXACT_CASES)


def holm(p: Sequence[float]) -> list[float]:
    """Correct p for their number, so that even one false alarm is unlikely (Holm 1979)."""
    from statsmodels.stats.multitest import multipletests

    return multipletests(p, method="holm")[1].tolist() if len(p) else []


def csv_text(rows: Sequence[Row]) -> str:
    """Write all that is known of each row; empty where nothing is."""
    file = io.StringIO()
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        text = {key: f"{row[key]:.6g}" for key in _FIGURES if isinstance(row[key], float)}
        if row["field"]:
            text |= {key: json.dumps(row[key]) for key in ("basal_value", "value")}
        if row["seconds"] is not None:
            text["seconds"] = f"{row['seconds']:.0f}"
        writer.writerow(row | text)
    return file.getvalue()


def repeated(rows: Sequence[Row], table: Path) -> Iterator[str]:
    """Tell of each figure whether it lies in the interval of an earlier study's ``ablation.csv``.

    Raise UnusableInput if the table is something else, or of another budget or other folds.
    """
    try:
        with table.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            earlier = {row["name"]: row for row in reader if tuple(row) == FIELDS}
            if tuple(reader.fieldnames or ()) != FIELDS:
                raise UnusableInput(f"{table} is no table of `innerearseg ablate-report`.")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"The table {table} cannot be read: {error}.") from None
    for row in rows:
        old, shown = earlier.get(row["name"]), [m for m in METRICS if row[m] is not None]
        if old is None or not shown:
            continue
        if any(old[key] != str(row[key]) for key in ("steps", "folds", "seed")):
            raise UnusableInput(
                f"{row['name']!r} has {row['folds']} finished folds of {row['steps']} steps here "
                f"and {old['folds']} of {old['steps']} in {table}: they cannot be compared."
            )
        for metric in filter(old.get, shown):
            low, high = float(old[f"{metric}_low"]), float(old[f"{metric}_high"])
            where = "within" if low <= row[metric] <= high else "OUTSIDE"
            again, *ends = (f"{x:.{METRICS[metric].digits}f}" for x in (row[metric], low, high))
            heading = METRICS[metric].heading
            yield f"{row['name']}, {heading}: {again} again, {where} {' to '.join(ends)}"
