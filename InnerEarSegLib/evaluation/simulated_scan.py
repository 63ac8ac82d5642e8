"""A specimen as a clinical CT would show it, to see what kernel and slices do to measurements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..synthetic.rescan import ScanProtocol, axes_across, rescan
from ..types import Volume

PROTOCOLS = {
    "bone": ScanProtocol(0.3, 0.6, 0.6, 0.4, sharpen=0.6, noise_hu=80.0, noise_fwhm_mm=0.5),
    "soft": ScanProtocol(0.3, 1.1, 0.6, 0.4, noise_hu=25.0, noise_fwhm_mm=0.9),
}
"""Two reconstructions of one scan of a temporal bone, as hospitals make them."""


def clinical_scan(ct: Volume, kernel: str) -> Volume:
    """Simulate a clinical scan of a specimen with a kernel of PROTOCOLS, always the same one.

    Both kernels have the same grid, turned against the specimen's.
    """
    generator = np.random.default_rng(0)
    axes = axes_across(generator.normal(size=3), generator)
    values = torch.from_numpy(np.ascontiguousarray(ct.array, np.float32))
    scan, grid = rescan(values, ct.geometry, axes, PROTOCOLS[kernel], generator)
    return replace(ct, array=scan.numpy(), geometry=grid)
