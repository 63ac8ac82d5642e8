"""Overlap and surface distance of two masks, with torch alone.

``evaluation.metrics`` takes both from MONAI, which a bare GPU server does not have.
"""

from __future__ import annotations

import torch
from torch import Tensor

CHUNK = 2048


def dice(found: Tensor, truth: Tensor) -> float:
    """2 |A and B| / (|A| + |B|) of two masks, bool [k, j, i]; nan if both are empty."""
    both = float((found & truth).sum())
    total = float(found.sum() + truth.sum())
    return 2.0 * both / total if total else float("nan")


def surface_distance(found: Tensor, truth: Tensor, spacing_mm: float) -> float:
    """Average symmetric surface distance in mm (ASSD; Yeghiazaryan and Voiculescu 2018).

    The mean over the voxels of both surfaces of the distance to the nearest voxel of the other.
    An empty mask counts as one voxel in the middle, so that to draw nothing is bad but not
    infinitely so.

    Args:
        found: bool [k, j, i].
        truth: bool [k, j, i].
        spacing_mm: voxel edge.
    """
    a, b = (_surface(mask) * spacing_mm for mask in (found, truth))
    to_a = torch.full((len(b),), torch.inf)
    total = 0.0
    for part in a.split(CHUNK):
        # Not by matrix products, which would lose the small distances that matter here.
        apart = torch.cdist(part, b, compute_mode="donot_use_mm_for_euclid_dist")
        total += float(apart.min(dim=1).values.double().sum())
        to_a = torch.minimum(to_a, apart.min(dim=0).values)
    return (total + float(to_a.double().sum())) / (len(a) + len(b))


def _surface(mask: Tensor) -> Tensor:
    """(k, j, i) of the voxels with a face towards the outside, float32 [n, 3]."""
    if not mask.any():
        return (torch.tensor([mask.shape], dtype=torch.float32) - 1.0) / 2.0
    wide = torch.nn.functional.pad(mask, [1] * 6)
    inner = wide.clone()
    for axis in range(3):
        for step in (-1, 1):
            inner &= wide.roll(step, axis)
    k, j, i = mask.shape
    return (mask & ~inner[1 : k + 1, 1 : j + 1, 1 : i + 1]).nonzero().float()
