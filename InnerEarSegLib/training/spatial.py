"""Random views of an ear: where a training window lies, and how it is deformed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..finding.pose import Pose
from ..geometry import Geometry, apply_affine
from ..inferring.window import affine_grid
from .config import AugmentationConfig, StageConfig


@dataclass(frozen=True, eq=False)
class View:
    """A deformed window onto a scan.

    Attributes:
        window_to_mm: 4 x 4 from window index (i, j, k) to window mm.
        mm_to_ras: 4 x 4 from (deformed) window mm to RAS mm.
        displacement: float32 [3, k, j, i], (x, y, z) mm added to window mm before mm_to_ras.
    """

    window_to_mm: NDArray[np.float64]
    mm_to_ras: NDArray[np.float64]
    displacement: Tensor

    def source_ijk(self, source: Geometry) -> Tensor:
        """Continuous source IJK of every window voxel: float32 [k, j, i, 3]."""
        to_ijk = np.linalg.inv(source.ijk_to_ras) @ self.mm_to_ras
        k, j, i = self.displacement.shape[1:]
        grid = affine_grid(torch.from_numpy(to_ijk @ self.window_to_mm), (k, j, i))
        linear = torch.from_numpy(to_ijk[:3, :3]).to(torch.float32)
        return grid + torch.einsum("ab,bkji->kjia", linear, self.displacement)

    def window_ijk(self, ras: NDArray[np.float64]) -> NDArray[np.float64]:
        """Continuous window (i, j, k) of RAS points (n, 3), by fixed-point inversion."""
        target = apply_affine(np.linalg.inv(self.mm_to_ras), ras)
        to_index = np.linalg.inv(self.window_to_mm)
        mm = target
        for _ in range(5):
            mm = target - self._displacement_at(apply_affine(to_index, mm))
        return apply_affine(to_index, mm)

    def _displacement_at(self, ijk: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement in mm (n, 3) at continuous window (i, j, k) points (n, 3)."""
        size = np.array(self.displacement.shape[:0:-1])
        grid = torch.from_numpy(2.0 * ijk / (size - 1) - 1.0).to(torch.float32)
        values = F.grid_sample(
            self.displacement[None],
            grid[None, :, None, None],
            padding_mode="border",
            align_corners=True,
        )
        return values[0, :, :, 0, 0].T.numpy().astype(np.float64)


def random_view(pose: Pose, stage: StageConfig, rng: np.random.Generator) -> View:
    """A random view of the ear that lies in this pose."""
    how = stage.augmentation
    base = pose.matrix.copy()
    if how.any_rotation:
        base[:3, :3] = random_rotation(rng) @ np.diag([rng.choice([-1.0, 1.0]), 1.0, 1.0])
    jitter = np.eye(4)
    if not how.any_rotation:
        jitter[:3, :3] = small_rotation(rng, how.rotation_degrees)
    jitter[:3, :3] = jitter[:3, :3] @ np.diag(np.exp(rng.normal(0.0, how.scale, 3)))
    jitter[:3, 3] = rng.normal(0.0, how.shift_mm, 3)
    return View(
        window_to_mm=Pose(np.eye(4)).window(stage.spacing_mm, stage.window).ijk_to_ras,
        mm_to_ras=base @ jitter,
        displacement=random_displacement(stage, how, rng),
    )


def random_rotation(rng: np.random.Generator) -> NDArray[np.float64]:
    """A rotation matrix uniform over all directions (Shoemake 1992: a random unit quaternion)."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def small_rotation(rng: np.random.Generator, degrees: float) -> NDArray[np.float64]:
    """Rotation about a random axis by a normal angle (Rodrigues' formula)."""
    axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(rng.normal(0.0, degrees))
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


def random_displacement(
    stage: StageConfig, how: AugmentationConfig, rng: np.random.Generator
) -> Tensor:
    """A smooth random displacement of a window: float32 [3, k, j, i] in mm."""
    controls = [
        max(2, round(size * stage.spacing_mm / how.elastic_spacing_mm) + 1) for size in stage.window
    ]
    values = rng.normal(0.0, how.elastic_mm, (1, 3, *controls)).astype(np.float32)
    field = F.interpolate(
        torch.from_numpy(values), size=stage.window, mode="trilinear", align_corners=True
    )
    return field[0]
