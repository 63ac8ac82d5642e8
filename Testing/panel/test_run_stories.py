"""Starting, watching, cancelling and failing, through the panel's own buttons."""

import json
import re
import sys
import time
from types import ModuleType
from unittest.mock import Mock

import pytest

from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.views import nodes_of
from InnerEarSegLib.panel.worker_process import python_command
from Testing.panel.fake_worker import STAGES
from Testing.panel.helpers import (
    alive,
    gaps_until,
    result_with,
    start_and_hang,
    write_card,
    write_prepared,
)


def test_ready_at_once(story):
    ui = story.ui
    assert ui.inputSelector.currentNode() is story.volume
    assert ui.segmentButton.enabled and not ui.cancelButton.visible
    assert "version" in ui.modelCardLabel.text or "missing" in ui.modelCardLabel.text


def test_nothing_to_segment(story):
    story.ui.inputSelector.setCurrentNode(None)
    assert not story.ui.segmentButton.enabled
    assert story.ui.statusLabel.text == "Choose a CT to begin." == story.ui.segmentButton.toolTip
    empty = story.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Empty")
    story.ui.inputSelector.setCurrentNode(empty)
    assert story.ui.statusLabel.text == "The volume Empty has no voxels."
    story.ui.inputSelector.setCurrentNode(story.volume)
    assert story.ui.segmentButton.enabled and story.ui.statusLabel.text == "Ready: press Segment."


def test_choices_are_kept_in_the_scene(story):
    ui, node = story.ui, story.widget.logic.getParameterNode()
    ui.earsComboBox.setCurrentIndex(2)
    ui.deviceComboBox.setCurrentIndex(ui.deviceComboBox.findText("NVIDIA RTX A4000"))
    ui.keepReviewedCheckBox.click()
    assert (node.ears.value, node.device, node.keepReviewed) == ("right", "cuda:0", False)
    assert node.inputVolume is story.volume
    assert node.parameterNode.GetSingletonTag() == "InnerEarSeg"
    node.device = "cuda:7"  # as in a scene from another machine
    assert ui.deviceComboBox.currentText == "Automatic"
    ui.keepReviewedCheckBox.click()
    assert node.device == "cuda:7" and story.panel.inputs.choices().device == "auto"
    ui.deviceComboBox.setCurrentIndex(1)
    assert node.device == "cpu" == story.panel.inputs.choices().device
    node.ears = type(node.ears).BOTH
    assert ui.earsComboBox.currentText == "Both"


def test_the_field_decides_which_model_runs(story, tmp_path):
    ui, field = story.ui, story.ui.modelLineEdit
    bundled, card = field.comboBox().lineEdit().placeholderText, ui.modelCardLabel
    assert bundled.startswith("Bundled: ") and "In use, bundled" in card.text
    path = tmp_path / "A.pt"
    write_card(path, name="Mine", version="2")
    field.setCurrentPath(str(path))
    assert "Mine, version 2" in card.text and "bundled" not in card.text.lower()
    assert ui.statusLabel.text == "Ready: press Segment. Model: Mine, version 2."
    for text in (f"{path}x", "anything", str(tmp_path)):  # none of them is valid input to CTK
        field.comboBox().setEditText(text)
        assert not ui.segmentButton.enabled and "Mine" not in card.text
        assert ui.statusLabel.text == ui.segmentButton.toolTip != "Ready: press Segment."
    wrong = tmp_path / "wrong.pt"
    wrong.write_bytes(b"no model")
    field.setCurrentPath(str(wrong))
    assert not ui.segmentButton.enabled  # the card is read before the model is used
    assert "wrong.pt is empty, cut short" in ui.statusLabel.text
    field.comboBox().setEditText("")
    assert "In use, bundled" in card.text and ui.statusLabel.text == "Ready: press Segment."
    story.segment()
    field.setCurrentPath(str(path))
    story.segment()
    ui.bundledModelButton.click()
    story.segment()
    assert [model for _, model in story.commands] == [None, path, None]


def test_run_to_the_end(story):
    story.segment()
    ui = story.ui
    assert ui.statusLabel.text.startswith(f"Found: {story.ear.side} ear.")
    results = find_results(story.scene, story.volume)
    assert results.segmentation.GetSegmentation().GetNumberOfSegments() == 1
    node = results.landmarks[story.ear.side]
    for index in range(3):
        name = node.GetNthControlPointLabel(index)
        place = node.GetNthControlPointPosition(index)
        assert place == pytest.approx(story.ear.found[name], abs=1e-3)
    assert story.volume.GetDisplayNode().GetWindow() == 4000
    assert ui.reviewContent.isVisible() or not ui.reviewContent.isHidden()
    assert STAGES["infer"] in ui.logTextEdit.plainText
    assert story.left_over() == [] and not list(story.temporary.iterdir())
    for view in nodes_of(story.scene, "vtkMRMLSliceNode"):
        assert min(view.GetFieldOfView()[:2]) == pytest.approx(30)
    assert story.commands == [("auto", None)]


def test_progress_is_shown_and_slicer_answers(story):
    story.mode = "slow:0.15"
    ui, seen = story.ui, []
    ui.segmentButton.click()
    assert ui.cancelButton.isVisibleTo(ui.cancelButton.parent()) and not ui.segmentButton.enabled
    assert not ui.inputSelector.enabled

    def look():
        time.sleep(0.01)
        seen.append((ui.progressBar.value, ui.statusLabel.text))
        return not story.panel.running.active

    gaps = gaps_until(story, look)
    values = [value for value, _ in seen]
    assert values == sorted(values) and len(set(values)) >= 6
    assert set(STAGES.values()) <= {text for _, text in seen}
    assert ui.elapsedLabel.text in ("0:00", "0:01", "0:02")
    assert max(gaps[:-1]) < 1.0


@pytest.mark.parametrize("mode", [*(f"hang:{stage}" for stage in STAGES), "stubborn"])
def test_cancel_at_each_stage_and_a_worker_that_does_not_listen(story, mode):
    before, stage = story.xml(), mode.partition(":")[2] or "infer"
    start_and_hang(story, mode, stage)
    assert stage == "start" or alive(story.folder / "worker.pid")
    begun = time.monotonic()
    story.ui.cancelButton.click()
    story.wait(lambda: not story.panel.running.active, 3)
    assert time.monotonic() - begun < 2
    assert story.ui.statusLabel.text == "Cancelled. The scene is as it was."
    assert story.xml() == before and story.left_over() == []
    assert not alive(story.folder / "worker.pid")
    assert story.ui.segmentButton.enabled and not story.ui.cancelButton.enabled


FAILURES = {
    "unusable": "The CT covers 300 x 300 x 200 mm, far more than one ear.",
    "crash": "The worker process was ended by the system, perhaps for lack of memory.",
    "fails": "The worker process failed with status 1: RuntimeError: the sky is falling",
    "nothing": "The worker's result cannot be read.",
    "cut": "The worker's result cannot be read.",
    "refused": "The result could not be put into the scene, which is as it was.",
    "no_ear": "No inner ear was found in this CT. …",
    "no_program": "The worker process failed…",
    "other_side": "…Only a {} ear was found…",
}


@pytest.mark.parametrize("mode", FAILURES)
def test_failures_are_one_sentence_and_change_nothing(story, mode, monkeypatch):
    ui, side, result = story.ui, story.ear.side, story.ear.result
    story.mode = "ok" if mode in ("refused", "other_side") else mode
    if mode == "no_ear":
        write_prepared(type(result)((), result.model, "cpu"), story.prepared)
    elif mode == "no_program":
        broken = staticmethod(lambda *_: ["/nowhere/PythonSlicer"])
        monkeypatch.setattr("InnerEarSegLib.panel.run.Run.make_command", broken)
    elif mode == "refused":
        refuse = Mock(side_effect=RuntimeError("no"))
        monkeypatch.setattr("InnerEarSegLib.mrml.populate.group_results", refuse)
    elif mode == "other_side":
        ui.earsComboBox.setCurrentIndex({"left": 2, "right": 1}[side])
    before = story.xml()
    story.segment()
    pattern = re.escape(FAILURES[mode].format(side)).replace("…", ".*")
    assert re.fullmatch(pattern, ui.statusLabel.text)
    assert story.xml() == before and story.left_over() == []
    assert ui.segmentButton.enabled
    if mode == "fails":
        ui.detailsButton.click()
        assert ui.logTextEdit.isVisibleTo(ui.logTextEdit.parent())
    said = {"fails": "Traceback", "refused": "RuntimeError: no"}.get(mode, "")
    assert said in ui.logTextEdit.plainText


def breaks(*_):
    raise KeyError("out of the blue")


def breaks_later(*_):
    yield 0.5
    breaks()


@pytest.mark.parametrize(
    ("place", "breaking"),
    [
        ("inputs.Inputs.choices", breaks),
        ("run.slice_thickness", breaks),
        ("run.export_steps", breaks_later),
        ("worker.Worker.start", breaks),
        ("run.read_plain", breaks),
        ("run.Run.ct_changed", property(breaks)),
    ],
)
def test_an_error_anywhere_ends_the_run(story, place, breaking, monkeypatch):
    """It says so, and the panel can be used again."""
    monkeypatch.setattr(f"InnerEarSegLib.panel.{place}", breaking)
    before, ui = story.xml(), story.ui
    story.segment()
    assert "InnerEarSeg" in ui.statusLabel.text or "cannot be read" in ui.statusLabel.text
    assert "out of the blue" in ui.logTextEdit.plainText
    assert ui.progressBar.isHidden() and ui.cancelButton.isHidden() and ui.segmentButton.enabled
    assert story.xml() == before and not list(story.temporary.iterdir())


def test_garbage_on_stdout_does_no_harm(story):
    story.mode = "garbage"
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")
    assert "in two pieces" in story.ui.logTextEdit.plainText
    assert len(story.ui.logTextEdit.plainText) < 20000


def test_graphics_card_without_memory(story):
    import qt

    story.mode = "memory"
    story.app.dialogs.answer("Stop")
    story.segment()
    assert "memory of the graphics card" in story.app.dialogs.shown[0].text
    assert "Choose CPU" in story.ui.statusLabel.text
    story.segment()  # asked once
    assert len(story.app.dialogs.shown) == 1
    story.ui.cpuFallbackCheckBox.click()
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")
    assert [device for device, _ in story.commands] == ["auto", "auto", "auto", "cpu"]
    qt.QSettings().remove("InnerEarSeg/CpuOnOutOfMemory")
    story.app.dialogs.answer("Use the CPU")
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")
    assert qt.QSettings().value("InnerEarSeg/CpuOnOutOfMemory") == "yes"


def test_torch_is_missing(story):
    before = story.xml()
    story.mode = "no_torch"
    story.app.dialogs.answer("Close")
    story.segment()
    shown = story.app.dialogs.shown[0]
    assert "PyTorch is missing" in shown.text and "Extensions Manager" in shown.text
    assert "pip download torch" in shown.text
    assert story.xml() == before


def test_missing_torch_is_said_before_segment_is_pressed(story, monkeypatch):
    from InnerEarSegLib.panel import devices

    def answer(torch):
        text = json.dumps({"torch": torch, "gpus": []})
        command = python_command("-c", f"print({text!r})")
        monkeypatch.setattr(devices, "devices_command", lambda: command)

    ui = story.ui
    assert ui.installTorchButton.isHidden()
    answer(None)
    story.panel._ask_devices()
    story.wait(lambda: not ui.installTorchButton.isHidden(), what="the button")
    assert ui.statusLabel.text.startswith("PyTorch is missing")
    story.app.dialogs.answer("Close")
    ui.installTorchButton.click()
    assert "pip download torch" in story.app.dialogs.shown[0].text
    assert not ui.installTorchButton.isHidden()
    monkeypatch.setattr(devices, "has_extension", lambda: True)
    monkeypatch.setattr(devices, "install", lambda: answer("2.9.0") or "")
    story.app.dialogs.answer("Install PyTorch")
    ui.installTorchButton.click()
    assert ui.statusLabel.text == "PyTorch is installed."
    story.wait(lambda: ui.installTorchButton.isHidden(), what="torch")
    assert ui.statusLabel.text == "Ready: press Segment." and not story.commands


def test_torch_is_installed_through_its_extension(story, monkeypatch):
    import qt

    seen = []

    class Logic:
        def installTorch(self, **options):  # noqa: N802 - PyTorchUtils' own name
            cursor = qt.QApplication.overrideCursor()
            seen.append((options, cursor is not None, story.ui.segmentButton.enabled,
                         story.ui.statusLabel.text))  # fmt: skip
            story.mode = "ok"
            return ModuleType("torch")  # as the real one does

    module = ModuleType("PyTorchUtils")
    module.PyTorchUtilsLogic = Logic
    monkeypatch.setitem(sys.modules, "PyTorchUtils", module)
    monkeypatch.setattr("InnerEarSegLib.panel.devices.has_extension", lambda: True)
    story.mode = "no_torch"
    story.app.dialogs.answer("Install PyTorch")
    story.ui.segmentButton.click()
    story.wait(lambda: seen and not story.panel.running.active, 10)
    options, waiting, enabled, said = seen[0]
    assert options["torchVersionRequirement"].startswith(">=2.0")
    assert waiting and not enabled and "some minutes" in said
    assert qt.QApplication.overrideCursor() is None
    assert story.ui.statusLabel.text.startswith("Found")


def test_second_run_keeps_what_was_reviewed(story):
    story.segment()
    count = story.scene.GetNumberOfNodes()
    story.ui.confirmButton.click()
    key = list(story.panel.reviewing.review.landmarks)[2]
    ear = story.ear.ear
    landmarks = tuple(
        type(mark)(mark.name, tuple(v + 0.2 for v in mark.ras), 0.9) for mark in ear.landmarks
    )
    write_prepared(result_with(story.ear.result, landmarks=landmarks), story.prepared)
    story.segment()
    assert "Kept as you left them: round window" in story.ui.statusLabel.text
    assert story.panel.reviewing.review.landmarks[key].state == "confirmed"
    assert story.scene.GetNumberOfNodes() == count
