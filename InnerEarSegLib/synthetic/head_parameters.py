"""What varies from head to head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..results import Side
from .parameters import EarParameters, random_parameters


@dataclass(frozen=True)
class HeadParameters:
    """One person's head.

    Attributes:
        size: factors on the width, length and height of a typical adult's head.
        calvaria: mm of bone around the brain.
        scalp: mm of soft tissue on it.
        bone_hu: Hounsfield units of cortical bone.
        marrow_hu: of diploë and marrow.
        ear_distance: mm from the midline to the middle of a labyrinth.
        ear_shift: mm by which the left ear lies off the right one's mirror image.
        ear_turns: degrees (pitch, roll, yaw) by which the right ear is turned against the upright
            pose of ``make_ear``; the left one is turned like its mirror image.
        left_turns: degrees by which the left ear deviates from that.
        sinus: factor on the size of the paranasal sinuses.
        cell_count: air cells tried in each mastoid.
        teeth: how many of the 32 are there is about this share.
    """

    size: tuple[float, float, float] = (1.0, 1.0, 1.0)
    calvaria: float = 6.5
    scalp: float = 6.0
    bone_hu: float = 1600.0
    marrow_hu: float = 550.0
    ear_distance: float = 39.0
    ear_shift: tuple[float, float, float] = (0.0, 0.0, 0.0)
    ear_turns: tuple[float, float, float] = (9.0, 8.0, -8.0)
    left_turns: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sinus: float = 1.0
    cell_count: int = 8000
    teeth: float = 0.95


def random_head_parameters(seed: int) -> HeadParameters:
    """A plausible head; the same seed gives the same head."""
    random = np.random.default_rng([20240817, seed])

    def about(value: float, spread: float) -> float:
        """Normal around ``value``, cut at two ``spread``."""
        return float(value + spread * np.clip(random.normal(), -2.0, 2.0))

    return HeadParameters(
        size=(about(1.0, 0.02), about(1.0, 0.025), about(1.0, 0.03)),
        calvaria=about(6.5, 0.7),
        scalp=about(6.0, 0.8),
        bone_hu=about(1600.0, 100.0),
        marrow_hu=about(550.0, 100.0),
        ear_distance=about(38.0, 1.0),
        ear_shift=(about(0.0, 0.7), about(0.0, 0.9), about(0.0, 0.7)),
        ear_turns=(about(9.0, 4.0), about(8.0, 3.0), about(-8.0, 3.0)),
        left_turns=(about(0.0, 1.5), about(0.0, 1.5), about(0.0, 1.5)),
        sinus=about(1.0, 0.07),
        cell_count=int(random.integers(1000, 14000)),
        teeth=float(random.uniform(0.6, 1.0)),
    )


def ear_parameters(seed: int) -> dict[Side, EarParameters]:
    """Two ears of one person: alike, but not the same."""
    right, other = random_parameters(2 * seed), random_parameters(2 * seed + 1)
    mixed: dict[str, Any] = {}
    for name, own in vars(right).items():
        theirs = getattr(other, name)
        if isinstance(own, tuple):
            mixed[name] = tuple(0.75 * a + 0.25 * b for a, b in zip(own, theirs, strict=True))
        elif isinstance(own, float):
            mixed[name] = 0.75 * own + 0.25 * theirs
        else:
            mixed[name] = own
    return {"left": EarParameters(**mixed), "right": right}
