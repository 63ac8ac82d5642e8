"""Smooth fields on a coarse lattice, sampled on any fine grid with the same axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lattice:
    """A coarse grid over a fine one: same axes, wider steps, one step beyond its ends.

    Attributes:
        fine: the grid that it covers.
        step: lattice steps per fine voxel along (i, j, k).
        shape: (k, j, i) nodes.
    """

    fine: Geometry
    step: NDArray[np.float64]
    shape: tuple[int, int, int]

    @property
    def geometry(self) -> Geometry:
        """The lattice's own grid: its first node lies one step before the first fine voxel."""
        matrix = self.fine.ijk_to_ras.copy()
        matrix[:3, :3] /= self.step
        matrix[:3, 3] -= matrix[:3, :3] @ np.ones(3)
        return Geometry(matrix, self.shape)

    def sample(self, field: Array, grid: Geometry) -> Array:
        """Trilinear values [k, j, i] of a field on the lattice, on a grid along the same axes."""
        mine = np.linalg.inv(self.geometry.ijk_to_ras) @ grid.ijk_to_ras
        weights, parts = [], []
        for axis in range(3):
            at = mine[2 - axis, 3] + mine[2 - axis, 2 - axis] * np.arange(grid.shape[axis])
            share, part = _linear(at, self.shape[axis])
            weights.append(share)
            parts.append(part)
        near = field[parts[0], parts[1], parts[2]]
        # As three products with thin matrices, which is the fastest way for big grids.
        slices = np.tensordot(weights[0], near, axes=1)
        return np.matmul(weights[1], slices) @ weights[2].T


def lattice_over(fine: Geometry, step_mm: float) -> Lattice:
    """A lattice of about ``step_mm`` over a grid, never finer than the grid itself."""
    step = np.minimum(fine.spacing / step_mm, 1.0)
    last = (np.array(fine.shape[::-1]) - 1) * step
    count = np.ceil(last).astype(int) + 3
    return Lattice(fine, step, (int(count[2]), int(count[1]), int(count[0])))


def _linear(at: NDArray, count: int) -> tuple[Array, slice]:
    """Weights (n, m) that interpolate linearly at n positions between m of ``count`` nodes.

    Positions are clamped to the ends; the slice says which nodes those are.
    """
    at = np.clip(at, 0.0, count - 1.0)
    low = np.minimum(at.astype(int), count - 2)
    first, last = int(low.min()), int(low.max()) + 2
    weights = np.zeros((len(at), last - first), dtype=np.float32)
    rows = np.arange(len(at))
    weights[rows, low - first] = 1.0 - (at - low)
    weights[rows, low - first + 1] = at - low
    return weights, slice(first, last)
