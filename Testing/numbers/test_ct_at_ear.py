"""Sharpness of a CT at an ear, and metal in it."""

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.decoding.ct_at_ear import MIN_METAL_MM3, edge_width_mm, metal_mm3

from .canonical_ear import ct_of, depth, millimetres

DEEP = depth()
LOGITS = 8.0 * DEEP


@pytest.mark.parametrize("fwhm", [0.6, 0.9, 1.2])
def test_the_edge_is_as_wide_as_the_point_spread(fwhm):
    sharp = sitk.GetImageFromArray(np.where(DEEP > 0, 0.0, 1800.0).astype(np.float32))
    blurred = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sharp, fwhm / 2.355 / 0.2))
    assert edge_width_mm(blurred, LOGITS, 0.2) == pytest.approx(fwhm, rel=0.25)


def test_softer_is_wider():
    widths = [edge_width_mm(ct_of(DEEP, blur_mm=blur), LOGITS, 0.2) for blur in (0.2, 0.4, 0.6)]
    assert widths == sorted(widths)


def test_without_bone_there_is_no_edge():
    assert edge_width_mm(np.zeros_like(DEEP), LOGITS, 0.2) is None


def test_metal_in_the_cochlea():
    ct = ct_of(DEEP)
    assert metal_mm3(ct, LOGITS, 0.2) == 0.0
    wire = np.linalg.norm(millimetres()[..., 1:] - [0.0, -1.0], axis=-1) < 0.4
    wire &= (millimetres()[..., 0] > 2.0) & (millimetres()[..., 0] < 6.0)
    ct[wire] = 3071.0
    assert metal_mm3(ct, LOGITS, 0.2) > MIN_METAL_MM3


def test_metal_far_away_does_not_matter():
    ct = ct_of(DEEP)
    ct[:6, :6, :6] = 3071.0
    assert metal_mm3(ct, LOGITS, 0.2) == 0.0
