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
        result = field
        for axis in (0, 1):
            low, share = _between(mine, 2 - axis, grid.shape[axis], self.shape[axis])
            weight = share.reshape((-1, 1, 1) if axis == 0 else (-1, 1))
            before, after = (np.take(result, low + step, axis=axis) for step in (0, 1))
            result = before + weight * (after - before)
        low, share = _between(mine, 0, grid.shape[2], self.shape[2])
        # Along the axis where the field has become big, a product with a thin matrix is fastest.
        first = int(low.min())
        weights = np.zeros((int(low.max()) + 2 - first, len(low)), dtype=np.float32)
        columns = np.arange(len(low))
        weights[low - first, columns] = 1.0 - share
        weights[low - first + 1, columns] = share
        rows = result[:, :, first : first + len(weights)].reshape(-1, len(weights))
        return (rows @ weights).reshape(grid.shape)


def lattice_over(fine: Geometry, step_mm: float) -> Lattice:
    """A lattice of about ``step_mm`` over a grid, never finer than the grid itself."""
    step = np.minimum(fine.spacing / step_mm, 1.0)
    last = (np.array(fine.shape[::-1]) - 1) * step
    count = np.ceil(last).astype(int) + 3
    return Lattice(fine, step, (int(count[2]), int(count[1]), int(count[0])))


def _between(mine: NDArray, axis: int, wanted: int, count: int) -> tuple[NDArray, Array]:
    """For each voxel along an axis (i, j, k): the node before it, and how far it is past it.

    Args:
        mine: 4 x 4 from the grid's indices to the lattice's.
        axis: 0, 1 or 2 for i, j or k.
        wanted: voxels along it.
        count: nodes along it; positions are clamped to the first and the last.
    """
    at = np.clip(mine[axis, 3] + mine[axis, axis] * np.arange(wanted), 0.0, count - 1.0)
    low = np.minimum(at.astype(int), count - 2)
    return low, (at - low).astype(np.float32)
