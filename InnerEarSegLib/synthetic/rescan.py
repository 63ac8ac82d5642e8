"""Simulate a scan of a specimen by another CT scanner: kernel, slices, grid, noise, HU range.

Arrays are float32 [k, j, i] in HU. A simulated scan has a grid of its own, coarse and turned, and
is sampled from that grid like any other scan, which blurs a patient's ear once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..model.inference import sample_patch
from ..types import Geometry

AXIAL_NORMAL = np.array([-0.48, -0.68, 0.55])
"""Up (superior) of a patient who lies straight, in the canonical frame of an ear; measured on a
head, both ears within 5 degrees."""

OWN_FWHM_MM = 0.3
"""What blurs the specimens' own scans, about; it counts towards what is simulated."""

PAD_MM = 2.0
BONE_HU, AIR_HU, MEDIUM_HU = 1500.0, -1000.0, -500.0
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


@dataclass(frozen=True)
class ScanProtocol:
    """How a CT is acquired and reconstructed.

    Attributes:
        pixel_mm: edge of a pixel within a slice.
        fwhm_mm: full width at half maximum of the kernel's point spread within a slice.
        thickness_mm: full width of the slice profile, a box.
        increment_mm: distance of slices.
        sharpen: overshoot of a bone kernel at edges, 0 for none.
        noise_hu: standard deviation.
        noise_fwhm_mm: width over which noise is correlated within a slice.
        low_hu: least value stored.
        high_hu: largest value stored.
    """

    pixel_mm: float
    fwhm_mm: float
    thickness_mm: float
    increment_mm: float
    sharpen: float = 0.0
    noise_hu: float = 0.0
    noise_fwhm_mm: float = 0.5
    low_hu: float = -1024.0
    high_hu: float = 3071.0


def random_protocol(rng: np.random.Generator) -> ScanProtocol:
    """Draw a cone-beam, bone or soft reconstruction as hospitals have them."""
    high = float(rng.uniform(1500.0, 3071.0)) if rng.random() < 0.15 else 3071.0
    low = float(rng.uniform(-1000.0, -200.0)) if rng.random() < 0.1 else -1024.0
    if rng.random() < 0.25:  # cone beam: cubes, noisy
        edge = float(rng.uniform(0.15, 0.4))
        fwhm = float(edge * rng.uniform(1.2, 2.2))
        return ScanProtocol(
            edge, fwhm, edge, edge, float(rng.uniform(0.0, 0.4)),
            float(rng.uniform(20.0, 200.0)), fwhm, low, high,
        )  # fmt: skip
    soft = rng.random() < 0.55
    fwhm = float(rng.uniform(0.8, 1.6) if soft else rng.uniform(0.5, 0.9))
    thickness = float(rng.uniform(0.5, 1.0) if rng.random() < 0.5 else rng.uniform(0.8, 2.0))
    overlap = rng.choice([1.0, rng.uniform(0.4, 1.0), rng.uniform(1.0, 1.3)], p=[0.4, 0.5, 0.1])
    return ScanProtocol(
        pixel_mm=float(rng.uniform(0.2, 0.6)),
        fwhm_mm=fwhm,
        thickness_mm=thickness,
        increment_mm=float(max(0.25, thickness * overlap)),
        sharpen=0.0 if soft else float(rng.uniform(0.0, 1.0)),
        noise_hu=float(rng.uniform(5.0, 60.0) if soft else rng.uniform(20.0, 180.0)),
        noise_fwhm_mm=0.8 * fwhm,
        low_hu=low,
        high_hu=high,
    )


def random_axes(pose: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the directions of a scan in RAS: columns along rows, along columns and across slices.

    Two of three lie as in a patient on the table, tilted at random; the rest lie in any direction.

    Args:
        pose: 4 x 4 from the ear's canonical frame to RAS.
        rng: the source of randomness.
    """
    normal = rng.normal(size=3)
    if rng.random() < 0.67:
        normal = AXIAL_NORMAL / np.linalg.norm(AXIAL_NORMAL) + 0.25 * normal
        if rng.random() < 0.15:  # coronal and sagittal reformations
            normal = np.cross(normal, rng.normal(size=3))
    return axes_across(pose[:3, :3] @ normal, rng)


def axes_across(normal: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Return right-handed directions (columns), the last along ``normal``, the others at random."""
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, rng.normal(size=3))
    first /= np.linalg.norm(first)
    return np.stack([first, np.cross(normal, first), normal], axis=1)


def rescan(
    ct: Tensor,
    geometry: Geometry,
    axes: NDArray[np.float64],
    how: ScanProtocol,
    rng: np.random.Generator,
    outside: float = AIR_HU,
) -> tuple[Tensor, Geometry]:
    """Simulate a scan of a specimen.

    Args:
        ct: the specimen.
        geometry: its grid.
        axes: directions of the new grid in RAS, orthonormal columns; the last across slices.
        how: the protocol.
        rng: of the noise and the grid's offset.
        outside: HU beyond the specimen.

    Returns:
        The new scan and its grid.
    """
    pad = [max(1, round(PAD_MM / mm)) for mm in geometry.spacing]  # i, j, k
    wide = F.pad(ct[None, None], [n for n in pad for _ in range(2)], mode="replicate")[0, 0]
    shift = np.eye(4)
    shift[:3, 3] = [-n for n in pad]
    grid = Geometry(geometry.ijk_to_ras @ shift, (wide.shape[0], wide.shape[1], wide.shape[2]))
    blurred = filtered(wide, grid, axes, _transfer(how))
    spacing = np.array([how.pixel_mm, how.pixel_mm, how.increment_mm])
    target = _covering(geometry, axes, spacing, rng)
    result = sample_patch(blurred.clamp(min=AIR_HU), grid, target, outside)
    if how.noise_hu > 0:
        result = result + how.noise_hu * _noise(target.shape, how, rng)
    return result.clamp(how.low_hu, how.high_hu), target


def filtered(
    ct: Tensor,
    geometry: Geometry,
    axes: NDArray[np.float64],
    transfer: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Filter an image by Fourier transform, isotropically within slices.

    Args:
        ct: [k, j, i]; continued periodically.
        geometry: its grid.
        axes: directions in RAS, the last across slices.
        transfer: from squared frequency within slices and frequency across them (cycles per mm) to
            the factor.
    """
    to_axes = axes.T @ np.linalg.inv(geometry.ijk_to_ras[:3, :3]).T  # frequencies are covectors
    k, j, i = ct.shape
    waves = (
        torch.fft.rfftfreq(i)[None, None, :],
        torch.fft.fftfreq(j)[None, :, None],
        torch.fft.fftfreq(k)[:, None, None],
    )
    turned = [sum(float(row[n]) * waves[n] for n in range(3)) for row in to_axes]
    factor = transfer(turned[0] ** 2 + turned[1] ** 2, turned[2])
    return torch.fft.irfftn(torch.fft.rfftn(ct) * factor, s=ct.shape)


def _transfer(how: ScanProtocol) -> Callable[[Tensor, Tensor], Tensor]:
    """Return kernel and slice profile as a filter."""
    variance = max(how.fwhm_mm**2 - OWN_FWHM_MM**2, 0.0) / FWHM**2
    # The profile's own rounding, and helical interpolation: a quarter of the width.
    across = max((0.25 * how.thickness_mm) ** 2 - OWN_FWHM_MM**2, 0.0) / FWHM**2

    def factor(squared: Tensor, along: Tensor) -> Tensor:
        kernel = torch.exp(-2.0 * torch.pi**2 * variance * squared)
        if how.sharpen > 0:
            wider = torch.exp(-2.0 * torch.pi**2 * (how.fwhm_mm / FWHM) ** 2 * squared)
            kernel = kernel * (1.0 + how.sharpen * (1.0 - wider))
        profile = torch.sinc(how.thickness_mm * along)
        return kernel * profile * torch.exp(-2.0 * torch.pi**2 * across * along**2)

    return factor


def _covering(
    geometry: Geometry, axes: NDArray, spacing: NDArray, rng: np.random.Generator
) -> Geometry:
    """Return a grid of these directions and spacing that holds all of another, offset at random."""
    corners = geometry.corners @ axes
    low, high = corners.min(axis=0), corners.max(axis=0)
    count = np.maximum(2, np.ceil((high - low) / spacing)).astype(int)
    matrix = np.eye(4)
    matrix[:3, :3] = axes * spacing
    start = (low + high - (count - 1) * spacing) / 2.0 + rng.uniform(-0.5, 0.5, 3) * spacing
    matrix[:3, 3] = axes @ start
    return Geometry(matrix, (int(count[2]), int(count[1]), int(count[0])))


def _noise(shape: tuple[int, int, int], how: ScanProtocol, rng: np.random.Generator) -> Tensor:
    """Draw unit noise, correlated within slices by the kernel, and between overlapping slices."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    white = torch.randn(shape, generator=generator)
    grid = Geometry(np.diag([how.pixel_mm, how.pixel_mm, how.increment_mm, 1.0]), shape)
    variance = (how.noise_fwhm_mm / FWHM) ** 2

    def factor(squared: Tensor, along: Tensor) -> Tensor:
        return torch.exp(-2.0 * torch.pi**2 * variance * squared) * torch.sinc(
            how.thickness_mm * along
        )

    noise = filtered(white, grid, np.eye(3), factor)
    return noise / noise.std().clamp(min=1e-6)


def refilled(
    ct: Tensor, labyrinth: Tensor | None, low_hu: float, high_hu: float, rng: np.random.Generator
) -> Tensor:
    """Replace what fills the labyrinth, or all cavities, of a specimen.

    Args:
        ct: of the specimen, on its own grid.
        labyrinth: 1 inside; None where it is not known.
        low_hu: least of the medium.
        high_hu: most of the medium.
        rng: the source of randomness.
    """
    medium = float(rng.uniform(low_hu, high_hu))
    if labyrinth is not None and labyrinth.sum() > 1:
        core = ct[labyrinth > 0]
        now = float(core.median())
        if rng.random() > 0.45 or now > MEDIUM_HU:
            # Where bone blurs in, less of the medium is there.
            share = ((BONE_HU - ct) / (BONE_HU - now)).clamp(0.0, 1.0)
            return ct + labyrinth * share * (medium - now)
    # All air turns into the medium, bone stays.
    factor = (BONE_HU - medium) / (BONE_HU - AIR_HU)
    return torch.where(ct < BONE_HU, BONE_HU - (BONE_HU - ct) * factor, ct)
