"""Smooth fields on a coarse lattice, sampled on any fine grid with the same axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..types import Geometry

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


AIR = -1000.0
SOFT_TISSUE = 45.0


def occupancy(distance: NDArray, voxel: float) -> NDArray[np.float32]:
    """Share of a voxel of ``voxel`` mm that lies inside, from the distance at its centre."""
    return np.clip(0.5 - distance / np.float32(voxel), 0.0, 1.0)


def paint(hu: NDArray, share: NDArray, value: NDArray | float) -> None:
    """Replace ``share`` (0 to 1) of each voxel of ``hu`` by ``value``, in place."""
    hu += share * (value - hu)


def ramp(value: NDArray, low: float, high: float) -> NDArray[np.float32]:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return t * t * (3.0 - 2.0 * t)


def cell_shares(
    geometry: Geometry, centers: NDArray, radii: NDArray, rough: NDArray
) -> NDArray[np.float32]:
    """Share [k, j, i] of each voxel in balls at RAS ``centers`` (n, 3) with ``radii`` (n,) mm.

    ``rough`` [k, j, i], mm, makes their surfaces irregular.
    """
    share = np.zeros(geometry.shape, dtype=np.float32)
    spacing = geometry.spacing
    voxel = float(spacing.mean())
    size = np.array(geometry.shape[::-1])
    for ijk, radius in zip(geometry.to_ijk(centers), radii, strict=True):
        reach = (1.3 * radius + voxel) / spacing
        low = np.maximum(np.ceil(ijk - reach), 0).astype(int)
        high = np.minimum(np.floor(ijk + reach) + 1, size).astype(int)
        if np.any(low >= high):
            continue
        squares = [((np.arange(low[a], high[a]) - ijk[a]) * spacing[a]) ** 2 for a in range(3)]
        gap = np.sqrt(squares[2][:, None, None] + squares[1][:, None] + squares[0]) - radius
        window = tuple(slice(low[a], high[a]) for a in (2, 1, 0))
        gap += np.clip(rough[window], -0.3 * radius, 0.5 * radius)
        share[window] = np.maximum(share[window], occupancy(gap, voxel))
    return share


def blur(array: NDArray, spacing: NDArray, sigma: float) -> NDArray[np.float32]:
    """[k, j, i] smoothed by a Gaussian of ``sigma`` mm; unchanged if ``sigma`` is 0."""
    if sigma <= 0.0:
        return array
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, dtype=np.float32))
    image.SetSpacing([float(value) for value in spacing])
    variance = [float(sigma) ** 2] * 3
    smooth = sitk.DiscreteGaussian(image, variance, 32, 0.01, True)
    return sitk.GetArrayFromImage(smooth)


def correlated_noise(
    random: np.random.Generator, shape: tuple[int, int, int], spacing: NDArray, sigma: float
) -> NDArray[np.float32]:
    """[k, j, i] of mean 0 and standard deviation 1, correlated over about ``sigma`` mm."""
    noise = blur(random.standard_normal(shape, dtype=np.float32), spacing, sigma)
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def to_hounsfield(array: NDArray) -> NDArray[np.int16]:
    """Rounded and cut to the range of a 12-bit CT."""
    return np.clip(np.rint(array), -1024, 3071).astype(np.int16)
