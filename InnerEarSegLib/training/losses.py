"""Losses of the joint network, written out so that training needs torch alone."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import StageConfig
from .samples import Sample


class Losses(NamedTuple):
    """Each term of the loss, unweighted, and their weighted sum (scalars)."""

    total: Tensor
    dice: Tensor
    cross_entropy: Tensor
    landmarks: Tensor


def joint_loss(outputs: tuple[Tensor, Tensor], batch: Sample, stage: StageConfig) -> Losses:
    """The weighted loss of one batch.

    Args:
        outputs: labyrinth logits [b, 1, k, j, i] and heatmap logits [b, landmark, k, j, i].
        batch: what the network should say; windows without labels count for landmarks only.
        stage: weights and heatmap width.
    """
    logits, heatmaps = outputs[0].float(), outputs[1].float()
    labelled = batch.labelled.to(logits.dtype)
    count = labelled.sum().clamp(min=1.0)
    bce = F.binary_cross_entropy_with_logits(logits, batch.labyrinth, reduction="none")
    cross_entropy = (bce.mean(dim=(1, 2, 3, 4)) * labelled).sum() / count
    dice = (dice_loss(torch.sigmoid(logits), batch.labyrinth) * labelled).sum() / count
    sigma = stage.loss.heatmap_sigma_mm / stage.spacing_mm
    surprise = landmark_loss(heatmaps, batch.landmarks, batch.present, sigma)
    known = batch.known.to(surprise.dtype)
    landmarks = (surprise * known).sum() / known.sum().clamp(min=1.0)
    weights = stage.loss
    total = (
        weights.dice * dice + weights.cross_entropy * cross_entropy + weights.landmarks * landmarks
    )
    return Losses(total, dice, cross_entropy, landmarks)


def dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice with squared denominator (Milletari et al. 2016): [b].

    One voxel is added to both sides so that an empty window is defined.
    """
    axes = (1, 2, 3, 4)
    overlap = 2.0 * (probability * target).sum(axes) + 1.0
    return 1.0 - overlap / ((probability**2).sum(axes) + (target**2).sum(axes) + 1.0)


def landmark_loss(heatmaps: Tensor, points: Tensor, present: Tensor, sigma: float) -> Tensor:
    """Kullback-Leibler divergence from the Gaussian around each landmark: [b, landmark].

    The network's distribution is a softmax over all voxels and one class of logit 0 for "not in
    this window", which is the target where a landmark is absent.

    Args:
        heatmaps: logits [b, landmark, k, j, i].
        points: [b, landmark, 3] as window (i, j, k).
        present: bool [b, landmark].
        sigma: standard deviation of the Gaussian in voxels.
    """
    log_all = F.softplus(torch.logsumexp(heatmaps.flatten(2), dim=2))  # log(1 + sum of exp)
    shape = heatmaps.shape[2:]
    # A Gaussian is the product of three: weigh the logits axis by axis, without its full grid.
    weights = []
    for axis, size in enumerate(shape):
        x = torch.arange(size, device=heatmaps.device, dtype=torch.float32)
        line = torch.softmax(-0.5 * ((x - points[:, :, 2 - axis, None]) / sigma) ** 2, dim=-1)
        weights.append(line)
    expected = torch.einsum("blkji,blk,blj,bli->bl", heatmaps, *weights)
    entropy = sum(torch.special.entr(line).sum(dim=-1) for line in weights)
    return torch.where(present, log_all - expected - entropy, log_all)
