"""Cross-validation: every specimen is measured by the networks of a fold that never saw it.

Stages that the folds did not train stand in from a base model, which may have seen it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..geometry import Volume
from ..inferring.bundle import Bundle, load_bundle
from ..reading.dataset import Case
from ..segment import segment
from ..training.cases import TrainingCase
from ..training.export import export
from ..training.folds import fold_folder, folds, specimen_names
from .copies import Change, changed, clamped_image, soft, thicker
from .evaluate import row_of, sentence_of
from .kept_rows import MADE_WITH, ROWS, check_same_base, keep, known_rows, made_of
from .match import ear_of
from .summary import Row

AS_SCANNED = "as scanned"
COPIES: dict[str, Change] = {
    AS_SCANNED: lambda image: image,
    "soft kernel": soft,
    "slices 3 times as thick": thicker(3),
    "soft kernel, slices 5 times as thick": lambda image: thicker(5)(soft(image)),
    "soft kernel, slices 9 times as thick": lambda image: thicker(9)(soft(image)),
}
"""What each specimen is measured on: slices of 0.2 mm become up to 1.8 mm. Uncertainty is
calibrated over all of them, accuracy is what the first row says."""


def evaluate_folds(
    cases: Sequence[TrainingCase],
    count: int,
    output: Path,
    device: torch.device,
    *,
    base: Path | None = None,
    say: Callable[[str], None] = print,
) -> list[Row]:
    """Measure every specimen, as scanned and in worse copies, by its fold's networks.

    A fold that has been measured with the networks that it has now is not measured again; one that
    was interrupted is, from its first specimen. Where no fold trained ``refine``, CT is drawn by
    ``orient`` at whatever resolution.

    Args:
        cases: all specimens.
        count: how many folds.
        output: from ``train_folds``.
        device: where to run.
        base: a model whose networks stand in for stages that the folds did not train.
        say: receives a line a case.

    Returns:
        Rows of ``evaluate`` with fold, copy, and the uncalibrated signs of uncertainty.

    Raises:
        UnusableInput: if a fold has no networks, or was measured with another base.
    """
    by_name = {case.name: case for case in cases}
    check_same_base(output, count, base, list(COPIES))
    rows: list[Row] = []
    for number, held_out in enumerate(folds(specimen_names(cases), count), start=1):
        folder = fold_folder(output, number)
        made_with = made_of(folder, base, list(COPIES))
        known = known_rows(folder)
        if known is not None and known.get(MADE_WITH) == made_with:
            rows += known["rows"]
            continue
        if known is not None:
            how = "with other networks" if MADE_WITH in known else "with a base that is not noted"
            say(f"{folder} was measured {how}; it is measured again.")
        export(folder, folder / "model.pt", version=f"fold {number}", base=base, any_base=True)
        bundle = load_bundle(folder / "model.pt", device)
        found = [
            row | {"fold": number}
            for name in held_out
            for row in _rows(by_name[name], bundle, made_with["steps"]["refine"] > 0, say)
        ]
        keep(folder / ROWS, {MADE_WITH: made_with, "rows": found})
        rows += found
    return rows


def evaluate_base(
    cases: Sequence[TrainingCase],
    output: Path,
    device: torch.device,
    base: Path,
    say: Callable[[str], None] = print,
) -> list[Row]:
    """Measure a model on the specimens that it was not trained on, in all copies.

    Args:
        cases: all specimens.
        output: keeps the rows, so that they are not measured again.
        device: where to run.
        base: the model.
        say: receives a line a case.
    """
    bundle = load_bundle(base, device)
    trained_on = bundle.card["training"]["trained_on"]
    path = output / "base.json"
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        if known["model"] == bundle.identity.sha256 and known["copies"] == list(COPIES):
            return known["rows"]
    rows = [
        row
        for case in cases
        if not case.synthetic and case.name not in trained_on
        for row in _rows(case, bundle, True, say)
    ]
    keep(path, {"model": bundle.identity.sha256, "copies": list(COPIES), "rows": rows})
    return rows


def as_scanned(rows: Sequence[Row]) -> list[Row]:
    """The rows that tell accuracy."""
    return [row for row in rows if row["copy"] == AS_SCANNED]


def _rows(case: TrainingCase, bundle: Bundle, fine: bool, say: Callable[[str], None]) -> list[Row]:
    """One specimen in all copies."""
    image = clamped_image(Volume(case.ct, case.geometry))
    rows = []
    for name, change in COPIES.items():
        ct = changed(image, change)
        reference = Case(case.name, ct, case.labels, case.geometry, case.landmarks, case.side)
        result = segment(ct, bundle, fine=fine)
        row = row_of(reference, result) | {"copy": name}
        ear = ear_of(result, reference)
        if ear is not None:
            row["signs"] = dict(ear.signs)
        rows.append(row)
        say(f"{case.name}, {name}: {sentence_of(row)}")
    return rows
