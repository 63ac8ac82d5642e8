"""Both ears of one CT, through whole stories; what the panel says about their quality."""

import numpy as np
import pytest
import slicer

from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.segments import SEGMENT_IDS, segment_center, segment_volume
from InnerEarSegLib.report.figures import COLORS
from InnerEarSegLib.types import HELICOTREMA, LANDMARKS, ROUND_WINDOW, Quality
from Testing.panel.helpers import column, prepare_two, result_with, write_prepared
from Testing.panel.test_review_stories import slice_center


def verdict(story, side):
    return getattr(story.ui, f"{side}EarLabel").text


AUTOMATIC, LEFT, RIGHT, BOTH = range(4)


@pytest.fixture
def both(story):
    """A CT with both ears found."""
    story.other = prepare_two(story)
    story.one = story.ear.ear
    story.segment()
    story.table = story.ui.landmarksTable
    story.results = find_results(story.scene, story.volume)
    return story


def test_two_segments_and_two_lists(both):
    segments = both.results.segmentation.GetSegmentation()
    assert segments.GetNumberOfSegments() == 2
    for ear in (both.one, both.other):
        segment = segments.GetSegment(SEGMENT_IDS[ear.side])
        assert segment.GetName() == f"Labyrinth {ear.side}"
        np.testing.assert_allclose(
            segment.GetColor(), np.divide(COLORS[ear.side], 255.0), atol=1e-6
        )
        assert f"{ear.side.capitalize()}" in segment.GetTerminology()
        size = segment_volume(both.results.segmentation, ear.side)
        assert size == pytest.approx(ear.volume_mm3, rel=0.02)
        node = both.results.landmarks[ear.side]
        assert node.GetName() == f"Landmarks {ear.side}"
        for mark in ear.landmarks:
            index = node.GetControlPointIndexByLabel(mark.name)
            np.testing.assert_allclose(node.GetNthControlPointPosition(index), mark.ras, atol=1e-3)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 1


def test_what_is_said(both):
    ui = both.ui
    assert ui.statusLabel.text.startswith("Found: both ears.")
    assert f"Do not plan on the {both.other.side} one" in ui.statusLabel.text
    for ear in (both.one, both.other):
        button = getattr(ui, f"{ear.side}EarButton")
        assert not button.isHidden()
        text = f"{ear.side.capitalize()} ear, {ear.volume_mm3:.0f} mm³"
        both.wait(lambda button=button, text=text: button.text == text, 5, "the volume")
    assert verdict(both, both.one.side) == "<b>⚠ Wants a check</b>"
    assert verdict(both, both.other.side) == "<b>✗ Poor, do not plan on it</b>"
    text = ui.warningsBrowser.plainText
    assert f"⚠ {both.one.side.capitalize()}: The round window is uncertain" in text
    assert f"⚠ {both.other.side.capitalize()}: The cochlea has 1.2 turns" in text


def test_the_table_has_both_and_the_first_doubt_of_all(both):
    assert column(both, 0) == ["Left"] * 3 + ["Right"] * 3
    assert column(both, 1) == [name.capitalize() for name in LANDMARKS] * 2
    review = both.panel.reviewing.review
    assert both.panel.reviewing._table.selected == (both.other.side, HELICOTREMA)
    near = slice_center(both) - both.other.landmarks[0].ras
    np.testing.assert_allclose(near, 0, atol=1e-3)
    both.ui.confirmButton.click()
    both.ui.nextButton.click()
    assert both.panel.reviewing._table.selected == (both.one.side, ROUND_WINDOW)
    np.testing.assert_allclose(slice_center(both), both.one.landmarks[2].ras, atol=1e-3)
    assert both.ui.reviewCollapsibleButton.text == "Check the landmarks: 5 of 6 left"
    for _ in range(5):
        both.ui.confirmButton.click()
        if both.ui.nextButton.enabled:
            both.ui.nextButton.click()
    assert all(mark.confirmed for mark in review.landmarks.values())
    assert both.ui.reviewProgressLabel.text.startswith("All landmarks are checked")
    assert verdict(both, both.one.side) == "<b>✓ Checked by you</b>"
    assert "Poor" in verdict(both, both.other.side)  # checking does not make it good


def test_steps_on_both_ears_are_undone_in_their_order(both):
    for row in (0, 5):
        both.table.selectRow(row)
        both.ui.confirmButton.click()
    both.ui.undoButton.click()
    assert column(both, 2)[0].startswith("✓") and not column(both, 2)[5].startswith("✓")
    assert both.table.currentRow() == 5
    both.ui.undoButton.click()
    assert not column(both, 2)[0].startswith("✓") and both.table.currentRow() == 0
    both.ui.redoButton.click()
    both.ui.redoButton.click()
    assert column(both, 2)[5].startswith("✓")


def test_editing_one_ear_leaves_the_other_locked(both):
    both.table.selectRow(4)
    both.ui.editButton.click()
    assert both.results.landmarks["left"].GetLocked()
    assert not both.results.landmarks["right"].GetLocked()
    both.table.selectRow(0)  # going elsewhere locks
    assert both.results.landmarks["right"].GetLocked()


def test_buttons_turn_the_views(both):
    for ear in (both.one, both.other, both.one):
        getattr(both.ui, f"{ear.side}EarButton").click()
        middle = segment_center(both.results.segmentation, ear.side)
        np.testing.assert_allclose(slice_center(both), middle, atol=0.01)
        camera = both.scene.GetFirstNodeByClass("vtkMRMLCameraNode")
        assert np.linalg.norm(np.subtract(camera.GetFocalPoint(), middle)) < 10


def test_edit_segment_opens_the_ear_of_the_row(both):
    both.table.selectRow(4)
    both.ui.editSegmentButton.click()
    editor = slicer.util.getModuleWidget("SegmentEditor").editor
    assert slicer.util.selectedModule() == "SegmentEditor"
    assert editor.segmentationNode() is both.results.segmentation
    assert editor.sourceVolumeNode() is both.volume
    assert editor.currentSegmentID() == SEGMENT_IDS["right"]


def test_a_saved_scene_opens_with_its_choices_and_results(both):
    def states():
        marks = both.panel.reviewing.review.landmarks
        return [(key, mark.state, mark.confirmed) for key, mark in marks.items()]

    both.table.selectRow(5)
    both.ui.confirmButton.click()
    both.ui.earsComboBox.setCurrentIndex(LEFT)
    before, text = states(), both.ui.warningsBrowser.plainText
    both.reopen()
    assert states() == before and any(confirmed for *_, confirmed in before)
    assert both.ui.inputSelector.currentNode().GetName() == "Temporal bone"
    assert both.ui.earsComboBox.currentText == "Left only"
    assert both.ui.warningsBrowser.plainText == text and "Poor" in verdict(both, both.other.side)
    for side in ("left", "right"):
        assert not getattr(both.ui, f"{side}EarButton").isHidden()


def test_one_of_two_ears(story):
    other = prepare_two(story)
    story.ui.earsComboBox.setCurrentIndex({"left": LEFT, "right": RIGHT}[other.side])
    story.segment()
    assert set(find_results(story.scene, story.volume).landmarks) == {other.side}
    assert getattr(story.ui, f"{story.ear.side}EarButton").isHidden()
    story.ui.earsComboBox.setCurrentIndex(AUTOMATIC)
    story.segment()  # the other ear joins
    assert set(find_results(story.scene, story.volume).landmarks) == {"left", "right"}


def test_both_asked_and_one_found_and_then_both(story):
    story.ui.earsComboBox.setCurrentIndex(BOTH)
    story.segment()
    assert story.ui.statusLabel.text.startswith(
        f"Both ears were asked for, and only the {story.ear.side} one was found. Found: "
    )
    assert set(find_results(story.scene, story.volume).landmarks) == {story.ear.side}
    prepare_two(story)
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found: both ears")


def test_the_second_run_finds_one_ear_less(both):
    both.table.selectRow(3)
    both.ui.confirmButton.click()
    write_prepared(both.ear.result, both.prepared)
    both.segment()
    results = find_results(both.scene, both.volume)
    assert set(results.landmarks) == {"left", "right"}
    assert results.segmentation.GetSegmentation().GetNumberOfSegments() == 2
    assert both.table.rowCount == 6


VERDICTS = {"good": "✓ Good", "check": "⚠ Wants a check", "poor": "✗ Poor, do not plan on it"}


@pytest.mark.parametrize("quality", VERDICTS)
def test_the_verdict_is_said_in_words(story, quality):
    reasons = () if quality == "good" else ("The labyrinth <is> torn.",)
    changed = result_with(story.ear.result, quality=Quality(quality, reasons))
    write_prepared(changed, story.prepared)
    story.segment()
    assert verdict(story, story.ear.side) == f"<b>{VERDICTS[quality]}</b>"
    text = story.ui.warningsBrowser.plainText
    assert ("⚠ The labyrinth <is> torn." in text) == bool(reasons)
