"""Metrics against hand-computed examples."""

import numpy as np
import pytest

from InnerEarSegLib.evaluation.evaluate import MASK_FIELDS, row_of
from InnerEarSegLib.evaluation.metrics import compare_masks, dice, on_common_grid
from InnerEarSegLib.io.dataset import Case
from InnerEarSegLib.types import Ear, Geometry, Landmark, Segmentation, Volume

CUBE = np.ones(3)


def box(first: int, last: int) -> np.ndarray:
    """8 x 8 voxels wide, from ``first`` to ``last`` along i."""
    mask = np.zeros((12, 12, 24), np.uint8)
    mask[2:10, 2:10, first:last] = 1
    return mask


def test_overlap_and_average_hausdorff_distance_by_hand():
    # 8 x 8 x 8 and 8 x 8 x 10 voxels, 8 x 8 x 8 in common.
    result = compare_masks(box(4, 12), box(4, 14), CUBE)
    assert result.dice == dice(box(4, 12), box(4, 14)) == pytest.approx(16 / 18)
    assert result.iou == pytest.approx(8 / 10) and result.volume_error == pytest.approx(-0.2)
    # From the small box 0; from the large one 8 of 10 layers 0, one 1 voxel, one 2 voxels.
    by_hand = (0.0 + (0 * 8 + 1 + 2) / 10) / 2
    result = compare_masks(box(4, 12), box(4, 14), np.array([0.3, 0.2, 0.5]))
    assert result.average_hausdorff_voxels == pytest.approx(by_hand)
    assert result.average_hausdorff_mm == pytest.approx(0.5 * by_hand)  # all along i


def test_surface_distances_by_hand_and_in_mm():
    # Thin plates, 3 voxels apart along i: every surface voxel is 3 voxels from the other plate.
    voxels = compare_masks(box(4, 5), box(7, 8), CUBE)
    for value in (voxels.assd_mm, voxels.hd95_mm, voxels.hd_mm):
        assert value == pytest.approx(3.0)
    assert compare_masks(box(4, 5), box(7, 8), np.array([1, 1, 0.2])).assd_mm == pytest.approx(0.6)


def test_percentile_leaves_out_what_the_maximum_shows():
    # A plate of 64 voxels, and the same with one spike of 5 voxels: 5 of 69 surface voxels are
    # 1 to 5 voxels away, so the 95th percentile of that direction lies between the spike's own
    # voxels: sorted distances 0 x 64, 1, 2, 3, 4, 5; rank 0.95 * 68 = 64.6 -> 1 + 0.6.
    spiky = box(4, 5)
    spiky[5, 5, 5:10] = 1
    result = compare_masks(spiky, box(4, 5), CUBE)
    assert result.hd_mm == pytest.approx(5.0) and result.hd95_mm == pytest.approx(1.6)


def test_surface_dice_by_hand():
    same = compare_masks(box(4, 12), box(4, 12), CUBE * 0.2)
    assert same.surface_dice == 1.0 and same.assd_mm == same.hd_mm == 0.0
    apart = compare_masks(box(4, 5), box(10, 11), CUBE * 0.2)
    assert apart.surface_dice == 0.0
    # A surface runs half a voxel within the outermost centres and cuts edges and corners off:
    # 1 for a voxel of a face, edge for one of an edge, corner for a corner.
    edge, corner = np.sqrt(2) / 2, np.sqrt(3) / 8
    small = 6 * 49 + 12 * 7 * edge + 8 * corner  # 8 x 8 x 8 voxels
    large = 2 * 49 + 4 * 63 + (8 * 7 + 4 * 9) * edge + 8 * corner  # 8 x 8 x 10
    # Apart are the middle of the small box's end, and the two last layers of the large box.
    near = small - 49 + large - (28 + 4 * edge) - (49 + 28 * edge + 4 * corner)
    result = compare_masks(box(4, 12), box(4, 14), CUBE)
    assert result.surface_dice == pytest.approx(near / (small + large))


def test_surface_dice_of_single_voxels():
    # A voxel has eight cut corners; two of them have these and eight more: 16 of 24 coincide.
    one, two = np.zeros((2, 5, 5, 9), np.uint8)
    one[2, 2, 2] = two[2, 2, 2] = two[2, 2, 7] = 1
    for spacing in (CUBE, np.array([0.5, 0.3, 0.2])):
        assert compare_masks(one, two, spacing).surface_dice == pytest.approx(2 / 3)
    whole = np.ones((4, 4, 4), np.uint8)  # masks at the border keep their surface
    assert compare_masks(whole, whole, CUBE).assd_mm == 0.0


def test_empty_masks_are_refused_and_have_no_dice():
    with pytest.raises(ValueError, match="need a voxel"):
        compare_masks(box(4, 4), box(4, 5), CUBE)
    assert np.isnan(dice(box(4, 4), box(4, 4)))


def row(ear, labels, geometry, landmarks=None, side="left"):
    """Of a case with this ear and this reference."""
    ct = Volume(np.zeros(geometry.shape, np.int16), geometry)
    case = Case("P", ct, labels, geometry, landmarks or {}, side)
    return row_of(case, Segmentation((ear,), None, "cpu"))


def masks(row):
    return {name: row[name] for name in MASK_FIELDS}


def test_an_ear_on_a_cropped_grid_meets_its_reference():
    geometry = Geometry(np.diag([0.2, 0.2, 0.3, 1.0]), (12, 12, 24))
    truth = box(4, 12)
    shifted = geometry.ijk_to_ras.copy()
    shifted[:3, 3] = geometry.to_ras([3, 1, 1])
    cropped = np.ascontiguousarray(truth[1:11, 1:11, 3:13])
    landmarks = (
        Landmark("a", (1.0, 2.0, 3.0), 0.9), Landmark("b", None, 0.0), Landmark("c", (0, 0, 0), 1)
    )  # fmt: skip
    ear = Ear("left", cropped, Geometry(shifted, cropped.shape), landmarks, 1.0)
    truths = {"a": np.array([1.0, 2.0, 3.6]), "b": np.zeros(3)}
    result = row(ear, truth, geometry, truths)
    assert result["dice"] == 1.0 and result["assd_mm"] == 0.0 and result["side_right"]
    errors = [result[f"{name} mm"] for name in "abc"]
    assert errors == [pytest.approx(0.6), None, None]
    assert [result[f"{name} voxels"] for name in "abc"] == [pytest.approx(2.0), None, None]
    assert [result[f"{name} missed"] for name in "abc"] == [False, True, False]
    assert row(ear, None, geometry, side=None)["side_right"] is None


WHOLE = Geometry(
    np.array([[0, -0.2, 0, 5], [0.2, 0, 0, 6], [0, 0, 0.3, 7], [0, 0, 0, 1.0]]), (12, 12, 24)
)
"""The grid of the boxes, turned by a right angle."""


def cut(mask, first, last):
    """A mask on WHOLE cropped to voxels from ``first`` to ``last`` (k, j, i), and its grid."""
    matrix = WHOLE.ijk_to_ras.copy()
    matrix[:3, 3] = WHOLE.to_ras(first[::-1])
    part = mask[tuple(slice(a, b) for a, b in zip(first, last, strict=True))].copy()
    return part, Geometry(matrix, part.shape)


def found_as(mask):
    return Ear("left", mask, WHOLE, (), 1.0)


@pytest.mark.parametrize(("first", "last"), [(4, 14), (1, 12), (1, 20)])
def test_what_lies_beside_a_cropped_map_counts_as_beside_a_whole_one(first, last):
    labels, grid = cut(box(4, 12), (2, 2, 4), (10, 10, 12))
    ear = found_as(box(first, last))
    whole, cropped = row(ear, box(4, 12), WHOLE), row(ear, labels, grid)
    assert masks(whole) == masks(cropped) and whole["remark"] == ""
    assert cropped["dice"] == pytest.approx(16 / (8 + last - first))
    beyond = on_common_grid(ear, labels, grid)[2]
    assert beyond.max() == max(4 - first, last - 12)
    assert (beyond > 0).mean() == pytest.approx((last - first - 8) / (last - first))
    assert on_common_grid(ear, box(4, 12), WHOLE)[2].max() == 0


def test_half_a_map_is_no_whole_one():
    labels, grid = cut(box(4, 12), (0, 0, 0), (12, 12, 8))
    ear = found_as(box(4, 12))
    assert row(ear, labels, grid)["dice"] == pytest.approx(2 * 4 / (8 + 4))
    beyond = on_common_grid(ear, labels, grid)[2]
    assert (beyond > 0).mean() == 0.5 and beyond.max() == 4


def test_a_coarser_map_is_continued_in_its_own_voxels():
    # 2 voxels of WHOLE along i are one of the map; the ear reaches 6 of these beyond its 4.
    matrix = WHOLE.ijk_to_ras @ np.diag([2.0, 1.0, 1.0, 1.0])
    matrix[:3, 3] = WHOLE.to_ras([4.5, 2, 2])
    labels = np.ones((8, 8, 4), np.uint8)
    ear, grid = found_as(box(4, 24)), Geometry(matrix, labels.shape)
    assert row(ear, labels, grid)["dice"] == pytest.approx(2 * 4 / (4 + 10))
    assert on_common_grid(ear, labels, grid)[2].max() == 6
