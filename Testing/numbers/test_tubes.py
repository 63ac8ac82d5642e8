"""Cores of tubes and septa between turns, on shapes whose middles are known."""

import numpy as np
import torch

from InnerEarSegLib.training.cases import TrainingCase
from InnerEarSegLib.training.tubes import core_loss, septum_loss, tube_maps
from InnerEarSegLib.types import Geometry

SPACING = 0.2
SHAPE = (20, 40, 60)
MATRIX = np.array([[0, -SPACING, 0, 7], [SPACING, 0, 0, -3], [0, 0, SPACING, 2], [0, 0, 0, 1.0]])
GRID = Geometry(MATRIX, SHAPE)
LANDMARKS = {
    "helicotrema": GRID.to_ras(np.array([5.0, 20.0, 10.0])),
    "oval window": GRID.to_ras(np.array([40.0, 20.0, 10.0])),
}
"""Behind the oval window, give or take 0.5 mm, is i > 37.5."""


def rods(*boxes):
    """A specimen of rods along k, each (first i, last i, first j, last j)."""
    labels = np.zeros(SHAPE, np.uint8)
    for i, last_i, j, last_j in boxes:
        labels[:, j : last_j + 1, i : last_i + 1] = 1
    ct = np.zeros(SHAPE, np.int16)
    return TrainingCase("rods", ct, labels, GRID, LANDMARKS, "right")


def test_the_core_of_a_canal_is_its_middle():
    maps = tube_maps(rods((46, 50, 10, 14), (45, 53, 25, 33)))
    expected = np.zeros(SHAPE, np.float32)
    # 5 voxels wide: 0, 0.2 and 0.4 mm deep; the core is from 0.22 mm on.
    expected[:, 12, 48] = 1.0
    # 9 voxels wide: up to 0.8 mm deep; the core is from 0.44 mm on.
    expected[:, 28:31, 48:51] = 1.0
    assert np.array_equal(maps.core, expected) and not maps.septum.any()


def test_the_cochlea_s_core_weighs_less_and_a_vestibule_has_none():
    case = rods((10, 14, 10, 14))
    _, j, i = np.indices(SHAPE)
    case.labels[np.hypot(i - 50, j - 26) < 6.5] = 1  # 1.2 mm deep
    maps = tube_maps(case)
    expected = np.zeros(SHAPE, np.float32)
    expected[:, 12, 12] = 0.3
    assert np.array_equal(maps.core, expected)


def test_the_septum_is_the_middle_of_the_bone_between_turns():
    # Three voxels of bone, 0.2, 0.4 and 0.2 mm from the turns.
    maps = tube_maps(rods((20, 24, 10, 14), (20, 24, 18, 22)))
    places = np.argwhere(maps.septum)
    assert set(places[:, 1]) == {16} and {21, 22, 23} <= set(places[:, 2])
    # The turns end at the grid's first and last slice, so that less lies between them there.
    assert maps.septum[1:-1, 16, 22].all() and set(np.unique(maps.septum)) == {0.0, 1.0}


def test_bone_between_canals_or_far_apart_turns_is_no_septum():
    canals = tube_maps(rods((44, 48, 10, 14), (44, 48, 18, 22)))
    apart = tube_maps(rods((20, 24, 5, 9), (20, 24, 20, 24)))  # 10 voxels of bone
    assert not canals.septum.any() and not apart.septum.any()


def test_without_labels_or_landmarks_there_are_no_maps():
    whole = rods((20, 24, 10, 14))
    unlabelled = TrainingCase("x", whole.ct, None, GRID, LANDMARKS, "right")
    unmarked = TrainingCase("x", whole.ct, whole.labels, GRID, {}, "right")
    assert tube_maps(unlabelled) is None and tube_maps(unmarked) is None


def test_losses_by_hand():
    marked = torch.zeros(2, 1, 2, 2, 2)
    marked[0, 0, 0, 0] = 1.0  # two voxels in the first patch, none in the second
    half = torch.full((2, 1, 2, 2, 2), 0.5)
    # One of two found, and one more for both: 1 - 2 / 3.
    assert torch.allclose(core_loss(half, marked), torch.tensor([1 / 3, 0.0]))
    assert torch.allclose(core_loss(marked, marked), torch.zeros(2))
    assert torch.allclose(septum_loss(half, marked), torch.tensor([1 / 3, 0.0]))
    assert torch.allclose(septum_loss(1 - marked, marked), torch.zeros(2))
