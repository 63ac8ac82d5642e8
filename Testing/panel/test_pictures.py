"""Pictures of the panel's main states, to look at: Testing/output/panel_*.png."""

import pytest
import slicer

from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.report.views import can_render
from Testing.panel.helpers import PICTURES, head, prepare_two, segment, start_and_hang

pytestmark = pytest.mark.skipif(not can_render(), reason="no OpenGL library")


@pytest.fixture
def drawn(story):
    story.show_ct()
    slicer.app.layoutManager().resetSliceViews()
    story.app.show()
    return story


def test_running_and_its_ends(drawn):
    ui = drawn.ui
    ui.inputSelector.setCurrentNode(None)
    assert drawn.picture("1_empty").stat().st_size > 0
    ui.inputSelector.setCurrentNode(drawn.volume)
    ui.optionsCollapsibleButton.collapsed = False
    drawn.picture("2_ready")
    ui.optionsCollapsibleButton.collapsed = True
    start_and_hang(drawn)
    ui.detailsButton.click()
    drawn.picture("3_running")
    ui.detailsButton.click()
    ui.cancelButton.click()
    drawn.wait(lambda: not drawn.panel.running.active, 3)
    drawn.picture("4_cancelled")
    drawn.mode = "unusable"
    segment(drawn)
    drawn.picture("5_failed")


def test_results_and_review(drawn):
    from Testing.panel.test_review_stories import drag

    segment(drawn)
    drawn.table = drawn.ui.landmarksTable
    drawn.picture("6_results_uncertain_first")
    drawn.ui.editButton.click()
    drag(drawn, "Red", 18, -12)
    drawn.picture("7_editing")
    light = drawn.app.app.palette()
    drawn.app.app.setPalette(dark_palette())
    drawn.picture("16_editing_dark")
    drawn.app.app.setPalette(light)
    for button in ("confirm", "next", "confirm", "next", "confirm"):
        getattr(drawn.ui, f"{button}Button").click()
    assert "All landmarks are checked" in drawn.ui.reviewProgressLabel.text
    drawn.picture("8_checked")
    drawn.wait(lambda: drawn.ui.cochlearViewButton.enabled, what="measurements")
    drawn.ui.cochlearViewButton.click()
    drawn.wait(lambda: drawn.panel.reviewing.measuring._view.active, what="the Cochlear view")
    drawn.picture("14_cochlear_view")


def dark_palette():
    """Roughly that of Slicer's dark style."""
    from PySide6.QtGui import QColor, QPalette

    palette = QPalette(QColor(53, 53, 53))
    palette.setColor(QPalette.ColorRole.Base, QColor(30, 30, 30))
    palette.setColor(QPalette.ColorRole.Highlight, QColor(47, 101, 202))
    return palette


def test_two_ears_and_their_quality(drawn):
    two = add_volume(drawn.scene, head(drawn.ear.ct))
    two.SetName("Head")
    drawn.ui.inputSelector.setCurrentNode(two)
    poor = prepare_two(drawn).side
    segment(drawn)
    drawn.picture("10_two_ears_one_poor")
    assert "Poor" in getattr(drawn.ui, f"{poor}EarLabel").text
    drawn.ui.placeButton.click()
    drawn.picture("11_placing")
    assert drawn.ui.placeButton.checked
    drawn.ui.placeButton.click()
    getattr(drawn.ui, f"{drawn.ear.side}EarButton").click()
    drawn.picture("12_other_ear")
    drawn.ui.rightEarButton.click()
    drawn.wait(lambda: len(drawn.panel.reviewing.measuring.cochleae) == 2, 20, "measurements")
    drawn.ui.cochlearViewButton.click()
    drawn.picture("17_cochlear_view_right")
    assert drawn.panel.reviewing.measuring._view.active
    for section in ("run", "review"):
        getattr(drawn.ui, f"{section}CollapsibleButton").collapsed = True
    for section in ("measure", "plan"):
        getattr(drawn.ui, f"{section}CollapsibleButton").collapsed = False
    drawn.ui.array1ComboBox.setCurrentIndex(1)
    drawn.picture("18_numbers_and_plan_of_a_poor_ear")
    assert "poor" in drawn.ui.planLabel.text and "Reaches" in drawn.ui.planLabel.text


def test_ct_under_a_grid_transform(drawn):
    from Testing.panel.test_scene_stories import grid

    drawn.volume.SetAndObserveTransformNodeID(grid(drawn.scene).GetID())
    drawn.ui.earsComboBox.setCurrentIndex(3)
    segment(drawn)
    drawn.picture("13_both_asked_under_a_grid")
    assert "Found: left ear." in drawn.ui.statusLabel.text


def test_torch_dialog(drawn):
    asked = []

    def shot(dialog):
        drawn.app.picture(PICTURES / "panel_9_no_torch.png", dialog)
        asked.append(dialog.text)
        return "Close"

    drawn.mode = "no_torch"
    drawn.app.dialogs.answer(shot)
    segment(drawn)
    assert len(asked) == 1 and "PyTorch" in asked[0]
