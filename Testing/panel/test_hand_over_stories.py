"""Handing the CT over, and workers whose launcher or panel is gone."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import vtk

from InnerEarSegLib.mrml.scene import image_data
from InnerEarSegLib.panel.worker_process import LIBRARY_PARENT, segment_command
from Testing.panel.fake_worker import STAGES
from Testing.panel.helpers import alive, gaps_until, start_and_hang

BIG = (240, 640, 640)


@pytest.fixture
def big(story):
    """A CT of 197 MB."""
    node = story.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Big")
    node.SetAndObserveImageData(image_data(np.zeros(BIG, np.int16), vtk.vtkImageData()))
    story.ui.inputSelector.setCurrentNode(node)
    story.big, story.mode = node, "hang:infer"
    yield story
    story.panel.running.drop()
    story.scene.RemoveNode(node)


def begin(story):
    begun = time.monotonic()
    story.ui.segmentButton.click()
    story.wait(lambda: "Handing over the CT" in story.ui.statusLabel.text, what="the export")
    assert time.monotonic() - begun < 0.5
    assert story.panel.running.active and story.ui.cancelButton.enabled
    assert story.left_over() and not (story.folder / "worker.pid").exists()


def assert_nothing_left(story):
    assert not story.panel.running.active
    assert not list(story.temporary.iterdir())
    until = time.monotonic() + 0.2
    story.wait(lambda: time.monotonic() > until)
    assert not (story.folder / "worker.pid").exists()  # no worker was started afterwards
    assert not list(story.temporary.iterdir())


def test_slicer_answers_while_the_ct_is_handed_over(big):
    big.ui.segmentButton.click()
    gaps = gaps_until(big, lambda: big.ui.statusLabel.text == STAGES["infer"])
    assert len(gaps) > 20 and max(gaps) < 0.5, max(gaps)
    [written] = big.temporary.glob("ies-*/ct.nrrd")
    assert written.stat().st_size > np.prod(BIG) * 2


CANCELLED = "Cancelled. The scene is as it was."


@pytest.mark.parametrize(
    ("sentence", "end"),
    [
        (CANCELLED, lambda big: big.ui.cancelButton.click()),
        ("The CT was removed from the scene; the run was stopped.",
         lambda big: big.scene.RemoveNode(big.big)),
        ("The scene was closed; the run was stopped.", lambda big: big.scene.Clear(False)),
    ],
)  # fmt: skip
def test_ended_while_the_ct_is_handed_over(big, sentence, end):
    before = big.xml()
    begin(big)
    end(big)
    big.wait(lambda: not big.panel.running.active, 1)
    assert big.ui.statusLabel.text == sentence
    assert_nothing_left(big)
    assert big.xml() == before or not sentence.startswith("Cancelled")


def test_disk_full_while_the_ct_is_handed_over(big, monkeypatch):
    def full(*_):
        yield 0.1
        from InnerEarSegLib.errors import UnusableInput

        raise UnusableInput("The CT cannot be written to /tmp: No space left on device.")

    monkeypatch.setattr("InnerEarSegLib.panel.run.export_steps", full)
    big.ui.segmentButton.click()
    big.wait(lambda: not big.panel.running.active, 2)
    assert big.ui.statusLabel.text.endswith("No space left on device.")
    assert_nothing_left(big)


def started_by_a_launcher(story):
    start_and_hang(story, "launcher:hang:infer")
    pid = story.folder / "worker.pid"
    assert alive(pid)
    return pid


def test_a_launcher_that_dies_takes_the_worker_along(story):
    pid = started_by_a_launcher(story)
    os.kill(int((story.folder / "launcher.pid").read_text()), signal.SIGKILL)
    story.wait(lambda: not alive(pid), 3, "the end of the worker")
    story.wait(lambda: not story.panel.running.active, 3)
    assert "was ended by the system" in story.ui.statusLabel.text
    assert story.left_over() == []


def end(story, how, seconds):
    if how == "close":
        story.panel.close()
        return
    story.ui.cancelButton.click()
    story.wait(lambda: not story.panel.running.active, seconds)
    assert story.ui.statusLabel.text == CANCELLED


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_the_worker_behind_a_launcher_ends(story, how):
    pid = started_by_a_launcher(story)
    begun = time.monotonic()
    end(story, how, 3)
    story.wait(lambda: not alive(pid), 3, "the end of the worker")
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_a_launcher_that_has_not_started_its_child_yet_is_not_killed(story, how, monkeypatch):
    """Killed between its fork and its exec, PythonSlicer leaves a child that waits forever."""
    monkeypatch.setenv("LAUNCHER_SECONDS", "2")
    story.mode = "launcher:hang:infer"
    story.ui.segmentButton.click()
    launcher = story.folder / "launcher.pid"
    story.wait(lambda: launcher.is_file() and launcher.read_text(), what="the launcher")
    assert not (story.folder / "worker.pid").is_file()
    end(story, how, 8)
    pid = story.folder / "worker.pid"
    assert pid.is_file(), "the launcher was killed before its child ran"
    story.wait(lambda: not alive(pid) and not alive(launcher), 3, "the end of both")
    assert story.left_over() == []


@pytest.fixture
def real_worker(story, tmp_path):
    from InnerEarSegLib.mrml.volumes import export_steps

    list(export_steps(story.volume, tmp_path / "ct.nrrd"))
    command, pipe = segment_command(tmp_path, "cpu", None), subprocess.PIPE
    worker = subprocess.Popen(command, cwd=LIBRARY_PARENT, stdin=pipe, stdout=pipe, stderr=pipe)
    yield worker
    worker.kill()


def test_the_real_worker_ends_with_its_input(real_worker, tmp_path):
    real_worker.stdin.write(b"watch\n")
    real_worker.stdin.flush()
    assert b"Starting" in real_worker.stdout.readline()
    begun = time.monotonic()
    _, errors = real_worker.communicate(timeout=20)  # closes its input
    assert real_worker.returncode == 130 and time.monotonic() - begun < 4
    assert b"cancelled" in errors or errors == b""
    assert [p.name for p in tmp_path.iterdir() if "out" in p.name] == []


def test_an_input_that_says_nothing_is_not_watched(real_worker):
    real_worker.stdin.close()
    time.sleep(2.0)  # longer than what it would take to end
    assert any(b'"find"' in line for line in real_worker.stdout)


def test_folders_of_a_slicer_that_was_killed_are_removed_at_the_next_start(story):
    from InnerEarSegLib.panel.panel import Panel
    from InnerEarSegLib.process import temporary_folder

    program = (
        "import os; from InnerEarSegLib.process import temporary_folder; "
        "(temporary_folder() / 'ct.nrrd').write_text('CT'); os._exit(9)"
    )
    environment = {**os.environ, "TMPDIR": str(story.temporary)}
    subprocess.run(
        [sys.executable, "-c", program], cwd=LIBRARY_PARENT, env=environment, check=False
    )
    [dead] = story.temporary.glob("ies-*/ct.nrrd")
    own = temporary_folder()
    names = ("ies-notes-1", "ies-", "ies-1x-2", f"x-{dead.parent.name}")
    others = [story.temporary / name for name in names]
    for other in others:
        other.mkdir()
    Panel(story.ui, story.widget.logic.getParameterNode).close()
    assert not dead.parent.exists() and own.is_dir() and all(other.is_dir() for other in others)
