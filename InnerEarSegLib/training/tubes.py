"""What keeps tubes whole and turns apart in training: cores of tubes and the bone between them.

Overlap losses hardly mind a gap in a canal or a bridge between two turns of the cochlea. So the
middle of each tube is asked for on its own (a recall of the skeleton: Kirchhoff et al. 2024,
doi:10.1007/978-3-031-72980-5_13), and the thin bone between turns is refused on its own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..results import HELICOTREMA, OVAL_WINDOW
from .cases import TrainingCase

CORE_SHARE = 0.55
"""Of a tube's radius: what is deeper inside is its core."""

TUBE_RADIUS_MM = 1.0
"""A part is a tube if nothing near is further than this from bone; the vestibule is none."""

NEAR_MM = 0.7
OTHER_TUBES = 0.3
"""What the core of the cochlea weighs, the canals' being 1."""

SEPTUM_MM = 0.6
"""Half the width of the widest bone that counts as lying between two turns of the cochlea."""

SHEET_MM = 0.35
SHEET_SHARE = 0.75
"""The middle of such bone is where no voxel this near is much further from the labyrinth."""

BEFORE_WINDOW_MM = 0.5


class TubeMaps(NamedTuple):
    """Weights on a specimen's grid, float32 [k, j, i].

    Attributes:
        core: of voxels in the middle of tubes.
        septum: of voxels in the middle of the thin bone between turns of the cochlea.
    """

    core: Tensor
    septum: Tensor


def tube_maps(case: TrainingCase) -> TubeMaps | None:
    """The maps of a specimen; None without labels."""
    if case.labels is None:
        return None
    inside, outside = _distances(case.labels, case.geometry.spacing)
    reach = [round(NEAR_MM / mm) for mm in case.geometry.spacing]
    widest = sitk.GetArrayFromImage(
        sitk.GrayscaleDilate(sitk.GetImageFromArray(inside), reach, sitk.sitkBall)
    )
    tube = (case.labels > 0) & (widest <= TUBE_RADIUS_MM)
    core = tube & (inside >= CORE_SHARE * widest)
    window, apex = case.landmarks[OVAL_WINDOW], case.landmarks[HELICOTREMA]
    back = (window - apex) / np.linalg.norm(window - apex)
    k, j, i = np.indices(case.labels.shape)
    depth = (case.geometry.to_ras(np.stack([i, j, k], axis=-1)) - window) @ back
    weight = np.where(depth > -BEFORE_WINDOW_MM, 1.0, OTHER_TUBES)
    radius = [round(SEPTUM_MM / mm) for mm in case.geometry.spacing]
    closed = sitk.GetArrayFromImage(
        sitk.BinaryMorphologicalClosing(sitk.GetImageFromArray(case.labels), radius, sitk.sitkBall)
    )
    between = (closed > 0) & (case.labels == 0) & (depth < -BEFORE_WINDOW_MM)
    near = [round(SHEET_MM / mm) for mm in case.geometry.spacing]
    farthest = sitk.GetArrayFromImage(
        sitk.GrayscaleDilate(sitk.GetImageFromArray(outside * between), near, sitk.sitkBall)
    )
    # Its middle alone: its surface is the labyrinth's, which other losses place.
    septum = between & (outside >= SHEET_SHARE * farthest)
    return TubeMaps(
        torch.from_numpy((core * weight).astype(np.float32)),
        torch.from_numpy(septum.astype(np.float32)),
    )


def _distances(
    labels: NDArray[np.uint8], spacing: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Distance in mm to the surface within a mask, and without, each 0 on the other side."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(labels))
    image.SetSpacing(spacing.tolist())
    signed = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    )
    return np.maximum(-signed, 0.0), np.maximum(signed, 0.0)


def core_loss(probability: Tensor, core: Tensor) -> Tensor:
    """How much of the cores is missed, 0 to 1: a scalar. Both [b, 1, k, j, i]."""
    return 1.0 - ((probability * core).sum() + 1.0) / (core.sum() + 1.0)


def septum_loss(probability: Tensor, septum: Tensor) -> Tensor:
    """How much of the bone between is drawn over, 0 to 1: a scalar. Both [b, 1, k, j, i]."""
    return (probability * septum).sum() / (septum.sum() + 1.0)
