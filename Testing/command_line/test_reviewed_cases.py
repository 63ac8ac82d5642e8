"""``innerearseg batch`` over cases that the user has worked on: nothing of that is ever lost."""

import os
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.batch.status import BEFORE, NO_COUNT, status_of

from .finished_cases import (
    FILES,
    RESULT,
    TODAY,
    add_report,
    contents,
    correct,
    publish,
    row,
    save_beside,
)
from .make_ct import write


def test_an_unchanged_result_is_done_until_what_it_depends_on_changes(case, tmp_path):
    out = tmp_path / "out"
    folder = publish(case, out)
    for _ in range(2):
        assert (row(case, out).status, row(case, out).reason) == ("done", "")
        for name in FILES:
            os.utime(folder / name, (1, 1))  # copied
    another = Case("a", "ct.nrrd", case.source, (("series", "1.2"),))
    assert row(case, out, "another model") is None and row(another, out) is None
    os.utime(case.source.path)
    assert row(case, out) is None
    publish(case, out, "new")
    assert set(contents(folder)) == {*FILES, "case.json"}
    assert contents(folder)["scene.mrb"] == b"scenenew" and len(list(out.iterdir())) == 1


@pytest.mark.parametrize("work", [correct, add_report, save_beside])
@pytest.mark.parametrize("cause", ["CT", "CT gone", "model", "damaged"])
def test_what_the_user_worked_on_is_kept_with_its_values(case, tmp_path, work, cause):
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

    # With --again, all of it is set aside, and twice on one day in two folders.
    before = contents(folder)
    write(case.source.path)
    publish(case, out, "new")
    assert contents(out / f"a{TODAY}") == before
    assert row(case, out).status == "done" and row(case, out).reason == ""
    add_report(folder)
    publish(case, out, "newer")
    assert contents(out / f"a{TODAY}-2")["scene.mrb"] == b"scenenew"
    assert contents(out / f"a{TODAY}") == before


@pytest.mark.parametrize("name", ["landmarks_right.mrk.json", "labyrinth.seg.nrrd"])
def test_edits_of_files_that_are_not_read_are_called_so(case, tmp_path, name):
    out = tmp_path / "out"
    folder = publish(case, out, more={name: b"as it was found"})
    assert row(case, out).reason == ""
    (folder / name).write_bytes(b"as the user sees it")
    said = f"Changed since: {name}. {NO_COUNT}"
    assert row(case, out).reason == said and "scene.mrb" in said and "innerearseg report" in said
    os.utime(case.source.path)
    assert row(case, out).status == "kept" and row(case, out).reason.endswith(NO_COUNT)
    correct(folder)  # then all were saved together, and the scene counts
    assert NO_COUNT not in row(case, out).reason and BEFORE in row(case, out).reason


DAMAGED = [b"", b"{", b"[]", b'{"ears": [{}]}', b'{"ears": 3}', None]


@pytest.mark.parametrize(
    ("name", "raw"),
    [(f"{name}.json", raw) for name in ("measurements", "result", "case") for raw in DAMAGED]
    + [("scene.mrb", b""), ("scene.mrb", None)],
)
def test_a_damaged_case_is_not_finished(case, tmp_path, name, raw):
    folder = publish(case, tmp_path / "out")
    (folder / name).unlink()
    if raw is not None:
        (folder / name).write_bytes(raw)
    assert row(case, tmp_path / "out") is None


def test_another_ct_of_the_same_name_costs_no_result_and_the_same_elsewhere_is_done(case, tmp_path):
    out = tmp_path / "out"
    before = contents(publish(case, out))
    (tmp_path / "b").mkdir()
    shutil.copy2(case.source.path, tmp_path / "b" / "ct.nrrd")
    moved = Case("a", "b/ct.nrrd", Source(tmp_path / "b" / "ct.nrrd"))
    assert row(moved, out).status == "done" and status_of(out / "a", moved, "sha").outdated == ()
    other = Case("a", "ct.nrrd", Source(write(tmp_path / "other.nrrd")))
    assert row(other, out) is None
    publish(other, out, "other", ct="other")
    assert contents(out / f"a{TODAY}") == before and row(other, out).status == "done"
