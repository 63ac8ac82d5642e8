"""Losses that keep tubes whole and the turns of the cochlea apart, and the maps they look at.

Overlap losses hardly mind a gap in a semicircular canal or a bridge between two turns. So the
middle of each tube counts on its own (a recall of the skeleton, after Kirchhoff et al. 2024,
doi:10.1007/978-3-031-72980-5_13), and so does the middle of the thin bone between turns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UnusableInput
from ..types import HELICOTREMA, OVAL_WINDOW
from .cases import TrainingCase

CORE_SHARE = 0.55
"""Share of a tube's radius; what is deeper inside is its core."""

TUBE_RADIUS_MM = 1.0
"""No part of a tube is further than this from bone. The vestibule, which is wider, is no tube."""

NEAR_MM = 0.7
"""The largest depth within this distance is a tube's radius."""

OTHER_TUBES = 0.3
"""What the cores of the cochlea weigh; those of the semicircular canals weigh 1."""

SHEET_MM, SHEET_SHARE = 0.35, 0.75
"""The middle of the bone between two turns has at least this share of the largest distance from
the labyrinth within that many mm."""


class TubeMaps(NamedTuple):
    """Weights of voxels on a specimen's grid, float32 [k, j, i], 0 to 1.

    Attributes:
        core: of the middle of tubes.
        septum: of the middle of the thin bone between turns of the cochlea.
    """

    core: NDArray[np.float32]
    septum: NDArray[np.float32]


def tube_maps(case: TrainingCase) -> TubeMaps | None:
    """Compute the maps of a specimen; None without labels, oval window or helicotrema.

    Raise UnusableInput if SimpleITK is missing.
    """
    try:
        import SimpleITK as sitk  # which a GPU server may lack

        from ..segmentation.findings import close_gaps
        from ..segmentation.topology import behind_window
    except ModuleNotFoundError:
        raise UnusableInput(
            "The losses core and septum need SimpleITK: pip install SimpleITK, or set both to 0."
        ) from None
    if case.labels is None or not case.labels.any():
        return None
    if not {OVAL_WINDOW, HELICOTREMA} <= set(case.landmarks):
        return None
    # Nothing of the maps is outside of the labyrinth's box; a margin shows where the box ends.
    places = np.argwhere(case.labels)
    low, high = np.maximum(places.min(axis=0) - 1, 0), places.max(axis=0) + 2
    box = tuple(slice(*ends) for ends in zip(low, high, strict=True))
    spacing, labels = case.geometry.spacing, np.ascontiguousarray(case.labels[box])
    geometry = case.geometry.part(low[::-1], labels.shape)
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(spacing.tolist())

    def largest_within(mm: float, values: NDArray) -> NDArray:
        radius = [round(mm / edge) for edge in spacing]
        return sitk.GetArrayFromImage(
            sitk.GrayscaleDilate(sitk.GetImageFromArray(values), radius, sitk.sitkBall)
        )

    distance = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    )
    inside, outside = np.maximum(-distance, 0.0), np.maximum(distance, 0.0)
    behind = behind_window(geometry, case.landmarks[OVAL_WINDOW], case.landmarks[HELICOTREMA])
    radius = largest_within(NEAR_MM, inside)
    core = (labels > 0) & (radius <= TUBE_RADIUS_MM) & (inside >= CORE_SHARE * radius)
    between = close_gaps(labels > 0, spacing) & (labels == 0) & ~behind
    # Its middle alone: its surface is the labyrinth's, which the other losses place.
    septum = between & (outside >= SHEET_SHARE * largest_within(SHEET_MM, outside * between))
    weight = np.where(behind, 1.0, OTHER_TUBES)
    maps = TubeMaps(*np.zeros((2, *case.labels.shape), np.float32))
    maps.core[box], maps.septum[box] = core * weight, septum
    return maps


def core_loss(probability: Tensor, core: Tensor) -> Tensor:
    """Return which share of the cores is missed: [b]. Both arguments are [b, 1, k, j, i]."""
    found = (probability * core).flatten(1).sum(dim=1)
    return 1.0 - (found + 1.0) / (core.flatten(1).sum(dim=1) + 1.0)


def septum_loss(probability: Tensor, septum: Tensor) -> Tensor:
    """Return which share of the bone between turns is drawn over: [b]; see ``core_loss``."""
    drawn_over = (probability * septum).flatten(1).sum(dim=1)
    return drawn_over / (septum.flatten(1).sum(dim=1) + 1.0)
