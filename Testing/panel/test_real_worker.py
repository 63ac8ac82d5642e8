"""The real command line as the panel's child process: network, files and all."""

import os
from pathlib import Path

import numpy as np

from InnerEarSegLib.model.card import bundled_model
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.panel.worker_process import segment_command

MODEL = os.environ.get("INNEREARSEG_TEST_MODEL")
"""A model file to use instead of the bundled one."""


def test_a_synthetic_ear_with_the_real_worker(story, monkeypatch):
    from InnerEarSegLib.panel.run import Run

    path = Path(MODEL) if MODEL else bundled_model()
    monkeypatch.setattr(Run, "make_command", staticmethod(segment_command))
    story.ui.modelLineEdit.setCurrentPath(str(path))
    assert "In use" in story.ui.modelCardLabel.text
    story.ui.deviceComboBox.setCurrentIndex(1)
    assert story.ui.deviceComboBox.currentText == "CPU"
    story.ui.segmentButton.click()
    story.wait(lambda: not story.panel.running.active, 60, "the real worker")
    assert story.ui.statusLabel.text.startswith("Found"), story.ui.logTextEdit.plainText
    for words in ("Loading the model", "Drawing the labyrinth"):
        assert words in story.ui.logTextEdit.plainText
    node = find_results(story.scene, story.volume).landmarks[story.ear.side]
    for index in range(3):
        truth = story.ear.truth[node.GetNthControlPointLabel(index)]
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
            # Whether the worker's result arrives in the right place, not how good the model is.
            assert np.linalg.norm(np.subtract(node.GetNthControlPointPosition(index), truth)) < 3
    assert story.left_over() == []


def test_the_real_device_question(slicer_app):
    from InnerEarSegLib.panel.devices import Devices, ask_devices

    answers = []
    worker = ask_devices(answers.append)
    slicer_app.wait(lambda: answers, 60, "torch's answer")
    assert isinstance(answers[0], Devices) and answers[0].torch
    assert all(len(gpu) == 2 for gpu in answers[0].gpus)
    worker.stop_now()
