"""Metrics of one ear against its reference."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from monai.metrics import (
    compute_average_surface_distance,
    compute_dice,
    compute_hausdorff_distance,
    compute_iou,
    compute_surface_dice,
)
from numpy.typing import NDArray

from ..io.dataset import Case
from ..io.volume import image_of
from ..types import Ear, Geometry, Segmentation

SURFACE_DICE_MM = 0.1
"""Tolerance of the surface Dice."""

MARGIN = 2
"""Voxels around both masks that are kept; surfaces need one."""


@dataclass(frozen=True)
class MaskMetrics:
    """A found mask against its reference.

    Attributes:
        dice: 2 |A ∩ B| / (|A| + |B|).
        iou: |A ∩ B| / |A ∪ B|.
        average_hausdorff_voxels: mean over both directions of the mean distance from *all voxels*
            of one mask to the nearest voxel of the other (0 where they overlap), in voxels:
            (mean_a min_b |a - b| + mean_b min_a |a - b|) / 2, Aydin et al. 2021,
            doi:10.1186/s41747-020-00200-2. Much smaller than a surface distance.
        average_hausdorff_mm: the same in mm.
        assd_mm: average symmetric surface distance, over the surface voxels of both.
        hd95_mm: 95th percentile of the surface distance, the larger of both directions.
        hd_mm: its maximum (the Hausdorff distance).
        surface_dice: share of both surfaces within SURFACE_DICE_MM of the other, by area
            (Nikolov et al. 2021, doi:10.2196/26151). Surfaces lie between voxels and coincide or
            are half a voxel and more apart, so at this tolerance it counts what coincides.
        volume_error: (found - reference) / reference.

    Distances and volume error are None where nothing was found to measure them on; see ``MISSED``.
    """

    dice: float
    iou: float
    average_hausdorff_voxels: float | None
    average_hausdorff_mm: float | None
    assd_mm: float | None
    hd95_mm: float | None
    hd_mm: float | None
    surface_dice: float
    volume_error: float | None


MISSED = MaskMetrics(
    dice=0.0,
    iou=0.0,
    average_hausdorff_voxels=None,
    average_hausdorff_mm=None,
    assd_mm=None,
    hd95_mm=None,
    hd_mm=None,
    surface_dice=0.0,
    volume_error=None,
)
"""Of a labyrinth that has no voxel on the reference's grid: no overlap, and no distance to it."""


def compare_masks(
    found: NDArray[np.uint8], truth: NDArray[np.uint8], spacing: NDArray[np.float64]
) -> MaskMetrics:
    """All metrics of two masks.

    Args:
        found: uint8 [k, j, i].
        truth: uint8 [k, j, i].
        spacing: (k, j, i) mm.

    Raises:
        ValueError: if one of the masks is empty, where distances mean nothing.
    """
    if not found.any() or not truth.any():
        raise ValueError("both masks need a voxel")
    found, truth = _cropped(found, truth)
    with warnings.catch_warnings():  # MONAI 1.6 calls a function of its own that it deprecates
        warnings.simplefilter("ignore", FutureWarning)
        return _metrics(found, truth, spacing)


def _metrics(
    found: NDArray[np.uint8], truth: NDArray[np.uint8], spacing: NDArray[np.float64]
) -> MaskMetrics:
    """As ``compare_masks``, of masks that hold something."""
    a, b = (torch.from_numpy(mask)[None, None].float() for mask in (found, truth))
    how: dict[str, Any] = {"include_background": True}
    in_mm = how | {"spacing": [float(value) for value in spacing]}
    volume = float(truth.sum())
    return MaskMetrics(
        dice=float(compute_dice(a, b, **how)),
        iou=float(compute_iou(a, b, **how)),
        average_hausdorff_voxels=average_hausdorff(found, truth, np.ones(3)),
        average_hausdorff_mm=average_hausdorff(found, truth, spacing),
        assd_mm=float(compute_average_surface_distance(a, b, symmetric=True, **in_mm)),
        hd95_mm=float(compute_hausdorff_distance(a, b, percentile=95, **in_mm)),
        hd_mm=float(compute_hausdorff_distance(a, b, **in_mm)),
        surface_dice=float(
            compute_surface_dice(
                a.bool(), b.bool(), class_thresholds=[SURFACE_DICE_MM], use_subvoxels=True, **in_mm
            )
        ),
        volume_error=(float(found.sum()) - volume) / volume,
    )


def average_hausdorff(
    found: NDArray[np.uint8], truth: NDArray[np.uint8], spacing: NDArray[np.float64]
) -> float:
    """Average Hausdorff distance of the voxel sets; see ``MaskMetrics``.

    Args:
        found: uint8 [k, j, i].
        truth: uint8 [k, j, i].
        spacing: (k, j, i) in the unit of the result.
    """
    images = [sitk.GetImageFromArray(mask) for mask in (found, truth)]
    for image in images:
        image.SetSpacing([float(value) for value in spacing[::-1]])
    metric = sitk.HausdorffDistanceImageFilter()
    metric.Execute(*images)
    return float(metric.GetAverageHausdorffDistance())


def _cropped(
    found: NDArray[np.uint8], truth: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both masks [k, j, i] within their common bounding box and a margin: the rest costs time."""
    both = np.pad(found | truth, MARGIN)
    where = np.argwhere(both)
    low, high = where.min(axis=0) - MARGIN, where.max(axis=0) + MARGIN + 1
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    first, second = (np.ascontiguousarray(np.pad(mask, MARGIN)[box]) for mask in (found, truth))
    return first, second


@dataclass(frozen=True, eq=False)
class Pair:
    """Two masks on one grid.

    Attributes:
        found: the ear's, uint8 [k, j, i].
        truth: the reference's, uint8 [k, j, i]; 0 where the reference's own grid does not reach.
        outside: share of the ear's voxels that lie where it does not reach.
        outside_voxels: how many voxels beyond it the farthest of them lies.
    """

    found: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    outside: float = 0.0
    outside_voxels: int = 0


def on_grid(ear: Ear, geometry: Geometry) -> NDArray[np.uint8]:
    """The ear's mask on another grid, nearest voxel: uint8 [k, j, i]."""
    mask = image_of(ear.labyrinth, ear.geometry)
    empty = image_of(np.zeros(geometry.shape, np.uint8), geometry)
    return sitk.GetArrayFromImage(
        sitk.Resample(mask, empty, sitk.Transform(), sitk.sitkNearestNeighbor, 0)
    )


def on_common_grid(ear: Ear, labels: NDArray[np.uint8], geometry: Geometry) -> Pair:
    """Both masks on the reference's grid, continued until it holds the whole ear.

    Slicer saves segmentations cropped to their segments; what was found beside such a map is as
    wrong as beside one of the whole CT.

    Args:
        ear: what was found; it has a voxel.
        labels: reference uint8 [k, j, i].
        geometry: grid of labels.
    """
    low, high = _voxels_lacking(ear, geometry)
    if not low.any() and not high.any():
        return Pair(on_grid(ear, geometry), labels)
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, 3] = geometry.to_ras(-low[::-1])
    size = low + geometry.shape + high
    found = on_grid(ear, Geometry(matrix, (int(size[0]), int(size[1]), int(size[2]))))
    truth = np.pad(labels, np.stack([low, high], axis=1))
    where = np.argwhere(found) - low
    beyond = np.maximum(-where, where - (np.array(geometry.shape) - 1)).max(axis=1)
    outside = beyond > 0
    if not outside.any():
        return Pair(found, truth)
    return Pair(found, truth, float(outside.mean()), int(beyond.max()))


def _voxels_lacking(ear: Ear, geometry: Geometry) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Voxels (k, j, i) by which a grid must grow at its low and its high end to hold an ear."""
    where = np.argwhere(ear.labyrinth)
    first, last = where.min(axis=0)[::-1], where.max(axis=0)[::-1]
    box = Geometry(ear.geometry.ijk_to_ras.copy(), _shape(last - first + 1))
    box.ijk_to_ras[:3, 3] = ear.geometry.to_ras(first)
    ijk = geometry.to_ijk(box.corners)
    low = np.maximum(0, -np.ceil(ijk.min(axis=0))).astype(np.int64)
    high = np.maximum(0, np.floor(ijk.max(axis=0)) - (np.array(geometry.shape[::-1]) - 1))
    return low[::-1], high.astype(np.int64)[::-1]


def _shape(size: NDArray[np.int64]) -> tuple[int, int, int]:
    """(k, j, i) of a size (i, j, k)."""
    return int(size[2]), int(size[1]), int(size[0])


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
