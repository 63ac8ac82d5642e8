"""Result folders: all files or none, and no file of the user is ever lost."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from InnerEarSegLib import process
from InnerEarSegLib.errors import Cancelled, UnusableInput
from InnerEarSegLib.io.overlap import refuse_overlap
from InnerEarSegLib.io.result_folder import (
    MANIFEST,
    NOTES,
    RESULT_JSON,
    Moves,
    ResultFolder,
    names_in,
    read_manifest,
)
from InnerEarSegLib.process import HIDDEN, temporary_folder

from .conftest import REPOSITORY, check_refusal
from .make_ct import write

FILES = ("labyrinth.seg.nrrd", RESULT_JSON, "scene.mrb")
TODAY = f"-earlier-{time.strftime('%Y-%m-%d')}"


def run(folder, content="new", ct="one", names=FILES):
    """A run on a CT into a folder; returns what it says."""
    output = ResultFolder(folder)
    with output.replacing({"ct_sha256": ct}) as stage:
        for name in names:
            (stage / name).write_text(f"{content} {name}")
    return output


def add(folder, *names, content="report", obsolete=()):
    """A run that writes single files into a folder."""
    output = ResultFolder(folder)
    with output.adding(obsolete) as stage:
        for name in names:
            (stage / name).write_text(f"{content} {name}")
    return output


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != NOTES
    }


# What is replaced, and what is renamed
SAME_LENGTH = "NEW scene.mrb"


def old_times_kept(folder):
    before = (folder / "scene.mrb").stat()
    (folder / "scene.mrb").write_text(SAME_LENGTH)
    os.utime(folder / "scene.mrb", ns=(before.st_atime_ns, before.st_mtime_ns))


def manifest_edited(folder):
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**content, "note": "mine"}, indent=2))


def written(*names, text="mine"):
    return lambda folder: [(folder / name).write_text(text) for name in names]


@pytest.mark.parametrize(("work", "ct", "replaced"), [
    (lambda folder: None, "one", True),
    (lambda folder: [os.utime(folder / name, (1, 1)) for name in FILES], "one", True),  # a copy
    (lambda folder: (folder / "scene.mrb").unlink(), "one", True),
    (written(".DS_Store", "Thumbs.db", "._scene.mrb"), "one", True),
    (lambda folder: None, "two", False),  # a loop with one output for all CTs
    (written("scene.mrb", text=SAME_LENGTH), "one", False),
    (old_times_kept, "one", False),
    (written("notes.txt"), "one", False),
    (written(".notes"), "one", False),
    (lambda folder: (folder / "Scans").mkdir(), "one", False),
    (lambda folder: add(folder, "report.html"), "one", False),
    (lambda folder: (folder / MANIFEST).unlink(), "one", False),
    (manifest_edited, "one", False),
])  # fmt: skip
@pytest.mark.parametrize("mounted", [False, True])
def test_an_unchanged_result_of_the_same_ct_is_replaced_and_all_else_renamed(
    tmp_path, monkeypatch, work, ct, replaced, mounted
):
    monkeypatch.setattr(os.path, "ismount", lambda path: mounted)
    folder = tmp_path / "out"
    assert run(folder, "old").sentences == []
    other = ct != "one"
    for more in ("", "-2"):
        work(folder)
        before = contents(folder)
        output = run(folder, "new", ct)
        aside = (folder if mounted else tmp_path) / f"out{TODAY}{more}"
        if replaced:
            assert output.earlier == [] and not aside.exists()
        else:
            assert output.earlier == [aside] and str(aside) in output.sentences[0]
            assert ("The result of another CT" in output.sentences[0]) == other
            known = {name: raw for name, raw in before.items() if TODAY not in name}
            assert contents(aside) == known
        assert set(names_in(folder)) == {*FILES, MANIFEST}
        assert (folder / RESULT_JSON).read_text() == "new result.json"
        ct = "three" if ct == "two" else ct


@pytest.mark.parametrize(("work", "earlier", "removed", "pdf"), [
    (written(), [], ["r.pdf"], False),
    (written("r.html"), [f"r{TODAY}.html"], ["r.pdf"], False),
    (written("r.pdf", text="signed"), [f"r{TODAY}.pdf"], [], False),
    (lambda folder: (folder / NOTES).unlink(), [f"r{TODAY}.html"], [], True),
    (written(NOTES, text="[]"), [f"r{TODAY}.html"], [], True),
])  # fmt: skip
def test_a_single_file_that_was_changed_is_renamed(tmp_path, work, earlier, removed, pdf):
    (tmp_path / "notes.txt").write_text("mine")
    assert add(tmp_path, "r.html", "r.pdf", content="old").sentences == []
    work(tmp_path)
    before = contents(tmp_path)
    output = add(tmp_path, "r.html", obsolete=["r.pdf", "notes.txt"])
    assert [path.name for path in output.earlier] == earlier
    assert [path.name for path in output.removed] == removed
    for path in output.earlier:
        assert path.read_bytes() == before[path.name.replace(TODAY, "")]
    now = contents(tmp_path)
    assert (now["notes.txt"], now["r.html"]) == (b"mine", b"report r.html")
    assert ("r.pdf" in now) == pdf
    assert add(tmp_path, "r.html", "r.html").earlier == []


def test_files_of_a_result_are_known_to_later_runs(tmp_path):
    run(tmp_path / "out", names=[*FILES, "measurements.json"])
    assert add(tmp_path / "out", "measurements.json", "report.html").earlier == []
    assert add(tmp_path / "out", "measurements.json", content="again").earlier == []
    (tmp_path / "out" / "measurements.json").write_text("mine")
    (aside,) = add(tmp_path / "out", "measurements.json").earlier
    assert aside.read_text() == "mine" and aside.name == f"measurements{TODAY}.json"


def test_the_manifest_has_each_file_and_what_it_is_made_from(tmp_path):
    run(tmp_path / "a" / "b")
    manifest = read_manifest(tmp_path / "a" / "b")
    assert set(manifest["results"]) == set(FILES) and manifest["ct_sha256"] == "one"
    (tmp_path / "empty").mkdir(mode=0o750)
    before = (tmp_path / "empty").stat()
    run(tmp_path / "empty")  # stays the folder that it was
    assert (tmp_path / "empty").stat().st_ino == before.st_ino


def test_a_manifest_of_version_0_1_0_has_no_seal_and_still_counts(tmp_path):
    run(tmp_path / "out")
    path = tmp_path / "out" / MANIFEST
    content = json.loads(path.read_text())
    del content["sha256"]
    path.write_text(json.dumps(content, indent=2))
    assert read_manifest(path.parent) == content
    path.write_text(json.dumps(content | {"sha256": "0" * 64}, indent=2))
    assert read_manifest(path.parent) is None


class Kill(BaseException):
    """Ends a run at once."""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.sampled_from("ab"), st.integers(1, 9)),
            st.tuples(st.just("add"), st.sampled_from(["scene.mrb", "r.pdf"]), st.integers(1, 9)),
            st.tuples(
                st.just("edit"),
                st.sampled_from(["scene.mrb", "r.pdf", RESULT_JSON, MANIFEST, NOTES, "sub/x.txt"]),
                st.booleans(),
            ),
        ),
        max_size=8,
    ),
    mounted=st.booleans(),
)
@example([("add", "r.pdf", 9), ("edit", "r.pdf", True), ("add", "r.pdf", 9)], False)
@example([("run", "a", 9), ("edit", "scene.mrb", True), ("run", "a", 3), ("run", "a", 9)], True)
def test_no_byte_of_the_user_is_lost_whatever_runs_edits_and_kills_come(steps, mounted):
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(os.path, "ismount", lambda path: mounted)
        folder, users = Path(place) / "out", []
        for number, (what, which, how) in enumerate(steps):
            if what == "edit":
                path = folder / which
                path.parent.mkdir(parents=True, exist_ok=True)
                mine = f"mine {number} " if how or not path.is_file() else path.read_text() + "+"
                users = [each for each in users if not path.is_file() or each != path.read_text()]
                path.write_text(mine)
                users += [mine] if which != NOTES else []  # a hidden file that only holds notes
                continue
            with pytest.MonkeyPatch.context() as kill:
                _kill_at(kill, how)
                try:
                    if what == "run":
                        run(folder, f"{number}", which)
                    else:
                        add(folder, which, content=f"{number}")
                except Kill:
                    pass
            patch.setattr(process, "is_running", lambda pid, start: False)
            process.remove_stale_folders(folder)
            process.remove_stale_folders(folder.parent)
            there = {path.read_bytes() for path in Path(place).rglob("*") if path.is_file()}
            assert {each.encode() for each in users} <= there
            if (
                not mounted
                and (folder / RESULT_JSON).is_file()
                and not (folder / MANIFEST).is_file()
            ):
                assert any(each.encode() in contents(folder).values() for each in users)


def _kill_at(patch, number):
    """Kill the process at a move: nothing is taken back, nothing cleaned."""
    real, moves = Path.replace, []

    def replace(path, target):
        moves.append(path)
        if len(moves) == number:
            patch.setattr(Moves, "__exit__", lambda *_: None)
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)
            raise Kill
        return real(path, target)

    patch.setattr(Path, "replace", replace)


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), Cancelled("x")])
@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("write_files", [run, add])
def test_what_cannot_be_moved_changes_nothing(
    tmp_path, monkeypatch, error, number, mounted, write_files
):
    """As where a PDF is open in a program on Windows; and as a cancel in that moment."""
    monkeypatch.setattr(os.path, "ismount", lambda path: mounted)
    folder = tmp_path / "out"
    run(folder, "old")
    (folder / "report.pdf").write_text("signed")
    before = contents(tmp_path)
    real, moves = Path.replace, []

    def replace(path, target):
        moves.append(path)
        if len(moves) == number:
            raise error
        return real(path, target)

    names = () if write_files is run else ("report.pdf", "scene.mrb")
    monkeypatch.setattr(Path, "replace", replace)
    try:
        write_files(folder, *names)
    except (UnusableInput, Cancelled) as raised:
        assert contents(tmp_path) == before
        assert {path.name for path in tmp_path.rglob("*")} - {NOTES} <= {*FILES, MANIFEST, "out",
                                                                          "report.pdf"}  # fmt: skip
        if isinstance(error, PermissionError):
            said = str(raised)
            assert HIDDEN not in said and ("All is as it was" in said or NOTES in said), said
    else:
        assert len(moves) < number


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), KeyboardInterrupt()])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("adding", [False, True])
def test_whatever_is_raised_on_the_way_leaves_all_as_it_was(tmp_path, error, there, adding):
    folder = tmp_path / "out" if there else tmp_path / "a" / "b"
    if there:
        run(folder, "old")
    before = sorted(tmp_path.rglob("*"))
    expected = UnusableInput if isinstance(error, OSError) else KeyboardInterrupt
    output = ResultFolder(folder)
    with pytest.raises(expected), output.adding() if adding else output.replacing({}) as stage:
        (stage / RESULT_JSON).write_text("new")
        assert not (tmp_path / "a").exists()
        raise error
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(("ct", "output", "refused"), [
    ("data/dcm", "data/dcm", True),
    ("data/dcm", "data/dcm/../dcm", True),
    ("data/dcm", "data", True),
    ("data/dcm", "data/dcm/out", False),
    ("data/dcm", "data/dcm2", False),
    ("data/ct.nrrd", "data", True),
    ("data/ct.nrrd", "link", True),
    ("link/ct.nrrd", "data", True),
    ("data/ct.nrrd", "data/ct", False),
    ("x" * 5000, "data", False),  # reading tells what is wrong
    ("a\0b", "data", False),
])  # fmt: skip
def test_output_folders_do_not_overlap_cts(tmp_path, ct, output, refused):
    (tmp_path / "data" / "dcm").mkdir(parents=True)
    (tmp_path / "data" / "ct.nrrd").touch()
    try:
        (tmp_path / "link").symlink_to(tmp_path / "data")
    except OSError:
        pytest.skip("this system makes no links")
    if refused:
        with pytest.raises(UnusableInput, match="choose another --output"):
            refuse_overlap([tmp_path / output], [tmp_path / ct])
    else:
        refuse_overlap([tmp_path / output], [tmp_path / ct])


def loop(folder):
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop" / "out"


def a_file(folder):
    (folder / "file").write_text("x")
    return folder / "file"


@pytest.mark.parametrize(("make", "message"), [
    (lambda folder: folder, "is, or holds, the CT"),
    (a_file, "is a file"),
    (lambda folder: a_file(folder) / "deep" / "er", "cannot be written"),
    (loop, "cannot be written"),
    (lambda folder: folder / ("x" * 300), "cannot be written"),
    (lambda folder: "/proc/innerearseg", "cannot be written"),
    (lambda folder: "/sys/kernel", "cannot be written"),
])  # fmt: skip
def test_bad_output_folder(make, message, tmp_path, capfd):
    ct = write(tmp_path / "ct.nrrd")
    place = make(tmp_path)
    check_refusal(capfd, tmp_path, [ct, "--output", place], message, output=False)


def test_a_full_disk_and_a_closed_folder_are_noticed_early(tmp_path, monkeypatch, capfd):
    ct = write(tmp_path / "ct.nrrd")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1, 1, 5000))
        check_refusal(capfd, tmp_path, [ct], "its disk is full")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    check_refusal(capfd, tmp_path, [ct], "cannot be written")


def test_the_hidden_folder_is_not_spoken_of(tmp_path):
    with (
        pytest.raises(UnusableInput, match=f"in {tmp_path / 'out'}:"),
        ResultFolder(tmp_path / "out").replacing({}) as stage,
    ):
        raise UnusableInput(f"Cannot write scene.mrb in {stage}: the disk of {stage} is full.")


# Processes that are killed

KILLED = """
import sys
from pathlib import Path
from InnerEarSegLib.io.result_folder import ResultFolder
with ResultFolder(Path(sys.argv[1])).replacing({}) as stage:
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
    for lines, delay in ((0, 0.0), (1, 0.0), (3, 0.0), (3, 0.01), (3, 0.03)):
        killed(tmp_path / "out", lines, delay)
        if (tmp_path / "out").exists():  # then it is whole
            assert set(contents(tmp_path / "out")) == {*FILES, MANIFEST}
            shutil.rmtree(tmp_path / "out")
    killed(tmp_path / "out", 1)
    assert any(path.name.startswith(HIDDEN) for path in tmp_path.iterdir())
    run(tmp_path / "out")  # the next run cleans up
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_hidden_folders_of_living_runs_and_other_machines_stay(tmp_path):
    living = temporary_folder(tmp_path)
    foreign = tmp_path / f"{HIDDEN}elsewhere-1-1-abc"
    old = tmp_path / f"{HIDDEN}elsewhere-1-1-old"
    used_again = tmp_path / living.name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-9")
    for path in (foreign, old, used_again):
        path.mkdir()
    os.utime(old, (0, 0))
    add(tmp_path, "x.txt")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {living.name, foreign.name, "x.txt", NOTES}
