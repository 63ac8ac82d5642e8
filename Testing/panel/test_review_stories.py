"""Checking and correcting landmarks, with the mouse in rendered views and with keys."""

import numpy as np
import pytest
import slicer
import vtk

from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import numpy_matrix
from InnerEarSegLib.mrml.segments import SEGMENT_IDS, segment_volume
from InnerEarSegLib.types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, Landmark
from Testing.panel.helpers import column, result_with, segment, write_prepared


@pytest.fixture
def reviewed(story):
    """A CT with results."""
    segment(story)
    story.side = story.ear.side
    story.table = story.ui.landmarksTable
    story.node = find_results(story.scene, story.volume).landmarks[story.side]
    story.review = story.panel.reviewing.review
    story.edits = lambda name: story.review.editing == (story.side, name)
    return story


@pytest.fixture
def drawn(reviewed):
    """The same, in views that take the mouse."""
    if not reviewed.app.draw_views():
        pytest.skip("no OpenGL library")
    reviewed.app.show()
    return reviewed


def position(story, name):
    return np.array(story.node.GetNthControlPointPosition(
        story.node.GetControlPointIndexByLabel(name)))  # fmt: skip


def assert_found(story, name):
    """A landmark is where the network put it."""
    np.testing.assert_allclose(position(story, name), story.ear.found[name], atol=1e-3)


def slice_center(story, name="Red"):
    node = story.scene.GetNodeByID(f"vtkMRMLSliceNode{name}")
    return numpy_matrix(node.GetSliceToRAS())[:3, 3]


def drag(story, view_name, dx, dy, button=None):
    """Presses the mouse in the middle of a slice view, moves and releases it."""
    from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
    from PySide6.QtGui import QEnterEvent
    from PySide6.QtTest import QTest

    button = button or Qt.MouseButton.LeftButton
    view = slicer.app.layoutManager().sliceWidget(view_name).sliceView()
    middle = QPoint(view.width // 2, view.height // 2)
    view.enterEvent(QEnterEvent(QPointF(middle), QPointF(middle), QPointF(middle)))
    QTest.mouseMove(view, middle)
    story.process()
    view.forceRender()
    QTest.mouseMove(view, middle + QPoint(1, 0))
    QTest.mousePress(view, button, Qt.KeyboardModifier.NoModifier, middle)
    for step in range(1, 6):
        QTest.mouseMove(view, middle + QPoint(dx * step // 5, dy * step // 5))
        story.process()
    QTest.mouseRelease(view, button, Qt.KeyboardModifier.NoModifier, middle + QPoint(dx, dy))
    view.leaveEvent(QEvent(QEvent.Type.Leave))
    story.process()


def millimetres_per_pixel(view_name="Red"):
    widget = slicer.app.layoutManager().sliceWidget(view_name)
    return widget.mrmlSliceNode().GetFieldOfView()[0] / widget.sliceView().width


def press(story, key, widget=None):
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    shift = Qt.KeyboardModifier.ShiftModifier if key.isupper() else Qt.KeyboardModifier.NoModifier
    QTest.keyClick(widget or story.table, getattr(Qt.Key, f"Key_{key.upper()}"), shift)
    story.process()


def test_the_uncertain_landmark_comes_first(reviewed):
    assert column(reviewed, 1) == ["Helicotrema", "Oval window", "Round window"]
    assert column(reviewed, 2) == ["automatic", "automatic", "⚠ automatic"]
    assert column(reviewed, 3) == ["± 0.4 mm", "± 0.3 mm", "± 0.9 mm (low)"]
    assert column(reviewed, 4) == ["0 mm"] * 3
    assert reviewed.table.currentRow() == 2
    np.testing.assert_allclose(slice_center(reviewed), position(reviewed, ROUND_WINDOW), atol=1e-3)
    assert "uncertain" in reviewed.ui.warningsBrowser.plainText
    assert reviewed.ui.reviewCollapsibleButton.text == "Check the landmarks: 3 of 3 left"
    assert reviewed.ui.reviewProgressLabel.text.startswith("Is the round window right?")


def test_a_row_turns_all_views_to_its_landmark(reviewed):
    for row, name in enumerate((HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)):
        reviewed.table.selectRow(row)
        for view in ("Red", "Green", "Yellow"):
            np.testing.assert_allclose(
                slice_center(reviewed, view), position(reviewed, name), atol=1e-3
            )
        crosshair = reviewed.scene.GetFirstNodeByClass("vtkMRMLCrosshairNode")
        np.testing.assert_allclose(crosshair.GetCrosshairRAS(), position(reviewed, name), atol=1e-3)


def test_drag_confirm_undo_redo_reset(drawn):
    before = position(drawn, ROUND_WINDOW)
    drag(drawn, "Red", 40, 0)
    np.testing.assert_allclose(position(drawn, ROUND_WINDOW), before)  # locked
    drawn.table.selectRow(2)
    drawn.ui.editButton.click()
    assert drawn.edits(ROUND_WINDOW) and drawn.ui.editButton.checked
    drag(drawn, "Red", 40, 0)
    moved = np.linalg.norm(position(drawn, ROUND_WINDOW) - before)
    assert moved == pytest.approx(40 * millimetres_per_pixel(), rel=0.1)
    assert column(drawn, 2)[2] == "✎ corrected"
    assert column(drawn, 4)[2] == f"{moved:.2f} mm"
    for name in (HELICOTREMA, OVAL_WINDOW):
        assert_found(drawn, name)
    drawn.ui.confirmButton.click()
    assert column(drawn, 2)[2] == "✓ corrected" and drawn.node.GetLocked()
    corrected = position(drawn, ROUND_WINDOW)
    drag(drawn, "Red", -30, 10)
    np.testing.assert_allclose(position(drawn, ROUND_WINDOW), corrected)  # locked again
    drawn.ui.undoButton.click()  # the confirmation
    assert column(drawn, 2)[2] == "corrected"
    drawn.ui.undoButton.click()  # the drag, as one step
    np.testing.assert_allclose(position(drawn, ROUND_WINDOW), before)
    assert column(drawn, 2)[2] == "⚠ automatic" and not drawn.ui.undoButton.enabled
    drawn.ui.redoButton.click()
    drawn.ui.redoButton.click()
    assert column(drawn, 2)[2] == "✓ corrected" and not drawn.ui.redoButton.enabled
    drawn.ui.resetButton.click()
    np.testing.assert_allclose(position(drawn, ROUND_WINDOW), before, atol=1e-3)
    assert column(drawn, 4)[2] == "0 mm"


def test_a_middle_drag_moves_only_the_unlocked_point(drawn):
    from PySide6.QtCore import Qt

    drawn.ui.editButton.click()
    drag(drawn, "Red", 30, 0, Qt.MouseButton.MiddleButton)
    for name in (HELICOTREMA, OVAL_WINDOW):
        assert_found(drawn, name)


def test_a_right_click_ends_placing(drawn):
    """Slicer binds no Escape there."""
    from PySide6.QtCore import Qt

    before = drawn.xml()
    drawn.ui.placeButton.click()
    text = drawn.ui.reviewProgressLabel.text
    assert "right click leaves it as it was" in text and "Esc" not in text
    drag(drawn, "Red", 0, 0, Qt.MouseButton.RightButton)
    assert drawn.review.placing is None and not drawn.ui.placeButton.checked
    assert_found(drawn, ROUND_WINDOW)
    assert before.count("<MarkupsFiducial") == drawn.xml().count("<MarkupsFiducial")


def test_place_by_one_click(drawn):
    drawn.table.selectRow(1)
    drawn.ui.placeButton.click()
    assert drawn.ui.placeButton.checked
    assert "Click in a view" in drawn.ui.reviewProgressLabel.text
    target = position(drawn, OVAL_WINDOW)
    drag(drawn, "Green", 0, 0)
    assert not drawn.ui.placeButton.checked
    assert drawn.node.GetNumberOfControlPoints() == 3
    # One click in the middle of a view that was centred on the landmark puts it there again.
    assert np.linalg.norm(position(drawn, OVAL_WINDOW) - target) < 0.2
    drag(drawn, "Green", 25, 0)  # and it can be dragged at once
    assert column(drawn, 2)[1] == "✎ corrected"
    drawn.ui.confirmButton.click()
    assert column(drawn, 2)[1] == "✓ corrected"


def test_a_landmark_that_was_not_found(reviewed):
    ear = reviewed.ear.ear
    marks = (ear.landmarks[0], Landmark(OVAL_WINDOW, None, 0.05), ear.landmarks[2])
    write_prepared(result_with(reviewed.ear.result, landmarks=marks), reviewed.prepared)
    reviewed.segment()
    assert column(reviewed, 2) == ["automatic", "⚠ not found", "⚠ automatic"]
    assert reviewed.table.currentRow() == 1 and column(reviewed, 4)[1] == "–"
    assert not reviewed.ui.editButton.enabled and reviewed.ui.placeButton.enabled
    reviewed.ui.placeButton.click()
    active = reviewed.scene.GetFirstNodeByClass("vtkMRMLSelectionNode").GetActivePlaceNodeID()
    target = reviewed.scene.GetNodeByID(active)
    target.AddControlPoint(vtk.vtkVector3d(*reviewed.ear.truth[OVAL_WINDOW]))  # the click
    reviewed.process()
    assert not reviewed.scene.IsNodePresent(target)
    assert column(reviewed, 2)[1] == "✎ placed by hand" and column(reviewed, 3)[1] == "–"
    reviewed.ui.confirmButton.click()
    assert column(reviewed, 2)[1] == "✓ placed by hand"
    reviewed.ui.resetButton.click()
    assert column(reviewed, 2)[1] == "⚠ not found"


def test_next_leads_through_all(reviewed):
    seen = [reviewed.table.currentRow()]
    for _ in range(3):
        reviewed.ui.confirmButton.click()
        if reviewed.ui.nextButton.enabled:
            reviewed.ui.nextButton.click()
            seen.append(reviewed.table.currentRow())
    assert seen == [2, 0, 1]
    assert column(reviewed, 2) == ["✓ confirmed"] * 3
    assert reviewed.ui.reviewProgressLabel.text.startswith("All landmarks are checked")


def test_keys_work_in_the_panel_only(reviewed):
    from PySide6.QtTest import QTest

    reviewed.app.show()
    reviewed.app.window.activateWindow()
    reviewed.table.setFocus()
    story = reviewed
    for key, state, row, editing, placing in (
        ("c", "✓ confirmed", 2, None, None),
        ("n", "✓ confirmed", 0, None, None),
        ("e", "✓ confirmed", 0, HELICOTREMA, None),
        ("e", "✓ confirmed", 0, None, None),
        ("u", "⚠ automatic", 2, None, None),
        ("U", "✓ confirmed", 2, None, None),
        ("r", "⚠ automatic", 2, None, None),
        ("p", "⚠ automatic", 2, None, ROUND_WINDOW),
        ("p", "⚠ automatic", 2, None, None),
    ):
        press(story, key)
        assert (column(story, 2)[2], story.table.currentRow()) == (state, row), key
        now = story.review.editing, story.review.placing
        assert now == tuple(name and (story.side, name) for name in (editing, placing)), key
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    view.setFocus()
    QTest.keyClicks(view, "cer")
    combo = story.ui.inputSelector
    combo.setFocus()
    QTest.keyClicks(combo, "c")
    assert column(story, 2) == ["automatic", "automatic", "⚠ automatic"]
    for name, key in {"next": "N", "confirm": "C", "edit": "E", "reset": "R"}.items():
        assert f"Key: {key}" in getattr(story.ui, f"{name}Button").toolTip


def test_keys_work_in_the_views_while_a_landmark_is_edited(reviewed):
    """After a drag the focus is in the view."""
    story, ui = reviewed, reviewed.ui
    story.app.show()
    story.app.window.activateWindow()
    view = slicer.app.layoutManager().sliceWidget("Red").sliceView()
    ui.editButton.click()
    story.node.SetNthControlPointPosition(2, *(position(story, ROUND_WINDOW) + (0, 0, 1.5)))
    ui.optionsCollapsibleButton.collapsed = False
    for widget in (ui.earsComboBox, ui.modelLineEdit.comboBox().lineEdit()):
        widget.setFocus()
        assert widget.hasFocus()
        press(story, "c", widget)
        assert column(story, 2)[2] == "✎ corrected"
    view.setFocus()
    press(story, "c", view)
    assert column(story, 2)[2] == "✓ corrected"
    assert ui.landmarksTable.hasFocus()  # so that the next key is heard
    view.setFocus()
    press(story, "r", view)
    assert column(story, 2)[2] == "✓ corrected"  # nothing is edited any more
    ui.placeButton.click()
    view.setFocus()
    press(story, "p", view)
    assert story.review.placing is None and ui.landmarksTable.hasFocus()
    ui.editButton.click()
    assert ui.reviewProgressLabel.text.startswith("Drag the")  # also one that was confirmed
    ui.modelLineEdit.comboBox().lineEdit().setFocus()
    story.review.lock()
    assert ui.modelLineEdit.comboBox().lineEdit().hasFocus()  # never taken from where she types


def test_a_point_moved_from_python_shows_as_corrected(reviewed):
    reviewed.ui.confirmButton.click()
    reviewed.node.SetNthControlPointPosition(2, *(position(reviewed, ROUND_WINDOW) + (0, 0, 1.5)))
    assert column(reviewed, 2)[2] == "corrected" and column(reviewed, 4)[2] == "1.50 mm"
    reviewed.ui.undoButton.click()
    assert column(reviewed, 2)[2] == "✓ confirmed"
    reviewed.node.SetNthControlPointPositionMissing(2)
    assert column(reviewed, 2)[2] == "removed by hand"
    said = reviewed.ui.reviewProgressLabel.text
    label = reviewed.ui.reviewProgressLabel
    assert label.fontMetrics().horizontalAdvance(said) <= 374, "wider than a laptop's panel"
    assert said == "Removed by hand: Place the round window, or Confirm."


def test_the_volume_follows_what_is_edited(reviewed):
    results = find_results(reviewed.scene, reviewed.volume)
    button = getattr(reviewed.ui, f"{reviewed.side}EarButton")
    before = button.text
    reviewed.ui.editSegmentButton.click()
    name = SEGMENT_IDS[reviewed.side]
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(results.segmentation, name)
    array[: array.shape[0] // 2] = 0
    image = slicer.vtkOrientedImageData()
    results.segmentation.GetBinaryLabelmapRepresentation(name, image)
    # What an effect of the Segment Editor does in the end.
    slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(
        image, results.segmentation, name,
        slicer.vtkSlicerSegmentationsModuleLogic.MODE_REPLACE, image.GetExtent(),
    )  # fmt: skip
    reviewed.wait(lambda: button.text != before, 3, "the new volume")
    stored = segment_volume(results.segmentation, reviewed.side)
    assert 0.2 * reviewed.ear.ear.volume_mm3 < stored < 0.8 * reviewed.ear.ear.volume_mm3
    assert f"{stored:.0f} mm³" in button.text


def test_a_script_is_faster_than_the_click(reviewed):
    reviewed.table.selectRow(1)
    reviewed.ui.placeButton.click()
    reviewed.node.SetNthControlPointPosition(1, *np.add(reviewed.ear.found[OVAL_WINDOW], 1.0))
    assert reviewed.review.placing is None and not reviewed.ui.placeButton.checked
    assert column(reviewed, 2)[1] == "corrected"
    reviewed.ui.undoButton.click()
    assert_found(reviewed, OVAL_WINDOW)


def test_placing_that_is_given_up_leaves_no_trace(reviewed):
    before = reviewed.xml()
    reviewed.ui.placeButton.click()
    interaction = reviewed.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)  # as another tool does
    reviewed.process()
    assert reviewed.review.placing is None and reviewed.xml() == before


def test_leaving_the_module_locks(reviewed):
    reviewed.ui.editButton.click()
    assert not reviewed.node.GetLocked()
    slicer.util.selectModule("Welcome")
    assert reviewed.node.GetLocked() and reviewed.review.editing is None
    slicer.util.selectModule("InnerEarSeg")
    reviewed.ui.placeButton.click()
    slicer.util.selectModule("Welcome")
    assert_found(reviewed, ROUND_WINDOW)


def test_accuracy_in_words(story):
    from InnerEarSegLib.panel.table import accuracy_words

    words = [accuracy_words(*given) for given in
             ((0.95, 0.42), (0.3, 0.42), (0.95, None), (0.6, None), (0.2, None))]  # fmt: skip
    assert words == ["± 0.4 mm", "± 0.4 mm (low)", "high (0.95)", "fair (0.60)", "low (0.20)"]
