"""Synthetic ears as training cases."""

from __future__ import annotations

import numpy as np

from ..synthetic.dataset import random_ear
from .cases import TrainingCase


def synthetic_cases(count: int, seed: int) -> list[TrainingCase]:
    """The first ``count`` ears of the series ``seed``; none that a test or the demo shows.

    The demo and ``innerearseg synthesize`` use small seeds; the offset keeps them apart.
    """
    cases = []
    for index in range(count):
        ear = random_ear(seed + 1_000_000, index)
        cases.append(
            TrainingCase(
                name=f"synthetic {index}",
                ct=ear.ct.array,
                labels=ear.labels.array,
                geometry=ear.ct.geometry,
                landmarks={name: np.array(point) for name, point in ear.landmarks.items()},
                side=ear.side,
                synthetic=True,
            )
        )
    return cases
