"""Sharpness of a CT at an ear, and metal in it."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from InnerEarSegLib.segmentation.ct_at_ear import (
    edge_width_mm,
    edges_are_even,
    metal_limits,
    metal_mm3,
    profiles_across,
    slices_follow,
)
from InnerEarSegLib.types import MIN_METAL_MM3, Geometry, Volume

from .canonical_ear import PATCH, ct_of, depth, millimetres

DEEP = depth()
LOGITS = torch.from_numpy(8.0 * DEEP)


@pytest.mark.parametrize("fwhm", [0.6, 0.9, 1.2])
def test_the_edge_is_as_wide_as_the_point_spread(fwhm):
    sharp = sitk.GetImageFromArray(np.where(DEEP > 0, 0.0, 1800.0).astype(np.float32))
    blurred = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(sharp, fwhm / 2.355 / 0.2))
    width = edge_width_mm(profiles_across(torch.from_numpy(blurred), LOGITS, 0.2))
    assert width == pytest.approx(fwhm, rel=0.25)


def test_softer_is_wider():
    cts = (torch.from_numpy(ct_of(DEEP, blur_mm=blur)) for blur in (0.2, 0.4, 0.6))
    widths = [edge_width_mm(profiles_across(ct, LOGITS, 0.2)) for ct in cts]
    assert widths == sorted(widths)


@pytest.mark.parametrize("axis", range(3))
def test_a_double_contour_makes_edges_uneven(axis):
    """Blur that is the same in all directions does not, and the edges' width hardly tells."""
    sharp = ct_of(DEEP, blur_mm=0.2)
    double = (np.roll(sharp, 3, axis) + np.roll(sharp, -3, axis)) / 2.0  # 1.2 mm apart
    assert not edges_are_even(profiles_across(torch.from_numpy(double), LOGITS, 0.2))
    cts = [torch.from_numpy(ct_of(DEEP, blur_mm=x)) for x in (0.2, 0.6)]
    assert all(edges_are_even(profiles_across(ct, LOGITS, 0.2)) for ct in cts)


def test_without_bone_there_is_no_edge():
    nothing = profiles_across(torch.zeros(DEEP.shape), LOGITS, 0.2)
    assert edge_width_mm(nothing) is None and edges_are_even(nothing) is None


def metal(ct, edge_mm=0.4, capsule_hu=1800.0):
    limits = metal_limits(torch.from_numpy(ct), 0.2, capsule_hu, edge_mm)
    return metal_mm3(torch.from_numpy(ct), DEEP > 0, DEEP > 0, 0.2, limits)


def test_metal_in_the_cochlea():
    ct = ct_of(DEEP)
    assert metal(ct) == 0.0
    wire = np.linalg.norm(millimetres()[..., 1:] - [0.0, -1.0], axis=-1) < 0.4
    wire &= (millimetres()[..., 0] > 2.0) & (millimetres()[..., 0] < 6.0)
    ct[wire] = 3071.0
    assert metal(ct) > MIN_METAL_MM3
    # Bright bone in a CT whose values end there, but for rounding.
    rounded = ct + np.random.default_rng(1).uniform(0.0, 0.001, ct.shape).astype(np.float32)
    assert metal(rounded, capsule_hu=2400.0) > MIN_METAL_MM3 > metal(rounded, capsule_hu=2600.0)
    # On blurred CT it is hardly brighter than bone. So bright is bone on sharp CT, too.
    ct[wire] = 1700.0
    inside = (wire & (DEEP > 0)).sum() * 0.008
    assert metal(ct, edge_mm=1.0) == pytest.approx(inside) and metal(ct) == 0.0


def test_metal_beside_the_labyrinth_and_far_away():
    far, near = ct_of(DEEP), ct_of(DEEP)
    far[:6, :6, :6] = 3071.0
    assert metal(far) == 0.0
    beside = (DEEP < -0.1) & (DEEP > -0.5)
    near[beside] = 3071.0
    assert metal(near) > MIN_METAL_MM3 and metal(near, edge_mm=None) > MIN_METAL_MM3
    # Grey values, in which bone is as bright.
    near[beside] += np.random.default_rng(1).uniform(-400.0, 0.0, beside.sum()).astype(np.float32)
    assert metal(near, capsule_hu=2400.0) == 0.0


def mean_of_ends(first, last, axis):
    """What a reader puts in place of the missing last slice of ``first``, in whole HU."""
    return np.rint((first.take([-2], axis=axis) + last.take([0], axis=axis)) / 2.0)


def test_a_ct_resampled_to_finer_slices_has_no_gap():
    noise = np.random.default_rng(1).normal(scale=60.0, size=DEEP.shape)
    whole = (ct_of(DEEP) + noise).astype(np.float32)
    fine = np.repeat(whole, 2, axis=0)
    fine[1:-1:2] = (fine[:-2:2] + fine[2::2]) / 2.0
    matrix = PATCH.ijk_to_ras.copy()
    matrix[:3, 2] /= 2.0
    volume = Volume(fine, Geometry(matrix, fine.shape))
    assert slices_follow(volume, PATCH.to_ras(np.argwhere(DEEP > 0)[:, ::-1]))


def test_slices_that_are_missing_repeated_or_displaced_are_seen():
    noise = np.random.default_rng(1).normal(scale=60.0, size=DEEP.shape)
    whole = (ct_of(DEEP) + noise).astype(np.float32)
    tubes = np.indices(whole.shape).sum(axis=0)  # a texture, as trabecular bone has everywhere
    whole += 300.0 * np.sin(tubes / 6.0).astype(np.float32)
    for axis in range(3):
        first, last = np.split(whole, [whole.shape[axis] // 2], axis=axis)
        cases = {
            "whole": (first, last),
            "missing": (first, np.delete(last, np.s_[:5], axis=axis)),
            "repeated": (first, first.take([-1], axis=axis), last),
            "displaced": (first, np.roll(last, 5, axis=(axis + 1) % 3)),
            "interpolated": (
                np.delete(first, -1, axis=axis),
                mean_of_ends(first, last, axis),
                last,
            ),
        }
        for name, parts in cases.items():
            array = np.concatenate(parts, axis=axis)
            volume = Volume(array, Geometry(PATCH.ijk_to_ras, array.shape))
            seen = slices_follow(volume, PATCH.to_ras(np.argwhere(DEEP > 0)[:, ::-1]))
            assert seen == (name == "whole"), (name, axis)


def hidden_from(ct, capsule_hu=1800.0):
    return metal_limits(ct, 0.2, capsule_hu, 0.4).hidden_from


def test_where_values_are_cut_off():
    """A narrow range makes many voxels equal; bone and noise have one that is the brightest."""
    noise = torch.randn(DEEP.shape, generator=torch.Generator().manual_seed(1))
    ct = torch.from_numpy(ct_of(DEEP)) + 100.0 * noise
    assert hidden_from(ct) is None
    assert hidden_from(ct.clamp(max=1700.0)) == 1700.0
    ct[:6, :6, :6] = 8000.0  # metal, in a range that shows it
    assert hidden_from(ct.clamp(max=2300.0)) == 2300.0
    of_12_bits = ct.clamp(max=3071.0)
    assert hidden_from(of_12_bits) is None
    assert hidden_from(of_12_bits, capsule_hu=2600.0) == 3071.0  # bone comes near it


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("from_end", [0, 1, 2])
def test_a_gap_at_either_end_of_the_labyrinth_is_seen(axis, from_end):
    noise = sitk.GetImageFromArray(np.random.default_rng(1).normal(scale=3000.0, size=DEEP.shape))
    texture = sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(noise, 2.0))
    whole = (0.6 * ct_of(DEEP) + texture).astype(np.float32)
    lies_at = np.argwhere(DEEP > 0)[:, ::-1]
    assert slices_follow(Volume(whole, PATCH), PATCH.to_ras(lies_at))
    along = np.argwhere(DEEP > 0)[:, axis]
    for cut in (along.min() + 1 + from_end, along.max() - 5 - from_end):
        array = np.delete(whole, np.s_[cut : cut + 5], axis=axis)
        lies_at = np.argwhere(np.delete(DEEP, np.s_[cut : cut + 5], axis=axis) > 0)[:, ::-1]
        volume = Volume(array, Geometry(PATCH.ijk_to_ras, array.shape))
        assert not slices_follow(volume, PATCH.to_ras(lies_at)), cut
