"""Metrics of one case, from MONAI where it has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from monai.metrics import compute_average_surface_distance, compute_dice
from numpy.typing import NDArray

from ..geometry import Geometry
from ..reading.image import image_of
from ..results import Ear


@dataclass(frozen=True)
class CaseMetrics:
    """One ear against its reference, on the reference's own grid.

    Attributes:
        dice: overlap of the labyrinths; None without reference labels.
        assd_mm: average symmetric surface distance; None without reference labels.
        landmark_mm: distance in mm by landmark; None where it was not found.
        side_right: whether the side is the reference's.
    """

    dice: float | None
    assd_mm: float | None
    landmark_mm: dict[str, float | None]
    side_right: bool


def measure(
    ear: Ear,
    labels: NDArray[np.uint8] | None,
    geometry: Geometry,
    landmarks: Mapping[str, NDArray],
    side: str,
) -> CaseMetrics:
    """Compare an ear with its reference.

    Args:
        ear: what was found.
        labels: reference uint8 [k, j, i], or None.
        geometry: grid of labels.
        landmarks: reference RAS mm by name.
        side: reference side.
    """
    dice = assd = None
    if labels is not None:
        found = on_grid(ear, geometry)
        dice, assd = dice_and_assd(found, labels, geometry.spacing[::-1])
    errors: dict[str, float | None] = {}
    for landmark in ear.landmarks:
        if landmark.ras is None:
            errors[landmark.name] = None
        else:
            offset = np.subtract(landmark.ras, landmarks[landmark.name])
            errors[landmark.name] = float(np.linalg.norm(offset))
    return CaseMetrics(dice, assd, errors, ear.side == side)


def on_grid(ear: Ear, geometry: Geometry) -> NDArray[np.uint8]:
    """The ear's mask on another grid, nearest voxel: uint8 [k, j, i]."""
    mask = image_of(ear.labyrinth, ear.geometry)
    empty = image_of(np.zeros(geometry.shape, np.uint8), geometry)
    return sitk.GetArrayFromImage(
        sitk.Resample(mask, empty, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    )


def dice_and_assd(
    found: NDArray[np.uint8], truth: NDArray[np.uint8], spacing: NDArray[np.float64]
) -> tuple[float, float]:
    """Dice and average symmetric surface distance in mm of two masks.

    Args:
        found: uint8 [k, j, i].
        truth: uint8 [k, j, i].
        spacing: (k, j, i) mm.
    """
    a, b = (torch.from_numpy(np.ascontiguousarray(m))[None, None].float() for m in (found, truth))
    dice = compute_dice(a, b, include_background=True)
    assd = compute_average_surface_distance(
        a, b, include_background=True, symmetric=True, spacing=[float(s) for s in spacing]
    )
    return float(dice), float(assd)
