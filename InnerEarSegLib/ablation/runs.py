"""Do the runs of a study: train a fold of a variation, and measure the specimens of that fold.

RUNS/study.json                       plan, budget, folds
RUNS/VARIATION/fold-1/run.json        a training, as of `innerearseg train`
RUNS/VARIATION/fold-1/orient/         its checkpoint and log
RUNS/VARIATION/fold-1/result.json     appears when all is done
"""

from __future__ import annotations

import csv
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import ArrayLike, NDArray
from torch import nn

from ..errors import UnusableInput
from ..evaluation.crossval import cached_cases, fold_folder, use
from ..evaluation.metrics import surface_distances, surface_voxels
from ..model.inference import patch_to_ijk, sample, sample_patch
from ..model.unet import count_parameters
from ..parallel import Place
from ..segmentation.pose import Pose
from ..training.augmentation import small_rotation
from ..training.cases import TrainingCase
from ..training.config import Config, NetworkTraining, from_dict
from ..training.losses import landmark_points
from ..training.run import code_revision, folds_of, read_run, train
from ..training.trainer import LOG, Diverged, trained_network, write_json
from ..types import LANDMARKS, dice
from .plan import NETWORK, MeasureConfig, Plan, Study, as_json

DESCRIPTION, RESULT, CLAIM = "study.json", "result.json", "claim.lock"

OUTSIDE = -20.0
"""Logit outside of what a network has seen."""

Outcome = Literal["done", "diverged", "taken"]


@dataclass(frozen=True)
class StudyFolder:
    """A plan, with its budget, in a folder, and the names of the specimens of each fold."""

    folder: Path
    plan: Plan
    folds: tuple[tuple[str, ...], ...]

    def runs(
        self, only: Sequence[str] | None = None, shard: str | None = None
    ) -> list[tuple[str, int]]:
        """Return (variation, fold) of runs: the first fold of all variations, then the second.

        ``only`` names variations; ``shard`` "I/N" is every N-th run from the I-th.
        Raise UnusableInput if there is no such variation or shard.
        """
        known = self.plan.names()
        names = known if only is None else only
        unknown = [name for name in names if name not in known]
        if unknown:
            raise UnusableInput(
                f"The plan has no variation {unknown[0]!r}; it has {sorted(known)}."
            )
        runs = [(n, fold) for fold in range(len(self.folds)) for n in known if n in names]
        if shard is None:
            return runs
        first, _, count = shard.partition("/")
        if not (first.isdecimal() and count.isdecimal() and 1 <= int(first) <= int(count)):
            raise UnusableInput(f"--shard {shard} is not one of 1/N to N/N.")
        return runs[int(first) - 1 :: int(count)]

    def run_folder(self, variation: str, fold: int) -> Path:
        """Return where a run lies; folds count from 0, and from 1 in names."""
        return fold_folder(self.folder / variation, fold + 1)

    def result(self, variation: str, fold: int) -> dict[str, Any] | None:
        """Return what a run found, None while unfinished; UnusableInput if of another training."""
        path = self.run_folder(variation, fold) / RESULT
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        study = from_dict(Study, content["study"], str(path))
        if study != self.plan.study(variation) or content["held_out"] != list(self.folds[fold]):
            raise UnusableInput(
                f"{path} is the result of another training than the plan's {variation!r}; choose "
                "another --output folder, or delete that run to do it again."
            )
        return content


def open_study(
    plan: Plan, cases: Sequence[TrainingCase], fold_count: int, folder: Path
) -> StudyFolder:
    """Open a study's folder; UnusableInput if it is another study's, or specimens are too few."""
    study = StudyFolder(folder, plan, tuple(folds_of(cases, fold_count)))
    if not (folder / DESCRIPTION).is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / DESCRIPTION, {"plan": as_json(plan), "folds": study.folds})
    elif read_study(folder) != study:
        raise UnusableInput(
            f"{folder} holds a study of another plan, other folds or another budget; choose "
            "another --output folder."
        )
    return study


def read_study(folder: Path) -> StudyFolder:
    """Read the study that lies in a folder, or raise UnusableInput."""
    try:
        content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnusableInput(f"{folder} is no folder of `innerearseg ablate`.") from None
    plan = from_dict(Plan, content["plan"], str(folder / DESCRIPTION))
    return StudyFolder(folder, plan, tuple(map(tuple, content["folds"])))


@dataclass(frozen=True)
class Run:
    """What a process needs to know to do a run, as ``crossval.Fold``; folds count from 0."""

    folder: Path
    data: Path
    variation: str
    fold: int
    workers: int = 0


def do_run(run: Run, place: Place) -> Outcome:
    """Do a run, or go on where a killed process stopped.

    The operating system releases the claim when its owner ends, however it ends, and on a shared
    folder it keeps the other machines out. That a loss was no longer a number is a result, too.
    """
    study = read_study(run.folder)
    folder = study.run_folder(run.variation, run.fold)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / CLAIM, timeout=0):
            result = study.result(run.variation, run.fold)
            if result is None:
                result = _train_and_measure(study, run, use(place))
                write_json(folder / RESULT, result)
            return "diverged" if result["diverged"] else "done"
    except Timeout:
        return "taken"


def _train_and_measure(study: StudyFolder, run: Run, device: torch.device) -> dict[str, Any]:
    """The content of a run's ``result.json``."""
    plan, folder = study.plan, study.run_folder(run.variation, run.fold)
    varied = plan.study(run.variation)
    cases = cached_cases(run.data, plan.synthetic, plan.synthetic_seed)
    name = f"{run.variation}, fold {run.fold + 1}"
    config = varied.config(name, study.folds[run.fold], plan.synthetic)
    on_cpu = f"{device.type}, {torch.get_num_threads()} threads"
    result: dict[str, Any] = {
        "variation": run.variation, "fold": run.fold + 1, "study": as_json(varied),
        "held_out": list(config.held_out), "seed": varied.seed, "steps": varied.optimiser.steps,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else on_cpu,
        "torch": torch.__version__, "code_revision": code_revision(), "diverged": None, "cases": [],
    }  # fmt: skip

    def say(line: str) -> None:
        print(f"{name}: {line.removeprefix(f'{NETWORK}: ')}", flush=True)

    try:
        train(config, cases, folder, device, workers=run.workers, only=(NETWORK,), say=say)
    except Diverged as error:
        result["diverged"] = str(error)
    with (folder / NETWORK / LOG).open(newline="") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    result["seconds"] = seconds[-1] if seconds else 0.0  # all parts of the training together
    if result["diverged"]:
        return result
    network = trained_network(config, NETWORK, folder / NETWORK).to(device)
    measure = partial(
        measure_case, network, read_run(folder).template, config, plan.region_mm, plan.measure
    )
    figures = [measure(case) for case in cases if case.name in config.held_out]
    return {**result, "parameters": count_parameters(network), "cases": figures}


def measure_case(
    network: nn.Module,
    template: Mapping[str, ArrayLike],
    config: Config,
    region_mm: Sequence[float],
    how: MeasureConfig,
    case: TrainingCase,
) -> dict[str, Any]:
    """Compare what a network in evaluation mode finds with a specimen's reference.

    Whatever its own spacing and patch, each network sees the same region (k, j, i edges in mm) in
    the same poses, and what it draws is compared on the same grid.

    Returns:
        Means over the poses: dice, assd_mm (None without labels or if the labyrinth was not
        learned), landmark_mm (of the product's landmarks; None if they were not learned), and
        landmarks (mm by name).
    """
    setup = config.networks()[NETWORK]
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    dices, distances = [], []
    errors: dict[str, list[float]] = {name: [] for name in LANDMARKS}
    k, j, i = (int(edge / how.spacing_mm) for edge in region_mm)
    for pose in random_poses(case.pose(template), case.name, how):
        patch = pose.patch(setup.spacing_mm, patch_size(setup, region_mm))
        ct = sample_patch(torch.from_numpy(case.ct), case.geometry, patch, config.intensity.low)
        with torch.inference_mode():
            logits, heatmaps = network(config.intensity(ct)[None, None].to(device))
        if case.labels is not None and setup.loss.tasks != "landmarks":
            grid = pose.patch(how.spacing_mm, (k, j, i))
            drawn = sample(logits[0, 0].float().cpu(), patch_to_ijk(grid, patch), OUTSIDE) > 0
            labels = torch.from_numpy(case.labels).float()
            truth = sample(labels, patch_to_ijk(grid, case.geometry), 0.0) > 0.5
            dices.append(dice(drawn.numpy(), truth.numpy()))
            distances.append(surface_distance(drawn.numpy(), truth.numpy(), how.spacing_mm))
        if setup.loss.tasks != "segmentation":
            points = landmark_points(heatmaps[0].float().cpu(), setup)
            for name, ijk in zip(config.landmarks, points, strict=True):
                if name in LANDMARKS and name in case.landmarks:
                    offset = patch.to_ras(ijk) - case.landmarks[name]
                    errors[name].append(float(np.linalg.norm(offset)))
    means = {name: float(np.mean(values)) for name, values in errors.items() if values}
    figures = {"dice": dices, "assd_mm": distances, "landmark_mm": list(means.values())}
    mean = {key: float(np.mean(of)) if of else None for key, of in figures.items()}
    return {"name": case.name, **mean, "landmarks": means}


def surface_distance(
    found: NDArray[np.bool_], truth: NDArray[np.bool_], spacing_mm: float
) -> float:
    """Return the average symmetric surface distance of two masks [k, j, i] in mm.

    An empty mask counts as one voxel in the middle, so that to draw nothing is bad but not
    infinitely so.
    """
    if found.any() and truth.any():
        return float(np.concatenate(surface_distances(found, truth, np.full(3, spacing_mm))).mean())
    voxels = np.argwhere(surface_voxels(found | truth))
    to_middle = np.linalg.norm(voxels - (np.array(found.shape) - 1) / 2, axis=1) * spacing_mm
    return float((to_middle.sum() + to_middle.min()) / (len(voxels) + 1))


def random_poses(pose: Pose, name: str, how: MeasureConfig) -> list[Pose]:
    """Return the same few poses near this one for each network that sees this specimen."""
    rng = np.random.default_rng((how.seed, zlib.crc32(name.encode())))
    poses = []
    for _ in range(how.poses):
        jitter = np.eye(4)
        jitter[:3, :3] = small_rotation(rng, how.rotation_degrees)
        jitter[:3, 3] = rng.normal(0.0, how.shift_mm, 3)
        poses.append(Pose(pose.matrix @ jitter))
    return poses


def patch_size(setup: NetworkTraining, region_mm: Sequence[float]) -> tuple[int, int, int]:
    """Return the (k, j, i) voxels of the smallest patch that fits a network and a region."""
    multiple = setup.network.patch_multiple
    # A hair less, so that a region of just so many voxels does not get one more by rounding.
    k, j, i = (
        multiple * int(np.ceil(edge / setup.spacing_mm / multiple - 1e-6)) for edge in region_mm
    )
    return k, j, i
