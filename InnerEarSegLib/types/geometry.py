"""The grid of voxels in RAS mm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

RAS_FROM_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""4 x 4 matrix between LPS (ITK, DICOM) and RAS (MRML, NIfTI); its own inverse."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of a volume of shape (k, j, i).

    ``ijk_to_ras`` is the 4 x 4 affine from IJK index (voxel centres at integers) to RAS mm.
    """

    ijk_to_ras: NDArray[np.float64]
    shape: tuple[int, int, int]

    @classmethod
    def of_image(cls, image: Any) -> Geometry:
        """Grid of a SimpleITK.Image, or of a SimpleITK.ImageFileReader with its header; in RAS."""
        size, spacing, count = image.GetSize(), image.GetSpacing(), image.GetDimension()
        lps = np.eye(4)
        lps[:3, :3] = np.array(image.GetDirection()).reshape(count, count)[:3, :3] * spacing[:3]
        lps[:3, 3] = image.GetOrigin()[:3]
        return cls(RAS_FROM_LPS @ lps, (size[2], size[1], size[0]))

    @property
    def spacing(self) -> NDArray[np.float64]:
        """Distance of voxel centres along i, j, k in mm."""
        return np.asarray(np.linalg.norm(self.ijk_to_ras[:3, :3], axis=0), np.float64)

    @property
    def voxel_volume(self) -> float:
        """Volume of one voxel in mm³."""
        return float(abs(np.linalg.det(self.ijk_to_ras[:3, :3])))

    @property
    def center(self) -> NDArray[np.float64]:
        """RAS mm of the middle of the grid."""
        return self.to_ras((np.array(self.shape[::-1]) - 1) / 2.0)

    @property
    def corners(self) -> NDArray[np.float64]:
        """(8, 3) RAS mm of the outer corners, half a voxel beyond the corner voxels' centres."""
        size = np.array(self.shape[::-1])
        unit = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, 8).T
        return self.to_ras(unit * size - 0.5)

    def to_ras(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """RAS mm of IJK indices, both (..., 3)."""
        return apply_affine(self.ijk_to_ras, ijk)

    def to_ijk(self, ras: ArrayLike) -> NDArray[np.float64]:
        """Continuous IJK indices of RAS mm, both (..., 3)."""
        return apply_affine(np.linalg.inv(self.ijk_to_ras), ras)

    def contains(self, ras: ArrayLike, margin: float = 0.0) -> NDArray[np.bool_]:
        """Whether RAS points (..., 3) lie inside the field of view shrunk by ``margin`` mm."""
        ijk = self.to_ijk(ras)
        inset = margin / self.spacing
        upper = np.array(self.shape[::-1]) - 0.5
        inside = (ijk >= -0.5 + inset) & (ijk <= upper - inset)
        return np.asarray(np.all(inside, axis=-1), np.bool_)

    def part(self, first: ArrayLike, shape: Sequence[int]) -> Geometry:
        """Grid of shape (k, j, i) with the same voxels, whose first has this IJK index here."""
        matrix = self.ijk_to_ras.copy()
        matrix[:3, 3] = self.to_ras(first)
        k, j, i = (int(size) for size in shape)
        return Geometry(matrix, (k, j, i))


def apply_affine(matrix: NDArray[Any], points: ArrayLike) -> NDArray[np.float64]:
    """Points (..., 3) mapped by a 4 x 4 affine."""
    points = np.asarray(points, dtype=np.float64)
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3], np.float64)


def trilinear(values: NDArray[Any], ijk: NDArray[Any]) -> NDArray[Any]:
    """Interpolate values [k, j, i] at continuous (i, j, k) (..., 3), those beyond at the border.

    At least two values along each axis. Computed in the precision of ``ijk``.
    """
    last = np.array(values.shape[::-1], np.int32) - 1
    ijk = np.clip(ijk, 0.0, last.astype(ijk.dtype))
    low = np.minimum(ijk.astype(np.int32), last - 1)
    part = ijk - low.astype(ijk.dtype)
    # One index into the flat array is much faster than three.
    steps = np.array([1, last[0] + 1, (last[0] + 1) * (last[1] + 1)], np.int32)
    first, flat = low @ steps, values.ravel()
    total = np.zeros(ijk.shape[:-1], ijk.dtype)
    for corner in product((0, 1), repeat=3):
        u, v, w = (part[..., n] if up else 1.0 - part[..., n] for n, up in enumerate(corner))
        total += u * v * w * flat[first + int(np.dot(corner, steps))]
    return total
