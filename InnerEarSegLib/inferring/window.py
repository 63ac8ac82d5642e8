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
    """A CT seen through a window.

    Args:
        ct: [k, j, i] on ``geometry``, of any number type. Values below ``outside`` count as
            ``outside``: scanners pad with values far below air, which would bleed into bone.
        geometry: grid of ct.
        window: the grid on which to see it.
        outside: value where the window lies outside the CT.

    Returns:
        float32 [k, j, i] on ``window``.
    """
    corners = geometry.to_ijk(window.corners)
    size = np.array(ct.shape[::-1])
    # Only what the window can touch is converted: a whole head would take a second each time.
    first = np.clip(np.floor(corners.min(axis=0)) - 1, 0, size).astype(int)
    last = np.clip(np.ceil(corners.max(axis=0)) + 2, 0, size).astype(int)
    if np.any(first >= last):
        return torch.full(window.shape, outside)
    near = ct[first[2] : last[2], first[1] : last[1], first[0] : last[0]]
    shift = np.eye(4)
    shift[:3, 3] = first
    part = Geometry(geometry.ijk_to_ras @ shift, (near.shape[0], near.shape[1], near.shape[2]))
    return sample(near.float().clamp(min=outside), window_to_ijk(window, part), outside)
