"""How good a network is on held-out specimens, in windows that are not quite centred."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..model.inference import patch_to_ijk, sample, sample_patch
from ..segmentation.pose import Pose, fit_pose
from ..training.augmentation import small_rotation
from ..training.cases import TrainingCase
from ..training.config import Config, StageConfig
from ..training.losses import landmark_points
from ..types import LANDMARKS, Geometry
from .plan import STAGE, MeasureConfig
from .surface import dice, surface_distance

NOWHERE = -20.0
"""Logit outside of what a network has seen."""


@dataclass(frozen=True)
class CaseFigures:
    """One specimen, the mean over its windows.

    Attributes:
        name: of the specimen.
        dice: of the labyrinth; None without reference labels or if it was not learned.
        assd_mm: average symmetric surface distance; None where there is no dice.
        landmark_mm: mean distance of the product's landmarks; None if they were not learned.
        landmarks: distance in mm by landmark.
    """

    name: str
    dice: float | None
    assd_mm: float | None
    landmark_mm: float | None
    landmarks: dict[str, float]


def measure(
    network: nn.Module,
    cases: Sequence[TrainingCase],
    template: Mapping[str, NDArray],
    config: Config,
    region_mm: tuple[float, float, float],
    how: MeasureConfig,
    device: torch.device,
) -> list[CaseFigures]:
    """Compare a network with the references of these specimens.

    Whatever its own spacing and window, each network sees the same region in the same poses, and
    what it draws is compared on the same grid.

    Args:
        network: in evaluation mode, on the device.
        cases: held out.
        template: the canonical ear of the training.
        config: what was trained.
        region_mm: (k, j, i) edges of the region.
        how: poses and grid.
        device: where to compute.
    """
    return [
        _measure_case(network, case, template, config, region_mm, how, device) for case in cases
    ]


def random_poses(pose: Pose, name: str, how: MeasureConfig) -> list[Pose]:
    """The same few poses near this one each time that the specimen of this name is looked at."""
    rng = np.random.default_rng((how.seed, zlib.crc32(name.encode())))
    poses = []
    for _ in range(how.poses):
        jitter = np.eye(4)
        jitter[:3, :3] = small_rotation(rng, how.rotation_degrees)
        jitter[:3, 3] = rng.normal(0.0, how.shift_mm, 3)
        poses.append(Pose(pose.matrix @ jitter))
    return poses


def network_window(
    stage: StageConfig, region_mm: tuple[float, float, float]
) -> tuple[int, int, int]:
    """(k, j, i) voxels of the smallest window that a network can take and that covers a region."""
    multiple = stage.network.patch_multiple
    # A hair less, so that a region of just so many voxels does not get one more by rounding.
    k, j, i = (
        multiple * int(np.ceil(edge / stage.spacing_mm / multiple - 1e-6)) for edge in region_mm
    )
    return k, j, i


def _measure_case(
    network: nn.Module,
    case: TrainingCase,
    template: Mapping[str, NDArray],
    config: Config,
    region_mm: tuple[float, float, float],
    how: MeasureConfig,
    device: torch.device,
) -> CaseFigures:
    stage = config.stages()[STAGE]
    tasks = stage.loss.tasks
    k, j, i = (int(edge / how.spacing_mm) for edge in region_mm)
    dices: list[float] = []
    distances: list[float] = []
    errors: dict[str, list[float]] = {name: [] for name in LANDMARKS}
    for pose in random_poses(fit_pose(template, case.landmarks), case.name, how):
        window = pose.patch(stage.spacing_mm, network_window(stage, region_mm))
        logits, heatmaps = _look(network, case, window, config, device)
        if case.labels is not None and tasks != "landmarks":
            grid = pose.patch(how.spacing_mm, (k, j, i))
            found = sample(logits, patch_to_ijk(grid, window), NOWHERE) > 0
            labels = torch.from_numpy(case.labels).float()
            truth = sample(labels, patch_to_ijk(grid, case.geometry), 0.0) > 0.5
            dices.append(dice(found, truth))
            distances.append(surface_distance(found, truth, how.spacing_mm))
        if tasks != "segmentation":
            for name, ijk in zip(config.landmarks, landmark_points(heatmaps, stage), strict=True):
                if name in LANDMARKS and name in case.landmarks:
                    offset = window.to_ras(ijk) - case.landmarks[name]
                    errors[name].append(float(np.linalg.norm(offset)))
    means = {name: float(np.mean(values)) for name, values in errors.items() if values}
    return CaseFigures(
        name=case.name,
        dice=_mean(dices),
        assd_mm=_mean(distances),
        landmark_mm=_mean(list(means.values())),
        landmarks=means,
    )


def _look(
    network: nn.Module, case: TrainingCase, window: Geometry, config: Config, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Labyrinth logits [k, j, i] and heatmaps [landmark, k, j, i] of a window, on the CPU."""
    ct = sample_patch(torch.from_numpy(case.ct), case.geometry, window, config.intensity.low)
    with torch.inference_mode():
        logits, heatmaps = network(config.intensity(ct)[None, None].to(device))
    return logits[0, 0].float().cpu(), heatmaps[0].float().cpu()


def _mean(values: Sequence[Any]) -> float | None:
    return float(np.mean(values)) if values else None
