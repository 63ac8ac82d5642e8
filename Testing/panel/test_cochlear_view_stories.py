"""The slice views turned to the cochlea and back, whatever happens meanwhile."""

import time

import numpy as np
import pytest
import slicer

from InnerEarSegLib.mrml.cochlear_view import slice_planes
from InnerEarSegLib.mrml.measurements import find_measurements
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import numpy_matrix
from InnerEarSegLib.report.views import can_render
from InnerEarSegLib.types import HELICOTREMA
from Testing.scene.test_cochlear_view import turned_to

VIEWS = ("Red", "Yellow", "Green")


def slice_nodes(story):
    return [story.scene.GetNodeByID(f"vtkMRMLSliceNode{name}") for name in VIEWS]


def slices(story):
    matrices = (numpy_matrix(node.GetSliceToRAS()) for node in slice_nodes(story))
    return dict(zip(VIEWS, matrices, strict=True))


def assert_slices(story, before, tolerance):
    for name, matrix in slices(story).items():
        np.testing.assert_allclose(matrix, before[name], rtol=tolerance, atol=tolerance)


def lines_of(story):
    return find_measurements(story.scene, story.volume).lines_of(story.side)


def landmarks_of(story):
    return find_results(story.scene, story.volume).landmarks[story.side]


def red(story):
    return slice_nodes(story)[0]


def pause(story):
    """Longer than the panel waits before it measures."""
    end = time.monotonic() + 0.6
    story.wait(lambda: time.monotonic() > end)


def correct(story, by=0.4):
    """Moves the helicotrema across the axis, which turns the frame by some degrees."""
    node = landmarks_of(story)
    index = node.GetControlPointIndexByLabel(HELICOTREMA)
    across = story.measuring.cochleae[story.side].frame.axes[1]
    place = np.array(node.GetNthControlPointPosition(index)) + by * across
    node.SetNthControlPointPosition(index, *place)
    return node


def facing(story):
    """The planes that the views should be turned to."""
    return slice_planes(landmarks_of(story), story.measuring.cochleae[story.side].frame)


def test_cochlear_view_and_back(planned):
    before = slices(planned)
    lines = lines_of(planned)
    assert not any(line.GetDisplayVisibility() for line in lines)
    planned.ui.cochlearViewButton.click()
    planes = slice_planes(planned.volume, planned.measuring.cochleae[planned.side].frame)
    assert all(map(turned_to, slice_nodes(planned), planes))
    assert planned.ui.cochlearViewButton.checked
    assert all(line.GetDisplayVisibility() for line in lines)
    if can_render():
        planned.show_ct()
        assert planned.picture("14_cochlear_view").stat().st_size > 0
    planned.ui.cochlearViewButton.click()
    assert_slices(planned, before, 1e-6)
    assert not planned.ui.cochlearViewButton.checked
    assert not any(line.GetDisplayVisibility() for line in lines)
    # Another CT turns the views back, too.
    planned.ui.cochlearViewButton.click()
    other = planned.add_volume()
    planned.ui.inputSelector.setCurrentNode(other)
    assert not planned.ui.cochlearViewButton.checked
    assert not planned.ui.measureCollapsibleButton.visible
    for name, matrix in slices(planned).items():
        assert np.allclose(matrix[:3, :3], before[name][:3, :3])
    planned.ui.inputSelector.setCurrentNode(planned.volume)
    planned.measured()


def test_a_closed_scene_forgets_all(planned):
    planned.ui.cochlearViewButton.click()
    planned.scene.Clear(0)
    planned.process()
    assert not planned.ui.cochlearViewButton.checked and not planned.measuring.cochleae
    assert not planned.ui.measureCollapsibleButton.visible


def test_views_turn_along_with_a_correction_and_keep_zoom_and_place(planned):
    planned.ui.cochlearViewButton.click()
    old = facing(planned)
    red(planned).SetFieldOfView(12.0, 9.0, 1.0)
    red(planned).JumpSliceByOffsetting(*(old[0][:3, 3] + 1.5 * old[0][:3, 2]))
    correct(planned)
    planned.wait(lambda: abs(facing(planned)[0][:3, 2] @ old[0][:3, 2]) < 0.9995, what="new axes")
    planes = facing(planned)
    assert all(map(turned_to, slice_nodes(planned)[1:], planes[1:]))
    plane = planes[0].copy()
    plane[:3, 3] += 1.5 * plane[:3, 2]
    assert turned_to(red(planned), plane)  # still 1.5 mm towards the apex
    assert red(planned).GetFieldOfView() == (12.0, 9.0, 1.0)
    assert planned.ui.cochlearViewButton.checked


def test_views_wait_for_the_end_of_a_drag(planned):
    planned.ui.cochlearViewButton.click()
    before, shown = slices(planned), planned.ui.measurementsLabel.text
    node = landmarks_of(planned)
    node.InvokeEvent(node.PointStartInteractionEvent)
    correct(planned, 0.6)
    pause(planned)  # the hand rests, the button is still pressed
    assert_slices(planned, before, 0)
    assert planned.ui.measurementsLabel.text == shown
    node.InvokeEvent(node.PointEndInteractionEvent)
    planned.wait(lambda: planned.ui.measurementsLabel.text != shown, what="new numbers")
    assert turned_to(red(planned), facing(planned)[0])
    assert not turned_to(red(planned), before["Red"])


@pytest.mark.skipif(not can_render(), reason="no OpenGL library")
def test_a_point_that_was_dragged_in_the_view_stays_in_its_slices(planned):
    from Testing.panel.test_review_stories import drag

    planned.show_ct()
    planned.ui.cochlearViewButton.click()
    planned.ui.landmarksTable.selectRow(0)
    planned.ui.editButton.click()
    old = facing(planned)[0]
    drag(planned, "Red", 14, 10)
    planned.wait(lambda: not np.allclose(facing(planned)[0], old), what="new axes")
    planned.picture("15_cochlear_view_corrected")
    node = landmarks_of(planned)
    place = np.array(node.GetNthControlPointPosition(node.GetControlPointIndexByLabel(HELICOTREMA)))
    for (name, matrix), plane in zip(slices(planned).items(), facing(planned), strict=True):
        assert matrix[:3, 2] @ plane[:3, 2] > 0.9999, name
        assert abs((place - matrix[:3, 3]) @ matrix[:3, 2]) < 0.05, name


def test_pixels_are_square_after_a_window_that_was_resized_meanwhile(planned):
    planned.ui.cochlearViewButton.click()
    width, height, _ = red(planned).GetDimensions()
    logic = slicer.app.layoutManager().sliceWidget("Red").sliceLogic()
    logic.ResizeSliceNode(2 * width, height)
    planned.ui.cochlearViewButton.click()
    field = red(planned).GetFieldOfView()
    assert field[0] / (2 * width) == pytest.approx(field[1] / height)


@pytest.mark.parametrize("which", ["segmentation", "landmarks"])
def test_deleted_results_turn_the_views_back(planned, which):
    before, results = slices(planned), find_results(planned.scene, planned.volume)
    lines = lines_of(planned)
    planned.ui.cochlearViewButton.click()
    node = results.segmentation if which == "segmentation" else results.landmarks[planned.side]
    planned.scene.RemoveNode(node)
    pause(planned)
    assert_slices(planned, before, 1e-6)
    assert not planned.ui.cochlearViewButton.checked
    assert not any(line.GetDisplayVisibility() for line in lines)


def test_a_scene_that_was_saved_with_turned_views_turns_them_back(planned):
    before = slices(planned)
    planned.ui.cochlearViewButton.click()
    turned = slices(planned)
    planned.reopen()
    planned.volume = planned.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    planned.ui.inputSelector.setCurrentNode(planned.volume)
    planned.measured()
    np.testing.assert_allclose(slices(planned)["Red"], turned["Red"], atol=1e-3)
    assert planned.ui.cochlearViewButton.checked
    correct(planned)
    planned.wait(lambda: not turned_to(red(planned), turned["Red"]), what="new axes")
    planned.ui.cochlearViewButton.click()
    assert_slices(planned, before, 1e-3)
    lines = lines_of(planned)
    assert len(lines) == 3 and not any(line.GetDisplayVisibility() for line in lines)
    assert not planned.ui.cochlearViewButton.checked


def test_a_scene_that_is_added_finds_the_views_turned_back(planned, tmp_path):
    before = slices(planned)
    assert planned.scene.WriteToMRB(str(tmp_path / "case.mrb"))
    planned.ui.cochlearViewButton.click()
    lines = lines_of(planned)
    assert planned.scene.ReadFromMRB(str(tmp_path / "case.mrb"), False)
    planned.process()
    assert_slices(planned, before, 1e-3)
    assert not planned.ui.cochlearViewButton.checked
    assert not any(line.GetDisplayVisibility() for line in lines)


def test_views_stay_with_results_whose_folder_is_put_under_a_transform(planned):
    from Testing.panel.test_scene_stories import linear

    results = find_results(planned.scene, planned.volume)
    plan = find_measurements(planned.scene, planned.volume)
    planned.ui.cochlearViewButton.click()
    before = facing(planned)[0]
    transform = linear(planned.scene)
    for node in (*results.nodes, *plan.lines.values()):  # as the folder's transform in Data does
        node.SetAndObserveTransformNodeID(transform.GetID())
    planned.wait(lambda: not turned_to(red(planned), before), what="views at the new place")
    assert turned_to(red(planned), facing(planned)[0])
    correct(planned)
    planned.wait(lambda: not turned_to(red(planned), before), what="views")
    pause(planned)
    assert turned_to(red(planned), facing(planned)[0])
    assert {line.GetTransformNodeID() for line in plan.lines.values()} == {transform.GetID()}
