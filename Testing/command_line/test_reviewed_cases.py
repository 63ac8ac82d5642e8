"""``innerearseg batch`` over cases that somebody has worked on: nothing of that is ever lost."""

import copy
import csv
import json
import os
import shutil
import time

import pytest

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.finished import look_at, names_to_keep
from InnerEarSegLib.batch.receipt import read_receipt, receipt_of, same_image, write_receipt
from InnerEarSegLib.batch.source import Source
from InnerEarSegLib.batch.standing import BEFORE, Standing
from InnerEarSegLib.batch.summary import cells
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.output import Output

from .make_ct import phantom, write
from .make_model import write_model

EAR = {
    "side": "left",
    "labyrinth_volume_mm3": 214.0,
    "landmarks": [
        {"name": name, "ras_mm": [1.0, 2.0, 3.0], "confidence": 0.9, "radius_90_mm": 0.5}
        for name in ("helicotrema", "oval window", "round window")
    ],
    "quality": {"verdict": "good", "reasons": [], "expected_dice": 0.97},
}
RESULT = {
    "ears": [EAR],
    "model": {"name": "Model", "version": "2", "sha256": "sha"},
    "device": "cpu",
    "seconds": {"read": 1.0},
    "warnings": [],
}
MARKS = [{**mark, "state": "automatic"} for mark in EAR["landmarks"]]
MEASURED = {
    "made_of": "automatic",
    "ears": [
        {
            "side": "left",
            "measurements": [
                {"key": "a_diameter", "value": 9.1},
                {"key": "labyrinth_volume", "value": 214.0},
            ],
            "segment": "automatic",
            "landmarks": MARKS,
        }
    ],
}
OURS = {
    "scene.mrb": b"scene",
    "measurements.json": json.dumps(MEASURED).encode(),
    "measurements.csv": b"side,key,label,\n",
    "result.json": json.dumps(RESULT).encode(),
}
DAY = f"earlier-{time.strftime('%Y-%m-%d')}"


@pytest.fixture
def case(tmp_path):
    return Case("a", "ct.nrrd", Source(write(tmp_path / "ct.nrrd")))


def publish(case, out, content="", model="sha", receipt=True):
    """A case's files as a worker publishes them."""
    output = Output(out / case.name, names_to_keep)
    with output.staging() as stage:
        for name, raw in OURS.items():
            (stage / name).write_bytes(raw + content.encode() * (name == "scene.mrb"))
        if receipt:
            write_receipt(receipt_of(case, model, out), stage, output.folder)
    return output.folder


def row(case, out, model="sha"):
    return Standing.of(case, model, out).row()


def first_form(folder):
    """The receipt as it was before it knew the files' content."""
    receipt = json.loads((folder / "case.json").read_text())
    for key in ("path", "output", "beside"):
        del receipt[key]
    receipt["results"] = sorted(set(receipt["results"]) - {"result.json"})
    (folder / "case.json").write_text(json.dumps(receipt))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


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


def correct(folder):
    (folder / "scene.mrb").write_bytes(b"SCENE")  # as long as before


def add_report(folder):
    (folder / "report.html").write_text('<meta name="generator" content="InnerEarSeg 1">')


def save_beside(folder):
    (folder / "2026-11-25-Scene.mrb").write_bytes(b"corrected")


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
    real, steps = type(folder).rename, []

    def rename(path, target):
        steps.append(path.name)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(type(folder), "rename", rename)
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


# The row


def reviewed_marks():
    marks = copy.deepcopy(MARKS)
    marks[0] |= {"ras_mm": [1.5, 2.0, 3.0], "state": "corrected", "radius_90_mm": None}
    return marks


def shown(case, folder, measured):
    (folder / "measurements.json").write_text(json.dumps(measured))
    return cells(row(case, folder.parent))


def test_a_row_is_of_one_set(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    automatic = cells(row(case, tmp_path / "out"))
    assert automatic["values"] == "automatic" and automatic["left_volume_mm3"] == 214.0
    assert automatic["left_helicotrema_confidence"] == 0.9

    measured = copy.deepcopy(MEASURED) | {"made_of": "reviewed"}
    measured["ears"][0] |= {"landmarks": reviewed_marks(), "segment": "edited"}
    measured["ears"][0]["measurements"][1]["value"] = 230.5
    table = shown(case, folder, measured)
    assert (table["values"], table["left_volume_mm3"]) == ("reviewed", 230.5)
    assert (table["left_helicotrema_R"], table["left_helicotrema_confidence"]) == (1.5, None)
    assert table["left_helicotrema_radius_90_mm"] is None
    assert (table["left_oval_window_R"], table["left_oval_window_confidence"]) == (1.0, 0.9)
    assert (table["left_verdict"], table["left_expected_dice"]) == ("good", None)
    assert "left 230 mm³ good" in row(case, tmp_path / "out").sentence


def test_what_was_removed_is_reviewed_and_what_does_not_say_is_unknown(case, tmp_path):
    folder = publish(case, tmp_path / "out")
    measured = copy.deepcopy(MEASURED)
    measured["ears"][0]["landmarks"][2] |= {"ras_mm": None, "state": "not found"}
    table = shown(case, folder, measured)
    assert table["values"] == "reviewed" and table["left_round_window_R"] is None
    measured["ears"] = []
    table = shown(case, folder, measured)
    assert (table["values"], table["left_verdict"], table["left_volume_mm3"]) == (
        "reviewed", None, None,
    )  # fmt: skip
    old = {"ears": [{key: MEASURED["ears"][0][key] for key in ("side", "measurements")}]}
    assert shown(case, folder, old)["values"] == "unknown"


# The command


@pytest.fixture(scope="module")
def quick_model(tmp_path_factory):
    """A model that answers at once and finds nothing."""
    return write_model(tmp_path_factory.mktemp("model") / "quick.pt")


def batch(path, out, model, *more):
    arguments = [
        "batch",
        path,
        "--output",
        out,
        "--model",
        model,
        "--device",
        "cpu",
        "--workers",
        1,
        *more,
    ]
    return main([str(each) for each in arguments])


def table(folder):
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def test_the_batch_keeps_and_sets_aside(quick_model, tmp_path, capfd):
    for name in ("own", "hand", "bare"):
        write(tmp_path / f"{name}.nrrd", phantom(seed=len(name)))
    path, out = tmp_path / "list.txt", tmp_path / "out"
    path.write_text("own.nrrd\nhand.nrrd\nbare.nrrd\n")
    assert batch(path, out, quick_model) == 0
    add_report(out / "hand")
    (out / "bare" / "case.json").unlink()
    for name in ("own", "hand", "bare"):
        os.utime(tmp_path / f"{name}.nrrd")
    before = contents(out / "hand")
    times = {name: (out / name / "result.json").stat().st_mtime_ns for name in ("own", "hand")}
    capfd.readouterr()
    assert batch(path, out, quick_model) == 0
    text = capfd.readouterr().out
    assert "Kept, as somebody worked on them:\n  hand (hand.nrrd): Kept: added since" in text
    assert table(out)["hand"]["status"] == "kept" and contents(out / "hand") == before
    assert (out / "own" / "result.json").stat().st_mtime_ns != times["own"]
    aside = f"What somebody had worked on in its folder is in {DAY} there."
    assert f"bare: no inner ear found. {aside}" in text

    assert batch(path, out, quick_model, "--again") == 0
    text = capfd.readouterr().out
    assert f"hand: no inner ear found. {aside}" in text and "own: no inner ear found\n" in text
    assert contents(out / "hand" / DAY) == before
    assert table(out)["hand"]["status"] == "no ear"
    assert {path.name for path in (out / "own").iterdir()} == {"case.json", "result.json"}


def list_of(folder, *names):
    folder.mkdir(exist_ok=True)
    path = folder / "list.txt"
    path.write_text("".join(f"{name}\n" for name in names))
    return path


def test_other_lists_into_the_same_folder(quick_model, tmp_path, capfd):
    out = tmp_path / "out"
    for seed, name in enumerate(("one.nrrd", "b/one.nrrd", "b/two.nrrd")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, phantom(seed=seed))
    first = list_of(tmp_path / "lists", "../one.nrrd", "../gone.nrrd")
    assert batch(first, out, quick_model) == 4
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    capfd.readouterr()

    # Another CT of the same name: refused, also with --again, and nothing changes.
    for more in ((), ("--again",)):
        assert batch(list_of(tmp_path / "b", "one.nrrd", "two.nrrd"), out, quick_model, *more) == 2
        _, errors = capfd.readouterr()
        assert errors.count("\n") == 1 and "holds the result of another CT" in errors
        assert str(tmp_path / "one.nrrd") in errors and "choose another --output" in errors
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before

    # Other cases: the table has both lists' rows, and again only those of this one are done.
    assert batch(list_of(tmp_path / "b", "two.nrrd"), out, quick_model) == 0
    assert "also has 2 cases of other lists" in capfd.readouterr().out
    rows = table(out)
    assert [(row["case"], row["status"], row["listed"]) for row in rows.values()] == [
        ("two", "no ear", "yes"), ("one", "no ear", "no"), ("gone", "failed", "no"),
    ]  # fmt: skip

    # The first list with one more, from another folder: what is done stays, all are its own.
    longer = list_of(tmp_path, "one.nrrd", "b/two.nrrd")
    assert batch(longer, out, quick_model) == 0
    assert "2 of 2 cases were finished earlier" in capfd.readouterr().out
    assert [row["listed"] for row in table(out).values()] == ["yes", "yes", "no"]
    shutil.rmtree(out / "two")
    assert batch(list_of(tmp_path, "one.nrrd"), out, quick_model) == 0
    assert list(table(out)) == ["one", "gone"]


def test_somebody_elses_table_is_not_replaced(quick_model, tmp_path, capfd):
    write(tmp_path / "ct.nrrd")
    out = tmp_path / "out"
    out.mkdir()
    for name, text in (("summary.csv", "patient,age\n"), ("summary.json", '{"mine": 1}')):
        (out / name).write_text(text)
        assert batch(list_of(tmp_path, "ct.nrrd"), out, quick_model) == 2
        assert f"{name} is there already and was not made by" in capfd.readouterr().err
        assert [path.name for path in out.iterdir()] == [name]
        (out / name).unlink()
