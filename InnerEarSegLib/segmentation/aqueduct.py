"""Look for a wide vestibular aqueduct in the CT itself: networks leave it out, as labels do."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from torch import Tensor

from ..model.inference import patch_to_ijk, sample
from ..types import Geometry
from .topology import Mask

STEP_MM = 0.125
BOX_MM = (2.2, 6.8, 3.8)
"""Along the aqueduct's course, across it, and through it from front to back."""

ENTRY = (-2.3, 2.45, 2.8)
ALONG, ACROSS = (-0.193, 0.932, 0.308), (0.976, 0.214, -0.036)
"""Middle of the box's first face, 1 mm behind vestibule and common crus, and directions, backwards
and downwards, and medially and forwards; mm in the frame of ``canal_courses.REFERENCE``. Laterally
the narrow aqueducts pass that the specimens' own scans show, medially the wide ones of synthetic
ears. The box ends where posterior fossa and air cells begin. Shifted by 0.5 mm along any axis,
it holds nothing 1 mm wide in the specimens, but for air cells in one of 60 scans."""

RADII = [n / 20 for n in range(3, 31)]
BEYOND = 8
"""Voxels by which both faces are continued, so that a ball of half that radius fits there."""


def _box() -> Geometry:
    """Return the box as a grid in the frame of REFERENCE: i through, j across, k along."""
    axes = np.array([np.cross(ALONG, ACROSS), ACROSS, ALONG])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    along, across, through = (round(mm / STEP_MM) + 1 for mm in BOX_MM)
    ijk_to_reference = np.eye(4)
    ijk_to_reference[:3, :3] = STEP_MM * axes.T
    corner = -0.5 * np.array([through - 1, across - 1, 0.0])
    ijk_to_reference[:3, 3] = ENTRY + ijk_to_reference[:3, :3] @ corner
    return Geometry(ijk_to_reference, (along, across, through))


BOX = _box()


def aqueduct_mm(ct: Tensor, reference: Geometry, lumen_hu: float, capsule_hu: float) -> float:
    """Return the width of the widest tube halfway down the vestibular aqueduct's course, or 0.

    The widest ball that passes from the box's first face to its last through what is as dark as
    the labyrinth, to half the step to its capsule: neither bone nor, in a labyrinth that holds
    fluid, air cells. What lies outside the CT counts as bone, as do the box's other sides, so that
    no fossa beside it is taken for a tube: a tube that only grazes the box is measured too narrow.

    Args:
        ct: HU.
        reference: its grid, in the frame of ``canal_courses.REFERENCE``, mm.
        lumen_hu: of the labyrinth.
        capsule_hu: of the bone around it.
    """
    hu = sample(ct, patch_to_ijk(BOX, reference), capsule_hu).numpy()
    return widest_passage(np.abs(hu - lumen_hu) < 0.5 * abs(capsule_hu - lumen_hu))


def widest_passage(lumen: Mask) -> float:
    """Return the diameter in mm of the widest ball that passes a lumen from its first plane k to
    its last, 0 if less than 0.3; voxels of STEP_MM.

    A centre may lie half a voxel off the axis, and the wall half a voxel before the first voxel of
    bone: the two are taken to cancel.
    """
    inside = np.pad(lumen, ((BEYOND, BEYOND), (0, 0), (0, 0)), mode="edge")
    bone = ~np.pad(inside, ((0, 0), (1, 1), (1, 1)))
    depth = _distance_mm(bone)

    def blocked(radius: float) -> bool:
        centres = depth >= radius
        if not centres.any():
            return True
        swept = (_distance_mm(centres) < radius)[BEYOND:-BEYOND]
        parts = sitk.ConnectedComponent(sitk.GetImageFromArray(swept.astype(np.uint8)))
        first, *_, last = sitk.GetArrayFromImage(parts)
        return not np.intersect1d(first[first > 0], last[last > 0]).size

    passing = bisect_left(RADII, True, key=blocked)
    return 2.0 * RADII[passing - 1] if passing else 0.0


def _distance_mm(mask: Mask) -> NDArray[np.float32]:
    """Return the distance from voxels outside a mask to its nearest voxel, 0 or less inside."""
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing([STEP_MM] * 3)
    signed = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    distance: NDArray[np.float32] = sitk.GetArrayFromImage(signed)
    return distance
