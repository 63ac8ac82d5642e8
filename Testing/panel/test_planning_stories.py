"""The cochlea's numbers in the panel, and the views turned to it and back."""

from __future__ import annotations

import numpy as np
import pytest
import slicer

from InnerEarSegLib.results import AUXILIARY, LANDMARKS, ROUND_WINDOW, Landmark
from InnerEarSegLib.scene.cochlear_view import slice_planes, turned_to
from InnerEarSegLib.scene.find_results import find_results
from InnerEarSegLib.scene.matrices import numpy_matrix
from InnerEarSegLib.scene.plan_nodes import find_plan
from InnerEarSegLib.scene.segmentation_node import SEGMENT_IDS
from InnerEarSegLib.scene.volume_node import add_volume
from InnerEarSegLib.scene.window import can_render
from Testing.panel.helpers import result_with, segment, write_prepared
from Testing.panel.two_ears import head, other_ear, prepare_two


def with_all_landmarks(ear):
    """The prepared ear as the networks find it: with auxiliary landmarks, all of them right."""
    from InnerEarSegLib.synthetic.dataset import random_ear

    truth = random_ear(7, 0).landmarks
    marks = {name: Landmark(name, tuple(map(float, truth[name])), 0.9, 0.3) for name in truth}
    return result_with(
        ear.result,
        landmarks=tuple(marks[name] for name in LANDMARKS),
        auxiliary=tuple(marks[name] for name in AUXILIARY),
    )


@pytest.fixture
def planned(story):
    """A CT with results, measured."""
    write_prepared(with_all_landmarks(story.ear), story.prepared)
    story.app.show()
    segment(story)
    story.planning = story.panel.reviewing.planning
    story.measured = lambda: story.wait(lambda: story.planning.plans, what="measurements")
    story.measured()
    story.side = story.ear.side
    return story


def slices(story):
    return {
        name: numpy_matrix(story.scene.GetNodeByID(f"vtkMRMLSliceNode{name}").GetSliceToRAS())
        for name in ("Red", "Yellow", "Green")
    }


def value(story, key):
    return story.planning.plans[story.side][key].value


def test_numbers_are_shown_and_are_those_of_the_scene(planned):
    assert planned.ui.planCollapsibleButton.visible
    text = planned.ui.measurementsLabel.text
    assert planned.side.capitalize() in text and f"{value(planned, 'a_diameter'):.1f} ±" in text
    line = find_plan(planned.scene, planned.volume).lines[planned.side, "A"]
    ends = [np.array(line.GetNthControlPointPosition(index)) for index in (0, 1)]
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(value(planned, "a_diameter"))
    assert 7.5 < value(planned, "a_diameter") < 10.5
    # The insertion angle follows what is typed.
    a = value(planned, "a_diameter")
    for length in (20.0, 28.0):
        planned.ui.insertionSpinBox.setValue(length)
        angle = 235.0 * (np.exp(length / (2.62 * a)) - 1.0)
        assert f"{planned.side} {angle:.0f}°" in planned.ui.insertionAngleLabel.text


def test_without_results_there_is_nothing_to_measure(story):
    story.app.show()
    assert story.ui.segmentButton.visible
    assert not story.ui.planCollapsibleButton.visible
    assert not story.ui.cochlearViewButton.enabled


def test_corrected_landmarks_and_edited_segments_change_the_numbers(planned):
    before = value(planned, "a_diameter")
    node = find_results(planned.scene, planned.volume).landmarks[planned.side]
    index = node.GetControlPointIndexByLabel(ROUND_WINDOW)
    outwards = planned.planning.plans[planned.side].frame.axes[0]
    place = np.array(node.GetNthControlPointPosition(index)) + 0.7 * outwards
    node.SetNthControlPointPosition(index, *place)
    planned.wait(lambda: value(planned, "a_diameter") > before + 0.4, what="new numbers")
    assert f"{value(planned, 'a_diameter'):.1f} ±" in planned.ui.measurementsLabel.text
    planned.ui.undoButton.click()
    planned.wait(lambda: abs(value(planned, "a_diameter") - before) < 0.01, what="old numbers")
    node = find_results(planned.scene, planned.volume).segmentation
    volume = value(planned, "labyrinth_volume")
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, SEGMENT_IDS[planned.side])
    array[:2] = 1
    node.GetSegmentation().GetSegment(SEGMENT_IDS[planned.side]).Modified()
    planned.wait(lambda: value(planned, "labyrinth_volume") > volume, what="new volume")


def test_cochlear_view_and_back(planned):
    before = slices(planned)
    lines = find_plan(planned.scene, planned.volume).lines_of(planned.side)
    assert not any(line.GetDisplayVisibility() for line in lines)
    planned.ui.cochlearViewButton.click()
    planes = slice_planes(planned.volume, planned.planning.plans[planned.side].frame)
    for name, plane in zip(("Red", "Yellow", "Green"), planes, strict=True):
        assert turned_to(planned.scene.GetNodeByID(f"vtkMRMLSliceNode{name}"), plane)
    assert planned.ui.cochlearViewButton.checked
    assert all(line.GetDisplayVisibility() for line in lines)
    if can_render():
        planned.app.draw_views()
        for view in ("Red", "Green", "Yellow"):
            widget = slicer.app.layoutManager().sliceWidget(view)
            widget.mrmlSliceCompositeNode().SetBackgroundVolumeID(planned.volume.GetID())
        assert planned.picture("14_cochlear_view").stat().st_size > 0
    planned.ui.cochlearViewButton.click()
    for name, matrix in slices(planned).items():
        assert np.allclose(matrix, before[name])
    assert not planned.ui.cochlearViewButton.checked
    assert not any(line.GetDisplayVisibility() for line in lines)
    # Another CT turns the views back, too.
    planned.ui.cochlearViewButton.click()
    other = planned.add_volume()
    planned.ui.inputSelector.setCurrentNode(other)
    assert not planned.ui.cochlearViewButton.checked
    assert not planned.ui.planCollapsibleButton.visible
    for name, matrix in slices(planned).items():
        assert np.allclose(matrix[:3, :3], before[name][:3, :3])
    planned.ui.inputSelector.setCurrentNode(planned.volume)
    planned.measured()


def test_a_closed_scene_forgets_all(planned):
    planned.ui.cochlearViewButton.click()
    planned.scene.Clear(0)
    planned.process()
    assert not planned.ui.cochlearViewButton.checked and not planned.planning.plans
    assert not planned.ui.planCollapsibleButton.visible


def test_a_missing_round_window_is_said(story):
    marks = with_all_landmarks(story.ear).ears[0].landmarks
    left_out = tuple(
        Landmark(mark.name, None if mark.name == ROUND_WINDOW else mark.ras, 0.1) for mark in marks
    )
    write_prepared(result_with(story.ear.result, landmarks=left_out), story.prepared)
    segment(story)
    planning = story.panel.reviewing.planning
    story.wait(lambda: planning.plans, what="measurements")
    assert planning.plans[story.ear.side].frame is None
    assert not story.ui.cochlearViewButton.enabled
    assert "round window" in story.ui.cochlearViewButton.toolTip
    assert "needs the A diameter" in story.ui.insertionAngleLabel.text


def test_two_ears_turn_the_view_with_the_ear(story):
    two = add_volume(story.scene, head(story.ear.ct))
    story.ui.inputSelector.setCurrentNode(two)
    prepare_two(story)
    segment(story)
    planning = story.panel.reviewing.planning
    story.wait(lambda: len(planning.plans) == 2, what="measurements")
    story.ui.leftEarButton.click()
    story.ui.cochlearViewButton.click()
    red = story.scene.GetNodeByID("vtkMRMLSliceNodeRed")
    assert turned_to(red, slice_planes(two, planning.plans["left"].frame)[0])
    story.ui.rightEarButton.click()
    assert turned_to(red, slice_planes(two, planning.plans["right"].frame)[0])
    shown = {
        side: [n.GetDisplayVisibility() for n in find_plan(story.scene, two).lines_of(side)]
        for side in ("left", "right")
    }
    assert not any(shown["left"]) and all(shown["right"])
    assert other_ear(story.ear.ear).side in planning.plans
