"""A batch's tables in which somebody has worked: set aside, never replaced."""

import hashlib
import json

import pytest

from InnerEarSegLib.batch.seal import is_sealed, sealed
from InnerEarSegLib.batch.summary import Row
from InnerEarSegLib.batch.tables import Tables
from InnerEarSegLib.cli.main import main

from .make_ct import phantom, write
from .make_model import write_model
from .test_batch_tables import rows_of
from .worked_on import DAY

ROWS = [Row("a", "a.nii"), Row("b", "b.nii", "failed", "It is empty.")]


@pytest.fixture
def lines():
    return []


@pytest.fixture
def folder(tmp_path):
    """As a batch left it that has ended."""
    Tables(tmp_path).write(ROWS)
    return tmp_path


def names(folder):
    return {path.name for path in folder.iterdir()}


def with_a_column(path):
    """As somebody keeps notes, for whom the table is a table."""
    first, *rows = path.read_text(encoding="utf-8-sig").splitlines()
    rows = [f"{row},look again" for row in rows]
    path.write_text("\n".join([f"{first},my notes", *rows]), encoding="utf-8-sig")
    return path.read_bytes()


def with_semicolons(path):
    """As a German Excel saves it."""
    path.write_text(path.read_text(encoding="utf-8-sig").replace(",", ";"), encoding="cp1252")
    return path.read_bytes()


def as_unicode_text(path):
    text = path.read_text(encoding="utf-8-sig").replace(",", "\t")
    path.write_text(text, encoding="utf-16")
    return path.read_bytes()


def test_tables_that_nobody_touched_are_replaced(folder, lines):
    noted = json.loads((folder / "summary.json").read_bytes())["summary_csv_sha256"]
    assert noted == [hashlib.sha256((folder / "summary.csv").read_bytes()).hexdigest()]
    for _ in range(2):
        tables = Tables(folder)
        for row in ROWS:
            tables.write([row], lines.append)
    (folder / "summary.csv").write_bytes(b"")  # as after a power cut
    Tables(folder).write(ROWS, lines.append)
    (folder / "summary.csv").unlink()
    Tables(folder).write(ROWS, lines.append)
    assert lines == [] and names(folder) == {"summary.csv", "summary.json"}


@pytest.mark.parametrize("work", [with_a_column, with_semicolons, as_unicode_text])
def test_a_table_with_somebodys_work_is_set_aside(folder, lines, work):
    for count in ("", "-2"):
        theirs = work(folder / "summary.csv")
        tables = Tables(folder)
        for _ in range(2):
            tables.write(ROWS, lines.append)
        aside = f"{DAY}{count}-summary.csv"
        assert (folder / aside).read_bytes() == theirs
        assert lines.pop().endswith(f"that file is now called {aside}.") and lines == []
        assert [row["case"] for row in rows_of(folder)] == ["a", "b"]
    assert len(names(folder)) == 4


def test_also_what_comes_while_the_batch_runs(folder, lines):
    tables = Tables(folder)
    tables.write(ROWS, lines.append)
    theirs = with_a_column(folder / "summary.csv")
    tables.write(ROWS, lines.append)
    assert len(lines) == 1 and (folder / f"{DAY}-summary.csv").read_bytes() == theirs


@pytest.mark.parametrize(
    "change", [lambda text: text.replace(b"empty", b"EMPTY"), lambda text: text + b"\n"]
)
def test_a_json_that_was_changed_is_set_aside_alone(folder, lines, change):
    theirs = change((folder / "summary.json").read_bytes())
    (folder / "summary.json").write_bytes(theirs)
    Tables(folder).write(ROWS, lines.append)
    assert len(lines) == 1 and lines[0].startswith("summary.json was not")
    assert (folder / f"{DAY}-summary.json").read_bytes() == theirs
    assert names(folder) == {"summary.csv", "summary.json", f"{DAY}-summary.json"}


def test_tables_of_an_earlier_version_prove_nothing(folder, lines):
    content = json.loads((folder / "summary.json").read_bytes())
    for key in ("sha256", "summary_csv_sha256"):
        del content[key]
    (folder / "summary.json").write_text(json.dumps(content, indent=2))
    Tables(folder).write(ROWS, lines.append)
    Tables(folder).write(ROWS, lines.append)
    assert len(lines) == 2 and len(names(folder)) == 4


def test_a_kill_between_the_two_tables_is_nobodys_work(folder, lines, monkeypatch):
    old = (folder / "summary.csv").read_bytes()
    real = type(folder).replace

    def replace(path, target):
        if target.name == "summary.csv":
            raise KeyboardInterrupt
        return real(path, target)

    monkeypatch.setattr(type(folder), "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        Tables(folder).write([Row("c", "c.nii")])
    monkeypatch.undo()
    assert (folder / "summary.csv").read_bytes() == old
    Tables(folder).write(ROWS, lines.append)
    assert lines == [] and [row["case"] for row in rows_of(folder)] == ["a", "b"]


def test_a_table_that_is_held_stays_in_its_place(folder, lines, monkeypatch):
    theirs = with_a_column(folder / "summary.csv")
    real = type(folder).replace

    def replace(path, target):
        if target.name == "summary.csv":
            raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(type(folder), "replace", replace)
    Tables(folder).write(ROWS, lines.append)
    assert (folder / "summary.csv").read_bytes() == theirs
    assert len(lines) == 1 and "cannot be written now" in lines[0]
    monkeypatch.undo()
    Tables(folder).write(ROWS, lines.append)
    assert (folder / f"{DAY}-summary.csv").read_bytes() == theirs


def test_a_seal_is_of_the_whole_text():
    text = sealed(b'{\n  "a": 1\n}')
    assert json.loads(text)["a"] == 1 and is_sealed(text)
    seal = text[text.index(b',\n  "sha256"') :]
    for other in (text.replace(b"1", b"2", 1), b"", b"{}", seal, text + b" ", b'{\n  "a": 1\n}'):
        assert not is_sealed(other)


@pytest.mark.parametrize("work", [with_a_column, with_semicolons])
def test_the_cohort_goes_on_and_says_where_the_table_is(tmp_path, capfd, work):
    write(tmp_path / "ct.nrrd", phantom((20, 24, 24)))
    (tmp_path / "list.txt").write_text("ct.nrrd\n")
    out, model = tmp_path / "out", write_model(tmp_path / "quick.pt")
    Tables(out).write(ROWS)
    theirs = work(out / "summary.csv")
    arguments = [tmp_path / "list.txt", "--output", out, "--model", model, "--device", "cpu"]
    assert main(["batch", *map(str, arguments)]) == 0
    text, errors = capfd.readouterr()
    assert errors == "" and text.count(f"now called {DAY}-summary.csv") == 1
    assert (out / f"{DAY}-summary.csv").read_bytes() == theirs
    assert [row["status"] for row in rows_of(out)] == ["no ear", "failed"]
