"""What a study's figures allow to say, in sentences that are made from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .compare import (
    ALPHA,
    HIGHER_IS_BETTER,
    METRICS,
    Figure,
    Metric,
    Row,
    coupling_questions,
    moved_by_seed,
)
from .plan import BASAL, Plan
from .statistics import smallest_p
from .tables import DIGITS, plain

NAMES = {"dice": "Dice", "assd_mm": "ASSD in mm", "landmark_mm": "landmark distance in mm"}


def conclusions(plan: Plan, rows: Sequence[Row], folds: Sequence[Sequence[str]]) -> list[str]:
    """Sentences on the study, on coupling, and on the other variations.

    Args:
        plan: of the study.
        rows: the basal training and its variations.
        folds: names of the specimens of each.
    """
    return [
        *_what_was_done(plan, rows, folds),
        "",
        "## Does learning both tasks together help each?",
        "",
        *_coupling(plan, rows),
        "",
        "## What changes for the better or for the worse",
        "",
        *_others(plan, rows),
    ]


def _what_was_done(plan: Plan, rows: Sequence[Row], folds: Sequence[Sequence[str]]) -> list[str]:
    specimens = sum(map(len, folds))
    lines = [
        f"{len(rows) - 1} variations of one field each beside the basal training, "
        f"{plan.basal.optimiser.steps} steps a training; {specimens} specimens in {len(folds)} "
        "folds, each held out once.",
    ]
    open_ = [row.name for row in rows if row.folds < len(folds)]
    if open_:
        lines.append(f"Not finished, and so not compared: {', '.join(open_)}.")
    diverged = [row.name for row in rows if row.diverged]
    if diverged:
        lines.append(f"The loss was no longer a number in: {', '.join(diverged)}.")
    moved = [
        f"{NAMES[metric]} by {size:.{DIGITS[metric]}f}"
        for metric, size in moved_by_seed(rows).items()
    ]
    if moved:
        lines.append(
            f"Another seed alone moves {', '.join(moved)}; a difference that is not larger says "
            "nothing here, whatever its p."
        )
    return lines


def _coupling(plan: Plan, rows: Sequence[Row]) -> list[str]:
    by_name = {row.name: row for row in rows}
    by_seed = moved_by_seed(rows)
    questions = coupling_questions(plan)
    if not questions:
        return ["The plan has no variation that learns one task alone."]
    return [
        f"- {_answer(by_name[name], metric, len(questions), by_seed.get(metric, 0.0))}"
        for name, metric in questions
    ]


def _answer(row: Row, metric: Metric, asked: int, by_seed: float) -> str:
    task = "landmarks" if metric == "landmark_mm" else "labyrinth"
    start = f"{task.capitalize()}, {NAMES[metric].removeprefix('landmark ')}: "
    figure = row.figures.get(metric)
    if figure is None or figure.against_basal is None:
        return start + f"not known, because {row.name!r} or the basal training is not finished."
    against, digits = figure.against_basal, DIGITS[metric]
    # The variation is the single task: turned round, so that it tells what coupling does.
    sign = 1.0 if HIGHER_IS_BETTER[metric] else -1.0
    gain = -sign * against.difference
    low, high = sorted((-sign * against.low, -sign * against.high))
    better = "higher" if HIGHER_IS_BETTER[metric] else "lower"
    worse = "lower" if HIGHER_IS_BETTER[metric] else "higher"
    size = (
        f"that of the joint network is {abs(gain):.{digits}f} "
        f"{better if gain >= 0 else worse} than that of the one that learns the {task} alone "
        f"(gain {gain:+.{digits}f}, 95 % interval {low:+.{digits}f} to {high:+.{digits}f}, "
        f"{against.cases} specimens, corrected p = {figure.p_corrected:.3g})"
    )
    if figure.is_different() and abs(gain) <= by_seed:
        return start + "no more than another seed does: " + size + "."
    if figure.is_different():
        return start + ("coupling helps: " if gain > 0 else "coupling harms: ") + size + "."
    if smallest_p(against.cases) * asked >= ALPHA:
        return start + f"cannot be told from {against.cases} specimens: " + size + "."
    return start + "no effect of coupling could be shown: " + size + "."


def _others(plan: Plan, rows: Sequence[Row]) -> list[str]:
    asked = {name for name, _ in coupling_questions(plan)}
    by_seed = moved_by_seed(rows)
    others = [row for row in rows if row.name not in (BASAL, *asked)]
    tests = sum(
        figure.against_basal is not None for row in others for figure in row.figures.values()
    )
    if not tests:
        return ["Nothing is compared yet."]
    cases = min(
        figure.against_basal.cases
        for row in others
        for figure in row.figures.values()
        if figure.against_basal is not None
    )
    lines = [f"{tests} comparisons, corrected together (Holm)."]
    if smallest_p(cases) * tests >= ALPHA:
        lines.append(
            f"With {cases} specimens the smallest p is {smallest_p(cases):.2g}, so that alone "
            "among so many not even a variation that is better on all of them counts."
        )
    changes = [
        row
        for row in others
        if row.field != "seed" and any(figure.against_basal for figure in row.figures.values())
    ]
    gains = {row.name: _verdicts(row, True, by_seed) for row in changes}
    losses = {row.name: _verdicts(row, False, by_seed) for row in changes}
    better = [row for row in changes if gains[row.name] and not losses[row.name]]
    worse = [row for row in changes if losses[row.name] and not gains[row.name]]
    mixed = [row for row in changes if losses[row.name] and gains[row.name]]
    unclear = [row for row in changes if not losses[row.name] and not gains[row.name]]
    for title, found in (
        ("Better than the basal training, which the study so recommends", better),
        ("Worse", worse),
        ("Better in one figure and worse in another", mixed),
    ):
        lines += ["", f"{title}: {'none.' if not found else ''}".rstrip()]
        lines += [""] if found else []
        lines += [f"- {_described(row, gains[row.name] + losses[row.name])}" for row in found]
    names = ", ".join(row.name for row in unclear) or "none"
    lines += ["", f"Not told apart from the basal training ({len(unclear)}): {names}."]
    return lines


def _verdicts(row: Row, better: bool, by_seed: Mapping[Metric, float]) -> list[Metric]:
    """In which metrics a row is better, or worse, by more than another seed is."""
    found: list[Metric] = []
    for metric in METRICS:
        if row.is_better(metric) is better:
            against = row.figures[metric].against_basal
            if against is not None and abs(against.difference) > by_seed.get(metric, 0.0):
                found.append(metric)
    return found


def _described(row: Row, metrics: Sequence[Metric]) -> str:
    parts = [f"{NAMES[metric]} {_signed(row.figures[metric], metric)}" for metric in metrics]
    change = f"{row.field}: {plain(row.basal_value)} → {plain(row.value)}"
    return f"{row.name} ({change}): {', '.join(parts)}"


def _signed(figure: Figure, metric: Metric) -> str:
    assert figure.against_basal is not None
    return f"{figure.against_basal.difference:+.{DIGITS[metric]}f}"
