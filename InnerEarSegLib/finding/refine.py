"""The ear at high resolution, where the CT has it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from torch import Tensor

from ..decoding.ct_at_ear import edge_width_mm
from ..decoding.heatmap import Peak
from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..inferring.window import look
from ..progress import Progress
from .canonical_look import Seen, look_at_ear

FINE_MM = 0.45
"""Mean voxel edge up to which a CT shows more than the coarser network sees."""

MAX_SHIFT_MM = 1.5
"""If the networks put a landmark further apart than this, the finer one is not believed: it was
trained on sharp CT, and a soft kernel leads it astray before it leads the coarser one."""

SHARP_MM, BLURRED_MM = 0.6, 0.75
"""Edge widths at the ear (see ``edge_width_mm``) up to which the finer network draws alone, and
from which the coarser one has its full share."""

COARSE_SHARE = 1.0 / 3.0
"""Chosen on the held-out specimens in simulated scans: Dice +0.004 with a soft and +0.001 with a
bone kernel; a half opens canals."""

OUTSIDE_LOGIT = -10.0


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
    if bundle.draws_any:
        seen = replace(seen, labyrinth=_both(seen, oriented))
    return replace(seen, peaks=peaks)


def _both(seen: Seen, oriented: Seen) -> Tensor:
    """The finer network's logits, and on CT that is not sharp a share of the coarser one's.

    What a blurred edge means they judge with errors of their own. On sharp CT the coarser network's
    voxels are too large to say anything.
    """
    ct, logits = seen.ct.numpy(), seen.labyrinth.numpy()
    width = edge_width_mm(ct, logits, seen.stage.spacing_mm)
    if width is None or width <= SHARP_MM:
        return seen.labyrinth
    share = COARSE_SHARE * min(1.0, (width - SHARP_MM) / (BLURRED_MM - SHARP_MM))
    coarse = look(oriented.labyrinth, oriented.window, seen.window, OUTSIDE_LOGIT)
    return (1.0 - share) * seen.labyrinth + share * coarse


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
