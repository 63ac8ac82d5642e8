"""The canonical pose: where an ear lies, how it is turned, and which side it is.

A left ear is the mirror image of a right one. The canonical ear is a right ear with its centre
at the origin and its principal axes along x, y, z; any ear is a rotated, shifted and, if left,
mirrored copy of it. Fitting both kinds to five landmarks therefore also tells the side, whatever
the specimen's or patient's pose.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Geometry, Side, apply_affine


@dataclass(frozen=True, eq=False)
class Pose:
    """The map from the canonical right ear to RAS.

    Attributes:
        matrix: 4 x 4 from canonical mm to RAS mm: orthonormal, determinant +1 for a right ear
            and -1 for a left one.
        residual: root mean square distance in mm of the fitted landmarks.
    """

    matrix: NDArray[np.float64]
    residual: float = 0.0

    @property
    def side(self) -> Side:
        """The ear of this handedness."""
        return "right" if np.linalg.det(self.matrix[:3, :3]) > 0 else "left"

    @property
    def center(self) -> NDArray[np.float64]:
        """RAS mm of the middle of the ear, (3,)."""
        return self.matrix[:3, 3]

    def patch(self, spacing: float, shape: tuple[int, int, int]) -> Geometry:
        """Return a grid centred on the ear and aligned with it: i along canonical x, j y, k z.

        ``spacing`` is the voxel edge in mm, ``shape`` the voxels (k, j, i).
        """
        ijk_to_canonical = np.eye(4)
        ijk_to_canonical[:3, :3] *= spacing
        ijk_to_canonical[:3, 3] = -spacing * (np.array(shape[::-1]) - 1) / 2.0
        return Geometry(self.matrix @ ijk_to_canonical, shape)


def fit_pose(template: Mapping[str, ArrayLike], points: Mapping[str, ArrayLike]) -> Pose:
    """Return the better of ``fit_poses``, which also tells the side."""
    return fit_poses(template, points)[0]


def fit_poses(template: Mapping[str, ArrayLike], points: Mapping[str, ArrayLike]) -> list[Pose]:
    """Fit the template to landmarks: the best pose of each side, the better one first.

    Least squares over orthonormal matrices (Kabsch 1976; Umeyama 1991), once with determinant
    +1 and once with -1. ``template`` is canonical mm, ``points`` RAS mm by landmark name.

    Raises:
        ValueError: with fewer than four common landmarks, which cannot tell the side.
    """
    names = [name for name in template if name in points]
    if len(names) < 4:
        raise ValueError(f"four landmarks are needed to fit a pose, got {names}")
    source = np.array([template[name] for name in names], dtype=np.float64)
    target = np.array([points[name] for name in names], dtype=np.float64)
    fits = [fit_orthonormal(source, target, determinant) for determinant in (1.0, -1.0)]
    return sorted(fits, key=lambda pose: pose.residual)


def fit_orthonormal(
    source: NDArray[Any],
    target: NDArray[Any],
    determinant: float,
    weights: NDArray[Any] | None = None,
) -> Pose:
    """Fit points (n, 3), three or more that are not on a line, onto points (n, 3).

    The map is orthonormal of determinant +1, or -1 for a mirror image; ``weights`` are (n,).
    """
    weights = np.ones(len(source)) if weights is None else np.asarray(weights)
    share = weights / weights.sum()
    source_mean, target_mean = share @ source, share @ target
    u, _, vt = np.linalg.svd(((target - target_mean) * share[:, None]).T @ (source - source_mean))
    flip = np.diag([1.0, 1.0, determinant * np.sign(np.linalg.det(u @ vt))])
    matrix = np.eye(4)
    matrix[:3, :3] = u @ flip @ vt
    matrix[:3, 3] = target_mean - matrix[:3, :3] @ source_mean
    misfit = apply_affine(matrix, source) - target
    return Pose(matrix, float(np.sqrt(share @ (misfit**2).sum(axis=1))))


def procrustes_mean(
    shapes: Sequence[NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean of shapes (n, 3) and these as they were laid onto it, (count, n, 3).

    Generalised Procrustes analysis (Gower 1975): each is turned, shifted and, where that fits
    better, mirrored; none is scaled. The mean is turned about as the first one, its middle at the
    origin.
    """
    mean = shapes[0] - shapes[0].mean(axis=0)
    for _ in range(20):
        poses = [
            min((fit_orthonormal(shape, mean, d) for d in (1.0, -1.0)), key=lambda p: p.residual)
            for shape in shapes
        ]
        laid = np.array([apply_affine(p.matrix, x) for p, x in zip(poses, shapes, strict=True)])
        mean = laid.mean(axis=0)
        mean -= mean.mean(axis=0)
    return mean, laid


def handedness(
    helicotrema: NDArray[Any],
    oval_window: NDArray[Any],
    round_window: NDArray[Any],
    centroid: NDArray[Any],
) -> float:
    """Return (A - RW) . ((OW - RW) x (centroid - RW)) in mm³: positive in left ears.

    The rule of the human bony labyrinth dataset (Wimmer et al. 2019). All arguments are RAS mm,
    ``centroid`` is the labyrinth's.
    """
    normal = np.cross(np.subtract(oval_window, round_window), np.subtract(centroid, round_window))
    return float(np.dot(np.subtract(helicotrema, round_window), normal))


def random_rotation(random: np.random.Generator) -> NDArray[np.float64]:
    """Draw a rotation uniform over all directions (Shoemake 1992: a random unit quaternion)."""
    w, x, y, z = (q := random.standard_normal(4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
