"""One voxel lattice for all segments of a segmentation.

A .seg.nrrd file has one lattice. When segments have others, Slicer resamples them on saving to
the lattice of the reference image (measured: nearest neighbour, half a voxel off where the two
lattices are staggered). So the lattice is chosen here, before the segments are made: what the
scene shows is then voxel for voxel what the file holds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry

TOLERANCE = 1e-3
"""Voxels; grids that agree this well everywhere count as one lattice."""


def common_lattice(grids: Sequence[Geometry]) -> Geometry:
    """The lattice of the finest grid, extended to cover all grids. RAS mm."""
    finest = min(grids, key=lambda grid: grid.voxel_volume)
    corners = np.concatenate([finest.to_ijk(grid.corners) for grid in grids])
    # Corners lie half a voxel outside the outer voxels' centres.
    first = np.ceil(corners.min(axis=0) - TOLERANCE)
    last = np.floor(corners.max(axis=0) + TOLERANCE)
    origin = np.eye(4)
    origin[:3, 3] = first
    size = (last - first + 1).astype(int)
    return Geometry(finest.ijk_to_ras @ origin, (int(size[2]), int(size[1]), int(size[0])))


def offset_on_lattice(grid: Geometry, lattice: Geometry) -> NDArray[np.int64] | None:
    """IJK index on ``lattice`` of the grid's first voxel, or None if the grids are staggered."""
    last = np.array(grid.shape[::-1]) - 1
    corners = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, 8).T
    mapped = lattice.to_ijk(grid.to_ras(corners))
    offset = np.round(mapped[0])
    if np.abs(mapped - corners - offset).max() > TOLERANCE:
        return None
    return offset.astype(np.int64)


def resample_mask(
    mask: NDArray[np.uint8], grid: Geometry, lattice: Geometry
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """A mask [k, j, i] brought onto another lattice by trilinear interpolation.

    Returns:
        The mask on the part of ``lattice`` that covers ``grid``, and that part's first IJK index.
    """
    corners = lattice.to_ijk(grid.corners)
    first = np.floor(corners.min(axis=0)).astype(np.int64)
    size = np.ceil(corners.max(axis=0)).astype(np.int64) - first + 1
    values = np.zeros(size[::-1], dtype=np.uint8)
    # A rim of zeros, so that interpolation needs no special case at the edges.
    padded = np.pad(mask, 1).astype(np.float32)
    limit = np.array(padded.shape[::-1]) - 2
    j, i = np.meshgrid(np.arange(size[1]), np.arange(size[0]), indexing="ij")
    for k in range(size[2]):  # slice by slice: the whole grid of points would need gigabytes
        points = np.stack([i + first[0], j + first[1], np.full_like(i, k + first[2])], axis=-1)
        ijk = grid.to_ijk(lattice.to_ras(points)) + 1
        inside = np.all((ijk >= 0) & (ijk <= limit + 1), axis=-1)
        ijk = ijk[inside]
        if ijk.size:
            low = np.clip(np.floor(ijk).astype(np.int64), 0, limit)
            values[k][inside] = _trilinear(padded, low, ijk - low) >= 0.5
    return values, first


def _trilinear(
    array: NDArray[np.float32], low: NDArray[np.int64], part: NDArray[np.float64]
) -> NDArray[np.float64]:
    total = np.zeros(len(low))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        i, j, k = (low + corner).T
        total += weight * array[k, j, i]
    return total
