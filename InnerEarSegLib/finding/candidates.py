"""Where in a large scan an ear may be, before any network looks.

The bone around the inner ear is the densest of the body, and it encloses a cavity of a few
millimetres. So the product of two maps, each smoothed over an ear's size, peaks there: mean bone,
and the depth of cavities that bone encloses (a morphological closing minus the image: the
"bottom hat", Meyer 1979). Teeth are dense without such a cavity, sinuses and air cells have
cavities without dense bone, the skull's vault has little of both. In the one real head at hand
the two ears come first and second, with twice the value of the third.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Geometry

GRID_MM = 1.5
BONE_SIGMA_MM = 7.0
CAVITY_SIGMA_MM = 5.0
CLOSING_MM = 4.5
"""Half the width of the widest cavity that counts, about the vestibule's with its surroundings."""

ENCLOSING_HU = 700.0
APART_MM = 6.0
DENSEST_HU = 2000.0
"""Enamel and metal count no more than this."""


def petrous_candidates(ct: Tensor, geometry: Geometry, limit: int) -> NDArray[np.float64]:
    """Places that look like the bone around an inner ear, the likeliest first.

    Args:
        ct: [k, j, i] in HU, of any number type.
        geometry: its grid.
        limit: how many at most.

    Returns:
        (n, 3) RAS mm; none where there is no bone.
    """
    small, grid = _averaged(ct, geometry)
    bone = small.clamp(0.0, DENSEST_HU)
    enclosed = _erode(_dilate(bone, grid, CLOSING_MM), grid, CLOSING_MM)
    cavity = torch.where(enclosed > ENCLOSING_HU, enclosed - bone, torch.zeros_like(bone))
    likeness = _smooth(bone, grid, BONE_SIGMA_MM) * _smooth(cavity, grid, CAVITY_SIGMA_MM)
    peaks = torch.nonzero((likeness == _dilate(likeness, grid, APART_MM)) & (likeness > 0))
    order = likeness[tuple(peaks.T)].argsort(descending=True, stable=True)[:limit]
    return grid.to_ras(peaks[order].numpy()[:, ::-1])


def _averaged(ct: Tensor, geometry: Geometry) -> tuple[Tensor, Geometry]:
    """The scan averaged over whole voxels to about GRID_MM: float32 [k, j, i], and its grid."""
    parts = np.clip(np.round(GRID_MM / geometry.spacing), 1, np.array(ct.shape[::-1])).astype(int)
    window = [int(n) for n in parts[::-1]]
    # Slab by slab, so that a large scan is never there as floating point numbers.
    slabs = [
        F.avg_pool3d(slab[None, None].float(), window)[0, 0]
        for slab in ct.split(16 * window[0])
        if slab.shape[0] >= window[0]
    ]
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, :3] = matrix[:3, :3] * parts
    matrix[:3, 3] = geometry.to_ras((parts - 1) / 2.0)
    small = torch.cat(slabs)
    return small, Geometry(matrix, (small.shape[0], small.shape[1], small.shape[2]))


def _edges(grid: Geometry, radius_mm: float) -> list[int]:
    """Odd edge lengths (k, j, i) in voxels of a cube with this half width."""
    return [2 * max(1, round(radius_mm / spacing)) + 1 for spacing in grid.spacing[::-1]]


def _dilate(values: Tensor, grid: Geometry, radius_mm: float) -> Tensor:
    """Largest value within a cube, axis by axis."""
    for axis, edge in enumerate(_edges(grid, radius_mm)):
        window = [edge if other == axis else 1 for other in range(3)]
        padding = [n // 2 for n in window]
        values = F.max_pool3d(values[None, None], window, stride=1, padding=padding)[0, 0]
    return values


def _erode(values: Tensor, grid: Geometry, radius_mm: float) -> Tensor:
    """Least value within a cube."""
    return -_dilate(-values, grid, radius_mm)


def _smooth(values: Tensor, grid: Geometry, sigma_mm: float) -> Tensor:
    """Gaussian smoothing; beyond the border lies what is at the border."""
    for axis, spacing in enumerate(grid.spacing[::-1]):
        sigma = sigma_mm / spacing
        radius = max(1, int(np.ceil(2.5 * sigma)))
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
        lines = values.movedim(axis, 2)
        shape = lines.shape
        flat = F.pad(lines.reshape(-1, 1, shape[2]), [radius, radius], mode="replicate")
        flat = F.conv1d(flat, (kernel / kernel.sum())[None, None])
        values = flat.reshape(shape).movedim(2, axis)
    return values
