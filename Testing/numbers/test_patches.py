"""Patches of a CT, turned or mirrored, and the way back to a mask along the CT."""

import numpy as np
import pytest
import torch

from InnerEarSegLib.model.inference import sample_patch
from InnerEarSegLib.segmentation.mask import (
    crop_to_content,
    fine_grid,
    labyrinth_mask,
    largest_part,
)
from InnerEarSegLib.segmentation.pose import Pose
from InnerEarSegLib.training.augmentation import random_rotation
from InnerEarSegLib.types import Geometry


def ramp() -> tuple[torch.Tensor, Geometry]:
    """A CT whose HU are R + 10 A + 100 S: linear, so that interpolation is exact."""
    matrix = np.array([[0, 0, 0.5, -3], [-0.4, 0, 0, 4], [0, 0.3, 0, -2], [0, 0, 0, 1.0]])
    geometry = Geometry(matrix, (14, 15, 16))
    k, j, i = np.indices(geometry.shape)
    ras = geometry.to_ras(np.stack([i, j, k], axis=-1))
    return torch.from_numpy(ras @ [1.0, 10.0, 100.0]).float(), geometry


def test_permuted_axes_and_a_turned_patch_are_exact_on_a_linear_ct():
    ct, geometry = ramp()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, geometry.center
    patch = Pose(matrix).patch(0.2, (5, 6, 7))
    found = sample_patch(ct, geometry, patch, -1000.0).numpy()
    k, j, i = np.indices(patch.shape)
    expected = patch.to_ras(np.stack([i, j, k], axis=-1)) @ [1.0, 10.0, 100.0]
    assert np.abs(found - expected).max() < 1e-3


def test_outside_is_what_is_asked_for():
    ct, geometry = ramp()
    far = np.eye(4)
    far[:3, 3] = 1000.0
    patch = Pose(far).patch(0.2, (4, 4, 4))
    assert (sample_patch(ct, geometry, patch, -1000.0) == -1000.0).all()


def ct_grid(spacing) -> Geometry:
    matrix = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    matrix[:3, 3] = [15, 15, -15]
    size = np.ceil(30 / np.array(spacing)).astype(int)
    return Geometry(matrix, tuple(int(n) for n in size[::-1]))


def test_coarse_voxels_are_divided_and_fine_ones_kept():
    patch = Pose(np.eye(4)).patch(0.2, (40, 40, 40))
    grid = fine_grid(ct_grid((0.16, 0.2, 0.6)), patch, 0.2)
    assert grid.spacing == pytest.approx([0.16, 0.2, 0.2])
    # The first third of a slice is centred a third of a slice before the slice's own centre.
    whole = ct_grid((0.16, 0.2, 0.6)).to_ijk(grid.to_ras([0, 0, 1]))
    assert whole == pytest.approx(np.round(whole), abs=1e-6)
    assert ct_grid((0.16, 0.2, 0.6)).contains(grid.corners, margin=-1e-6).all()


def test_sphere_keeps_its_volume_and_place_through_any_turn():
    center, radius = np.array([1.0, -2.0, 0.5]), 3.0
    matrix = np.eye(4)
    matrix[:3, :3] = random_rotation(np.random.default_rng(5)) @ np.diag([-1.0, 1, 1])
    matrix[:3, 3] = center + [0.3, 0.2, -0.4]
    patch = Pose(matrix).patch(0.2, (48, 48, 48))
    k, j, i = np.indices(patch.shape)
    distance = np.linalg.norm(patch.to_ras(np.stack([i, j, k], -1)) - center, axis=-1)
    grid = fine_grid(ct_grid((0.3, 0.3, 0.5)), patch, 0.2)
    mask = labyrinth_mask(torch.from_numpy(3.0 * (radius - distance)).float(), patch, grid)
    volume = mask.sum() * grid.voxel_volume
    assert volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.01)
    cut, cut_grid = crop_to_content(mask, grid)
    ras = cut_grid.to_ras(np.argwhere(cut)[:, ::-1])
    assert np.abs(ras.mean(axis=0) - center).max() < 0.02
    assert cut.sum() == mask.sum() and cut.size < mask.size


def test_specks_are_dropped_and_nothing_stays_nothing():
    mask = np.zeros((6, 6, 6), np.uint8)
    assert largest_part(mask, ct_grid((1, 1, 1))).sum() == 0
    mask[1:4, 1:4, 1:4] = 1
    mask[5, 5, 5] = 1
    assert largest_part(mask, ct_grid((1, 1, 1))).sum() == 27
