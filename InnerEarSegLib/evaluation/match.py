"""Which of the ears that were found a reference describes."""

from __future__ import annotations

import numpy as np

from ..reading.dataset import Case
from ..results import Ear, Segmentation
from .grids import on_grid

NEAR_MM = 15.0
"""The middle of an ear's landmarks lies nearer to the middle of its labyrinth; the two ears of a
head are more than 60 mm apart."""


def ear_of(result: Segmentation, case: Case) -> Ear | None:
    """The ear that a reference describes; None if it was not found.

    Args:
        result: all that was found in the case's CT.
        case: the CT with its reference.

    Returns:
        Where the reference has a side: the ear of that side, unless it is another one that lies
        where the reference does; an ear of the other side only then, and it is of the wrong side.
        Without a side: the ear that lies where the reference does, or, if none does or there is
        nothing to tell where, the surest one, by the mean confidence of its landmarks.
    """
    there = [ear for ear in result.ears if lies_at_reference(ear, case)]
    if case.side is None:
        return max(there or result.ears, key=_confidence, default=None)
    of_side = [ear for ear in result.ears if ear.side == case.side]
    ranked = [*(ear for ear in there if ear.side == case.side), *there, *of_side]
    return ranked[0] if ranked else None


def lies_at_reference(ear: Ear, case: Case) -> bool:
    """Whether an ear overlaps the reference's labels, or lies about where its landmarks do."""
    if case.labels is not None and (on_grid(ear, case.label_geometry) & case.labels).any():
        return True
    if not case.landmarks:
        return False
    middle = np.mean(list(case.landmarks.values()), axis=0)
    return float(np.linalg.norm(ear.geometry.center - middle)) < NEAR_MM


def _confidence(ear: Ear) -> float:
    return float(np.mean([landmark.confidence for landmark in ear.landmarks]))
