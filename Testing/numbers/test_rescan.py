"""Simulated scans of specimens by other scanners."""

import numpy as np
import pytest
import torch

from InnerEarSegLib.synthetic.rescan import (
    ScanProtocol,
    axes_across,
    random_axes,
    refilled,
    rescan,
)
from InnerEarSegLib.types import Geometry

GRID = Geometry(np.diag([0.2, 0.2, 0.2, 1.0]), (60, 60, 60))


def ball():
    k, j, i = np.indices(GRID.shape)
    distance = np.sqrt(((np.stack([k, j, i]) - 29.5) ** 2).sum(0)) * 0.2
    return torch.from_numpy(np.where(distance < 3.0, 0.0, 1500.0)).float()


def test_the_grid_is_the_protocol_s():
    rng = np.random.default_rng(1)
    axes = axes_across(np.array([0.3, 0.2, 1.0]), rng)
    how = ScanProtocol(0.4, 0.7, 1.0, 0.7)
    result, geometry = rescan(ball(), GRID, axes, how, rng)
    assert np.allclose(geometry.spacing, [0.4, 0.4, 0.7])
    assert np.allclose(geometry.ijk_to_ras[:3, :3] / geometry.spacing, axes)
    assert result.shape == geometry.shape
    middle = geometry.to_ijk(GRID.center).round().astype(int)
    assert abs(float(result[tuple(middle[::-1])])) < 30
    assert np.all(np.abs(geometry.to_ijk(GRID.corners)) < 2 * max(result.shape))


def test_a_thick_slice_averages_across_and_not_within():
    """Along the slice normal an edge is as wide as the slice; within slices as the kernel."""
    step = torch.full(GRID.shape, 1500.0)
    step[:30] = 0.0
    axes = np.eye(3)
    rng = np.random.default_rng(2)
    thick, _ = rescan(step, GRID, axes, ScanProtocol(0.2, 0.5, 2.0, 0.2), rng)
    thin, _ = rescan(step, GRID, axes, ScanProtocol(0.2, 0.5, 0.2, 0.2), rng)

    def width(values):
        line = values[:, 30, 30].numpy()
        line = line[(line > 100) & (line < 1400)]
        return len(line) * 0.2

    assert width(thick) == pytest.approx(1.9, abs=0.5)
    assert width(thin) < 0.7


def test_noise_and_range():
    how = ScanProtocol(0.3, 0.5, 0.6, 0.6, 0.0, 80.0, 0.5, -500.0, 1550.0)
    result, _ = rescan(
        torch.full(GRID.shape, 1000.0), GRID, np.eye(3), how, np.random.default_rng(3)
    )
    inside = result[5:-5, 8:-8, 8:-8]
    assert float(inside.std()) == pytest.approx(80.0, rel=0.2)
    assert float(result.min()) >= -500.0 and float(result.max()) <= 1550.0


def test_axes_are_orthonormal_and_mostly_as_in_patients():
    rng = np.random.default_rng(6)
    pose = np.eye(4)
    up = [random_axes(pose, rng) for _ in range(60)]
    assert all(np.allclose(axes.T @ axes, np.eye(3)) and np.linalg.det(axes) > 0 for axes in up)
    along = [abs(axes[:, 2] @ [-0.48, -0.68, 0.55]) for axes in up]
    assert np.median(along) > 0.75


def test_air_turns_into_fluid_and_bone_stays():
    ct = torch.full(GRID.shape, 1600.0)
    labyrinth = torch.zeros(GRID.shape)
    ct[20:40, 20:40, 20:40], labyrinth[20:40, 20:40, 20:40] = -1000.0, 1.0
    ct[50:] = -1000.0
    for seed in range(8):
        result = refilled(ct, labyrinth, 0.0, 50.0, np.random.default_rng(seed))
        assert 0.0 <= float(result[30, 30, 30]) <= 50.0
        assert float(result[5, 5, 5]) == 1600.0
