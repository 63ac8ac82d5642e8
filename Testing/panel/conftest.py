"""The module in a window like Slicer's, with a synthetic CT and a worker that does as told."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from Testing.panel.helpers import (
    FAKE_WORKER,
    MODULE,
    PICTURES,
    column,
    reopen,
    scene_text,
    segment,
    show_ct,
    with_all_landmarks,
    write_prepared,
)
from Testing.stand_ins.fixtures import slicer_app  # noqa: F401

pytest.importorskip("slicer", reason="slicer-core is not installed")

SHIFT_MM = (0.5, -0.4, 0.3)
"""How far off the uncertain landmark of the prepared result is."""


@pytest.fixture(scope="session")
def ear():
    """A synthetic ear with its truth; the round window is made uncertain and wrong."""
    from InnerEarSegLib.synthetic.files import random_ear
    from InnerEarSegLib.types import LANDMARKS, Ear, Landmark, ModelIdentity, Quality, Segmentation

    made = random_ear(7, 0)
    truth = {name: tuple(float(v) for v in made.landmarks[name]) for name in LANDMARKS}
    found = dict(truth)
    found["round window"] = tuple(np.add(truth["round window"], SHIFT_MM).tolist())
    sure = {"helicotrema": 0.91, "oval window": 0.72, "round window": 0.31}
    radii = {"helicotrema": 0.41, "oval window": 0.33, "round window": 0.88}
    mask = made.labels.array.astype(np.uint8)
    volume = float(mask.sum()) * made.labels.geometry.voxel_volume
    landmarks = tuple(Landmark(name, found[name], sure[name], radii[name]) for name in LANDMARKS)
    warning = "The round window is uncertain (confidence 0.31): check it."
    quality = Quality("check", (warning,))
    one = Ear(made.side, mask, made.labels.geometry, landmarks, volume, quality)
    result = Segmentation((one,), ModelIdentity("test", "1", "0" * 64), "cpu", {}, ())
    return SimpleNamespace(ct=made.ct, side=made.side, truth=truth, found=found, result=result,
                           ear=one)  # fmt: skip


@pytest.fixture
def story(slicer_app, ear, tmp_path, monkeypatch):  # noqa: F811
    """The module, opened, with a CT in the scene."""
    from InnerEarSegLib.mrml.volumes import add_volume
    from InnerEarSegLib.panel.run import Run
    from InnerEarSegLib.panel.worker_process import python_command

    prepared = write_prepared(ear.result, tmp_path / "prepared")
    temporary = tmp_path / "t"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    story = SimpleNamespace(mode="ok", commands=[])

    def command(folder, device, model, region):
        story.commands.append((device, model))
        story.region = region
        arguments = [FAKE_WORKER, story.mode, prepared, folder, device]
        return python_command(*map(str, arguments))

    answer = json.dumps({"torch": "2.9.0", "gpus": [["cuda:0", "NVIDIA RTX A4000"]]})
    monkeypatch.setattr(Run, "make_command", staticmethod(command))
    monkeypatch.setattr(
        "InnerEarSegLib.panel.devices.devices_command",
        lambda: python_command("-c", f"print({answer!r})"),
    )
    story.app, story.scene, story.folder = slicer_app, slicer_app.scene, tmp_path
    story.temporary, story.prepared, story.ear = temporary, prepared, ear
    story.volume = add_volume(slicer_app.scene, ear.ct)
    story.volume.SetName("Temporal bone")
    story.add_volume = lambda: add_volume(slicer_app.scene, ear.ct)
    story.widget = slicer_app.load_module(MODULE)
    story.panel, story.ui = story.widget.panel, story.widget.ui
    slicer_app.wait(lambda: story.ui.deviceComboBox.count == 3, what="list of devices")
    story.wait, story.process = slicer_app.wait, slicer_app.process
    story.segment = lambda: segment(story)
    story.xml = lambda: scene_text(slicer_app.scene)
    story.left_over = lambda: list(temporary.glob("ies-*/ct.nrrd"))
    story.states = lambda: column(story, 2)
    story.reopen = lambda: reopen(story)
    story.show_ct = lambda: show_ct(story)
    story.picture = lambda name: slicer_app.picture(PICTURES / f"panel_{name}.png")
    return story


@pytest.fixture
def planned(story):
    """A CT with results, measured."""
    write_prepared(with_all_landmarks(story.ear), story.prepared)
    story.app.show()
    segment(story)
    story.measuring = story.panel.reviewing.measuring
    story.measured = lambda: story.wait(lambda: story.measuring.cochleae, what="measurements")
    story.measured()
    story.side = story.ear.side
    story.value = lambda key: story.measuring.cochleae[story.side][key].value
    return story
