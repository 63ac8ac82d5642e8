"""The ear at high resolution, where the CT has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from ..decoding.heatmap import Peak
from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..progress import Progress
from .canonical_look import Seen, look_at_ear

FINE_MM = 0.45
"""Mean voxel edge up to which a CT shows more than the coarser network sees."""

MAX_SHIFT_MM = 1.5
"""If the networks put a landmark further apart than this, the finer one is not believed: it was
trained on sharp CT, and a soft kernel leads it astray before it leads the coarser one."""


def is_fine(geometry: Geometry) -> bool:
    """Whether a CT has the resolution that the high-resolution network needs."""
    return float(np.cbrt(geometry.voxel_volume)) <= FINE_MM


def refine(
    ct: Tensor, geometry: Geometry, oriented: Seen, bundle: Bundle, progress: Progress
) -> Seen | None:
    """Look at an ear at high resolution.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        oriented: from ``orient``.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        The look, its landmarks halfway between what the two networks say, as their errors differ;
        or None if it does not bear out what the coarser network saw.
    """
    seen = look_at_ear(ct, geometry, oriented.pose, bundle.refine, bundle, progress)
    if seen is None:
        return None
    peaks = []
    for fine, coarse in zip(seen.peaks, oriented.peaks, strict=True):
        if min(fine.presence, coarse.presence) < 0.5:
            peaks.append(replace(fine, presence=min(fine.presence, coarse.presence)))
            continue
        there = seen.window.to_ijk(oriented.window.to_ras(coarse.ijk))
        if np.linalg.norm(there - fine.ijk) * seen.stage.spacing_mm > MAX_SHIFT_MM:
            return None
        peaks.append(_halfway(fine, there, coarse))
    return replace(seen, peaks=peaks)


def _halfway(fine: Peak, there: np.ndarray, coarse: Peak) -> Peak:
    """Between two peaks; ``there`` is the coarse one as (i, j, k) of the fine one's window.

    How wide the heatmap is tells the coarser network: the finer one, trained longer on the same few
    specimens, is sure of everything.
    """
    return replace(
        fine,
        ijk=(fine.ijk + there) / 2.0,
        presence=min(fine.presence, coarse.presence),
        concentration=min(fine.concentration, coarse.concentration),
        spread_mm=coarse.spread_mm,
        expected_spread_mm=coarse.expected_spread_mm,
    )
