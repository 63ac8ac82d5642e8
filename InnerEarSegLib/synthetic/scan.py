"""From distances to Hounsfield units: partial volume, blur and noise."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry import Geometry

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
