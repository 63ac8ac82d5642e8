"""Losses of labyrinth and heatmaps, and the point that a heatmap trained with each means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..segmentation.heatmap import decode_heatmaps
from .config import LossConfig, NetworkTraining
from .samples import Sample

AXES = (1, 2, 3, 4)
FINEST_SIGMA = 0.5
"""Voxels: narrower Gaussians would fall between the voxels of a coarse level."""


def heatmap_loss(
    heatmaps: Tensor, points: Tensor, present: Tensor, spacing_mm: float, how: LossConfig
) -> Tensor:
    """Compute the configured loss of each heatmap: [b, landmark].

    ``heatmaps`` is the head's output [b, landmark, k, j, i], its voxels ``spacing_mm`` wide;
    ``points`` [b, landmark, 3] are patch (i, j, k); ``present`` is bool [b, landmark].
    """
    if how.heatmaps == "coordinates":
        return coordinates_loss(heatmaps, points, present, spacing_mm)
    sigma = max(FINEST_SIGMA, how.heatmap_sigma_mm / spacing_mm)
    loss = squares_loss if how.heatmaps == "squares" else landmark_loss
    return loss(heatmaps, points, present, sigma)


def _log_gaussian(heatmaps: Tensor, points: Tensor, sigma: float) -> list[Tensor]:
    """Logarithms of the three lines [b, landmark, n] whose product is each point's Gaussian."""
    lines = []
    for axis, size in enumerate(heatmaps.shape[2:]):
        x = torch.arange(size, device=heatmaps.device, dtype=torch.float32)
        lines.append(-0.5 * ((x - points[:, :, 2 - axis, None]) / sigma) ** 2)
    return lines


def landmark_loss(heatmaps: Tensor, points: Tensor, present: Tensor, sigma: float) -> Tensor:
    """Kullback-Leibler divergence from the Gaussian around each landmark: [b, landmark].

    The network's distribution is a softmax over all voxels and one class of logit 0 for "not in
    this patch", which is the target where a landmark is absent. Arguments are as of
    ``heatmap_loss``; sigma is the standard deviation of the Gaussian in voxels.
    """
    log_all = F.softplus(torch.logsumexp(heatmaps.flatten(2), dim=2))  # log(1 + sum of exp)
    weights = [torch.softmax(x, dim=-1) for x in _log_gaussian(heatmaps, points, sigma)]
    expected = torch.einsum("blkji,blk,blj,bli->bl", heatmaps, *weights)
    entropy = sum(torch.special.entr(line).sum(dim=-1) for line in weights)
    return torch.where(present, log_all - expected - entropy, log_all)


def squares_loss(heatmaps: Tensor, points: Tensor, present: Tensor, sigma: float) -> Tensor:
    """Squared differences to a Gaussian of height 1, nothing where the landmark is absent.

    They are divided by what an empty heatmap would cost and multiplied by what the softmax
    cross-entropy of an even one does, so that a weight against other losses means the same.
    The heatmaps are heights, no logits; all else is as of ``landmark_loss``.
    """
    lines = [torch.exp(line) for line in _log_gaussian(heatmaps, points, sigma)]
    target = torch.einsum("blk,blj,bli->blkji", *lines) * present[:, :, None, None, None]
    empty = (math.sqrt(math.pi) * sigma) ** 3  # the integral of the squared Gaussian
    even = math.log(1.0 + math.prod(heatmaps.shape[2:]))
    return (heatmaps - target).square().sum(dim=(2, 3, 4)) * (even / empty)


def coordinates_loss(
    heatmaps: Tensor, points: Tensor, present: Tensor, spacing_mm: float
) -> Tensor:
    """Distance in mm of the softmax's mean (after Nibali et al. 2018), and whether it is there.

    Presence is learned as in ``landmark_loss``: by the surprise at "not in this patch" or not.
    """
    log_mass = torch.logsumexp(heatmaps.flatten(2), dim=2)
    offset = (expected_points(heatmaps) - points).square().sum(dim=2)
    distance = spacing_mm * torch.sqrt(offset + 1e-6)  # whose slope is defined at 0 too
    return torch.where(present, distance + F.softplus(-log_mass), F.softplus(log_mass))


def expected_points(heatmaps: Tensor) -> Tensor:
    """Return the mean (i, j, k) of each heatmap's softmax over voxels: [b, landmark, 3]."""
    shape = heatmaps.shape[2:]
    probability = torch.softmax(heatmaps.flatten(2), dim=2).unflatten(2, shape)
    means = []
    for axis, size in enumerate(shape):
        x = torch.arange(size, device=heatmaps.device, dtype=probability.dtype)
        others = tuple(2 + other for other in range(3) if other != axis)
        means.append(probability.sum(dim=others) @ x)
    return torch.stack(means[::-1], dim=2)


def landmark_points(heatmaps: Tensor, setup: NetworkTraining) -> NDArray[np.float64]:
    """Return landmarks, as continuous (i, j, k), [n, 3], in a patch's heatmaps [n, k, j, i]."""
    how, heatmaps = setup.loss, heatmaps.float()
    if how.heatmaps == "coordinates":
        return expected_points(heatmaps[None])[0].double().cpu().numpy()
    if how.heatmaps == "squares":
        heatmaps = torch.log(heatmaps.clamp(min=1e-6))  # whose softmax has the heights' shape
    peaks = decode_heatmaps(heatmaps, setup.spacing_mm, how.heatmap_sigma_mm)
    return np.array([peak.ijk for peak in peaks])


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
    outputs: Sequence[tuple[Tensor, Tensor]], batch: Sample, setup: NetworkTraining
) -> Losses:
    """Compute the loss over all levels that have heads, each half the weight of the last.

    ``outputs`` are those of ``JointUNet.all_scales``, finest first; ``batch`` is on the finest
    grid. Returns the weighted total, with the terms of the finest level.
    """
    finest = joint_loss(outputs[0], batch, setup)
    total, weights = finest.total, 1.0
    for level, output in enumerate(outputs[1:], start=1):
        size = 2**level
        coarser = batch._replace(
            labyrinth=F.avg_pool3d(batch.labyrinth, size),
            landmarks=(batch.landmarks + 0.5) / size - 0.5,  # indices are of voxels' middles
        )
        total = total + 0.5**level * joint_loss(output, coarser, setup, level).total
        weights += 0.5**level
    return finest._replace(total=total / weights)


def joint_loss(
    outputs: tuple[Tensor, Tensor], batch: Sample, setup: NetworkTraining, level: int = 0
) -> Losses:
    """Compute the weighted loss of one batch on a grid that is halved ``level`` times.

    ``outputs`` are labyrinth logits [b, 1, k, j, i] and heatmap logits [b, landmark, k, j, i].
    Patches without labels count for landmarks only.
    """
    logits, heatmaps = outputs[0].float(), outputs[1].float()
    how = setup.loss
    labelled = batch.labelled.to(logits.dtype)
    count = labelled.sum().clamp(min=1.0)
    voxelwise = focal_loss if how.voxelwise == "focal" else cross_entropy_loss
    cross_entropy = (voxelwise(logits, batch.labyrinth) * labelled).sum() / count
    overlap = tversky_loss if how.overlap == "tversky" else dice_loss
    dice = (overlap(torch.sigmoid(logits), batch.labyrinth) * labelled).sum() / count
    spacing_mm = setup.spacing_mm * 2**level
    surprise = heatmap_loss(heatmaps, batch.landmarks, batch.present, spacing_mm, how)
    known = batch.known.to(surprise.dtype)
    landmarks = (surprise * known).sum() / known.sum().clamp(min=1.0)
    of = {
        "segmentation": how.dice * dice + how.cross_entropy * cross_entropy,
        "landmarks": how.landmarks * landmarks,
    }
    total = of["segmentation"] + of["landmarks"] if how.tasks == "joint" else of[how.tasks]
    return Losses(total, dice, cross_entropy, landmarks)


def dice_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - soft Dice with squared denominator (Milletari et al. 2016): [b].

    One voxel is added to both sides so that an empty patch is defined.
    """
    overlap = 2.0 * (probability * target).sum(AXES) + 1.0
    return 1.0 - overlap / ((probability**2).sum(AXES) + (target**2).sum(AXES) + 1.0)


def tversky_loss(probability: Tensor, target: Tensor) -> Tensor:
    """1 - Tversky index, for equal weights Dice (Salehi et al. 2017), as ``dice_loss``: [b]."""
    both = (probability * target).sum(AXES) + 1.0
    added = (probability * (1.0 - target)).sum(AXES)
    missed = ((1.0 - probability) * target).sum(AXES)
    return 1.0 - both / (both + TVERSKY_ADDED * added + TVERSKY_MISSED * missed)


def cross_entropy_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy: [b]."""
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(AXES)


def focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy, weighed by how far each voxel is from its target: [b].

    After Lin et al. 2017, for partial volumes as targets: |p - t| stands for their 1 - p_t.
    """
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return ((torch.sigmoid(logits) - target).abs() ** FOCAL_POWER * bce).mean(AXES)
