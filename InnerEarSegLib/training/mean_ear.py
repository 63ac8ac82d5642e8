"""The mean ear: how often each place of the canonical ear is labyrinth in the training specimens.

It is a network's second input channel (``NetworkConfig.mean_ear``), so that the network knows where
canals should run that a soft CT hardly shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ..model.inference import sample_patch
from .cases import TrainingCase
from .config import NetworkTraining


def mean_ear_shape(setup: NetworkTraining) -> tuple[int, int, int]:
    """Return the voxels (k, j, i) of the mean ear: half as many along each edge as the patch."""
    k, j, i = (size // 2 for size in setup.patch)
    return k, j, i


def mean_ear(
    cases: Sequence[TrainingCase], template: Mapping[str, ArrayLike], setup: NetworkTraining
) -> Tensor:
    """Average the labels of the specimens in canonical pose: float32 [k, j, i], 0 to 1.

    Voxels are twice as wide as the patch's. ``template`` is canonical mm by landmark; ``cases``
    without labels do not count.
    """
    shape = mean_ear_shape(setup)
    labelled = [case for case in cases if case.labels is not None]
    total = torch.zeros(shape)
    for case in labelled:
        patch = case.pose(template).patch(2.0 * setup.spacing_mm, shape)
        total += sample_patch(torch.from_numpy(case.labels), case.geometry, patch, 0.0)
    return total / max(1, len(labelled))
