"""What a cross-validation keeps of each fold, and with which networks it was measured."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from ..errors import UnusableInput
from ..io.dataset import Case
from ..model.bundle import Model, load_model
from ..model.card import NETWORKS, file_content
from ..segmentation.pipeline import segment
from ..training.cases import TrainingCase
from ..training.export import export
from ..training.folds import fold_folder, folds, specimen_names
from ..training.trainer import steps_done
from ..types import Volume
from .evaluate import row_of, sentence_of
from .metrics import ear_of
from .perturbations import Change, changed, clamped_image, soft, thicker
from .summary import Row

ROWS = "rows.json"
MADE_WITH = "made_with"


def made_of(folder: Path, base: Path | None, copies: Sequence[str]) -> dict[str, Any]:
    """What the rows of a fold depend on.

    Args:
        folder: of the fold.
        base: the model whose networks stand in for stages that the fold did not train.
        copies: names of what each specimen is measured on.

    Returns:
        steps of each stage, copies, and the base's SHA-256; None where no stage needs it.
    """
    steps = {name: steps_done(folder / name) for name in NETWORKS}
    sha256 = None
    if base is not None and min(steps.values()) == 0:
        sha256 = hashlib.sha256(file_content(base)).hexdigest()
    return {"steps": steps, "copies": list(copies), "base": sha256}


def known_rows(folder: Path) -> dict[str, Any] | None:
    """What is kept of a fold: MADE_WITH (which earlier versions did not write) and rows."""
    path = folder / ROWS
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def keep(path: Path, content: Mapping[str, Any]) -> None:
    """Write rows whole or not at all: what a kill cuts short could not be read again."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(path)


def check_same_base(output: Path, count: int, base: Path | None, copies: Sequence[str]) -> None:
    """Refuse to put rows of another base beside those that there are.

    Args:
        output: of the cross-validation; need not be there.
        count: how many folds.
        base: the model that is to stand in.
        copies: as of ``made_of``.

    Raises:
        UnusableInput: if a fold was measured with the networks that it has now and another base.
    """
    for number in range(1, count + 1):
        folder = fold_folder(output, number)
        earlier = (known_rows(folder) or {}).get(MADE_WITH)
        if earlier is None:
            continue
        now = made_of(folder, base, copies)
        if earlier != now and earlier | {"base": None} == now | {"base": None}:
            raise UnusableInput(
                f"{folder} was measured with another base model (SHA-256 {earlier['base']}): give "
                f"that one as --base, choose another --output, or delete {ROWS} in the folders of "
                "all folds to measure them again."
            )


def networks_trained(output: Path, count: int) -> dict[str, list[int]]:
    """How many steps each fold trained each stage; 0 where the base stood in."""
    return {
        name: [steps_done(fold_folder(output, n) / name) for n in range(1, count + 1)]
        for name in NETWORKS
    }


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
        bundle = load_model(folder / "model.pt", device)
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
    bundle = load_model(base, device)
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


def _rows(case: TrainingCase, bundle: Model, fine: bool, say: Callable[[str], None]) -> list[Row]:
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
            row["signs"] = dict(ear.uncertainty)
        rows.append(row)
        say(f"{case.name}, {name}: {sentence_of(row)}")
    return rows
