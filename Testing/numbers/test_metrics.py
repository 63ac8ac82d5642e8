"""Metrics against hand-computed examples."""

import numpy as np
import pytest

from InnerEarSegLib.evaluation.evaluate import summarise
from InnerEarSegLib.evaluation.metrics import dice_and_assd, measure
from InnerEarSegLib.geometry import Geometry
from InnerEarSegLib.results import Ear, Landmark


def box(first: int, last: int) -> np.ndarray:
    mask = np.zeros((12, 12, 24), np.uint8)
    mask[2:10, 2:10, first:last] = 1
    return mask


def test_dice_by_hand():
    # 8 x 8 x 8 and 8 x 8 x 10 voxels, 8 x 8 x 8 in common: 2 * 8 / 18.
    dice, _ = dice_and_assd(box(4, 12), box(4, 14), np.ones(3))
    assert dice == pytest.approx(16 / 18)


def test_surface_distance_by_hand_and_in_mm():
    # Thin plates, 3 voxels apart along i: every surface voxel is 3 voxels from the other plate.
    voxels = dice_and_assd(box(4, 5), box(7, 8), np.array([1.0, 1.0, 1.0]))[1]
    millimetres = dice_and_assd(box(4, 5), box(7, 8), np.array([1.0, 1.0, 0.2]))[1]
    assert voxels == pytest.approx(3.0) and millimetres == pytest.approx(0.6)


def test_an_ear_on_a_cropped_grid_meets_its_reference():
    geometry = Geometry(np.diag([0.2, 0.2, 0.3, 1.0]), (12, 12, 24))
    truth = box(4, 12)
    shifted = geometry.ijk_to_ras.copy()
    shifted[:3, 3] = geometry.to_ras([3, 1, 1])
    cropped = np.ascontiguousarray(truth[1:11, 1:11, 3:13])
    landmarks = (Landmark("a", (1.0, 2.0, 3.0), 0.9), Landmark("b", None, 0.0))
    ear = Ear("left", cropped, Geometry(shifted, cropped.shape), landmarks, 1.0)
    result = measure(ear, truth, geometry, {"a": np.array([1.0, 2.0, 3.5])}, "left")
    assert result.dice == 1.0 and result.assd_mm == 0.0 and result.side_right
    assert result.landmark_mm == {"a": 0.5, "b": None}


def test_summary_says_mean_worst_and_count():
    rows = [
        {"found": True, "dice": 0.9, "assd_mm": 0.1, "side_right": True},
        {"found": True, "dice": 0.8, "assd_mm": 0.3, "side_right": False},
        {"found": False},
    ]
    summary = summarise(rows)
    assert summary["cases"] == 3 and summary["found"] == 2 and summary["side_right"] == 1
    assert summary["dice"] == {"mean": pytest.approx(0.85), "worst": 0.8, "cases": 2}
    assert summary["assd_mm"]["worst"] == 0.3
