"""Metrics of one ear against its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..geometry import Geometry
from ..reading.image import image_of
from ..results import Ear
from .masks import MISSED, MaskMetrics, compare_masks


@dataclass(frozen=True)
class CaseMetrics:
    """One ear against its reference, on the reference's own grid.

    Attributes:
        masks: of the labyrinths; MISSED if the ear lies outside the reference's grid; None without
            reference labels.
        landmark_mm: distance in mm by landmark; None where it was not found. Landmarks that the
            reference lacks are not in it.
        landmark_voxels: the same in voxels of the reference's grid.
        side_right: whether the side is the reference's; None where that is not known.
    """

    masks: MaskMetrics | None
    landmark_mm: dict[str, float | None]
    landmark_voxels: dict[str, float | None]
    side_right: bool | None


def measure(
    ear: Ear,
    labels: NDArray[np.uint8] | None,
    geometry: Geometry,
    landmarks: Mapping[str, NDArray],
    side: str | None,
) -> CaseMetrics:
    """Compare an ear with its reference.

    Args:
        ear: what was found.
        labels: reference uint8 [k, j, i], or None; without a voxel it is none.
        geometry: grid of labels.
        landmarks: reference RAS mm by name.
        side: reference side, or None.
    """
    masks = None
    if labels is not None and labels.any():
        found = on_grid(ear, geometry)
        masks = compare_masks(found, labels, geometry.spacing[::-1]) if found.any() else MISSED
    millimetres: dict[str, float | None] = {}
    voxels: dict[str, float | None] = {}
    for landmark in (*ear.landmarks, *ear.auxiliary):
        if landmark.name not in landmarks:
            continue
        if landmark.ras is None:
            millimetres[landmark.name] = voxels[landmark.name] = None
            continue
        there, truth = np.array(landmark.ras), landmarks[landmark.name]
        millimetres[landmark.name] = float(np.linalg.norm(there - truth))
        apart = geometry.to_ijk(there) - geometry.to_ijk(truth)
        voxels[landmark.name] = float(np.linalg.norm(apart))
    return CaseMetrics(masks, millimetres, voxels, None if side is None else ear.side == side)


def on_grid(ear: Ear, geometry: Geometry) -> NDArray[np.uint8]:
    """The ear's mask on another grid, nearest voxel: uint8 [k, j, i]."""
    mask = image_of(ear.labyrinth, ear.geometry)
    empty = image_of(np.zeros(geometry.shape, np.uint8), geometry)
    return sitk.GetArrayFromImage(
        sitk.Resample(mask, empty, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    )
