"""Which ear a reference is compared with, and what a row says where there is none."""

import dataclasses

import numpy as np
import pytest

from InnerEarSegLib.evaluation.evaluate import row_of, sentence_of, summarise
from InnerEarSegLib.evaluation.metrics import ear_of
from InnerEarSegLib.evaluation.perturbations import stability
from InnerEarSegLib.io.dataset import Case
from InnerEarSegLib.types import LANDMARKS, Ear, Geometry, Landmark, Segmentation, Volume

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
        assert "SIDE WRONG" in sentence_of(row)


def test_the_place_tells_which_ear_is_compared_and_else_how_sure_an_ear_is():
    swapped = found(ear("left", RIGHT_AT), ear("right", LEFT_AT))
    assert ear_of(swapped, case("left", LEFT_AT)).side == "right"
    both = found(ear("left", LEFT_AT, 0.8), ear("right", RIGHT_AT, 0.9))
    assert ear_of(both, case(None, LEFT_AT)).side == "left"
    nothing = {"labelled": False, "pointed": False}
    assert ear_of(both, case(None, LEFT_AT, **nothing)).side == "right"
    assert ear_of(both, case("left", LEFT_AT, **nothing)).side == "left"
    assert ear_of(found(), case(None, LEFT_AT)) is None


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
    rows = stability(Volume(np.zeros(grid.shape, np.int16), grid), None, said.append)
    assert [row.found for row in rows] == [True, True, False, *[True] * 6]
    assert said[2] == "stored with permuted, flipped axes, left: NOT FOUND"
    assert all(mm < 1e-6 for row in rows for mm in row.shifts_mm.values())
    assert len({ct.geometry.shape for ct in seen}) > 3 and rows[0].volume_mm3 == 512.0
    monkeypatch.setattr("InnerEarSegLib.evaluation.perturbations.segment", lambda *_: found())
    assert stability(seen[0], None, said.append) == []
