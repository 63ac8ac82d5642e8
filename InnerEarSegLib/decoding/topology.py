"""Holes of a mask: how many rings it forms, as the semicircular canals do.

Masks are [k, j, i]; voxels are closed cubes, so those that share a corner are connected.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

CANALS = 3
"""Rings of a whole labyrinth behind the oval window."""

BEFORE_WINDOW_MM = 0.5
"""So far before the oval window, towards the helicotrema, canals are still counted."""


def euler_number(mask: NDArray) -> int:
    """Components - rings + cavities of a mask, from its corners, edges, faces and cubes."""
    cubes = np.pad(mask.astype(bool), 1)
    number = 0
    for axes in range(8):  # which axes are reduced to the planes between voxels
        cells = cubes
        for axis in range(3):
            if axes >> axis & 1:
                cells = np.delete(cells, 0, axis) | np.delete(cells, -1, axis)
        number += (-1) ** (3 - bin(axes).count("1")) * int(cells.sum())
    return number


def first_betti_number(mask: NDArray) -> int:
    """How many rings a mask forms: components - Euler number + cavities."""
    inside = np.pad(mask.astype(np.uint8), 1)
    components = _parts(inside, corners=True)
    cavities = _parts(1 - inside, corners=False) - 1
    return components - euler_number(mask) + cavities


def without_specks(mask: NDArray) -> NDArray[np.bool_]:
    """The largest part of a mask, its cavities filled."""
    image = sitk.GetImageFromArray(np.pad(mask.astype(np.uint8), 1))
    if not mask.any():
        return mask.astype(bool)
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image, True)) == 1
    filled = sitk.GetArrayFromImage(sitk.BinaryFillhole(parts, False)) > 0
    return filled[1:-1, 1:-1, 1:-1]


def behind_window(
    shape: tuple[int, ...],
    ijk_to_mm: NDArray[np.float64],
    oval_window: NDArray[np.float64],
    helicotrema: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which voxels lie behind the oval window as seen from the helicotrema: [k, j, i].

    Args:
        shape: of the mask.
        ijk_to_mm: 4 x 4 from index (i, j, k) to the points' frame.
        oval_window: its centre in mm, in any frame.
        helicotrema: in mm, in the same frame.
    """
    back = np.subtract(oval_window, helicotrema)
    back = back / np.linalg.norm(back)
    slope = ijk_to_mm[:3, :3].T @ back  # mm of depth per index step
    start = float((ijk_to_mm[:3, 3] - oval_window) @ back)
    k, j, i = (np.arange(n, dtype=float) for n in shape)
    depth = (
        start
        + slope[0] * i[None, None, :]
        + slope[1] * j[None, :, None]
        + slope[2] * k[:, None, None]
    )
    return depth > -BEFORE_WINDOW_MM


def count_canals(
    mask: NDArray,
    ijk_to_mm: NDArray[np.float64],
    oval_window: NDArray[np.float64],
    helicotrema: NDArray[np.float64],
) -> int:
    """How many semicircular canals of a labyrinth are closed rings; 3 in a whole one.

    The first Betti number of what lies behind the oval window. More than three are rings that no
    labyrinth has: parts that touch.

    Args:
        mask: labyrinth [k, j, i].
        ijk_to_mm: 4 x 4 from index (i, j, k) to mm (RAS).
        oval_window: RAS mm.
        helicotrema: RAS mm.
    """
    whole = without_specks(mask)
    return first_betti_number(
        whole & behind_window(mask.shape, ijk_to_mm, oval_window, helicotrema)
    )


def _parts(mask: NDArray[np.uint8], *, corners: bool) -> int:
    """Number of connected parts."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(mask))
    return int(sitk.GetArrayFromImage(sitk.ConnectedComponent(image, corners)).max(initial=0))
