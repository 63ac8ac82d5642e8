"""The tables of ``innerearseg batch`` where they were edited, cannot be written, or are foreign."""

import json
import os
import shutil
from pathlib import Path

import pytest

from InnerEarSegLib.batch.run import Tables
from InnerEarSegLib.batch.summary import Row
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.io.result_folder import ResultFolder, names_in

from .finished_cases import TODAY, add_report, contents, listed, table
from .make_ct import phantom, write

FILES = ["cases.csv", "cohort.html", "ears.csv", "measurements.csv", "summary.json"]
ROWS = [Row("a", "a.nii"), Row("b", "b.nii", "failed", "Müller: 214 mm³")]


@pytest.fixture
def lines():
    return []


def tables_of(folder):
    return Tables(ResultFolder(folder))


def with_a_column(path):
    text = path.read_text(encoding="utf-8-sig").replace("\n", ",my notes\n")
    path.write_text(text, encoding="utf-8-sig")


def as_unicode_text(path):
    """As Excel saves it."""
    text = path.read_text(encoding="utf-8-sig").replace(",", "\t")
    path.write_text(text, encoding="utf-16")


def a_folder(path):
    path.unlink()
    path.mkdir()
    (path / "x.txt").write_text("mine")


def test_unchanged_tables_are_replaced_and_excel_knows_their_letters(tmp_path, lines):
    with ResultFolder(tmp_path).adding() as folder:
        (folder / "summary.csv").write_text("of an earlier version")
    for rows in (ROWS, ROWS[:1], ROWS):
        tables_of(tmp_path).write(rows, lines.append)
    (tmp_path / "cases.csv").unlink()
    tables_of(tmp_path).write(ROWS, lines.append)
    raw = (tmp_path / "cases.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcase,image,") and "Müller: 214 mm³".encode() in raw
    assert lines == [] and names_in(tmp_path) == FILES


@pytest.mark.parametrize("name", ["cases.csv", "ears.csv", "summary.json"])
@pytest.mark.parametrize("work", [with_a_column, as_unicode_text, a_folder])
def test_an_edited_table_is_set_aside_whenever_that_happens(tmp_path, lines, name, work):
    tables = tables_of(tmp_path)
    for count in ("", "-2"):
        tables.write(ROWS, lines.append)
        work(tmp_path / name)
        path = tmp_path / name
        theirs = path.read_bytes() if path.is_file() else contents(path)
        for _ in range(2):
            tables.write(ROWS, lines.append)
        stem, suffix = name.split(".") if work is not a_folder else (name, "")
        aside = tmp_path / f"{stem}{TODAY}{count}{'.' * bool(suffix)}{suffix}"
        assert (aside.read_bytes() if aside.is_file() else contents(aside)) == theirs
        assert lines.pop().endswith(f"is now {aside}.") and lines == []
        assert list(table(tmp_path)) == ["a", "b"]


def run(path, out, model, *more):
    arguments = [path, "--output", out, "--model", model, "--device", "cpu", "--workers", 1]
    return main(["batch", *map(str, [*arguments, *more])])


@pytest.mark.parametrize("closed_again", [False, True])
def test_a_batch_goes_on_without_its_table_and_says_so(
    tmp_path, capfd, monkeypatch, quick_model, closed_again
):
    for seed in range(2):
        write(tmp_path / f"ct{seed}.nrrd", phantom(seed=seed))
    path, out = listed(tmp_path, "ct0.nrrd", "ct1.nrrd", name="list.txt"), tmp_path / "out"
    real, held = Path.replace, []

    def replace(path, target):
        """As with a table that is opened in Excel once the batch has begun."""
        if target.name == "cases.csv" or path.name == "cases.csv":
            held.append(target)
            if len(held) > 1 and not (closed_again and len(held) > 2):
                raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr("InnerEarSegLib.batch.run.TABLES_EVERY_SECONDS", -1.0)
    assert run(path, out, quick_model) == (0 if closed_again else 4)
    text, errors = capfd.readouterr()
    assert "2 of 2 cases done, 0 failed" in text and ("cases.csv, " in text) == closed_again
    assert text.count("cases.csv cannot be replaced: Permission denied") == 1
    if closed_again:
        assert {row["status"] for row in table(out).values()} == {"no ear"} and errors == ""
        return
    assert errors.count("\n") == 1 and "cases.csv cannot be replaced" in errors
    assert "the same command, run again, writes it" in errors
    assert {row["status"] for row in table(out).values()} == {"pending"}  # still whole
    cases = json.loads((out / "summary.json").read_text())["cases"]
    assert [case["status"] for case in cases] == ["no ear"] * 2

    monkeypatch.undo()
    assert run(path, out, quick_model) == 0
    text, errors = capfd.readouterr()
    assert errors == "" and "2 of 2 cases were finished earlier" in text
    assert {row["status"] for row in table(out).values()} == {"no ear"}


def test_without_any_table_nothing_is_done(tmp_path, capfd, monkeypatch, quick_model):
    write(tmp_path / "ct.nrrd")
    out = tmp_path / "out"
    tables_of(out).write(ROWS)
    before = contents(out)
    real = Path.replace

    def replace(path, target):
        if target.parent == out or path.parent == out:
            raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    assert run(listed(tmp_path, "ct.nrrd", name="list.txt"), out, quick_model) == 2
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1 and "summary.json cannot be replaced" in errors
    assert contents(out) == before


def test_a_case_whose_folder_would_hold_a_ct_is_refused(tmp_path, capfd, quick_model):
    data = tmp_path / "data"
    (data / "a").mkdir(parents=True)
    write(data / "a" / "ct.nrrd")
    (data / "list.csv").write_text("case,image\na,a/ct.nrrd\na b,a/ct.nrrd\n")
    before = sorted(tmp_path.rglob("*"))
    for more in ((), ("--again",)):
        assert run(data / "list.csv", data, quick_model, *more) == 2
        errors = capfd.readouterr().err
        assert errors.count("\n") == 1 and "is, or holds, the CT" in errors
    assert sorted(tmp_path.rglob("*")) == before


def test_edited_cases_are_kept_and_with_again_set_aside(tmp_path, capfd, quick_model):
    for name in ("own", "hand", "bare"):
        write(tmp_path / f"{name}.nrrd", phantom(seed=len(name)))
    path = listed(tmp_path, "own.nrrd", "hand.nrrd", "bare.nrrd", name="list.txt")
    out = tmp_path / "out"
    assert run(path, out, quick_model) == 0
    add_report(out / "hand")
    (out / "bare" / "case.json").unlink()
    for name in ("own", "hand", "bare"):
        os.utime(tmp_path / f"{name}.nrrd")
    before = contents(out / "hand")
    times = {name: (out / name / "result.json").stat().st_mtime_ns for name in ("own", "hand")}
    capfd.readouterr()
    assert run(path, out, quick_model) == 0
    text = capfd.readouterr().out
    assert "Kept, as the user worked on them:\n  hand (hand.nrrd): Kept: added since" in text
    assert table(out)["hand"]["status"] == "kept" and contents(out / "hand") == before
    assert (out / "own" / "result.json").stat().st_mtime_ns != times["own"]
    aside = "What was there before, and may have been edited, is now {}."
    assert f"bare: no inner ear found. {aside.format(out / f'bare{TODAY}')}" in text

    assert run(path, out, quick_model, "--again") == 0
    text = capfd.readouterr().out
    assert f"hand: no inner ear found. {aside.format(out / f'hand{TODAY}')}" in text
    assert "own: no inner ear found\n" in text
    assert contents(out / f"hand{TODAY}") == before
    assert table(out)["hand"]["status"] == "no ear"
    assert names_in(out / "own") == ["case.json", "result.json"]


@pytest.mark.slow
def test_other_lists_into_the_same_folder(tmp_path, capfd, quick_model):
    out = tmp_path / "out"
    for seed, name in enumerate(("one.nrrd", "b/one.nrrd", "b/two.nrrd")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path / name, phantom(seed=seed))
    first = listed(tmp_path / "lists", "../one.nrrd", "../gone.nrrd", name="list.txt")
    assert run(first, out, quick_model) == 4
    before = contents(out / "one")

    # Another CT of the same name: the first one's result is set aside.
    assert run(listed(tmp_path / "b", "one.nrrd", name="list.txt"), out, quick_model) == 0
    assert contents(out / f"one{TODAY}") == before
    assert run(first, out, quick_model) == 4
    capfd.readouterr()

    # Other cases: the table has both lists' rows, and again only those of this one are done.
    assert run(listed(tmp_path / "b", "two.nrrd", name="list.txt"), out, quick_model) == 0
    assert "also has 2 cases of other lists" in capfd.readouterr().out
    rows = table(out)
    assert [(row["case"], row["status"], row["listed"]) for row in rows.values()] == [
        ("two", "no ear", "True"), ("one", "no ear", "False"), ("gone", "failed", "False"),
    ]  # fmt: skip

    # The first list with one more, from another folder: what is done stays, all are its own.
    assert run(listed(tmp_path, "one.nrrd", "b/two.nrrd", name="list.txt"), out, quick_model) == 0
    assert "2 of 2 cases were finished earlier" in capfd.readouterr().out
    assert [row["listed"] for row in table(out).values()] == ["True", "True", "False"]
    shutil.rmtree(out / "two")
    assert run(listed(tmp_path, "one.nrrd", name="list.txt"), out, quick_model) == 0
    assert list(table(out)) == ["one", "gone"]
