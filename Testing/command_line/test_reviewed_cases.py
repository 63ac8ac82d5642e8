"""``innerearseg batch`` over cases that somebody has worked on: nothing of that is ever lost."""

import os
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.finished import look_at, names_to_keep
from InnerEarSegLib.batch.receipt import read_receipt, receipt_of, same_image
from InnerEarSegLib.batch.source import Source
from InnerEarSegLib.batch.standing import BEFORE, NO_COUNT
from InnerEarSegLib.io.result_folder import Moves, Output

from .make_ct import phantom, write
from .worked_on import (
    DAY,
    OURS,
    RESULT,
    add_report,
    contents,
    correct,
    first_form,
    publish,
    row,
    save_beside,
)


@pytest.fixture
def case(tmp_path):
    return Case("a", "ct.nrrd", Source(write(tmp_path / "ct.nrrd")))


def test_what_is_just_the_batchs_own_is_renewed(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    found = look_at(folder)
    assert not found.reviewed and not found.broken and not found.unsure
    assert (row(case, tmp_path / "out").status, row(case, tmp_path / "out").reason) == ("done", "")
    for another in (
        row(case, tmp_path / "out", "another model"),
        row(Case("a", "ct.nrrd", case.source, (("series", "1.2"),)), tmp_path / "out"),
    ):
        assert another is None
    os.utime(case.source.path)
    assert row(case, tmp_path / "out") is None
    publish(case, tmp_path / "out", "new")
    assert {path.name for path in folder.iterdir()} == {*OURS, "case.json"}
    assert (folder / "scene.mrb").read_bytes() == b"scenenew"


def test_a_copy_with_other_times_is_still_unchanged(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    for name in OURS:
        os.utime(folder / name, (1, 1))
    assert not look_at(folder).reviewed and names_to_keep(folder) == []


@pytest.mark.parametrize("work", [correct, add_report, save_beside])
@pytest.mark.parametrize("cause", ["CT", "CT gone", "model", "damaged"])
def test_what_somebody_worked_on_is_kept_with_its_values(case, tmp_path, work, cause):
    out = tmp_path / "out"
    folder = publish(case, out)
    work(folder)
    said = row(case, out)
    assert said.status == "done" and "since: " in said.reason
    assert (BEFORE in said.reason) == (work is correct)
    if cause == "CT":
        os.utime(case.source.path)
    elif cause == "CT gone":
        case.source.path.unlink()
    elif cause == "damaged":
        (folder / "measurements.json").write_bytes(b"{")
    kept = row(case, out, "new" if cause == "model" else "sha")
    assert kept.status == "kept" and kept.result == RESULT
    assert "Made by Model 2, InnerEarSeg" in kept.reason and "--again" in kept.reason
    assert {"CT": "the CT's files", "CT gone": "CT is not there", "model": "the model is another",
            "damaged": "damaged: measurements.json"}[cause] in kept.reason  # fmt: skip

    # Asked for, all of it is set aside, and twice on one day in two folders.
    before = contents(folder)
    write(case.source.path)
    publish(case, out, "new")
    assert contents(folder / DAY) == before
    assert row(case, out).status == "done" and row(case, out).reason == ""
    add_report(folder)
    publish(case, out, "newer")
    assert (folder / f"{DAY}-2" / "scene.mrb").read_bytes() == b"scenenew"
    assert contents(folder / DAY) == before


@pytest.mark.parametrize("name", ["landmarks_right.mrk.json", "labyrinth.seg.nrrd"])
def test_edits_of_files_that_nobody_reads_are_called_so(case, tmp_path, name):
    out = tmp_path / "out"
    folder = publish(case, out, more={name: b"as it was found"})
    assert row(case, out).reason == ""
    (folder / name).write_bytes(b"as somebody sees it")
    said = f"Changed since: {name}. {NO_COUNT}"
    assert row(case, out).reason == said and "scene.mrb" in said and "innerearseg report" in said
    os.utime(case.source.path)
    assert row(case, out).status == "kept" and row(case, out).reason.endswith(NO_COUNT)
    correct(folder)  # then all were saved together, and the scene counts
    assert NO_COUNT not in row(case, out).reason and BEFORE in row(case, out).reason


def test_a_correction_while_the_batch_runs_is_set_aside(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    with Output(folder, names_to_keep).staging() as stage:
        (stage / "result.json").write_bytes(OURS["result.json"])
        correct(folder)
    assert (folder / DAY / "scene.mrb").read_bytes() == b"SCENE"


def test_a_kill_amid_setting_aside_loses_nothing(case, tmp_path, monkeypatch):
    folder = publish(case, tmp_path / "out")
    correct(folder)
    save_beside(folder)
    before = contents(folder)
    real, steps = type(folder).replace, []

    def replace(path, target):
        steps.append(path.name)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(type(folder), "replace", replace)
    monkeypatch.setattr(Moves, "__exit__", lambda *_: None)  # a kill takes nothing back
    with pytest.raises(KeyboardInterrupt):
        publish(case, tmp_path / "out", "new")
    monkeypatch.undo()
    assert row(case, tmp_path / "out") is None
    publish(case, tmp_path / "out", "new")
    there = [contents(folder / DAY), contents(folder / f"{DAY}-2"), contents(folder)]
    for name, raw in before.items():
        assert any(each.get(name) == raw for each in there), name


@pytest.mark.parametrize("name", ["measurements.json", "result.json"])
@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"ears": [{}]}', b'{"ears": 3}', b"null"])
def test_a_damaged_table_is_not_finished(case, tmp_path, name, raw):
    folder = publish(case, tmp_path / "out")
    (folder / name).write_bytes(raw)
    assert row(case, tmp_path / "out") is None


def test_a_file_that_is_gone_or_empty_is_made_again(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    (folder / "scene.mrb").write_bytes(b"")  # as after a power cut
    assert row(case, tmp_path / "out") is None
    (folder / "scene.mrb").unlink()
    assert row(case, tmp_path / "out") is None


def test_receipts_of_the_first_form_prove_nothing(case, tmp_path):
    out = tmp_path / "out"
    folder = publish(case, out)
    first_form(folder)
    assert row(case, out).status == "done"  # nothing would be replaced
    kept = row(case, out, "another")
    assert kept.status == "kept" and "perhaps corrected by hand" in kept.reason
    before = contents(folder)
    publish(case, out, "new", model="another")
    assert contents(folder / DAY) == before and row(case, out, "another").status == "done"


def test_results_without_a_receipt_are_set_aside_and_other_files_stay(case, tmp_path):
    folder = publish(case, tmp_path / "out", receipt=False)
    (folder / "notes.txt").write_text("mine")
    before = contents(folder)
    assert row(case, tmp_path / "out") is None
    publish(case, tmp_path / "out", "new")
    assert contents(folder / DAY) == {name: before[name] for name in OURS}
    assert (folder / "notes.txt").read_text() == "mine"
    assert not look_at(folder).reviewed  # the notes were there before


# Other lists


def test_the_same_ct_by_another_way(case, tmp_path):
    out = tmp_path / "out"
    kept = read_receipt(publish(case, out))

    def same(case, out=out):
        return same_image(kept, case, receipt_of(case, "sha", out), out)

    (tmp_path / "lists").mkdir()
    other_list = Case("a", "../ct.nrrd", Source(tmp_path / "lists" / ".." / "ct.nrrd"))
    assert same(other_list) and row(other_list, out).status == "done"
    (tmp_path / "b").mkdir()
    shutil.copy2(case.source.path, tmp_path / "b" / "ct.nrrd")
    copied = Case("a", "ct.nrrd", Source(tmp_path / "b" / "ct.nrrd"))
    assert not same(copied)  # both are there: who knows
    assert same(copied, tmp_path / "b" / "out")  # moved together with its results
    case.source.path.unlink()
    assert same(copied)  # moved
    write(copied.source.path, phantom(seed=3))
    assert not same(copied)
