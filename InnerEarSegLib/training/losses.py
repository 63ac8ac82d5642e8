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
from .tubes import core_loss, septum_loss

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
    core: Tensor
    septum: Tensor


def joint_loss(
    labyrinth: Sequence[Tensor], heatmaps: Sequence[Tensor], batch: Sample, setup: NetworkTraining
) -> Losses:
    """Compute the weighted loss of one batch over all levels that have heads.

    Each level counts half as much as the next finer one. Patches without labels count for
    landmarks only.

    Args:
        labyrinth: logits [b, 1, k, j, i] of each level, finest first.
        heatmaps: logits [b, landmark, k, j, i] of each level, finest first.
        batch: on the patch's grid; a level's voxels are a power of two as wide.
        setup: the weights and kinds of the losses.

    Returns:
        The weighted total, with the terms of the finest levels.
    """
    how = setup.loss
    drawn = [_labyrinth_losses(each.float(), batch, how) for each in labyrinth]
    found = [_landmark_loss(each.float(), batch, setup) for each in heatmaps]
    segmentation = [how.dice * dice + how.cross_entropy * entropy for dice, entropy in drawn]
    probability, labelled = torch.sigmoid(labyrinth[0].float()), batch.labelled
    core = _mean_of(core_loss(probability, batch.core), labelled)
    septum = _mean_of(septum_loss(probability, batch.septum), labelled)
    segmentation[0] = segmentation[0] + how.core * core + how.septum * septum
    of = {
        "segmentation": _mean_of_levels(segmentation),
        "landmarks": how.landmarks * _mean_of_levels(found),
    }
    total = of["segmentation"] + of["landmarks"] if how.tasks == "joint" else of[how.tasks]
    return Losses(total, *drawn[0], found[0], core, septum)


def _labyrinth_losses(logits: Tensor, batch: Sample, how: LossConfig) -> tuple[Tensor, Tensor]:
    """Overlap and voxelwise loss of the labyrinth on one level (scalars)."""
    target = F.avg_pool3d(batch.labyrinth, _width(logits, batch))
    voxelwise = focal_loss if how.voxelwise == "focal" else cross_entropy_loss
    overlap = tversky_loss if how.overlap == "tversky" else dice_loss
    return (
        _mean_of(overlap(torch.sigmoid(logits), target), batch.labelled),
        _mean_of(voxelwise(logits, target), batch.labelled),
    )


def _landmark_loss(heatmaps: Tensor, batch: Sample, setup: NetworkTraining) -> Tensor:
    """Mean loss of the known landmarks' heatmaps on one level (a scalar)."""
    width = _width(heatmaps, batch)
    points = (batch.landmarks + 0.5) / width - 0.5  # indices are of voxels' middles
    spacing_mm = setup.spacing_mm * width
    return _mean_of(
        heatmap_loss(heatmaps, points, batch.present, spacing_mm, setup.loss), batch.known
    )


def _width(output: Tensor, batch: Sample) -> int:
    """Patch voxels along the edge of one voxel of an output."""
    return batch.ct.shape[-1] // output.shape[-1]


def _mean_of(losses: Tensor, counted: Tensor) -> Tensor:
    """Mean of those that count, 0 if none does."""
    counted = counted.to(losses.dtype)
    return (losses * counted).sum() / counted.sum().clamp(min=1.0)


def _mean_of_levels(losses: Sequence[Tensor]) -> Tensor:
    """Mean over levels, finest first, each with half the weight of the one before."""
    weights = [0.5**level for level in range(len(losses))]
    weighted = (weight * loss for weight, loss in zip(weights, losses, strict=True))
    return sum(weighted, torch.zeros_like(losses[0])) / sum(weights)


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
