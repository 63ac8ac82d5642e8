"""The command ``innerearseg batch`` into a folder where there is something already."""

import csv
import os
import shutil

import pytest

from InnerEarSegLib.cli.main import main

from .make_ct import phantom, write
from .make_model import write_model
from .worked_on import (
    DAY,
    add_report,
    contents,
)


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
    with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
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


@pytest.mark.slow
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
