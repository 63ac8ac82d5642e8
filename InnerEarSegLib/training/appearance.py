"""Random appearance: media, kernels, noise and resolutions that the specimens do not show.

All tensors are float32 [k, j, i]; the CT is in HU.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .config import AugmentationConfig

MEDIA_HU = ((-1000.0, -700.0), (-20.0, 100.0), (100.0, 600.0))
"""Air, fluid, and fluid with contrast agent or much partial volume."""


def random_outside(how: AugmentationConfig, rng: np.random.Generator, air: float) -> float:
    """HU of what lies outside the scan: mostly air, as scanners pad, sometimes anything."""
    return float(rng.uniform(-1000.0, 1500.0)) if rng.random() < how.outside else air


def vary(
    ct: Tensor,
    labyrinth: Tensor | None,
    spacing_mm: float,
    how: AugmentationConfig,
    rng: np.random.Generator,
) -> Tensor:
    """The same anatomy as another scanner might show it.

    Args:
        ct: the window.
        labyrinth: its partial volume, 0 to 1; None where it is not known.
        spacing_mm: voxel edge of the window.
        how: what to vary.
        rng: where chance comes from.
    """
    if labyrinth is not None and rng.random() < how.lumen and labyrinth.sum() > 1:
        ct = refill(ct, labyrinth, rng)
    ct = (ct + 1000.0) * float(np.exp(rng.normal(0.0, how.gain))) - 1000.0
    ct = ct + float(rng.normal(0.0, how.offset_hu))
    if rng.random() < how.coarse:
        ct = coarsen(ct, spacing_mm, rng.uniform(spacing_mm, how.coarse_mm, 3))
    if rng.random() < how.kernel:
        ct = another_kernel(ct, spacing_mm, how, rng)
    if rng.random() < how.blur:
        ct = blur(ct, float(rng.uniform(0.0, how.blur_mm)) / spacing_mm)
    if rng.random() < how.noise:
        ct = ct + correlated_noise(ct.shape, rng) * float(rng.uniform(0.0, how.noise_hu))
    return ct


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
    """As a soft or thick-sliced reconstruction shows it, or as a sharpening bone kernel does.

    Slices lie in any direction to the window. Averaging over a slice of thickness t and
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
    """Gaussian blur with a covariance (3 x 3 over k, j, i) in voxels², by Fourier transform."""
    pad = 1 + int(2.5 * np.sqrt(np.trace(covariance)))
    pad = min(pad, min(ct.shape) - 1)
    wide = F.pad(ct[None, None], [pad] * 6, mode="replicate")[0, 0]
    k, j, i = wide.shape
    waves = (torch.fft.fftfreq(k), torch.fft.fftfreq(j), torch.fft.rfftfreq(i))
    exponent = torch.zeros(k, j, i // 2 + 1)
    for a in range(3):
        for b in range(3):
            wave_a = waves[a].reshape([-1 if axis == a else 1 for axis in range(3)])
            wave_b = waves[b].reshape([-1 if axis == b else 1 for axis in range(3)])
            exponent += float(covariance[a, b]) * wave_a * wave_b
    damped = torch.fft.rfftn(wide) * torch.exp(-2.0 * torch.pi**2 * exponent)
    smooth = torch.fft.irfftn(damped, s=(k, j, i))
    return smooth[pad : k - pad, pad : j - pad, pad : i - pad]


def blur(ct: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with a standard deviation in voxels."""
    radius = int(np.ceil(2.5 * sigma))
    if radius == 0:
        return ct
    x = torch.arange(-radius, radius + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = kernel / kernel.sum()
    out = ct[None, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = -1
        pad = [0] * 6
        pad[4 - 2 * axis] = pad[5 - 2 * axis] = radius
        out = F.conv3d(F.pad(out, pad, mode="replicate"), kernel.reshape(shape))
    return out[0, 0]


def correlated_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
    """Unit noise, white or correlated over about two voxels."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    noise = torch.randn((1, 1, *shape), generator=generator)
    if rng.random() < 0.6:
        noise = F.avg_pool3d(noise, 3, stride=1, padding=1)
    noise = noise[0, 0]
    return noise / noise.std()
