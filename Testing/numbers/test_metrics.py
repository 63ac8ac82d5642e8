"""Metrics against hand-computed examples, which ear is compared, and CTs without a reference."""

import dataclasses
import weakref

import numpy as np
import pytest

from InnerEarSegLib.evaluation.evaluate import (
    MASK_FIELDS,
    row_of,
    sentence_of,
    summarise,
)
from InnerEarSegLib.evaluation.metrics import compare_masks, ear_of, on_common_grid
from InnerEarSegLib.evaluation.perturbations import compare, stability
from InnerEarSegLib.evaluation.plots import Extremes
from InnerEarSegLib.io.case import Case
from InnerEarSegLib.types import (
    CHECK,
    LANDMARKS,
    Ear,
    Findings,
    Geometry,
    Landmark,
    Quality,
    Segmentation,
    Volume,
    dice,
)

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
    assert dice(box(4, 4), box(4, 4)) == 0.0


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


LEFT_AT, RIGHT_AT = (-35.0, 0.0, 0.0), (35.0, 0.0, 0.0)


def cube(center, edge=8):
    """Edge of 8 mm, in voxels of 1 mm."""
    matrix = np.eye(4)
    matrix[:3, 3] = np.array(center) - (edge - 1) / 2
    return np.ones((edge, edge, edge), np.uint8), Geometry(matrix, (edge, edge, edge))


def ear(side, center, confidence=0.9):
    mask, grid = cube(center)
    marks = tuple(Landmark(name, tuple(center), confidence, 0.5) for name in LANDMARKS)
    return Ear(side, mask, grid, marks, 512.0)


def case(side, center, labelled=True, pointed=True, missing=()):
    """A head of 100 x 20 x 20 mm with the reference of one ear."""
    matrix = np.eye(4)
    matrix[:3, 3] = (-50, -10, -10)
    grid = Geometry(matrix, (20, 20, 100))
    labels = np.zeros(grid.shape, np.uint8)
    i = round(center[0]) + 50
    labels[6:14, 6:14, i - 4 : i + 4] = 1
    points = {name: np.array(center) for name in LANDMARKS if name not in missing}
    ct = Volume(np.zeros(grid.shape, np.int16), grid)
    return Case("P", ct, labels if labelled else None, grid, points if pointed else {}, side)


def found(*ears):
    return Segmentation(ears, None, "cpu")


def test_an_ear_elsewhere_is_missed_and_one_of_the_wrong_side_counts_where_the_reference_lies():
    row = row_of(case("left", LEFT_AT), found(ear("right", RIGHT_AT)))
    assert not row["found"] and row["dice"] == 0.0 and row["assd_mm"] is None
    assert row["side"] is None and row["side_right"] is False
    assert sentence_of(row) == "its inner ear was not found"
    for kinds in ({}, {"labelled": False}, {"pointed": False}):
        row = row_of(case("left", RIGHT_AT, **kinds), found(ear("right", RIGHT_AT)))
        assert row["found"] and row["side"] == "right" and row["side_right"] is False
        assert "SIDE WRONG: called right, the reference says left" in sentence_of(row)


def test_the_place_tells_which_ear_is_compared_and_else_how_sure_an_ear_is():
    swapped = found(ear("left", RIGHT_AT), ear("right", LEFT_AT))
    assert ear_of(swapped, case("left", LEFT_AT)).side == "right"
    both = found(ear("left", LEFT_AT, 0.8), ear("right", RIGHT_AT, 0.9))
    assert ear_of(both, case(None, LEFT_AT)).side == "left"
    nothing = {"labelled": False, "pointed": False}
    assert ear_of(both, case(None, LEFT_AT, **nothing)).side == "right"
    assert ear_of(both, case("left", LEFT_AT, **nothing)).side == "left"
    assert ear_of(found(), case(None, LEFT_AT)) is None


def test_a_row_says_what_was_found_of_the_canals_and_of_the_ct():
    seen = dataclasses.replace(
        ear("left", LEFT_AT), quality=Quality(CHECK), findings=Findings(2, edge_width_mm=0.7)
    )
    row = row_of(case("left", LEFT_AT), found(seen), "soft kernel")
    assert (row["case"], row["scan"]) == ("P", "soft kernel")
    assert (row["closed_canals"], row["edge_width_mm"], row["verdict"]) == (2, 0.7, "check")
    assert sentence_of(row).endswith("side left, correct, 2 canals closed, check")
    row = row_of(case("left", LEFT_AT), found(ear("left", LEFT_AT)))
    assert row["scan"] == "as scanned" and row["closed_canals"] is None
    assert "canals" not in sentence_of(row)


def test_an_ear_outside_the_labels_grid_has_dice_0_and_no_distances():
    far = found(ear("left", (-35.0, 200.0, 0.0)))
    row = row_of(case("left", LEFT_AT), far)
    assert row["found"] and row["dice"] == row["iou"] == row["surface_dice"] == 0.0
    assert row["assd_mm"] is None and row["hd_mm"] is None and row["volume_error"] is None
    assert "Dice 0: what was found lies outside the reference's labels" in sentence_of(row)
    assert summarise([row])["dice"]["mean"] == 0.0 and "assd_mm" not in summarise([row])
    far = case("left", LEFT_AT)
    far.labels[:] = 0  # no voxel is no reference
    assert row_of(far, found(ear("left", LEFT_AT)))["dice"] is None


def test_landmarks_of_a_missed_ear_are_missed():
    row = row_of(case("left", LEFT_AT, missing=("round window",)), found())
    assert [row[f"{name} missed"] for name in LANDMARKS] == [True, True, False]
    summary = summarise([row])
    assert summary["landmarks_missed"] == 2
    assert (summary["side_right"], summary["side_known"]) == (0, 1)


def test_an_ear_that_reaches_beyond_the_label_map_is_remarked():
    """The map ends with so many of the ear's 8 voxels in it; up to 3 may be outside."""
    whole = case("left", LEFT_AT)
    for reach, said in ((16, ""), (7, ""), (5, ""), (4, "50% ")):
        labels = whole.labels[:, :, : 11 + reach].copy()
        grid = Geometry(whole.label_geometry.ijk_to_ras, labels.shape)
        part = dataclasses.replace(whole, labels=labels, label_geometry=grid)
        row = row_of(part, found(ear("left", LEFT_AT)))
        reached = min(reach, 8)
        assert row["dice"] == pytest.approx(2 * reached / (8 + reached))
        assert row["remark"].startswith(said) and bool(row["remark"]) == bool(said)
    assert "by up to 4 voxels" in row["remark"]


def test_the_worst_case_is_drawn_without_keeping_all_cts_in_memory(tmp_path):
    extremes = Extremes({"P": lambda: case("left", LEFT_AT)})
    seen, of = case("left", LEFT_AT), ear("left", LEFT_AT)
    extremes.look(seen, of, row_of(seen, found(of)))
    ct = weakref.ref(seen.ct)
    del seen
    assert ct() is None
    extremes.draw(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["worst.png"]


def test_stability_compares_each_version_with_the_ct_itself(monkeypatch):
    """An ear whose landmarks are in the middle of the CT stays there, however the CT comes."""
    seen = []

    def segment(ct, bundle):
        seen.append(ct)
        lost = len(seen) == 3
        return found() if lost else found(ear("left", ct.geometry.center))

    monkeypatch.setattr("InnerEarSegLib.evaluation.perturbations.segment", segment)
    grid = Geometry(np.diag([0.5, 0.5, 1.0, 1.0]), (18, 20, 24))
    said: list[str] = []
    # Slices that overlap: two, 1 mm apart, make one of 2.5 + 1 mm.
    ct = Volume(np.zeros(grid.shape, np.int16), grid, slice_mm=2.5)
    rows = stability(ct, None, said.append)
    assert [row.found for row in rows] == [True, True, False, *[True] * 6]
    assert said[2] == "stored with permuted, flipped axes, left: NOT FOUND"
    assert all(mm < 1e-6 for row in rows for mm in row.shifts_mm.values())
    assert len({ct.geometry.shape for ct in seen}) > 3 and rows[0].volume_mm3 == 512.0
    assert [ct.slice_mm for ct in seen] == [2.5] * 5 + [3.5, 4.5, 3.5, 4.5]
    monkeypatch.setattr("InnerEarSegLib.evaluation.perturbations.segment", lambda *_: found())
    assert stability(seen[0], None, said.append) == []


def test_two_kernels_of_a_head_are_compared_ear_by_ear(monkeypatch):
    """The left ear is 2 of its 8 mm further along i in the second; the right one is lost."""
    moved = (LEFT_AT[0] + 2.0, *LEFT_AT[1:])
    whole = dataclasses.replace(ear("left", LEFT_AT), findings=Findings(3))
    results = [found(whole, ear("right", RIGHT_AT)), found(ear("left", moved))]
    monkeypatch.setattr(
        "InnerEarSegLib.evaluation.perturbations.segment", lambda ct, model: results[ct.array.max()]
    )
    cts = [Volume(np.full((1, 1, 1), n), Geometry(np.eye(4), (1, 1, 1)), "ab"[n]) for n in (0, 1)]
    said: list[str] = []
    rows = compare(*cts, None, said.append)
    assert [(row.change, row.side, row.found) for row in rows] == [
        ("first (a)", "left", True), ("second (b)", "left", True),
        ("first (a)", "right", True), ("second (b)", "right", False),
    ]  # fmt: skip
    assert rows[1].dice == pytest.approx(6 / 8)
    assert rows[1].shifts_mm == dict.fromkeys(LANDMARKS, pytest.approx(2.0))
    assert said[0] == "first (a), left: 512 mm³; 3 canals closed; good"
    assert "oval window 2.00 mm, round window 2.00 mm; Dice 0.750; 512 mm³; good" in said[1]
    results[1] = found(ear("left", (200.0, 0.0, 0.0)))  # of another frame of reference
    assert compare(*cts, None, said.append)[1].dice == 0.0
    results[:] = [found(), found()]
    assert compare(*cts, None, said.append) == []
