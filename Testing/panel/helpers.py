"""What several stories need."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
MODULE = REPOSITORY / "InnerEarSeg" / "InnerEarSeg.py"
FAKE_WORKER = Path(__file__).with_name("fake_worker.py")
PICTURES = REPOSITORY / "Testing" / "output"


def write_prepared(result, folder: Path) -> Path:
    """A result as the worker writes it."""
    from InnerEarSegLib.io.result_files import write_plain

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_plain(result, folder)
    (folder / "result.json").write_text(json.dumps(result.to_json()), encoding="utf-8")
    return folder


def segment(story) -> None:
    """Press Segment and wait for the end."""
    assert story.ui.segmentButton.enabled, story.ui.segmentButton.toolTip
    story.ui.segmentButton.click()
    story.wait(lambda: not story.panel.running.active, 20, "end of the run")


def scene_text(scene) -> str:
    """Everything that a saved scene file would hold."""
    scene.SetSaveToXMLString(1)
    scene.Commit()
    text = scene.GetSceneXMLString()
    scene.SetSaveToXMLString(0)
    return text


def alive(pid_file: Path) -> bool:
    """Whether the process that wrote its number into a file still runs."""
    try:
        state = Path(f"/proc/{int(pid_file.read_text())}/stat").read_text()
    except OSError:
        return False
    return state.rpartition(")")[2].split()[0] not in "ZX" if os.name == "posix" else True


def result_with(result, **changes):
    """The result with its ear changed."""
    return replace(result, ears=(replace(result.ears[0], **changes),))


def with_all_landmarks(ear):
    """The prepared ear as the networks find it: with auxiliary landmarks, all of them right."""
    from InnerEarSegLib.synthetic.files import random_ear
    from InnerEarSegLib.types import AUXILIARY, LANDMARKS, Landmark

    truth = random_ear(7, 0).landmarks
    marks = {name: Landmark(name, tuple(map(float, truth[name])), 0.9, 0.3) for name in truth}
    return result_with(
        ear.result,
        landmarks=tuple(marks[name] for name in LANDMARKS),
        auxiliary=tuple(marks[name] for name in AUXILIARY),
    )
