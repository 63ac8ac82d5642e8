"""Count the rings of a mask, as the semicircular canals form them.

Masks are [k, j, i]. Voxels are closed cubes, so those that share a corner are connected.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..types import Geometry

BEFORE_WINDOW_MM = 0.5
"""How far before the oval window, towards the helicotrema, canals are still counted."""

Mask = NDArray[np.bool_]


def count_canals(
    labyrinth: Mask, geometry: Geometry, oval_window: ArrayLike, helicotrema: ArrayLike
) -> int:
    """Return how many semicircular canals of a labyrinth are closed rings: 3 in a whole one.

    The first Betti number of what lies behind the oval window. More than three are rings that no
    labyrinth has: parts that touch. ``labyrinth`` is one part without cavities (``whole_part``);
    points are RAS mm.
    """
    return first_betti_number(labyrinth & behind_window(geometry, oval_window, helicotrema))


def behind_window(geometry: Geometry, oval_window: ArrayLike, helicotrema: ArrayLike) -> Mask:
    """Return which voxels of a grid lie behind the oval window as seen from the helicotrema."""
    back = np.subtract(oval_window, helicotrema)
    back = back / np.linalg.norm(back)
    i_slope, j_slope, k_slope = geometry.ijk_to_ras[:3, :3].T @ back  # mm of depth per index
    first = float((geometry.ijk_to_ras[:3, 3] - np.asarray(oval_window)) @ back)
    k, j, i = np.ogrid[tuple(slice(size) for size in geometry.shape)]
    behind: Mask = first + i_slope * i + j_slope * j + k_slope * k > -BEFORE_WINDOW_MM
    return behind


def first_betti_number(mask: Mask) -> int:
    """Return how many rings a mask forms: components - Euler number + cavities."""
    inside = np.pad(mask, 1)
    cavities = count_parts(~inside, corners=False) - 1
    return count_parts(inside) - euler_number(mask) + cavities


def euler_number(mask: Mask) -> int:
    """Return components - rings + cavities of a mask, from its corners, edges, faces and cubes."""
    cubes, number = np.pad(mask, 1), 0
    for reduced in product((False, True), repeat=3):  # to the planes between voxels, by axis
        cells = cubes
        for axis in np.flatnonzero(reduced):
            cells = np.swapaxes(cells, 0, axis)
            cells = np.swapaxes(cells[1:] | cells[:-1], 0, axis)
        number += (-1) ** (3 - sum(reduced)) * int(np.count_nonzero(cells))
    return number


def count_parts(mask: Mask, *, corners: bool = True) -> int:
    """Return the number of connected parts; voxels that share a corner may count as apart."""
    filter_ = sitk.ConnectedComponentImageFilter()
    filter_.SetFullyConnected(corners)
    filter_.Execute(sitk.GetImageFromArray(mask.astype(np.uint8)))
    return int(filter_.GetObjectCount())


def largest_part(mask: Mask) -> Mask:
    """Return the largest connected part of a mask; an empty mask stays empty."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    parts = sitk.RelabelComponent(sitk.ConnectedComponent(image, True))
    return np.asarray(sitk.GetArrayFromImage(parts) == 1, np.bool_)


def whole_part(mask: Mask) -> Mask:
    """Return the largest part of a mask, its cavities filled."""
    image = sitk.GetImageFromArray(np.pad(largest_part(mask).astype(np.uint8), 1))
    filled = sitk.GetArrayFromImage(sitk.BinaryFillhole(image, False))
    return np.asarray(filled[1:-1, 1:-1, 1:-1] > 0, np.bool_)
