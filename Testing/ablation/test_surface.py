"""Overlap and surface distance by hand, and as MONAI has them."""

import numpy as np
import pytest
import torch

from InnerEarSegLib.ablation.surface import dice, surface_distance


def box(*spans: tuple[int, int], size: int = 12) -> torch.Tensor:
    mask = torch.zeros((size, size, size), dtype=torch.bool)
    mask[tuple(slice(*span) for span in spans)] = True
    return mask


def test_dice_by_hand():
    # 8 and 12 voxels, 4 in common.
    a, b = box((0, 2), (0, 2), (0, 2)), box((1, 2), (0, 2), (0, 6))
    assert dice(a, b) == pytest.approx(2 * 4 / (8 + 12))
    assert np.isnan(dice(a & ~a, a & ~a))


def test_parallel_plates_by_hand():
    # Plates of one voxel, three voxels of 0.5 mm apart.
    a, b = box((2, 3), (2, 9), (2, 9)), box((5, 6), (2, 9), (2, 9))
    assert surface_distance(a, b, 0.5) == pytest.approx(1.5)
    assert surface_distance(a, a, 0.5) == 0.0


def test_an_empty_mask_counts_as_its_middle():
    # A row of two voxels on either side of the middle (5.5, 5.5, 5.5) of 12.
    row = box((5, 6), (5, 6), (5, 7))
    assert surface_distance(row & ~row, row, 1.0) == pytest.approx(np.sqrt(0.75))


def test_as_monai_has_it():
    from monai.metrics import compute_average_surface_distance

    rng = np.random.default_rng(0)
    smooth = [torch.nn.functional.avg_pool3d(
        torch.from_numpy(rng.normal(size=(1, 1, 20, 22, 24))).float(), 5, stride=1, padding=2
    ) > 0.02 for _ in range(2)]  # fmt: skip
    a, b = smooth
    expected = compute_average_surface_distance(
        a.float(), b.float(), include_background=True, symmetric=True, spacing=0.3
    )
    assert surface_distance(a[0, 0], b[0, 0], 0.3) == pytest.approx(float(expected), rel=1e-4)
