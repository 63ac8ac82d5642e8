"""Vary view and appearance of an ear at random, beyond what the specimens show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..model.inference import affine_grid
from ..segmentation.candidates import gaussian
from ..segmentation.pose import Pose, random_rotation
from ..types import Geometry, apply_affine
from .config import AugmentationConfig, NetworkTraining


@dataclass(frozen=True, eq=False)
class View:
    """A deformed patch of a scan.

    Attributes:
        patch_to_mm: 4 x 4 from patch index (i, j, k) to patch mm.
        mm_to_ras: 4 x 4 from (deformed) patch mm to RAS mm.
        displacement: float32 [3, k, j, i], (x, y, z) mm added to patch mm before mm_to_ras.
    """

    patch_to_mm: NDArray[np.float64]
    mm_to_ras: NDArray[np.float64]
    displacement: Tensor

    def source_ijk(self, source: Geometry) -> Tensor:
        """Return the continuous source IJK of every patch voxel: float32 [k, j, i, 3]."""
        to_ijk = np.linalg.inv(source.ijk_to_ras) @ self.mm_to_ras
        k, j, i = self.displacement.shape[1:]
        grid = affine_grid(torch.from_numpy(to_ijk @ self.patch_to_mm), (k, j, i))
        linear = torch.from_numpy(to_ijk[:3, :3]).to(torch.float32)
        return grid + torch.einsum("ab,bkji->kjia", linear, self.displacement)

    def patch_ijk(self, ras: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the continuous patch (i, j, k) of RAS points (n, 3), by fixed-point inversion."""
        target = apply_affine(np.linalg.inv(self.mm_to_ras), ras)
        to_index = np.linalg.inv(self.patch_to_mm)
        mm = target
        for _ in range(5):
            mm = target - self._displacement_at(apply_affine(to_index, mm))
        return apply_affine(to_index, mm)

    def _displacement_at(self, ijk: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement in mm (n, 3) at continuous patch (i, j, k) points (n, 3)."""
        size = np.array(self.displacement.shape[:0:-1])
        grid = torch.from_numpy(2.0 * ijk / (size - 1) - 1.0).to(torch.float32)
        values = F.grid_sample(
            self.displacement[None], grid[None, :, None, None], "bilinear", "border", True
        )
        return values[0, :, :, 0, 0].T.numpy().astype(np.float64)


def random_view(pose: Pose, setup: NetworkTraining, rng: np.random.Generator) -> View:
    """Draw a random view of the ear that lies in this pose."""
    how = setup.augmentation
    base = pose.matrix.copy()
    if how.any_rotation:
        base[:3, :3] = random_rotation(rng) @ np.diag([rng.choice([-1.0, 1.0]), 1.0, 1.0])
    jitter = np.eye(4)
    if not how.any_rotation:
        jitter[:3, :3] = small_rotation(rng, how.rotation_degrees)
    jitter[:3, :3] = jitter[:3, :3] @ np.diag(np.exp(rng.normal(0.0, how.scale, 3)))
    jitter[:3, 3] = rng.normal(0.0, how.shift_mm, 3)
    patch_mm = [size * setup.spacing_mm for size in setup.window]
    controls = [max(2, round(edge / how.elastic_spacing_mm) + 1) for edge in patch_mm]
    bends = rng.normal(0.0, how.elastic_mm, (1, 3, *controls)).astype(np.float32)
    displacement = F.interpolate(
        torch.from_numpy(bends), size=setup.window, mode="trilinear", align_corners=True
    )
    patch_to_mm = Pose(np.eye(4)).patch(setup.spacing_mm, setup.window).ijk_to_ras
    return View(patch_to_mm, base @ jitter, displacement[0])


def small_rotation(rng: np.random.Generator, degrees: float) -> NDArray[np.float64]:
    """Draw a rotation about a random axis by a normal angle (Rodrigues' formula)."""
    axis = rng.normal(size=3)
    x, y, z = axis / np.linalg.norm(axis)
    angle = np.deg2rad(rng.normal(0.0, degrees))
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross


MEDIA_HU = ((-1000.0, -700.0), (-20.0, 100.0), (100.0, 600.0))
"""Air, fluid, and fluid with contrast agent or much partial volume."""


def random_outside(how: AugmentationConfig, rng: np.random.Generator, air: float) -> float:
    """Draw the HU outside the scan: mostly air, as scanners pad, sometimes anything."""
    return float(rng.uniform(-1000.0, 1500.0)) if rng.random() < how.outside else air


def vary(
    ct: Tensor,
    labyrinth: Tensor | None,
    spacing_mm: float,
    how: AugmentationConfig,
    rng: np.random.Generator,
) -> Tensor:
    """Show the same anatomy as another scanner might.

    ``ct`` [k, j, i] is in HU; ``labyrinth`` is its partial volume, 0 to 1, None if not known.
    """
    if labyrinth is not None and rng.random() < how.lumen and labyrinth.sum() > 1:
        ct = refill(ct, labyrinth, rng)
    ct = another_scale(ct, how, rng)
    if rng.random() < how.coarse:
        ct = coarsen(ct, spacing_mm, rng.uniform(spacing_mm, how.coarse_mm, 3))
    if rng.random() < how.kernel:
        ct = another_kernel(ct, spacing_mm, how, rng)
    if rng.random() < how.blur:
        ct = blur(ct, float(rng.uniform(0.0, how.blur_mm)) / spacing_mm)
    if rng.random() < how.noise:
        ct = ct + correlated_noise(ct.shape, rng) * float(rng.uniform(0.0, how.noise_hu))
    return ct


def another_scale(ct: Tensor, how: AugmentationConfig, rng: np.random.Generator) -> Tensor:
    """Scale HU about air's, and shift them."""
    ct = (ct + 1000.0) * float(np.exp(rng.normal(0.0, how.gain))) - 1000.0
    return ct + float(rng.normal(0.0, how.offset_hu))


def refill(ct: Tensor, labyrinth: Tensor, rng: np.random.Generator) -> Tensor:
    """Shift the labyrinth's mean HU to another medium and keep its texture."""
    low, high = MEDIA_HU[rng.integers(len(MEDIA_HU))]
    mean = (ct * labyrinth).sum() / labyrinth.sum()
    return ct + labyrinth * (float(rng.uniform(low, high)) - mean)


def coarsen(ct: Tensor, spacing_mm: float, coarse_mm: np.ndarray) -> Tensor:
    """Average over voxels of size coarse_mm (k, j, i) and interpolate back."""
    k, j, i = (
        max(2, round(n * spacing_mm / mm)) for n, mm in zip(ct.shape, coarse_mm, strict=True)
    )
    small = F.adaptive_avg_pool3d(ct[None, None], (k, j, i))
    return F.interpolate(small, size=ct.shape, mode="trilinear", align_corners=False)[0, 0]


def another_kernel(
    ct: Tensor, spacing_mm: float, how: AugmentationConfig, rng: np.random.Generator
) -> Tensor:
    """Show a patch as a soft or thick-sliced reconstruction does, or a sharpening bone kernel.

    Slices lie in any direction to the patch. Averaging over a slice of thickness t and
    interpolating between such slices blur like a Gaussian of variance t²/12 + t²/6 = (t/2)².
    """
    across = rng.normal(size=3)
    across /= np.linalg.norm(across)
    plane, slab = rng.uniform(0.0, how.kernel_mm), rng.uniform(0.0, how.slab_mm)
    slab = max(plane, slab)
    covariance = plane**2 * np.eye(3) + (slab**2 - plane**2) * np.outer(across, across)
    smooth = anisotropic_blur(ct, covariance / spacing_mm**2)
    if rng.random() < 0.3:
        return ct + float(rng.uniform(0.0, 1.0)) * (ct - smooth)
    return smooth


def anisotropic_blur(ct: Tensor, covariance: np.ndarray) -> Tensor:
    """Blur by a Gaussian of a covariance (3 x 3 over k, j, i) in voxels², by Fourier transform."""
    pad = min(1 + int(2.5 * np.sqrt(np.trace(covariance))), min(ct.shape) - 1)
    wide = F.pad(ct[None, None], [pad] * 6, mode="replicate")[0, 0]
    k, j, i = wide.shape
    waves = (
        torch.fft.fftfreq(k)[:, None, None], torch.fft.fftfreq(j)[:, None], torch.fft.rfftfreq(i)
    )  # fmt: skip
    exponent = torch.zeros(k, j, i // 2 + 1)
    for a in range(3):
        for b in range(3):
            exponent += float(covariance[a, b]) * waves[a] * waves[b]
    damped = torch.fft.rfftn(wide) * torch.exp(-2.0 * torch.pi**2 * exponent)
    return torch.fft.irfftn(damped, s=(k, j, i))[pad : k - pad, pad : j - pad, pad : i - pad]


def blur(ct: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian of a standard deviation in voxels."""
    if sigma == 0.0:
        return ct
    kernel = gaussian(sigma)
    out = ct[None, None]
    for axis in range(3):
        shape, pad = [1] * 5, [0] * 6
        shape[2 + axis] = -1
        pad[4 - 2 * axis] = pad[5 - 2 * axis] = len(kernel) // 2
        out = F.conv3d(F.pad(out, pad, mode="replicate"), kernel.reshape(shape))
    return out[0, 0]


def correlated_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Draw unit noise, white or correlated over about two voxels."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noise = torch.randn((1, 1, *shape), generator=generator)
    if rng.random() < 0.6:
        noise = F.avg_pool3d(noise, 3, stride=1, padding=1)
    return noise[0, 0] / noise.std()
