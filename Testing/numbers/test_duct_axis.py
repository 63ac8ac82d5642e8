"""The axis of a duct: the same from wherever the landmarks are; distances by hand."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from InnerEarSegLib.cochlea.duct_axis import (
    SurfaceDistance,
    about_axis,
    average_surface,
    duct_frame,
    fit_average,
)
from InnerEarSegLib.cochlea.frame import CochlearFrame
from InnerEarSegLib.cochlea.turns import COURSE
from InnerEarSegLib.cochlea.walls import LabyrinthMask
from InnerEarSegLib.evaluation.average_cochlea import average_cochlea, average_course
from InnerEarSegLib.evaluation.averages import NOT_AVERAGED
from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.io.manifest import read_dataset
from InnerEarSegLib.training.augmentation import random_rotation
from InnerEarSegLib.types import BASAL_TURN, HELICOTREMA, ROUND_WINDOW, Geometry

from .ring import ring_ear


@cache
def masked(root, name):
    """Case, its labels and the frame of its landmarks."""
    case = specimen(root, name).read()
    places = (case.landmarks[each] for each in (BASAL_TURN, ROUND_WINDOW, HELICOTREMA))
    frame = CochlearFrame.of(case.stated_side, *places)
    return case, LabyrinthMask.of(case.labels, case.label_geometry), frame


def degrees_between(a, b):
    return np.degrees(np.arccos(np.clip(a @ b, -1.0, 1.0)))


def test_distances_from_a_ball():
    grid = Geometry(np.diag([0.2, 0.2, 0.2, 1.0]), (61, 61, 61))
    places = grid.to_ras(np.indices(grid.shape)[::-1].transpose(1, 2, 3, 0))
    ball = np.linalg.norm(places - 6.0, axis=-1) <= 3.0
    away = SurfaceDistance(LabyrinthMask.of(ball, grid), np.array([[2.5] * 3, [9.5] * 3]))
    points = np.array([[6.0, 6.0, 7.0], [6.0, 10.0, 6.0], [9.0, 6.0, 6.0]])
    assert away.at(points) == pytest.approx([-2.0, 1.0, 0.0], abs=0.15)
    assert away.gradient(points)[1] == pytest.approx([0.0, 1.0, 0.0], abs=0.05)


def test_an_axis_through_a_place_by_hand():
    frame = CochlearFrame("right", np.zeros(3), np.eye(3))
    found = about_axis(frame, np.array([1.0, 0.0, -5.0]), np.array([0.0, 0.0, 2.0]),
                       np.array([4.0, 0.0, 1.0]))  # fmt: skip
    assert found.origin == pytest.approx([1.0, 0.0, 1.0]) and found.axes == pytest.approx(np.eye(3))


def test_displaced_landmarks_hardly_move_the_axis(specimens):
    """0.4 mm at the basal turn's centre turn the cochlear frame by 8 degrees."""
    case, mask, frame = masked(specimens, "F13")
    window = case.landmarks[ROUND_WINDOW]
    exact = duct_frame(mask, frame, window)
    for sign in (1.0, -1.0):
        center = case.landmarks[BASAL_TURN] + sign * 0.4 * frame.axes[1]
        moved = CochlearFrame.of(case.stated_side, center, window, case.landmarks[HELICOTREMA])
        assert degrees_between(moved.axes[2], frame.axes[2]) > 5.0
        found = duct_frame(mask, moved, window)
        assert degrees_between(found.axes[2], exact.axes[2]) < 1.0
        assert np.linalg.norm(found.origin - exact.origin) < 0.1
    assert degrees_between(exact.axes[2], frame.axes[2]) < 6.0  # as landmarks scatter


@pytest.mark.parametrize("seed", [0, 1])
def test_an_axis_turns_with_the_ear(specimens, seed):
    _, mask, frame = masked(specimens, "F13")
    rotation = np.eye(4)
    rotation[:3, :3] = random_rotation(np.random.default_rng(seed))
    turned = replace(
        mask, geometry=Geometry(rotation @ mask.geometry.ijk_to_ras, mask.geometry.shape)
    )
    axes = frame.axes @ rotation[:3, :3].T
    start = CochlearFrame(frame.side, rotation[:3, :3] @ frame.origin, axes)
    here, misfit = fit_average(mask, frame, average_surface())
    there, _ = fit_average(turned, start, average_surface())
    assert np.allclose(there, rotation @ here, atol=0.01)  # differences along other axes
    assert 0.0 < misfit < 0.1


def test_no_average_is_fitted_to_what_is_no_cochlea():
    mask, geometry, points = ring_ear(np.eye(4))
    frame = CochlearFrame.of("right", *(points[x] for x in (BASAL_TURN, ROUND_WINDOW, HELICOTREMA)))
    ring = LabyrinthMask.of(mask, geometry)
    assert duct_frame(ring, frame, points[ROUND_WINDOW]) is frame
    nothing = LabyrinthMask.of(np.zeros_like(mask), geometry)
    assert fit_average(nothing, frame, average_surface()) is None


@pytest.mark.slow
def test_the_bundled_average_cochlea_is_what_the_command_makes(specimens):
    readers = read_dataset(specimens).readers
    surface = average_cochlea(readers, NOT_AVERAGED)
    assert np.allclose(surface, average_surface(), atol=0.015)
    # A course is followed near the average of an earlier round.
    assert np.allclose([y for _, y in average_course(readers)], COURSE[1], atol=2.0)


def test_the_average_of_one_specimen_is_itself_in_its_own_frame(specimens):
    case, mask, frame = masked(specimens, "F13")
    surface = average_cochlea({"F13": lambda: case}, ())
    assert (
        np.abs(SurfaceDistance(mask, frame.to_ras(surface)).at(frame.to_ras(surface))).max() < 0.1
    )
    to_ras, misfit = fit_average(mask, frame, surface)
    assert misfit < 0.03
    assert to_ras[:3, 3] == pytest.approx(frame.origin, abs=0.02)
    assert to_ras[:3, :3] == pytest.approx(frame.axes.T, abs=0.01)
