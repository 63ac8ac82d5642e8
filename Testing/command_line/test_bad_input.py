"""What cannot be used: one sentence, exit status 2, nothing left behind."""

import os
import tempfile

import pytest

from InnerEarSegLib.cli.main import main

from .bad_dicom import TABLE as DICOM
from .bad_files import TABLE as FILES
from .conftest import REPOSITORY, check_refusal, innerearseg, start
from .make_ct import phantom
from .make_dicom import write_series

TABLE = FILES + DICOM


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_bad_ct(make, message, tmp_path, capfd):
    check_refusal(capfd, tmp_path, [make(tmp_path), "--device", "cpu"], message)


def test_a_series_that_is_not_there(tmp_path, capfd):
    folder = write_series(tmp_path / "dicom", phantom((12, 16, 20)))
    message = "has no series 1.2.3; it holds 1.2.826"
    check_refusal(capfd, tmp_path, [folder, "--series", "1.2.3"], message)


def test_a_name_with_a_line_break(tmp_path, capfd):
    check_refusal(capfd, tmp_path, [tmp_path / "a\nb.nii"], "a b.nii does not exist")


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="pipes of POSIX")
def test_nobody_listens(synthetic_file, tmp_path):
    arguments = ("--output", tmp_path / "out", "--device", "cpu", "--json-progress")
    process = start("segment", synthetic_file, *arguments)
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(60) == 130 and errors.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_python_without_the_logics_of_slicers_modules(
    synthetic_file, tmp_path, monkeypatch, capfd
):
    import slicer

    monkeypatch.delattr(slicer, "vtkSlicerSegmentationsModuleLogic")  # as in PythonSlicer
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    check_refusal(capfd, tmp_path, [synthetic_file, "--device", "cpu"], "PythonSlicer cannot make")


def test_the_documentation_has_each_sentence():
    text = (REPOSITORY / "docs" / "input.md").read_text(encoding="utf-8")
    assert [message for _, _, message in TABLE if message not in text] == []


def test_as_a_process_there_is_no_traceback(tmp_path):
    made = [
        make(tmp_path) for name, make, _ in TABLE if name in ("truncated .nii.gz", "empty file")
    ]
    for path in ([each, "--output", tmp_path / "o"] for each in made):
        process = innerearseg("segment", *path, timeout=10)
        assert process.returncode == 2
        assert process.stderr.count("\n") == 1 and "Traceback" not in process.stderr
    assert not (tmp_path / "o").exists()


def test_a_place_with_a_negative_coordinate_is_no_option(tmp_path, capsys):
    """Left ears of heads lie at a negative R."""
    for place in (["--center", "-8,-79,-132"], ["--roi", "-8,-79,-132,30,30,30"]):
        assert main(["segment", str(tmp_path / "none.nrrd"), *place, "--output", "out"]) == 2
        assert "none.nrrd" in capsys.readouterr().err
