"""The same CT as another scanner, kernel or storage would have given it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..io.volume import geometry_of, image_of
from ..types import Volume

SOFT_SIGMA_MM = 0.5
"""Standard deviation of the blur between a bone and a soft-tissue kernel, about."""

ROLL_DEGREES = 20.0
LOWEST_HU, HIGHEST_HU = -1024, 3071

Change = Callable[[sitk.Image], sitk.Image]


def soft(image: sitk.Image) -> sitk.Image:
    """As a soft kernel shows it."""
    smooth = sitk.DiscreteGaussian(image, [SOFT_SIGMA_MM**2] * 3, 32, 0.01, True)
    return sitk.Cast(smooth, sitk.sitkInt16)


def thicker(factor: int) -> Change:
    """Slices averaged along the axis of the largest voxel edge."""

    def change(image: sitk.Image) -> sitk.Image:
        factors = [1, 1, 1]
        factors[int(np.argmax(image.GetSpacing()))] = factor
        return sitk.Cast(sitk.BinShrink(image, factors), sitk.sitkInt16)

    return change


def roll() -> NDArray[np.float64]:
    """A rotation (3 x 3) about three axes, the largest angle ROLL_DEGREES."""
    turn = sitk.Euler3DTransform()
    angle = float(np.deg2rad(ROLL_DEGREES))
    turn.SetRotation(angle, -angle / 2.0, angle / 2.0)
    return np.array(turn.GetMatrix()).reshape(3, 3)


def regridded(image: sitk.Image) -> sitk.Image:
    """The same patient on a turned grid."""
    rotation = roll()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    size, spacing = np.array(image.GetSize()), np.array(image.GetSpacing())
    middle = np.array(image.TransformContinuousIndexToPhysicalPoint(((size - 1) / 2.0).tolist()))
    turned = rotation @ direction
    origin = middle - turned @ (spacing * (size - 1) / 2.0)
    return sitk.Resample(
        image, image.GetSize(), sitk.Transform(), sitk.sitkLinear, origin.tolist(),
        image.GetSpacing(), turned.ravel().tolist(), LOWEST_HU,
    )  # fmt: skip


def reordered(image: sitk.Image) -> sitk.Image:
    """The same voxels stored with axes permuted and flipped."""
    return sitk.Flip(sitk.PermuteAxes(image, [2, 0, 1]), [True, False, True])


def clamped_image(ct: Volume) -> sitk.Image:
    """A CT as an int16 image within the range that CT files hold."""
    image = sitk.Clamp(image_of(ct.array, ct.geometry), sitk.sitkFloat32, LOWEST_HU, HIGHEST_HU)
    return sitk.Cast(image, sitk.sitkInt16)


def changed(image: sitk.Image, change: Change) -> Volume:
    """The CT that a change makes of an image."""
    result = change(image)
    return Volume(sitk.GetArrayFromImage(result), geometry_of(result))
