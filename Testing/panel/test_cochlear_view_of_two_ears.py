"""The Cochlear view of a head: it goes to the ear that the user goes to, or makes way for it."""

import numpy as np
import pytest

from InnerEarSegLib.mrml.cochlear_view import slice_planes
from InnerEarSegLib.mrml.landmarks import AUTOMATIC_POSITION, AUXILIARY_POSITION
from InnerEarSegLib.mrml.measurements import find_measurements
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import nodes_of
from InnerEarSegLib.mrml.segments import segment_center
from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.types import BASAL_TURN, OVAL_WINDOW, ROUND_WINDOW
from Testing.panel.helpers import column, head, prepare_two, segment
from Testing.panel.test_cochlear_view_stories import red, slice_nodes, slices
from Testing.panel.test_scene_stories import grid, linear
from Testing.scene.test_cochlear_view import turned_to

SIDES = ("left", "right")


@pytest.fixture
def two(story):
    """A CT with two measured ears; the slices are at the left one."""
    story.volume = add_volume(story.scene, head(story.ear.ct))
    story.ui.inputSelector.setCurrentNode(story.volume)
    prepare_two(story)
    segment(story)
    story.measuring = story.panel.reviewing.measuring
    story.wait(lambda: len(story.measuring.cochleae) == 2, what="measurements")
    results = find_results(story.scene, story.volume)
    story.landmarks = results.landmarks
    story.middle = {side: segment_center(results.segmentation, side) for side in SIDES}
    story.ui.leftEarButton.click()
    return story


def without_frame(two, side):
    """Takes an ear's round window away."""
    node = two.landmarks[side]
    node.UnsetNthControlPointPosition(node.GetControlPointIndexByLabel(ROUND_WINDOW))
    two.wait(lambda: two.measuring.cochleae[side].frame is None, what="measurements")


def without_landmarks(two, side):
    two.scene.RemoveNode(two.landmarks[side])
    two.wait(lambda: set(two.measuring.cochleae) == {*SIDES} - {side}, what="measurements")


def at_cochlea(two, side):
    """Whether all slices are in its planes, and at its middle."""
    planes = slice_planes(two.landmarks[side], two.measuring.cochleae[side].frame)
    shown = np.array(list(slices(two).values()))
    there = np.allclose(shown[:, :3, 3], np.array(planes)[:, :3, 3], atol=1e-3)
    return there and all(map(turned_to, slice_nodes(two), planes))


def assert_at_ear(two, side, before):
    """The slices have the orientation of before, and are at an ear."""
    for name, matrix in slices(two).items():
        np.testing.assert_allclose(matrix[:3, :3], before[name][:3, :3], atol=1e-6)
        np.testing.assert_allclose(matrix[:3, 3], two.middle[side], atol=1e-3)
    for camera in nodes_of(two.scene, "vtkMRMLCameraNode"):
        np.testing.assert_allclose(camera.GetFocalPoint(), two.middle[side], atol=2.0)


def test_the_views_turn_to_the_cochlea_of_the_ear_that_is_chosen(two):
    before = slices(two)
    red(two).SetFieldOfView(12.0, 9.0, 0.4)
    red(two).SetXYZOrigin(1.0, -0.5, 0.0)
    crosshair = nodes_of(two.scene, "vtkMRMLCrosshairNode")[0]
    two.ui.cochlearViewButton.click()
    assert at_cochlea(two, "left")
    two.ui.rightEarButton.click()
    assert at_cochlea(two, "right")
    lines_of = find_measurements(two.scene, two.volume).lines_of
    for side in SIDES:
        assert {n.GetDisplayVisibility() for n in lines_of(side)} == {side == "right"}
    # Turned back they stay at this ear.
    two.ui.cochlearViewButton.click()
    assert_at_ear(two, "right", before)
    assert red(two).GetFieldOfView() == pytest.approx((12.0, 9.0, 0.4))
    assert red(two).GetXYZOrigin() == (0.0, 0.0, 0.0)
    assert crosshair.GetCrosshairRAS() == pytest.approx(tuple(two.middle["right"]), abs=1e-3)


@pytest.mark.parametrize("without", [without_frame, without_landmarks])
def test_the_view_makes_way_for_an_ear_without_a_frame(two, without):
    without(two, "right")
    before = slices(two)
    two.ui.cochlearViewButton.click()
    assert two.ui.cochlearViewButton.checked and at_cochlea(two, "left")
    two.ui.rightEarButton.click()  # its segment is there
    assert_at_ear(two, "right", before)
    assert not two.ui.cochlearViewButton.checked and not two.ui.cochlearViewButton.enabled
    two.ui.leftEarButton.click()
    two.ui.cochlearViewButton.click()
    assert at_cochlea(two, "left")


def test_the_ear_in_view_goes_back_to_its_planes(two):
    two.ui.cochlearViewButton.click()
    towards_apex = slices(two)["Red"] @ (0.0, 0.0, 3.0, 1.0)
    red(two).JumpSliceByOffsetting(*towards_apex[:3])
    assert not at_cochlea(two, "left")
    two.ui.leftEarButton.click()
    assert two.ui.cochlearViewButton.checked and at_cochlea(two, "left")


def test_a_landmark_that_was_not_found_leads_to_the_planes_of_its_ear(two):
    node, frame = two.landmarks["left"], two.measuring.cochleae["left"].frame
    node.SetAttribute(AUXILIARY_POSITION + BASAL_TURN, "{} {} {}".format(*frame.origin))
    node.SetAttribute(AUTOMATIC_POSITION + OVAL_WINDOW, "")
    node.UnsetNthControlPointPosition(node.GetControlPointIndexByLabel(OVAL_WINDOW))
    two.measuring.update()
    two.ui.cochlearViewButton.click()
    assert at_cochlea(two, "left")
    sides, marks = column(two, 0), column(two, 1)
    row = list(zip(sides, marks, strict=True)).index(("Left", "Oval window"))
    two.ui.landmarksTable.selectRow(row)
    assert two.ui.cochlearViewButton.checked and at_cochlea(two, "left")


@pytest.mark.parametrize("transform", [linear, grid])
def test_the_view_stays_on_when_the_ct_is_moved(two, transform):
    before = slices(two)
    two.ui.rightEarButton.click()
    two.ui.cochlearViewButton.click()
    old = slices(two)
    two.volume.SetAndObserveTransformNodeID(transform(two.scene).GetID())
    assert two.ui.cochlearViewButton.checked and at_cochlea(two, "right")
    assert not np.allclose(old["Red"], slices(two)["Red"])
    two.volume.HardenTransform()
    two.process()
    assert two.ui.cochlearViewButton.checked and at_cochlea(two, "right")
    lines = find_measurements(two.scene, two.volume).lines_of("right")
    assert len(lines) == 3 and all(line.GetDisplayVisibility() for line in lines)
    two.ui.cochlearViewButton.click()
    results = find_results(two.scene, two.volume)
    two.middle["right"] = segment_center(results.segmentation, "right")
    assert_at_ear(two, "right", before)
    two.ui.cochlearViewButton.click()  # of the ear that the user is at
    assert at_cochlea(two, "right")
