"""How good a stage is on the held-out specimens while it trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..finding.pose import Pose, fit_pose
from ..inferring.window import look, sample, window_to_ijk
from ..results import LANDMARKS
from .cases import TrainingCase
from .config import Config, StageConfig
from .landmark_losses import landmark_points


class Score(NamedTuple):
    """Mean over the held-out specimens, within their windows (not the CT's own grid).

    Attributes:
        dice: of the labyrinth at probability 0.5.
        landmark_mm: distance of the product's three landmarks.
    """

    dice: float
    landmark_mm: float


def validate(
    network: nn.Module,
    cases: Sequence[TrainingCase],
    template: Mapping[str, NDArray],
    config: Config,
    stage: StageConfig,
    device: torch.device,
) -> Score:
    """Score a network on windows placed by the reference landmarks, without augmentation."""
    dice, errors = [], []
    for case in cases:
        pose = fit_pose(template, case.landmarks)
        if stage.augmentation.any_rotation:  # such a network must not need the pose
            upright = np.eye(4)
            upright[:3, 3] = pose.matrix[:3, 3]
            pose = Pose(upright)
        window = pose.window(stage.spacing_mm, stage.window)
        ct = look(torch.from_numpy(case.ct).float(), case.geometry, window, config.intensity.low)
        with torch.no_grad():
            logits, heatmaps = network(config.intensity(ct)[None, None].to(device))
        if case.labels is not None:
            grid = window_to_ijk(window, case.geometry)
            truth = sample(torch.from_numpy(case.labels).float(), grid, 0.0) > 0.5
            found = logits[0, 0].cpu() > 0
            both = float((truth & found).sum())
            dice.append(2 * both / max(1.0, float(truth.sum() + found.sum())))
        points = landmark_points(heatmaps[0], stage)
        for name, ijk in zip(config.landmarks, points, strict=True):
            if name in LANDMARKS:
                errors.append(np.linalg.norm(window.to_ras(ijk) - case.landmarks[name]))
    return Score(float(np.mean(dice)) if dice else float("nan"), float(np.mean(errors)))
