"""Metrics of one ear against its reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry
from ..results import Ear
from .grids import on_common_grid, on_grid
from .masks import MISSED, MaskMetrics, compare_masks


@dataclass(frozen=True)
class CaseMetrics:
    """One ear against its reference, on the reference's grid, continued to hold the whole ear.

    Attributes:
        masks: of the labyrinths; MISSED if all of the ear lies outside the reference's own grid;
            None without reference labels.
        landmark_mm: distance in mm by landmark; None where it was not found. Landmarks that the
            reference lacks are not in it.
        landmark_voxels: the same in voxels of the reference's grid.
        side_right: whether the side is the reference's; None where that is not known.
        outside: share of the ear's labyrinth that lies outside the reference's own grid, where it
            counts as wrong.
        outside_voxels: by how many voxels of this grid it does so at most.
    """

    masks: MaskMetrics | None
    landmark_mm: dict[str, float | None]
    landmark_voxels: dict[str, float | None]
    side_right: bool | None
    outside: float = 0.0
    outside_voxels: int = 0


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
    masks, outside, outside_voxels = None, 0.0, 0
    if labels is not None and labels.any():
        masks = MISSED
        if on_grid(ear, geometry).any():
            pair = on_common_grid(ear, labels, geometry)
            masks = compare_masks(pair.found, pair.truth, geometry.spacing[::-1])
            outside, outside_voxels = pair.outside, pair.outside_voxels
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
    side_right = None if side is None else ear.side == side
    return CaseMetrics(masks, millimetres, voxels, side_right, outside, outside_voxels)
