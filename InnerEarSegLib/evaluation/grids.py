"""An ear and its reference on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry import Geometry
from ..reading.image import image_of
from ..results import Ear


@dataclass(frozen=True, eq=False)
class Pair:
    """Two masks on one grid.

    Attributes:
        found: the ear's, uint8 [k, j, i].
        truth: the reference's, uint8 [k, j, i]; 0 where the reference's own grid does not reach.
        outside: share of the ear's voxels that lie where it does not reach.
        outside_voxels: how many voxels beyond it the farthest of them lies.
    """

    found: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    outside: float = 0.0
    outside_voxels: int = 0


def on_grid(ear: Ear, geometry: Geometry) -> NDArray[np.uint8]:
    """The ear's mask on another grid, nearest voxel: uint8 [k, j, i]."""
    mask = image_of(ear.labyrinth, ear.geometry)
    empty = image_of(np.zeros(geometry.shape, np.uint8), geometry)
    return sitk.GetArrayFromImage(
        sitk.Resample(mask, empty, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    )


def on_common_grid(ear: Ear, labels: NDArray[np.uint8], geometry: Geometry) -> Pair:
    """Both masks on the reference's grid, continued until it holds the whole ear.

    Slicer saves segmentations cropped to their segments; what was found beside such a map is as
    wrong as beside one of the whole CT.

    Args:
        ear: what was found; it has a voxel.
        labels: reference uint8 [k, j, i].
        geometry: grid of labels.
    """
    low, high = _voxels_lacking(ear, geometry)
    if not low.any() and not high.any():
        return Pair(on_grid(ear, geometry), labels)
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, 3] = geometry.to_ras(-low[::-1])
    size = low + geometry.shape + high
    found = on_grid(ear, Geometry(matrix, (int(size[0]), int(size[1]), int(size[2]))))
    truth = np.pad(labels, np.stack([low, high], axis=1))
    where = np.argwhere(found) - low
    beyond = np.maximum(-where, where - (np.array(geometry.shape) - 1)).max(axis=1)
    outside = beyond > 0
    if not outside.any():
        return Pair(found, truth)
    return Pair(found, truth, float(outside.mean()), int(beyond.max()))


def _voxels_lacking(ear: Ear, geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels (k, j, i) by which a grid must grow at its low and its high end to hold an ear."""
    where = np.argwhere(ear.labyrinth)
    first, last = where.min(axis=0)[::-1], where.max(axis=0)[::-1]
    box = Geometry(ear.geometry.ijk_to_ras.copy(), _shape(last - first + 1))
    box.ijk_to_ras[:3, 3] = ear.geometry.to_ras(first)
    ijk = geometry.to_ijk(box.corners)
    low = np.maximum(0, -np.ceil(ijk.min(axis=0))).astype(np.int64)
    high = np.maximum(0, np.floor(ijk.max(axis=0)) - (np.array(geometry.shape[::-1]) - 1))
    return low[::-1], high.astype(np.int64)[::-1]


def _shape(size: NDArray[np.int64]) -> tuple[int, int, int]:
    """(k, j, i) of a size (i, j, k)."""
    return int(size[2]), int(size[1]), int(size[0])
