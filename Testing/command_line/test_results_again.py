"""Commands into a folder that holds an earlier result, as it was or worked on."""

import json
import shutil

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.cli.main import main

from .finished_cases import TODAY, add_report, contents, publish, row
from .make_ct import phantom, write

NEW = {"case.json", "result.json"}
"""What a run without an ear leaves."""


@pytest.fixture
def earlier(done, tmp_path):
    """A real result as ``segment`` has left it, copied with other times."""
    return shutil.copytree(done[0], tmp_path / "out", copy_function=shutil.copy)


@pytest.fixture
def again(synthetic_file, quick_model, capfd):
    """Another run into a folder, with a model that finds no ear; gives what it said."""

    def run(folder, *more, ct=synthetic_file):
        arguments = [ct, "--output", folder, "--model", quick_model, "--device", "cpu", *more]
        assert main(["segment", *map(str, arguments)]) == 3
        return capfd.readouterr().out

    return run


def test_an_unchanged_result_of_the_same_ct_is_replaced(earlier, again, synthetic_file, tmp_path):
    assert "-earlier-" not in again(earlier)
    assert set(contents(earlier)) == NEW
    moved = shutil.copy(synthetic_file, tmp_path / "elsewhere.nrrd")  # the CT is its voxels
    assert "-earlier-" not in again(earlier, ct=moved)
    before = contents(earlier)
    other = write(tmp_path / "other.nrrd", phantom((20, 24, 24)))
    assert f"is now {earlier}{TODAY}." in again(earlier, ct=other)
    assert contents(tmp_path / f"out{TODAY}") == before


@pytest.mark.parametrize(
    ("what", "more"),
    [("scene.mrb", ()), ("landmarks_", ("--plain",)), ("report", ("--json-progress",))],
)
def test_what_the_user_worked_on_is_set_aside(earlier, again, what, more):
    (earlier / "notes.txt").write_text("mine")
    if what == "report":
        add_report(earlier)
    for path in earlier.glob(f"{what}*"):
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
    before = contents(earlier)
    said = again(earlier, *more)
    aside = earlier.with_name(f"out{TODAY}")
    assert "may have been edited" in said and str(aside) in said
    if "--json-progress" in more:
        assert [json.loads(line) for line in said.splitlines()][-1]["stage"] == "done"
    assert contents(aside) == before and set(contents(earlier)) == NEW
    assert "-earlier-" not in again(earlier)


def test_the_manifest_does_not_tell_where_the_ct_is(done, synthetic_file):
    text = (done[0] / "case.json").read_text()
    assert str(synthetic_file.parent) not in text and synthetic_file.name not in text
    assert set(json.loads(text)["results"]) == {path.name for path in done[0].iterdir()} - {
        "case.json"
    }


@pytest.mark.parametrize("worked_on", [False, True])
def test_a_batch_never_takes_it_for_done(earlier, tmp_path, worked_on):
    case = Case("out", "ct.nrrd", Source(write(tmp_path / "ct.nrrd", phantom(seed=2))))
    ct = json.loads((earlier / "case.json").read_text())["ct_sha256"]
    if worked_on:
        (earlier / "scene.mrb").write_bytes(b"corrected")
    before = contents(earlier)
    assert row(case, tmp_path) is None
    publish(case, tmp_path, ct=ct)
    assert row(case, tmp_path).status == "done" and row(case, tmp_path).reason == ""
    aside = tmp_path / f"out{TODAY}"
    assert aside.exists() == worked_on and (not worked_on or contents(aside) == before)
