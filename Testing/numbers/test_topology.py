"""Rings of masks, on tori and balls made by hand."""

import numpy as np
import pytest

from InnerEarSegLib.segmentation.topology import (
    count_canals,
    euler_number,
    first_betti_number,
    whole_part,
)

from .canonical_ear import APEX, OVAL, PATCH, depth


def torus(shape=(12, 30, 30), centre=(6, 15, 15), large=8.0, small=2.5):
    k, j, i = np.indices(shape)
    around = np.hypot(j - centre[1], i - centre[2]) - large
    return np.hypot(around, k - centre[0]) <= small


def test_a_ball_a_torus_and_a_shell():
    k, j, i = np.indices((15, 15, 15)) - 7
    ball = k**2 + j**2 + i**2 <= 25
    assert (euler_number(ball), first_betti_number(ball)) == (1, 0)
    assert (euler_number(torus()), first_betti_number(torus())) == (0, 1)
    shell = ball & (k**2 + j**2 + i**2 > 9)
    assert (euler_number(shell), first_betti_number(shell)) == (2, 0)


def test_two_tori_that_share_a_side_are_two_rings():
    both = torus((12, 30, 50)) | torus((12, 30, 50), centre=(6, 15, 31))
    assert first_betti_number(both) == 2


def test_voxels_that_share_a_corner_are_connected():
    ring = np.zeros((3, 5, 5), bool)
    ring[1, [0, 1, 2, 1], [1, 2, 1, 0]] = True  # a diamond of four voxels
    assert first_betti_number(ring) == 1


def test_at_the_border_nothing_is_added():
    assert first_betti_number(np.ones((3, 4, 5), bool)) == 0
    assert first_betti_number(np.zeros((3, 4, 5), bool)) == 0


def test_a_cut_torus_is_no_ring():
    cut = torus()
    cut[:, 15, 20:] = False
    assert first_betti_number(cut) == 0


def test_specks_and_holes():
    mask = torus()
    mask[6, 15, 23] = False  # a hole in the tube
    mask[0, 0, 0] = True
    whole = whole_part(mask)
    assert whole[6, 15, 23] and not whole[0, 0, 0]
    assert not whole_part(np.zeros((3, 3, 3), bool)).any()


@pytest.mark.parametrize(("gap", "number"), [(None, 3), ("lateral", 2), ("anterior", 2)])
def test_canals_of_a_labyrinth_made_by_hand(gap, number):
    assert count_canals(depth(gap) > 0, PATCH, OVAL, APEX) == number


def test_a_ring_before_the_window_is_no_canal():
    mask = depth() > 0
    k, j, i = np.indices(mask.shape)
    around = np.hypot(j - 40, i - 88) - 8
    mask |= np.hypot(around, k - 30) <= 2
    assert count_canals(whole_part(mask), PATCH, OVAL, APEX) == 3


def test_the_reference_labels_have_three(specimens):
    from InnerEarSegLib.io.dataset import specimen

    case = specimen(specimens, "F06").read()
    points = (case.landmarks["oval window"], case.landmarks["helicotrema"])
    assert count_canals(whole_part(case.labels > 0), case.label_geometry, *points) == 3
