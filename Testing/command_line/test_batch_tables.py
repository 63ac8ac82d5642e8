"""The tables of ``innerearseg batch`` where they cannot be written, and who reads them."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from InnerEarSegLib.batch.own_tables import refuse_foreign_tables
from InnerEarSegLib.batch.summary import Row
from InnerEarSegLib.batch.tables import Tables
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput

from .make_ct import phantom, write
from .make_model import write_model


def rows_of(folder):
    with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def hold(folder, name="summary.csv"):
    """Something that no file can replace, for whoever runs the test."""
    (folder / name).unlink(missing_ok=True)
    (folder / name / "held").mkdir(parents=True)


def test_a_table_that_cannot_be_replaced_is_tried_again(tmp_path):
    tables, lines = Tables(tmp_path), []
    hold(tmp_path)
    for status in ("pending", "failed"):
        tables.write([Row("a", "a.nii", status)], lines.append)
        (entry,) = json.loads((tmp_path / "summary.json").read_text())["cases"]
        assert entry["status"] == status
    (line,) = lines  # once is enough
    assert line.startswith("summary.csv cannot be written now (") and "tried again" in line
    assert f"The values are in {tmp_path / 'summary.json'} and the cases'" in tables.sentence
    shutil.rmtree(tmp_path / "summary.csv")
    tables.write([Row("a", "a.nii", "done")], lines.append)
    assert tables.sentence is None and rows_of(tmp_path)[0]["status"] == "done"
    hold(tmp_path, "summary.json")
    tables.write([Row("b", "b.nii")], lines.append)
    assert rows_of(tmp_path)[0]["case"] == "b" and list(tables.problems) == ["summary.json"]
    assert {each.name for each in tmp_path.iterdir()} == {"summary.csv", "summary.json"}


def test_excel_knows_its_letters_and_we_know_it_again(tmp_path):
    reason = "Müller: 214 mm³"
    Tables(tmp_path).write([Row("Jürgen", "a.nii", "failed", reason)])
    raw = (tmp_path / "summary.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfcase,image,") and reason.encode() in raw
    assert rows_of(tmp_path)[0]["reason"] == reason
    assert json.loads((tmp_path / "summary.json").read_bytes())["cases"][0]["case"] == "Jürgen"
    for content in (raw, raw[:2], raw.removeprefix(b"\xef\xbb\xbf"), b""):  # cut, or an earlier one
        (tmp_path / "summary.csv").write_bytes(content)
        refuse_foreign_tables(tmp_path)
    (tmp_path / "summary.csv").write_bytes(b"\xef\xbb\xbfpatient,image,")
    refuse_foreign_tables(tmp_path)  # beside a batch's own JSON it is set aside
    (tmp_path / "summary.json").unlink()
    with pytest.raises(UnusableInput, match="was not made by InnerEarSeg"):
        refuse_foreign_tables(tmp_path)


def test_a_batch_goes_on_without_its_table_and_says_so(tmp_path, capfd, monkeypatch):
    for seed in range(2):
        write(tmp_path / f"ct{seed}.nrrd", phantom(seed=seed))
    (tmp_path / "list.txt").write_text("ct0.nrrd\nct1.nrrd\n")
    out, model = tmp_path / "out", write_model(tmp_path / "quick.pt")

    def batch():
        arguments = [tmp_path / "list.txt", "--output", out, "--model", model, "--device", "cpu"]
        return main(["batch", *map(str, arguments), "--workers", "1"]), *capfd.readouterr()

    real, held = Path.replace, []

    def replace(path, target):
        """As Windows does with a table that is open in Excel: not there before the first case."""
        if target.name == "summary.csv" and target.exists():
            held.append(target)
            raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    status, text, errors = batch()
    assert status == 4 and held and "2 of 2 cases done, 0 failed" in text
    assert text.count("summary.csv cannot be written now (Permission denied)") == 1
    assert "Table:" not in text
    assert errors.count("\n") == 1 and "summary.csv could not be written" in errors
    assert "the same command, run again, writes it" in errors
    assert [row["status"] for row in rows_of(out)] == ["pending"] * 2  # still whole
    cases = json.loads((out / "summary.json").read_text())["cases"]
    assert [case["status"] for case in cases] == ["no ear"] * 2

    monkeypatch.undo()
    status, text, errors = batch()
    assert (status, errors) == (0, "") and "2 of 2 cases were finished earlier" in text
    assert [row["status"] for row in rows_of(out)] == ["no ear"] * 2


@pytest.mark.parametrize("name", ["summary.csv", "summary.json"])
def test_a_table_that_cannot_be_read_is_not_called_somebody_elses(tmp_path, capfd, name):
    write(tmp_path / "ct.nrrd")
    (tmp_path / "list.txt").write_text("ct.nrrd\n")
    hold(tmp_path / "out", name)
    arguments = [tmp_path / "list.txt", "--output", tmp_path / "out", "--device", "cpu"]
    assert main(["batch", *map(str, arguments)]) == 2
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1 and f"{name} cannot be read: Is a directory." in errors


def test_without_any_table_nothing_is_done_and_nothing_said_of_trying_again(
    tmp_path, capfd, monkeypatch
):
    write(tmp_path / "ct.nrrd")
    (tmp_path / "list.txt").write_text("ct.nrrd\n")
    out = tmp_path / "out"
    Tables(out).write([Row("a", "a.nii", "failed")])
    real = Path.replace

    def replace(path, target):
        if target.parent == out:
            raise PermissionError(13, "Permission denied")
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    model = write_model(tmp_path / "quick.pt")
    arguments = [tmp_path / "list.txt", "--output", out, "--model", model, "--device", "cpu"]
    assert main(["batch", *map(str, arguments)]) == 2
    text, errors = capfd.readouterr()
    assert text == "" and errors.count("\n") == 1
    assert "cannot be written: Permission denied." in errors
    assert {each.name for each in out.iterdir()} == {"summary.csv", "summary.json"}
