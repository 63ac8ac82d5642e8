"""The places at which the search begins: a grid over a small scan, dense bone in a large one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..geometry import Geometry
from ..inferring.bundle import Stage
from .candidates import petrous_candidates
from .region import Region

MAX_GRID = 27
"""Places of a grid; a larger scan is searched by its bone."""

MAX_CANDIDATES = 16
ASIDE_MM = 6.0
"""A candidate lies up to this far from an ear's middle along an axis."""


def places_to_look(
    ct: Tensor, geometry: Geometry, stage: Stage, region: Region | None
) -> NDArray[np.float64]:
    """Centres (n, 3) RAS mm of the first windows to look through, the likeliest first.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        stage: whose windows.
        region: where the user said to look; None for everywhere.
    """
    low, high = geometry.corners.min(axis=0), geometry.corners.max(axis=0)
    if region is not None:
        low, high = np.maximum(low, region.low), np.minimum(high, region.high)
        if np.any(low >= high):
            return np.zeros((0, 3))
    grid = covering_grid(low, high, np.array(stage.window[::-1]) * stage.spacing_mm)
    if len(grid) <= MAX_GRID:
        return grid
    candidates = petrous_candidates(ct, geometry, 4 * MAX_CANDIDATES)
    inside = np.all((candidates >= low) & (candidates <= high), axis=1)
    return candidates[inside][:MAX_CANDIDATES]


def beside(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places beside some (n, 3), where an ear is if the first look just missed it."""
    steps = ASIDE_MM * np.concatenate([np.eye(3), -np.eye(3)])
    return (centres[:, None] + steps).reshape(-1, 3)


def covering_grid(
    low: NDArray[np.float64], high: NDArray[np.float64], edge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Centres (n, 3) of boxes of an edge length, overlapping by half, that cover a box."""
    counts = 1 + np.ceil(np.maximum(high - low - edge, 0.0) / (edge / 2.0) - 1e-6).astype(int)
    if counts.prod() > 100 * MAX_GRID:
        return np.full((100 * MAX_GRID, 3), np.nan)  # too many to be worth listing
    lines = []
    for axis in range(3):
        first, last = low[axis] + edge[axis] / 2.0, high[axis] - edge[axis] / 2.0
        middle = (low[axis] + high[axis]) / 2.0
        lines.append([middle] if counts[axis] == 1 else np.linspace(first, last, counts[axis]))
    return np.array(np.meshgrid(*lines, indexing="ij")).reshape(3, -1).T
