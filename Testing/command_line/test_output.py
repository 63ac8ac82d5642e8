"""Output folders: all files or none, whatever happens."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from InnerEarSegLib.errors import Cancelled, UnusableInput
from InnerEarSegLib.io.result_folder import LAST, PREFIX, Output, make_stage

from .conftest import REPOSITORY
from .make_ct import write
from .refusal import check_refusal

FILES = ("labyrinth.seg.nrrd", "scene.mrb", LAST)


def fill(stage, content="new", names=FILES):
    for name in names:
        (stage / name).write_text(content)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_new_folder_appears_with_all_its_files(tmp_path):
    with Output(tmp_path / "a" / "b").staging() as stage:
        fill(stage)
        assert not (tmp_path / "a").exists()
    assert names(tmp_path) == ["a"] and names(tmp_path / "a") == ["b"]
    assert names(tmp_path / "a" / "b") == sorted(FILES)


def test_an_earlier_result_is_replaced_and_nothing_else(tmp_path):
    fill(tmp_path, "old", [*FILES, "landmarks_left.mrk.json", "notes.txt"])
    with Output(tmp_path).staging() as stage:
        fill(stage)
    assert names(tmp_path) == sorted([*FILES, "notes.txt"])
    assert (tmp_path / LAST).read_text() == "new" and (tmp_path / "notes.txt").read_text() == "old"


def test_another_run_made_the_folder_meanwhile(tmp_path):
    with Output(tmp_path / "a" / "b").staging() as stage:
        fill(stage)
        fill_folder = tmp_path / "a" / "b"
        fill_folder.mkdir(parents=True)
        (fill_folder / "notes.txt").write_text("theirs")
    assert names(fill_folder) == sorted([*FILES, "notes.txt"]) and names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [False, True])
def test_whatever_is_raised_leaves_all_as_it_was(tmp_path, error, there):
    if there:
        fill(tmp_path, "old")
    before = names(tmp_path)
    folder = tmp_path if there else tmp_path / "a" / "b"
    expected = UnusableInput if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected), Output(folder).staging() as stage:
        fill(stage)
        raise error
    assert names(tmp_path) == before
    assert all(path.read_text() == "old" for path in tmp_path.iterdir())


def test_a_disk_that_is_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs to mount a small disk")
    try:
        fill(disk, "old")
        for folder in (disk, disk / "new"):
            with (
                pytest.raises(UnusableInput, match="cannot be written: No space left"),
                Output(folder).staging() as stage,
            ):
                fill(stage, "x" * 2_000_000)
            assert names(disk) == sorted(FILES) and (disk / LAST).read_text() == "old"
        with Output(disk / "new").staging() as stage:
            fill(stage)  # the room was given back
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_full_disk_is_noticed_early(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 5000))
    check_refusal(capfd, tmp_path, [write(tmp_path / "ct.nrrd")], "its disk is full")


def test_the_hidden_folder_is_not_spoken_of(tmp_path):
    with (
        pytest.raises(UnusableInput, match=f"in {tmp_path / 'out'}:"),
        Output(tmp_path / "out").staging() as stage,
    ):
        raise UnusableInput(f"Cannot write scene.mrb in {stage}: the disk of {stage} is full.")


def loop(folder):
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "out"


def in_the_way(folder):
    (folder / "o" / "scene.mrb").mkdir(parents=True)
    return folder / "o"


def a_file(folder):
    (folder / "file").write_text("x")
    return folder / "file"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (a_file, "is a file"),
        (lambda folder: a_file(folder) / "deep" / "er", "cannot be written"),
        (in_the_way, "scene.mrb in it is a folder"),
        (loop, "cannot be written"),
        (lambda folder: folder / ("x" * 300), "cannot be written"),
        (lambda folder: "/proc/innerearseg", "cannot be written"),
        (lambda folder: "/sys/kernel", "cannot be written"),
    ],
)
def test_bad_output_folder(make, message, tmp_path, capfd):
    ct = write(tmp_path / "ct.nrrd")
    place = make(tmp_path)
    check_refusal(capfd, tmp_path, [ct, "--output", place], message, output=False)


def test_a_closed_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    with pytest.raises(UnusableInput, match="no folder that is open for writing"):
        Output(tmp_path / "out")


KILLED = """
import sys, time
from pathlib import Path
from InnerEarSegLib.io.result_folder import Output
with Output(Path(sys.argv[1])).staging() as stage:
    for name in ("labyrinth.seg.nrrd", "scene.mrb", "result.json"):
        (stage / name).write_bytes(b"x" * 5_000_000)
        print(name, flush=True)
"""


def killed(folder, lines, delay=0.0):
    """A process that writes a result, killed hard after some lines of its output."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(folder)], cwd=REPOSITORY, stdout=subprocess.PIPE
    )
    for _ in range(lines):
        process.stdout.readline()
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a kill of POSIX")
def test_a_hard_kill_leaves_no_part_of_a_result(tmp_path):
    for lines, delay in ((0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (3, 0.001), (3, 0.002)):
        killed(tmp_path / "out", lines, delay)
        if (tmp_path / "out").exists():  # then it is whole
            assert names(tmp_path / "out") == sorted(FILES)
            shutil.rmtree(tmp_path / "out")
    killed(tmp_path / "out", 1)
    assert [name.startswith(PREFIX) for name in names(tmp_path)] == [True]
    with Output(tmp_path / "out").staging() as stage:  # the next run cleans up
        fill(stage)
    assert names(tmp_path) == ["out"]


def test_what_living_runs_and_other_machines_have_made_stays(tmp_path):
    living = make_stage(tmp_path)
    foreign = tmp_path / f"{PREFIX}elsewhere-1-1-abc"
    foreign.mkdir()
    old = tmp_path / f"{PREFIX}elsewhere-1-1-old"
    old.mkdir()
    os.utime(old, (0, 0))
    used_again = tmp_path / living.name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-9")
    used_again.mkdir()
    with Output(tmp_path).staging() as stage:
        fill(stage)
    assert names(tmp_path) == sorted([living.name, foreign.name, *FILES])


@pytest.fixture
def earlier(tmp_path):
    """A folder with a result, its report, and somebody's own notes."""
    folder = tmp_path / "out"
    with Output(folder).staging() as stage:
        for name in ("result.json", "scene.mrb", "labyrinth.seg.nrrd"):
            (stage / name).write_text(f"old {name}")
    (folder / "report.pdf").write_text("/Creator (InnerEarSeg) ...")
    (folder / "notes.txt").write_text("mine")
    return folder


def everything(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("locked", ["scene.mrb", "report.pdf", "result.json", "new scene.mrb"])
@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), Cancelled("x")])
@pytest.mark.parametrize("keep", [(), ("scene.mrb", "result.json", "report.pdf")])
def test_a_file_that_cannot_be_replaced_changes_nothing(earlier, monkeypatch, locked, error, keep):
    """As where a PDF is open in a program on Windows; and as a cancel in that moment."""
    before = everything(earlier)
    real, refused = type(earlier).replace, []

    def replace(path, target):
        name = "new " * (path.parent != earlier) + path.name
        if name == locked and not refused:
            refused.append(name)
            raise error
        return real(path, target)

    output = Output(earlier, lambda folder: keep)
    with pytest.raises((UnusableInput, Cancelled)) as raised, output.staging() as stage:
        for name in ("result.json", "scene.mrb"):
            (stage / name).write_text(f"new {name}")
        monkeypatch.setattr(type(earlier), "replace", replace)
    monkeypatch.undo()
    assert everything(earlier) == before and output.aside is None
    assert sorted(path.name for path in earlier.iterdir()) == sorted(before)
    if isinstance(error, PermissionError):
        assert str(earlier / locked.removeprefix("new ")) in str(raised.value)
        assert "All is as it was" in str(raised.value)
    with output.staging() as stage:
        (stage / "result.json").write_text("new")
    assert (earlier / "result.json").read_text() == "new"
    assert (earlier / "notes.txt").read_text() == "mine"
