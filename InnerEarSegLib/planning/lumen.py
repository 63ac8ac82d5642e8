"""A labyrinth's segment, made ready to be measured in any frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry import Geometry
from ..reading.image import image_of
from .body import Body

APART_MM = 1.0
"""What lies this far from the rest is no labyrinth. Canals that coarse voxels break are nearer."""

MIN_WHOLE_MM3 = 120.0
"""A labyrinth smaller than this is cut off or edited away (144 mm³ and more in the dataset); its
shape then says nothing about the cochlea."""


@dataclass(frozen=True, eq=False)
class Lumen:
    """A labyrinth, ready to be measured in any frame.

    Attributes:
        labyrinth: uint8 [k, j, i], 1 inside, with a border of one voxel of 0; without stray parts.
        geometry: its grid.
        surface: (n, 3) RAS mm of the voxels inside that have a neighbour outside.
        body: its centroid and principal axes; None if it is empty or less than a labyrinth.
        volume: mm³, of all that is set.
        stray: mm³ of parts far from the rest, which is not measured on.
    """

    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    surface: NDArray[np.float64]
    body: Body | None
    volume: float
    stray: float = 0.0

    @classmethod
    def of(cls, labyrinth: NDArray, geometry: Geometry) -> Lumen:
        """From a mask [k, j, i] (not 0: inside) on a grid."""
        mask = np.pad((np.asarray(labyrinth) != 0).astype(np.uint8), 1)
        ijk_to_ras = geometry.ijk_to_ras.copy()
        ijk_to_ras[:3, 3] = geometry.to_ras([-1.0, -1.0, -1.0])
        k, j, i = mask.shape
        grid = Geometry(ijk_to_ras, (k, j, i))
        everything = int(mask.sum())
        mask = _without_strays(mask, grid)
        places = np.argwhere(mask)
        volume = len(places) * grid.voxel_volume
        neighbours = np.ones_like(mask)
        for axis in range(3):
            for step in (-1, 1):
                neighbours &= np.roll(mask, step, axis)  # the border is empty: nothing wraps round
        return cls(
            mask,
            grid,
            surface=grid.to_ras(np.argwhere(mask & ~neighbours & 1)[:, ::-1]),
            body=Body.of(grid.to_ras(places[:, ::-1])) if volume >= MIN_WHOLE_MM3 else None,
            volume=everything * grid.voxel_volume,
            stray=(everything - len(places)) * grid.voxel_volume,
        )

    def inside(self, ras: NDArray) -> NDArray[np.float64]:
        """How far inside RAS points (..., 3) are: 0 to 1, the wall at 0.5 (trilinear)."""
        size = np.array(self.geometry.shape[::-1])
        ijk = np.clip(self.geometry.to_ijk(ras), 0.0, size - 1.001)
        low = ijk.astype(np.intp)
        part = ijk - low
        flat, (_, rows, columns) = self.labyrinth.ravel(), self.geometry.shape
        start = (low[..., 2] * rows + low[..., 1]) * columns + low[..., 0]
        total = np.zeros(ijk.shape[:-1])
        for di in (0, 1):
            for dj in (0, 1):
                for dk in (0, 1):
                    weight = np.ones_like(total)
                    for axis, one in enumerate((di, dj, dk)):
                        weight *= part[..., axis] if one else 1.0 - part[..., axis]
                    total += weight * flat[start + (dk * rows + dj) * columns + di]
        return total


def _without_strays(mask: NDArray[np.uint8], grid: Geometry) -> NDArray[np.uint8]:
    """The largest part and what lies near it, uint8 [k, j, i]."""
    labels = sitk.RelabelComponent(sitk.ConnectedComponent(image_of(mask, grid), True))
    parts = sitk.GetArrayFromImage(labels)
    if parts.max() < 2:
        return mask
    away = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(labels == 1, squaredDistance=False, useImageSpacing=True)
    )
    nearest = np.full(parts.max() + 1, np.inf)
    np.minimum.at(nearest, parts.ravel(), away.ravel())
    return ((parts > 0) & (nearest < APART_MM)[parts]).astype(np.uint8)
