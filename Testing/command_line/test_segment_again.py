"""``innerearseg segment`` into a folder that holds an earlier result, as it was or worked on."""

import json
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.source import Source
from InnerEarSegLib.cli.main import main

from .make_ct import phantom, write
from .make_model import write_model
from .worked_on import DAY, add_report, contents, publish, row

NEW = {"case.json", "result.json"}
"""What a run without an ear leaves."""


@pytest.fixture
def earlier(done, tmp_path):
    """A real result as ``segment`` has left it, copied with other times."""
    return shutil.copytree(done[0], tmp_path / "out", copy_function=shutil.copy)


@pytest.fixture
def again(tmp_path, capfd):
    """Another run into a folder, of a CT and a model without an ear; gives what it said."""
    ct, model = write(tmp_path / "ct.nrrd"), write_model(tmp_path / "quick.pt")

    def run(folder, *more):
        arguments = [ct, "--output", folder, "--model", model, "--device", "cpu", *more]
        assert main(["segment", *map(str, arguments)]) == 3
        return capfd.readouterr().out

    return run


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_a_result_that_nobody_touched_is_replaced(earlier, again):
    (earlier / "notes.txt").write_text("mine")
    shutil.copy(earlier / "scene.mrb", earlier / "2026-11-25-Scene.mrb")  # saved beside
    before = contents(earlier)
    for _ in range(2):
        assert "earlier" not in again(earlier)
    assert names(earlier) == {*NEW, "notes.txt", "2026-11-25-Scene.mrb"}
    assert contents(earlier)["2026-11-25-Scene.mrb"] == before["scene.mrb"]


@pytest.mark.parametrize("what", ["scene.mrb", "landmarks_", "labyrinth.seg.nrrd", "report"])
@pytest.mark.parametrize("more", [(), ("--plain",), ("--json-progress",)])
def test_what_somebody_worked_on_is_set_aside(earlier, again, what, more):
    (earlier / "notes.txt").write_text("mine")
    paths = list(earlier.glob(f"{what}*"))
    if what == "report":
        add_report(earlier)
    for path in paths:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    before = contents(earlier)
    said = again(earlier, *more)
    assert "somebody may have worked on" in said and str(earlier.resolve() / DAY) in said
    if "--json-progress" in more:
        assert [json.loads(line) for line in said.splitlines()][-1]["stage"] == "done"
    notes = before.pop("notes.txt")
    assert contents(earlier / DAY) == before
    assert names(earlier) == {*NEW, "notes.txt", DAY}
    assert contents(earlier)["notes.txt"] == notes
    assert "earlier" not in again(earlier)  # what is there now is just a run's own


def test_results_without_a_record_may_be_anybodys(earlier, again):
    (earlier / "case.json").unlink()
    before = contents(earlier)
    assert str(earlier / DAY) in again(earlier)
    assert contents(earlier / DAY) == before and names(earlier) == {*NEW, DAY}


def test_reports_of_any_name_go_along(earlier, again):
    reports = {
        "befund.html": b'<meta name="generator" content="InnerEarSeg 1">',
        "befund.PDF": b"/Creator (InnerEarSeg)",
        "befund.measurements.json": b'{"made_by": "InnerEarSeg 1"}',
        "befund.measurements.csv": b"side,key,label,",
    }
    others = {"letter.html": b"<p>of another program", "table.csv": b"patient,age",
              "summary.json": b'{"innerearseg": "1", "made_by": "InnerEarSeg 1"}'}  # fmt: skip
    for name in reports:  # each alone counts as added
        for other, raw in (others | {name: reports[name]}).items():
            (earlier / other).write_bytes(raw)
        before = contents(earlier)
        said = again(earlier)
        (aside,) = (path for path in earlier.glob("earlier-*") if f"{path}." in said)
        assert contents(aside) == {k: v for k, v in before.items() if k not in others}
        assert names(earlier) - {path.name for path in earlier.glob("earlier-*")} == {*NEW, *others}
        assert "earlier" not in again(earlier)


def test_a_report_alone_goes_along_where_a_batch_comes(earlier, tmp_path):
    case = Case("out", "ct.nrrd", Source(write(tmp_path / "ct.nrrd", phantom(seed=2))))
    raw = b'<meta name="generator" content="InnerEarSeg 1">'
    for count in ("", "-2"):  # the second time it has the name of what was there at first
        (earlier / "befund.html").write_bytes(raw)
        publish(case, tmp_path)
        assert (earlier / f"{DAY}{count}" / "befund.html").read_bytes() == raw
        assert "befund.html" not in names(earlier)


def test_somebody_elses_report_is_neither_moved_nor_removed(earlier, again):
    (earlier / "report.pdf").write_bytes(b"of another program")
    assert "earlier" not in again(earlier)
    assert contents(earlier)["report.pdf"] == b"of another program"


def test_the_record_does_not_tell_where_the_ct_is(done, synthetic_file, tmp_path):
    text = (done[0] / "case.json").read_text()
    assert str(synthetic_file.parent) not in text and synthetic_file.name not in text
    assert set(json.loads(text)["results"]) == names(done[0]) - {"case.json"}


def test_nor_what_lies_in_the_folder(tmp_path, again):
    folder = tmp_path / "out"
    folder.mkdir()
    write(folder / "Muster_Eva.nrrd")
    assert "earlier" not in again(folder)
    assert "Muster" not in (folder / "case.json").read_text()
    write(folder / "another.nrrd")
    assert "earlier" not in again(folder)
    assert names(folder) == {*NEW, "Muster_Eva.nrrd", "another.nrrd"}


@pytest.mark.parametrize("worked_on", [False, True])
def test_a_batch_never_takes_it_for_done_and_moves_only_it(earlier, tmp_path, worked_on):
    case = Case("out", "ct.nrrd", Source(write(tmp_path / "ct.nrrd", phantom(seed=2))))
    (earlier / "notes.txt").write_text("mine")
    if worked_on:
        (earlier / "scene.mrb").write_bytes(b"corrected")
    before = contents(earlier)
    assert row(case, tmp_path) is None
    publish(case, tmp_path)
    assert row(case, tmp_path).status == "done" and row(case, tmp_path).reason == ""
    assert contents(earlier)["notes.txt"] == before.pop("notes.txt")
    if worked_on:
        assert contents(earlier / DAY) == before
    assert (DAY in names(earlier)) == worked_on


def test_it_sets_aside_what_a_batch_made_and_somebody_corrected(tmp_path, again):
    case = Case("a", "ct.nrrd", Source(tmp_path / "ct.nrrd"))
    folder = publish(case, tmp_path / "out")
    assert "earlier" not in again(folder) and names(folder) == NEW
    shutil.rmtree(folder)
    publish(case, tmp_path / "out")
    (folder / "scene.mrb").write_bytes(b"SCENE")
    before = contents(folder)
    assert str(folder / DAY) in again(folder)
    assert contents(folder / DAY) == before and names(folder) == {*NEW, DAY}
