"""From the results of a study's runs to one row for each variation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .plan import BASAL, Plan, value_of
from .statistics import Comparison, bootstrap_interval, compare, holm
from .study import StudyFolder

Metric = Literal["dice", "assd_mm", "landmark_mm"]

METRICS: tuple[Metric, ...] = ("dice", "assd_mm", "landmark_mm")
HIGHER_IS_BETTER = {"dice": True, "assd_mm": False, "landmark_mm": False}
ALPHA = 0.05


@dataclass(frozen=True)
class Figure:
    """One metric of one variation.

    Attributes:
        mean: over all cases.
        low: lower end of its bootstrap interval.
        high: upper end.
        against_basal: on the cases that both have; None for the basal one itself.
        p_corrected: for the number of comparisons in its family.
    """

    mean: float
    low: float
    high: float
    against_basal: Comparison | None = None
    p_corrected: float | None = None

    def is_different(self) -> bool:
        """Whether chance alone is no good explanation of the difference."""
        return self.p_corrected is not None and self.p_corrected < ALPHA


@dataclass(frozen=True)
class Row:
    """One training of the study.

    Attributes:
        name: of the variation.
        group: heading.
        why: what one learns from it.
        field: what it changes; empty for the basal one.
        basal_value: what that is otherwise.
        value: what it is here.
        seed: of the training.
        steps: its budget.
        folds: how many are finished.
        diverged: in how many of them the loss was no longer a number.
        cases: how many specimens were measured.
        parameters: of the network.
        seconds: a training took, the mean over folds.
        devices: on which it ran.
        code_revisions: of the code that ran.
        figures: by metric; one that the training does not learn, or that no fold has, is absent.
    """

    name: str
    group: str
    why: str
    field: str
    basal_value: Any
    value: Any
    seed: int
    steps: int
    folds: int
    diverged: int
    cases: int
    parameters: int | None
    seconds: float | None
    devices: tuple[str, ...]
    code_revisions: tuple[str, ...]
    figures: dict[Metric, Figure]

    def is_better(self, metric: Metric) -> bool | None:
        """Whether it is better than the basal one, None where that cannot be told."""
        figure = self.figures.get(metric)
        if figure is None or figure.against_basal is None or not figure.is_different():
            return None
        return (figure.against_basal.difference > 0) == HIGHER_IS_BETTER[metric]


def rows_of(study: StudyFolder) -> list[Row]:
    """The basal training and all variations, corrected for their number.

    There are two families of comparisons, each corrected for its own number: the questions that
    the study was made for, whether learning both tasks together helps each, and all others.
    A variation is compared where all folds are finished and none diverged.
    """
    results = {
        name: [r for fold in range(len(study.folds)) if (r := study.result(name, fold))]
        for name in study.plan.names()
    }
    complete = {
        name: len(found) == len(study.folds) and not any(r["diverged"] for r in found)
        for name, found in results.items()
    }
    basal = results[BASAL] if complete[BASAL] else []
    rows = [
        _row(study.plan, name, found, basal if complete[name] else [])
        for name, found in results.items()
    ]
    return _corrected(rows, coupling_questions(study.plan))


def coupling_questions(plan: Plan) -> list[tuple[str, Metric]]:
    """(variation, metric) of the comparisons that tell whether coupling helps."""
    questions: list[tuple[str, Metric]] = []
    if plan.segmentation_alone:
        questions += [(plan.segmentation_alone, "dice"), (plan.segmentation_alone, "assd_mm")]
    if plan.landmarks_alone:
        questions += [(plan.landmarks_alone, "landmark_mm")]
    return questions


def moved_by_seed(rows: Sequence[Row]) -> dict[Metric, float]:
    """How far another seed alone moves each metric: what is not more says nothing of a change.

    The specimens' own spread does not hold this: those of a fold share one training.
    """
    moved: dict[Metric, float] = {}
    for row in rows:
        for metric, figure in row.figures.items():
            if row.field == "seed" and figure.against_basal is not None:
                size = abs(figure.against_basal.difference)
                moved[metric] = max(size, moved.get(metric, 0.0))
    return moved


def by_case(results: Sequence[dict[str, Any]], metric: Metric) -> dict[str, float]:
    """One metric of each specimen that has it."""
    return {
        case["name"]: case[metric]
        for result in results
        for case in result["cases"]
        if case[metric] is not None
    }


def _row(plan: Plan, name: str, found: list[dict[str, Any]], basal: list[dict[str, Any]]) -> Row:
    variation = next((v for v in plan.variations if v.name == name), None)
    study = plan.study(name)
    figures: dict[Metric, Figure] = {}
    for metric in METRICS:
        own, reference = by_case(found, metric), by_case(basal, metric)
        if own:
            against = None
            common = [case for case in own if case in reference]
            if variation is not None and common:
                against = compare([own[c] for c in common], [reference[c] for c in common])
            values = list(own.values())
            figures[metric] = Figure(float(np.mean(values)), *bootstrap_interval(values), against)
    return Row(
        name=name,
        group=variation.group if variation else "",
        why=variation.why if variation else "What all others are compared with.",
        field=variation.field if variation else "",
        basal_value=value_of(plan.basal, variation.field) if variation else None,
        value=value_of(study, variation.field) if variation else None,
        seed=study.seed,
        steps=study.optimiser.steps,
        folds=len(found),
        diverged=sum(bool(result["diverged"]) for result in found),
        cases=len({case["name"] for result in found for case in result["cases"]}),
        parameters=next((r["parameters"] for r in found if "parameters" in r), None),
        seconds=float(np.mean([r["seconds"] for r in found])) if found else None,
        devices=tuple(sorted({result["device"] for result in found})),
        code_revisions=tuple(sorted({result["code_revision"] for result in found})),
        figures=figures,
    )


def _corrected(rows: list[Row], coupling: list[tuple[str, Metric]]) -> list[Row]:
    """The rows with the p of each family corrected."""
    compared = [
        (row.name, metric, figure.against_basal.p)
        for row in rows
        for metric, figure in row.figures.items()
        if figure.against_basal is not None
    ]
    corrected: dict[tuple[str, Metric], float] = {}
    for asked in (True, False):
        family = [item for item in compared if ((item[0], item[1]) in coupling) == asked]
        for (name, metric, _), p in zip(family, holm([p for *_, p in family]), strict=True):
            corrected[name, metric] = p
    return [
        replace(
            row,
            figures={
                metric: replace(figure, p_corrected=corrected.get((row.name, metric)))
                for metric, figure in row.figures.items()
            },
        )
        for row in rows
    ]
