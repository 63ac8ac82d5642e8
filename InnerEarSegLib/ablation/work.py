"""One run of a study: train without one fold, then measure on it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock, Timeout

from ..model.device import choose_device
from ..model.unet import count_parameters
from ..training.cases import TrainingCase, load_cases
from ..training.run import code_revision, read_run, train
from ..training.trainer import LOG, Diverged, trained_network
from .measure import measure
from .plan import STAGE, Plan, as_json
from .study import RESULT, StudyFolder, figures_json, read_study, region_mm, write_json

CLAIM = "claim.lock"

Outcome = Literal["done", "diverged", "taken"]


@dataclass(frozen=True)
class Job:
    """What another process needs to know to do a run.

    Attributes:
        folder: of the study, as that process sees it.
        data: dataset folder or packed file, as that process sees it.
        variation: which training.
        fold: what to hold out, from 0.
        workers: processes that draw samples; 0 draws them in the run's own.
    """

    folder: Path
    data: Path
    variation: str
    fold: int
    workers: int = 0


def do(job: Job, device: str, say: Callable[[str], None] = print) -> Outcome:
    """Do a run, or go on where a killed process stopped.

    The operating system gives the claim back when its owner ends, however it ends, and on a
    shared folder it keeps the other machines out.

    Returns:
        "taken" if another process is at it, "diverged" if its loss was no longer a number (which
        is a result too), otherwise "done".

    Raises:
        UnusableInput: if the folder holds another training.
    """
    study = read_study(job.folder)
    folder = study.run_folder(job.variation, job.fold)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / CLAIM, timeout=0):
            result = study.result(job.variation, job.fold)
            if result is None:
                result = _run(study, job, choose_device(device), say)
                write_json(folder / RESULT, result)
            return "diverged" if result["diverged"] else "done"
    except Timeout:
        return "taken"


def _run(
    study: StudyFolder, job: Job, device: torch.device, say: Callable[[str], None]
) -> dict[str, Any]:
    """Train and measure."""
    plan, folder = study.plan, study.run_folder(job.variation, job.fold)
    varied = plan.study(job.variation)
    cases = read_cases(job.data, plan)
    name = f"{job.variation}, fold {job.fold + 1}"
    config = varied.training(name, study.folds[job.fold], plan.synthetic)
    result: dict[str, Any] = {
        "variation": job.variation,
        "fold": job.fold + 1,
        "study": as_json(varied),
        "held_out": list(config.held_out),
        "seed": varied.seed,
        "steps": varied.optimiser.steps,
        "device": _describe(device),
        "torch": torch.__version__,
        "code_revision": code_revision(),
        "diverged": None,
        "cases": [],
    }

    def tell(line: str) -> None:
        say(f"{name}: {line.removeprefix(f'{STAGE}: ')}")

    try:
        train(config, cases, folder, device, workers=job.workers, only=(STAGE,), say=tell)
    except Diverged as error:
        return {**result, "diverged": str(error), "seconds": _seconds(folder)}
    network = trained_network(config, STAGE, folder / STAGE).to(device)
    held_out = [case for case in cases if case.name in config.held_out]
    run = read_run(folder)
    figures = measure(
        network, held_out, run.template, config, region_mm(plan), plan.measure, device
    )
    return {
        **result,
        "parameters": count_parameters(network),
        "seconds": _seconds(folder),
        "cases": figures_json(figures),
    }


def read_cases(data: Path, plan: Plan) -> list[TrainingCase]:
    """The specimens and synthetic ears of a plan, read once in a process and not once a run."""
    return _cases(data, plan.synthetic, plan.synthetic_seed)


@lru_cache(maxsize=1)
def _cases(data: Path, synthetic: int, seed: int) -> list[TrainingCase]:
    return load_cases(data, synthetic, seed, print)


def _seconds(folder: Path) -> float:
    """How long the training took, all its parts together."""
    with (folder / STAGE / LOG).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return float(rows[-1]["seconds"]) if rows else 0.0


def _describe(device: torch.device) -> str:
    """The device and what it is."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"
