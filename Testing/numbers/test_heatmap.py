"""Heatmaps to points, and a confidence that means something."""

import numpy as np
import pytest
import torch

from InnerEarSegLib.segmentation.heatmap import decode_heatmaps
from InnerEarSegLib.training.losses import landmark_loss

SHAPE, SPACING, SIGMA = (20, 24, 28), 0.2, 0.5


def gaussian_logits(*peaks, sigma=SIGMA / SPACING, mass=1e4):
    """Logits of a mixture of Gaussians at (i, j, k, weight); ``mass`` against "not here"."""
    k, j, i = np.indices(SHAPE)
    density = np.zeros(SHAPE)
    for x, y, z, weight in peaks:
        squared = (i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2
        bump = np.exp(-0.5 * squared / sigma**2)
        density += weight * bump / bump.sum()
    return torch.from_numpy(np.log(mass * density + 1e-12))[None]


def test_sub_voxel_position():
    (peak,) = decode_heatmaps(gaussian_logits((13.3, 11.8, 9.6, 1.0)), SPACING, SIGMA)
    assert np.abs(peak.ijk - [13.3, 11.8, 9.6]).max() < 0.02  # voxels: 0.004 mm
    assert peak.presence > 0.999 and peak.confidence > 0.9


def test_weak_split_or_empty_heatmaps_are_less_sure():
    # Mass 1 against the class "not here" of mass 1: presence one half.
    (weak,) = decode_heatmaps(gaussian_logits((13, 11, 9, 1.0), mass=1.0), SPACING, SIGMA)
    assert weak.presence == pytest.approx(0.5, abs=1e-3) and weak.confidence < 0.55
    two = gaussian_logits((6, 11, 9, 0.6), (23, 11, 9, 0.4), sigma=1.5)
    (split,) = decode_heatmaps(two, SPACING, SIGMA)
    assert abs(split.ijk[0] - 6) < 0.1  # not in the middle
    assert split.concentration == pytest.approx(0.6, abs=0.02) and split.confidence < 0.65
    (empty,) = decode_heatmaps(torch.full((1, *SHAPE), -40.0), SPACING, SIGMA)
    assert empty.presence < 1e-9 and empty.confidence < 1e-9


def test_wide_heatmap_is_less_sure():
    wide, narrow = (
        decode_heatmaps(gaussian_logits((13, 11, 9, 1.0), sigma=s), SPACING, SIGMA)[0]
        for s in (5.0, 2.5)
    )
    assert wide.spread_mm > narrow.spread_mm and wide.confidence < 0.75 * narrow.confidence


def test_loss_is_zero_for_a_perfect_heatmap_and_grows_with_distance():
    heatmap = gaussian_logits((13.0, 11.0, 9.0, 1.0), mass=1e6)[None].float()
    present = torch.tensor([[True]])
    losses = [
        float(landmark_loss(heatmap, torch.tensor([[[x, 11.0, 9.0]]]), present, SIGMA / SPACING))
        for x in (13.0, 14.0, 16.0)
    ]
    assert losses[0] == pytest.approx(0.0, abs=1e-3)
    # The divergence of two equal Gaussians is d² / (2 sigma²): 1 / 12.5 for one voxel at 2.5.
    assert losses[1] == pytest.approx(0.08, abs=2e-3)
    assert losses[2] > losses[1]


def test_loss_of_an_absent_landmark_is_the_surprise_of_seeing_nothing():
    heatmap = torch.full((1, 1, 2, 2, 2), float(np.log(1 / 8)))  # eight voxels of mass 1/8
    loss = landmark_loss(heatmap, torch.zeros(1, 1, 3), torch.tensor([[False]]), 1.0)
    assert float(loss) == pytest.approx(np.log(2.0), abs=1e-6)  # "here" and "not here" are even
