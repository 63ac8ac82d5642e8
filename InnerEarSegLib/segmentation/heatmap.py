"""Decode heatmap logits into sub-voxel points with a confidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Peak:
    """A landmark's position and certainty by its heatmap.

    Attributes:
        ijk: (3,) continuous (i, j, k) in the patch: the mean of the distribution near its mode.
        presence: probability that the landmark is in the patch at all.
        concentration: share of that probability that lies near the mode; low when the heatmap is
            split between places.
        spread_mm: standard deviation along an axis of the distribution near the mode; large when
            the heatmap is wide.
        expected_spread_mm: the same of a perfect heatmap.
    """

    ijk: NDArray[np.float64]
    presence: float
    concentration: float
    spread_mm: float
    expected_spread_mm: float

    @property
    def confidence(self) -> float:
        """From 0 to 1; falls when the heatmap is weak, split or wide."""
        width = min(1.0, self.expected_spread_mm / max(self.spread_mm, 1e-6))
        return float(self.presence * self.concentration * width)


def decode_heatmaps(logits: Tensor, spacing_mm: float, sigma_mm: float) -> list[Peak]:
    """Return the peak of each heatmap of one patch with voxels of ``spacing_mm``.

    ``logits`` are [landmark, k, j, i], see ``JointUNet``; ``sigma_mm`` is the standard deviation of
    the Gaussian that they were trained towards.
    """
    flat = logits.float().flatten(1)
    log_all = F.softplus(torch.logsumexp(flat, dim=1))
    probability = torch.exp(logits.float() - log_all[:, None, None, None])
    smooth = F.avg_pool3d(probability[:, None], 3, stride=1, padding=1)[:, 0]
    radius = max(1, round(3.0 * sigma_mm / spacing_mm))
    return [
        _peak(p, np.unravel_index(int(s.argmax()), s.shape), radius, spacing_mm, sigma_mm)
        for p, s in zip(probability.cpu(), smooth.cpu(), strict=True)
    ]


def _peak(
    probability: Tensor, mode: tuple[Any, ...], radius: int, spacing_mm: float, sigma_mm: float
) -> Peak:
    """Measure mean, mass and spread of a probability [k, j, i] in a cube around its mode."""
    center = np.array(mode, dtype=np.float64)  # (k, j, i)
    for _ in range(3):
        low = np.maximum(np.round(center).astype(int) - radius, 0)
        high = np.minimum(np.round(center).astype(int) + radius + 1, probability.shape)
        near = probability[low[0] : high[0], low[1] : high[1], low[2] : high[2]].double().numpy()
        mass = max(float(near.sum()), 1e-30)
        axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
        lines = [near.sum(axis=tuple(o for o in range(3) if o != a)) / mass for a in range(3)]
        center = np.array([float(x @ line) for x, line in zip(axes, lines, strict=True)])
    variance = [
        float(((x - c) ** 2) @ line) for x, c, line in zip(axes, center, lines, strict=True)
    ]
    presence = float(probability.double().sum())
    return Peak(
        ijk=center[::-1].copy(),
        presence=min(presence, 1.0),
        concentration=min(mass / max(presence, 1e-30), 1.0),
        spread_mm=spacing_mm * float(np.sqrt(np.mean(variance))),
        expected_spread_mm=sigma_mm,
    )
