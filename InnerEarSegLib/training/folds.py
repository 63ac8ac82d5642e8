"""Folds: which specimens are held out together, and training without each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..errors import UnusableInput
from .cases import TrainingCase
from .config import Config
from .run import train


def folds(names: Sequence[str], count: int) -> list[tuple[str, ...]]:
    """Every count-th specimen, from the first, the second, and so on.

    Args:
        names: of the specimens, in the order in which they are dealt out.
        count: how many folds.

    Raises:
        UnusableInput: if a fold would hold out nothing or leave nothing to train on.
    """
    if not 2 <= count <= len(names):
        raise UnusableInput(
            f"{len(names)} specimens make from 2 to {len(names)} folds, not {count}."
        )
    return [tuple(names[first::count]) for first in range(count)]


def specimen_names(cases: Sequence[TrainingCase]) -> list[str]:
    """Names of the real specimens, sorted: the order in which folds are dealt out."""
    return sorted(case.name for case in cases if not case.synthetic)


def fold_folder(output: Path, number: int) -> Path:
    """The run folder of a fold, counted from 1."""
    return output / f"fold-{number}"


def train_folds(
    config: Config,
    cases: Sequence[TrainingCase],
    count: int,
    output: Path,
    device: torch.device,
    *,
    workers: int = 0,
    only: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> None:
    """Train one run folder a fold, or go on where an earlier call stopped.

    Args:
        config: what to train; its ``held_out`` is replaced.
        cases: all specimens, and synthetic ears.
        count: how many folds.
        output: receives ``fold-1`` and so on.
        device: where to train.
        workers: processes that draw samples.
        only: stages to train; all if empty.
        say: receives a line now and then.

    Raises:
        UnusableInput: if there are too few specimens, or a folder holds another run.
    """
    for number, held_out in enumerate(folds(specimen_names(cases), count), start=1):
        say(f"Fold {number} of {count}, without {', '.join(held_out)}")
        train(
            dataclasses.replace(config, held_out=held_out), cases, fold_folder(output, number),
            device, workers=workers, only=only, say=say,
        )  # fmt: skip
