"""Metrics of two masks on one grid, from MONAI and SimpleITK."""

from __future__ import annotations

import warnings
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
