"""Propose where ears may be, without a network: a grid, or cavities in dense bone."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..io.region import Region
from ..types import Geometry

GRID_MM = 1.5
BONE_SIGMA_MM = 7.0
CAVITY_SIGMA_MM = 5.0
CLOSING_MM = 4.5
"""Half the width of the widest cavity that counts, about the vestibule with its surroundings."""

ENCLOSING_HU = 700.0
EARS_APART_MM = 6.0
DENSEST_HU = 2000.0
"""Enamel and metal count no more than this."""

MAX_GRID = 27
"""Centres of a grid; a scan that needs more is searched for bone."""

MAX_CANDIDATES = 16
ASIDE_MM = 6.0
"""A candidate lies up to this far from an ear's centre along an axis."""


def search_centers(
    ct: Tensor, geometry: Geometry, patch_mm: NDArray[np.float64], region: Region | None
) -> NDArray[np.float64]:
    """Return centres (n, 3), RAS mm, of patches to search for ears, the likeliest first.

    ``ct`` is [k, j, i] in HU, of any number type; ``patch_mm`` (3,) are a patch's edges along R, A
    and S.
    """
    low, high = geometry.corners.min(axis=0), geometry.corners.max(axis=0)
    if region is not None:
        low, high = np.maximum(low, region.low), np.minimum(high, region.high)
        if np.any(low >= high):
            return np.zeros((0, 3))
    grid = covering_grid(low, high, patch_mm)
    if len(grid) <= MAX_GRID:
        return grid
    centers = petrous_candidates(ct, geometry, 4 * MAX_CANDIDATES)
    inside = np.all((centers >= low) & (centers <= high), axis=1)
    return centers[inside][:MAX_CANDIDATES]


def centers_beside(centers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the six neighbours of each centre (n, 3), for ears that it just missed."""
    steps = ASIDE_MM * np.concatenate([np.eye(3), -np.eye(3)])
    return np.asarray((centers[:, None] + steps).reshape(-1, 3), np.float64)


def covering_grid(
    low: NDArray[np.float64], high: NDArray[np.float64], edge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return centres (n, 3) of boxes of an edge length, overlapping by half, that cover a box."""
    counts = 1 + np.ceil(np.maximum(high - low - edge, 0.0) / (edge / 2.0) - 1e-6).astype(int)
    if counts.prod() > 100 * MAX_GRID:
        return np.full((100 * MAX_GRID, 3), np.nan)  # too many to be worth listing
    middle = (low + high) / 2.0
    lines = [
        [middle[a]] if n == 1 else np.linspace(low[a] + edge[a] / 2.0, high[a] - edge[a] / 2.0, n)
        for a, n in enumerate(counts)
    ]
    points: NDArray[np.float64] = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1)
    return points.reshape(-1, 3)


def petrous_candidates(ct: Tensor, geometry: Geometry, limit: int) -> NDArray[np.float64]:
    """Return at most ``limit`` points that look like the bone around an inner ear.

    They are (n, 3) RAS mm, the likeliest first; none without bone.
    """
    small, grid = _averaged(ct, geometry)
    bone = small.clamp(0.0, DENSEST_HU)
    closing, apart = CLOSING_MM / grid.spacing[::-1], EARS_APART_MM / grid.spacing[::-1]
    enclosed = -dilated(-dilated(bone, closing), closing)
    cavity = torch.where(enclosed > ENCLOSING_HU, enclosed - bone, torch.zeros_like(bone))
    likeness = _smooth(bone, grid, BONE_SIGMA_MM) * _smooth(cavity, grid, CAVITY_SIGMA_MM)
    peaks = torch.nonzero((likeness == dilated(likeness, apart)) & (likeness > 0))
    order = likeness[tuple(peaks.T)].argsort(descending=True, stable=True)[:limit]
    return grid.to_ras(peaks[order].numpy()[:, ::-1])


def _averaged(ct: Tensor, geometry: Geometry) -> tuple[Tensor, Geometry]:
    """Average the scan over whole voxels to about GRID_MM: float32 [k, j, i], and its grid."""
    parts = np.clip(np.round(GRID_MM / geometry.spacing), 1, np.array(ct.shape[::-1])).astype(int)
    kernel = [int(n) for n in parts[::-1]]
    # Slab by slab, so that a large scan never exists as floating point numbers.
    slabs = [
        F.avg_pool3d(slab[None, None].float(), kernel)[0, 0]
        for slab in ct.split(16 * kernel[0])
        if slab.shape[0] >= kernel[0]
    ]
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, :3] = matrix[:3, :3] * parts
    matrix[:3, 3] = geometry.to_ras((parts - 1) / 2.0)
    small = torch.cat(slabs)
    return small, Geometry(matrix, (small.shape[0], small.shape[1], small.shape[2]))


def dilated(values: Tensor, radii: ArrayLike) -> Tensor:
    """Return the largest value within a box around each voxel [k, j, i].

    ``radii`` are half its edges along k, j and i, or one for all, in about so many voxels, one or
    more.
    """
    for axis, radius in enumerate(np.broadcast_to(radii, 3)):  # far less to do than in a box
        border = max(1, round(float(radius)))
        largest = F.pad(values.movedim(axis, 2), [border, border], value=float("-inf"))
        # The largest of 2, 4, 8 and so on neighbours: far faster than torch's pooling, which takes
        # them one by one, in one thread.
        length, edge = 1, 2 * border + 1
        while length < edge:
            step = min(length, edge - length)
            largest = torch.maximum(largest[..., :-step], largest[..., step:])
            length += step
        values = largest.movedim(2, axis)
    return values


def gaussian(sigma: float) -> Tensor:
    """Return the weights of a Gaussian, (n,), cut off at 2.5 ``sigma``, which is in voxels."""
    radius = int(np.ceil(2.5 * sigma))
    offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
    weights = torch.exp(-0.5 * (offset / sigma) ** 2)
    return weights / weights.sum()


def _smooth(values: Tensor, grid: Geometry, sigma_mm: float) -> Tensor:
    """Smooth with a Gaussian; values at the border continue beyond it."""
    for axis, spacing in enumerate(grid.spacing[::-1]):
        kernel = gaussian(sigma_mm / spacing)
        # As a matrix product: far faster than torch's convolution of single lines.
        impulses = torch.eye(values.shape[axis])[:, None]
        wide = F.pad(impulses, [len(kernel) // 2] * 2, mode="replicate")
        matrix = F.conv1d(wide, kernel[None, None])[:, 0]
        values = (values.movedim(axis, 2) @ matrix).movedim(2, axis)
    return values
