"""Looking at a CT through a window: any grid in RAS, turned, shifted or mirrored.

The same code samples windows in training and in inference, so that the network always sees the
same interpolation.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry import Geometry


def window_to_ijk(window: Geometry, source: Geometry) -> Tensor:
    """Continuous source IJK of every voxel of a window: float32 [k, j, i, 3]."""
    matrix = np.linalg.inv(source.ijk_to_ras) @ window.ijk_to_ras
    return affine_grid(torch.from_numpy(matrix), window.shape)


def affine_grid(matrix: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """A 4 x 4 affine of every voxel index (i, j, k) of a grid: float32 [k, j, i, 3]."""
    matrix = matrix.to(torch.float32)
    k, j, i = (torch.arange(size, dtype=torch.float32) for size in shape)
    return (
        i[None, None, :, None] * matrix[:3, 0]
        + j[None, :, None, None] * matrix[:3, 1]
        + k[:, None, None, None] * matrix[:3, 2]
        + matrix[:3, 3]
    )


def sample(source: Tensor, ijk: Tensor, outside: float) -> Tensor:
    """Trilinear interpolation.

    Args:
        source: float32 [k, j, i].
        ijk: float32 [k, j, i, 3], continuous (i, j, k) indices into source.
        outside: value where ijk lies outside the source.

    Returns:
        float32 [k, j, i] on the grid of ijk.
    """
    size = torch.tensor(source.shape[::-1], dtype=torch.float32, device=ijk.device)
    grid = 2.0 * ijk / (size - 1).clamp(min=1) - 1.0
    # grid_sample pads with zero, so zero is made to mean ``outside``.
    values = F.grid_sample(
        (source - outside)[None, None], grid[None], padding_mode="zeros", align_corners=True
    )
    return values[0, 0] + outside


def look(ct: Tensor, geometry: Geometry, window: Geometry, outside: float) -> Tensor:
    """The CT (float32 [k, j, i] in HU on ``geometry``) seen through a window: [k, j, i] in HU."""
    return sample(ct, window_to_ijk(window, geometry), outside)
