"""How sure the networks are, in measures that a calibration turns into millimetres and Dice."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..finding.canonical_look import Seen
from .calibration import AMBIGUITY, DRAWN_AT


def signs_of(seen: Seen, names: Sequence[str]) -> dict[str, float]:
    """The uncalibrated signs of uncertainty of one ear.

    Args:
        seen: from the network that drew.
        names: of the landmarks, in its order.

    Returns:
        AMBIGUITY, DRAWN_AT (voxel edge of the network that drew, which names it), and by landmark
        the spread of its heatmap in mm.
    """
    spreads = {name: peak.spread_mm for name, peak in zip(names, seen.peaks, strict=True)}
    return {AMBIGUITY: ambiguity(seen.labyrinth), DRAWN_AT: seen.stage.spacing_mm, **spreads}


def ambiguity(logits: Tensor) -> float:
    """Voxels that the network is undecided on, in and around the labyrinth, relative to its size.

    The sum of min(p, 1 - p) over the labyrinth and the voxels that touch it, divided by its number
    of voxels: what a network whose probabilities were true would expect to get wrong there.

    Args:
        logits: float32 [k, j, i].

    Returns:
        0 for a drawing without doubt, or for none at all.
    """
    inside = (logits > 0).float()
    if not inside.any():
        return 0.0
    around = F.max_pool3d(inside[None, None], 3, stride=1, padding=1)[0, 0]
    probability = torch.sigmoid(logits.double())
    doubt = torch.minimum(probability, 1.0 - probability) * around
    return float(doubt.sum() / inside.sum())
