"""Losses of the joint network, written out so that training needs torch alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import StageConfig
from .landmark_losses import heatmap_loss
from .samples import Sample

TVERSKY_ADDED, TVERSKY_MISSED = 0.3, 0.7
"""What an added and a missed voxel weigh (Salehi et al. 2017)."""

FOCAL_POWER = 2.0
"""Gamma of the focal loss (Lin et al. 2017)."""


class Losses(NamedTuple):
    """Each term of the loss, unweighted, and their weighted sum (scalars)."""

    total: Tensor
    dice: Tensor
    cross_entropy: Tensor
    landmarks: Tensor


def loss_of_scales(
    outputs: Sequence[tuple[Tensor, Tensor]], batch: Sample, stage: StageConfig
) -> Losses:
    """The loss of a batch over all levels that have heads, each half the weight of the last.

    Args:
        outputs: of ``JointUNet.all_scales``, finest first; one is an ordinary training.
        batch: what the network should say, on the finest grid.
        stage: weights and heatmap width.

    Returns:
        The weighted total, with the terms of the finest level.
    """
    finest = joint_loss(outputs[0], batch, stage)
    total, weights = finest.total, 1.0
    for level, output in enumerate(outputs[1:], start=1):
        total = total + 0.5**level * joint_loss(output, _coarser(batch, level), stage, level).total
        weights += 0.5**level
    return finest._replace(total=total / weights)


def joint_loss(
    outputs: tuple[Tensor, Tensor], batch: Sample, stage: StageConfig, level: int = 0
) -> Losses:
    """The weighted loss of one batch at one level.

    Args:
        outputs: labyrinth logits [b, 1, k, j, i] and heatmap logits [b, landmark, k, j, i].
        batch: what the network should say; windows without labels count for landmarks only.
        stage: weights and heatmap width.
        level: how often the grid is halved.
    """
    logits, heatmaps = outputs[0].float(), outputs[1].float()
    how = stage.loss
    labelled = batch.labelled.to(logits.dtype)
    count = labelled.sum().clamp(min=1.0)
    voxelwise = focal_loss if how.voxelwise == "focal" else cross_entropy_loss
    cross_entropy = (voxelwise(logits, batch.labyrinth) * labelled).sum() / count
    overlap = tversky_loss if how.overlap == "tversky" else dice_loss
    dice = (overlap(torch.sigmoid(logits), batch.labyrinth) * labelled).sum() / count
    surprise = heatmap_loss(
        heatmaps, batch.landmarks, batch.present, stage.spacing_mm * 2**level, how
    )
    known = batch.known.to(surprise.dtype)
    landmarks = (surprise * known).sum() / known.sum().clamp(min=1.0)
    segmentation = how.dice * dice + how.cross_entropy * cross_entropy
    total = {
        "joint": segmentation + how.landmarks * landmarks,
        "segmentation": segmentation,
        "landmarks": how.landmarks * landmarks,
    }[how.tasks]
    return Losses(total, dice, cross_entropy, landmarks)


def dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice with squared denominator (Milletari et al. 2016): [b].

    One voxel is added to both sides so that an empty window is defined.
    """
    axes = (1, 2, 3, 4)
    overlap = 2.0 * (probability * target).sum(axes) + 1.0
    return 1.0 - overlap / ((probability**2).sum(axes) + (target**2).sum(axes) + 1.0)


def tversky_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - Tversky index, which for equal weights is Dice (Salehi et al. 2017): [b].

    One voxel is added to both sides so that an empty window is defined.
    """
    axes = (1, 2, 3, 4)
    both = (probability * target).sum(axes) + 1.0
    added = (probability * (1.0 - target)).sum(axes)
    missed = ((1.0 - probability) * target).sum(axes)
    return 1.0 - both / (both + TVERSKY_ADDED * added + TVERSKY_MISSED * missed)


def cross_entropy_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy: [b]."""
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return bce.mean(dim=(1, 2, 3, 4))


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy, weighed by how far each voxel is from its target: [b].

    After Lin et al. 2017, for partial volumes as targets: |p - t| stands for their 1 - p_t.
    """
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((torch.sigmoid(logits) - target).abs() ** FOCAL_POWER * bce).mean(dim=(1, 2, 3, 4))


def _coarser(batch: Sample, level: int) -> Sample:
    """The targets of a batch on a grid halved this often; the CT stays as it is."""
    size = 2**level
    return batch._replace(
        labyrinth=F.avg_pool3d(batch.labyrinth, size),
        landmarks=(batch.landmarks + 0.5) / size - 0.5,  # indices are of voxels' middles
    )
