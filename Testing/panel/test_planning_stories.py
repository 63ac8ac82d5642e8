"""The cochlea's numbers in the panel."""

import re
from dataclasses import replace

import numpy as np
import pytest
import slicer

from InnerEarSegLib.cochlea.catalogue import EXTRAPOLATED
from InnerEarSegLib.cochlea.measurements import signature
from InnerEarSegLib.mrml.measurements import find_measurements
from InnerEarSegLib.mrml.plan import find_plan, shows
from InnerEarSegLib.mrml.plan_parts import find_parts
from InnerEarSegLib.mrml.results import find_results, read_ear
from InnerEarSegLib.mrml.segments import SEGMENT_IDS
from InnerEarSegLib.types import ROUND_WINDOW, Landmark
from Testing.panel.helpers import result_with, segment, with_all_landmarks, write_prepared
from Testing.panel.test_plan_stories import choose_array
from Testing.scene.test_measurements import cell, length


def test_numbers_are_shown_and_are_those_of_the_scene(planned):
    from InnerEarSegLib.panel.measurements_section import key_numbers

    assert planned.ui.measureCollapsibleButton.visible
    text = planned.ui.measurementsLabel.text
    assert planned.side.capitalize() in text and f"{planned.value('a_diameter'):.1f} ±" in text
    line = find_measurements(planned.scene, planned.volume).lines[planned.side, "A"]
    ends = [np.array(line.GetNthControlPointPosition(index)) for index in (0, 1)]
    assert np.linalg.norm(ends[1] - ends[0]) == pytest.approx(planned.value("a_diameter"))
    assert 7.5 < planned.value("a_diameter") < 10.5
    assert "Wall 360°" in text and f"{planned.value('duct_lateral_wall_360'):.1f} ±" in text
    table = find_measurements(planned.scene, planned.volume).table
    assert EXTRAPOLATED in cell(table, "Measured lateral wall, whole", "Remark")
    assert "CDL<br>(formula)" in text
    # What an average cochlea extends begins with ≈ under the ear's button, too.
    cochlea, key = planned.measuring.cochleae[planned.side], "duct_lateral_wall_360"
    items = tuple(replace(x, extrapolated=x.key == key) for x in cochlea.measurements)
    number = f"{planned.value(key):.1f} mm"
    assert key_numbers(cochlea).endswith(f", wall {number}")
    assert key_numbers(replace(cochlea, measurements=items)).endswith(f", wall ≈ {number}")
    # One length makes one angle, whether it is typed here or as the depth of an array's tip.
    ui = planned.ui
    ui.planCollapsibleButton.collapsed = False
    choose_array(planned, 1, "MED-EL FLEX28")  # its last contact is at the tip
    for depth in (20.0, 28.0):
        ui.depth1SpinBox.setValue(depth)
        (reached,) = re.findall(r">((?:≈ )?\d+ ± \d+°)<", ui.planLabel.text)
        ui.insertionSpinBox.setValue(depth)
        assert ui.insertionAngleLabel.text == f"reaches {reached} ({planned.side})."
    ui.insertionSpinBox.setValue(40.0)
    assert ui.insertionAngleLabel.text == f"reaches beyond the apex ({planned.side})."


def test_without_a_duct_the_angle_is_by_formula(planned):
    cochlea = planned.measuring.cochleae[planned.side]
    planned.measuring.cochleae = {planned.side: replace(cochlea, duct=None)}
    planned.ui.insertionSpinBox.setValue(21.0)
    angle = 235.0 * (np.exp(21.0 / (2.62 * cochlea["a_diameter"].value)) - 1.0)
    assert f"≈ {angle:.0f}° by formula ({planned.side})" in planned.ui.insertionAngleLabel.text


def test_without_results_there_is_nothing_to_measure(story):
    story.app.show()
    assert story.ui.segmentButton.visible
    assert not story.ui.measureCollapsibleButton.visible
    assert not story.ui.cochlearViewButton.enabled


def test_corrected_landmarks_and_edited_segments_change_the_numbers(planned):
    before = planned.value("a_diameter")
    results = find_results(planned.scene, planned.volume)
    node = results.landmarks[planned.side]
    index = node.GetControlPointIndexByLabel(ROUND_WINDOW)
    outwards = planned.measuring.cochleae[planned.side].frame.axes[0]
    place = np.array(node.GetNthControlPointPosition(index)) + 0.7 * outwards
    node.SetNthControlPointPosition(index, *place)
    planned.wait(lambda: planned.value("a_diameter") > before + 0.4, what="new numbers")
    assert f"{planned.value('a_diameter'):.1f} ±" in planned.ui.measurementsLabel.text
    planned.ui.undoButton.click()
    planned.wait(lambda: abs(planned.value("a_diameter") - before) < 0.01, what="old numbers")
    # When another CT is chosen at once, the scene has them all the same.
    planned.ui.planCollapsibleButton.collapsed = False
    planned.ui.showPlanButton.click()
    planned.ui.partsCheckBox.click()
    node.SetNthControlPointPosition(index, *place)
    planned.ui.inputSelector.setCurrentNode(planned.add_volume())
    found = find_measurements(planned.scene, planned.volume)
    in_table = float(cell(found.table, "A diameter", planned.side.capitalize()))
    assert in_table > before + 0.4
    assert length(found.lines[planned.side, "A"]) == pytest.approx(in_table, abs=0.006)
    wall = find_plan(planned.volume)[planned.side, "lateral wall"]
    np.testing.assert_allclose(wall.GetNthControlPointPosition(0), place, atol=0.01)
    (parts,) = find_parts(planned.volume).values()
    assert shows(parts, signature(read_ear(results, planned.side)))
    assert parts.GetSegmentation().GetNumberOfSegments() == 5
    planned.ui.inputSelector.setCurrentNode(planned.volume)
    planned.measured()
    node = results.segmentation
    volume = planned.value("labyrinth_volume")
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, SEGMENT_IDS[planned.side])
    array[:2] = 1
    node.GetSegmentation().GetSegment(SEGMENT_IDS[planned.side]).Modified()
    planned.wait(lambda: planned.value("labyrinth_volume") > volume, what="new volume")


def test_a_missing_round_window_is_said(story):
    marks = with_all_landmarks(story.ear).ears[0].landmarks
    left_out = tuple(
        Landmark(mark.name, None if mark.name == ROUND_WINDOW else mark.ras, 0.1) for mark in marks
    )
    write_prepared(result_with(story.ear.result, landmarks=left_out), story.prepared)
    segment(story)
    measuring = story.panel.reviewing.measuring
    story.wait(lambda: measuring.cochleae, what="measurements")
    assert measuring.cochleae[story.ear.side].frame is None
    assert not story.ui.cochlearViewButton.enabled
    assert "round window" in story.ui.cochlearViewButton.toolTip
    assert "needs the A diameter" in story.ui.insertionAngleLabel.text


def test_a_deleted_ear_leaves_neither_numbers_nor_lines(planned):
    results = find_results(planned.scene, planned.volume)
    plan = find_measurements(planned.scene, planned.volume)
    lines = plan.lines_of(planned.side)
    for line in lines:
        line.SetDisplayVisibility(True)  # as the user may, in Data
    planned.scene.RemoveNode(results.landmarks[planned.side])
    planned.wait(lambda: not planned.measuring.cochleae, what="no numbers")
    planned.wait(lambda: not plan.table.GetTable().GetNumberOfRows(), what="an empty table")
    for line in lines:
        statuses = {line.GetNthControlPointPositionStatus(index) for index in (0, 1)}
        assert statuses == {line.PositionMissing}
    assert not planned.ui.measureCollapsibleButton.visible
