"""Where things stand on a laptop's screen of 1366 x 768, and that they stay there."""

import pytest
from PySide6.QtCore import QPoint

from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.segments import SEGMENT_IDS
from InnerEarSegLib.panel.worker_process import CANCELLED
from InnerEarSegLib.types import Quality
from Testing.panel.helpers import prepare_two, result_with, write_prepared


@pytest.fixture
def laptop(story):
    """Both ears in a window that fills the screen."""
    story.poor = prepare_two(story).side
    assert story.app.window.size.width() == 1366 and story.app.window.size.height() == 768
    story.app.show()
    story.segment()
    story.process()
    story.area = story.app.window._own.area
    story.buttons = [
        getattr(story.ui, f"{name}Button")
        for name in ("confirm", "edit", "place", "next", "reset", "undo", "redo", "editSegment")
    ]
    return story


def place(story, widget):
    """Top and bottom in the part of the panel that is seen without scrolling."""
    top = widget.mapTo(story.area.widget(), QPoint(0, 0)).y()
    return top, top + widget.height


def test_table_buttons_and_verdicts_are_seen_without_scrolling(laptop):
    ui, seen = laptop.ui, laptop.area.viewport().height
    assert ui.landmarksTable.rowCount == 6 and ui.runCollapsibleButton.collapsed
    widgets = [ui.statusLabel, ui.leftEarButton, ui.leftEarLabel, ui.rightEarLabel]
    widgets += [ui.leftNumbersLabel, ui.landmarksTable, ui.reviewProgressLabel, *laptop.buttons]
    for widget in widgets:
        top, bottom = place(laptop, widget)
        assert 0 <= top < bottom <= seen, (widget.objectName, top, bottom, seen)
    assert laptop.area.horizontalScrollBar().maximum == 0


def test_no_section_makes_the_panel_wider(laptop):
    """3D Slicer's panel takes the width that its module would like, and keeps it."""
    ui, measuring = laptop.ui, laptop.panel.reviewing.measuring
    laptop.wait(lambda: measuring.cochleae and not measuring._pending, 20, "measurements")
    for name in ("run", "options", "measure", "plan", "report"):
        getattr(ui, f"{name}CollapsibleButton").collapsed = False
    ui.array1ComboBox.setCurrentIndex(3)
    ui.depth1SpinBox.setValue(33.0)  # so deep that the table has its longest words
    laptop.process()
    poor = f"<div><b>✗ {laptop.poor.capitalize()} ear: poor, do not plan on it.</b></div><table>"
    assert ui.planLabel.text.startswith(poor)
    assert "beyond – " in ui.planLabel.text and "No drill path" in ui.wayInLabel.text
    assert laptop.area.widget().sizeHint.width() <= laptop.area.viewport().width


def test_nothing_moves_under_the_mouse(laptop):
    before = [place(laptop, button) for button in laptop.buttons]
    laptop.panel.status.say("Short.")
    laptop.process()
    assert [place(laptop, button) for button in laptop.buttons] == before
    reasons = tuple(f"Reason {n}, which takes a line of its own, as it is long." for n in range(6))
    node = find_results(laptop.scene, laptop.volume).landmarks["left"]
    node.SetAttribute("InnerEarSeg.Warnings", "\n".join(reasons))
    for _ in range(4):
        laptop.ui.confirmButton.click()
        laptop.process()
        assert [place(laptop, button) for button in laptop.buttons] == before
        laptop.ui.nextButton.click()
    assert "Reason 5" in laptop.ui.warningsBrowser.plainText


def test_sections_open_by_what_comes_next(story):
    ui = story.ui
    sections = (ui.runCollapsibleButton, ui.reviewCollapsibleButton, ui.measureCollapsibleButton)
    collapsed = lambda: tuple(section.collapsed for section in sections)  # noqa: E731
    story.app.show()
    assert not ui.runCollapsibleButton.collapsed
    story.segment()
    assert collapsed() == (True, False, True)
    assert ui.runCollapsibleButton.text == "Find the labyrinth: Temporal bone"
    story.volume.SetName("Renamed")
    assert ui.runCollapsibleButton.text == "Find the labyrinth: Renamed"
    ui.measureCollapsibleButton.collapsed = False  # as the user likes
    ui.confirmButton.click()
    assert collapsed() == (True, False, False)
    for _ in range(2):
        ui.nextButton.click()
        ui.confirmButton.click()
    assert collapsed() == (True, False, False) and not ui.reportCollapsibleButton.collapsed
    ui.runCollapsibleButton.collapsed = False
    story.segment()
    assert ui.runCollapsibleButton.collapsed  # there is a new result to look at
    ui.inputSelector.setCurrentNode(story.add_volume())
    assert not ui.runCollapsibleButton.collapsed and ui.progressBar.isHidden()


def test_cancel_while_the_result_comes_into_the_scene(story):
    before = story.xml()
    story.ui.segmentButton.click()
    story.wait(lambda: story.ui.statusLabel.text == "Showing the result", 20, "the result")
    story.wait(lambda: story.app.app._own.paused == 1, 5, "the first step")
    own = story.add_volume()  # the user works on meanwhile
    story.ui.cancelButton.click()
    assert story.ui.statusLabel.text == CANCELLED.sentence
    assert not story.panel.running.active and story.app.app._own.paused == 0
    assert story.scene.IsNodePresent(own)
    assert not find_results(story.scene, story.volume)
    display = own.GetDisplayNode()
    story.scene.RemoveNode(own)
    story.scene.RemoveNode(display)
    assert story.xml() == before


def test_a_drag_is_followed_when_it_pauses(story, monkeypatch):
    story.segment()
    review, node = story.panel.reviewing.review, None
    story.wait(lambda: story.panel.reviewing.measuring.cochleae, what="measurements")
    story.ui.editButton.click()
    node = review.node(review.editing)
    measuring, shown = story.panel.reviewing.measuring, []
    table = story.panel.reviewing._table
    monkeypatch.setattr(table, "show", lambda *_: shown.append(1))
    node.InvokeEvent(node.PointStartInteractionEvent)
    for step in range(20):
        node.SetNthControlPointPosition(2, 0.01 * step, 0.0, 0.0)
    assert not shown
    story.wait(lambda: shown, 3, "the pause")
    assert not measuring._pending
    node.InvokeEvent(node.PointEndInteractionEvent)
    assert len(shown) == 2 and measuring._pending


def test_a_removed_segment_has_no_volume(story):
    story.segment()
    side = story.ear.side
    node = find_results(story.scene, story.volume).segmentation
    node.GetSegmentation().RemoveSegment(SEGMENT_IDS[side])
    button = getattr(story.ui, f"{side}EarButton")
    story.wait(lambda: button.text == f"{side.capitalize()} ear", 3, "the volume")


def test_a_ct_that_was_cut_short(story):
    array = story.volume.GetImageData().GetPointData().GetScalars()
    size = story.volume.GetImageData().GetDimensions()
    for index in range(size[0] * size[1] * (size[2] - 5), size[0] * size[1] * size[2]):
        array.SetTuple1(index, 0)
    story.volume.InvokeEvent(story.volume.ImageDataModifiedEvent)
    assert "The last 5 slices are empty" in story.ui.statusLabel.text


def test_a_ct_with_results_is_not_ready_to_be_segmented_alone(story):
    write_prepared(result_with(story.ear.result, quality=Quality("good", ())), story.prepared)
    story.segment()
    story.reopen()
    assert story.ui.statusLabel.text.startswith("This CT has results.")
