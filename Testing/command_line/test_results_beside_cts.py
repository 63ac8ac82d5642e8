"""Results never come among the files of a CT, and no CT is moved or replaced."""

import pytest

from InnerEarSegLib.batch.apart import refuse_folders_of_cts, refuse_place_of_ct
from InnerEarSegLib.batch.cohort import read_list
from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput

from .make_ct import phantom, write
from .make_dicom import write_series
from .make_model import write_model

SMALL = phantom((20, 24, 24))


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "quick.pt")


def dicom(folder):
    folder.mkdir()
    write_series(folder, SMALL)
    return folder


def everything(folder):
    return {path: path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def command(*arguments):
    return main([*map(str, arguments), "--device", "cpu"])


@pytest.mark.parametrize(
    ("listed", "out"),
    [
        ("image\nct.nrrd\ndcm2", "."),  # the CT's folder itself
        ("image,case\ndcm2,DICOM\nct.nrrd,dcm2", "."),  # another case's
        ("image,case\ndeep/dcm3,deep", "."),  # above it
        ("image,case\ndeep/ct.nrrd,deep", "."),
        ("image\ndcm2", "link"),  # by another way
    ],
)
def test_a_case_whose_folder_is_or_holds_a_ct_is_refused(model, tmp_path, capfd, listed, out):
    data = tmp_path / "data"
    data.mkdir()
    dicom(data / "dcm2")
    (data / "deep").mkdir()
    dicom(data / "deep" / "dcm3")
    for name in ("ct.nrrd", "deep/ct.nrrd"):
        write(data / name, SMALL)
    if out == "link":
        try:
            (data / "link").symlink_to(data)
        except OSError:
            pytest.skip("this system makes no links")
    (data / "list.csv").write_text(listed + "\n")
    before = everything(data)
    for more in ((), ("--again",)):
        paths = (data / "list.csv", "--output", data / out, "--model", model)
        assert command("batch", *paths, *more) == 2
        errors = capfd.readouterr().err
        assert errors.count("\n") == 1 and "would be, or hold, the list's CT" in errors
        assert "choose another --output" in errors
    assert everything(data) == before


def test_folders_beside_and_within_those_of_cts_are_no_matter(tmp_path):
    dicom(tmp_path / "dcm2")
    path = tmp_path / "list.csv"
    path.write_text("image,case\ndcm2,dcm2\ngone/ct.nii,a\nct.nii,ct\n")
    cases = read_list(path).cases
    for out in ("out", "dcm2", "dcm2/out"):
        refuse_folders_of_cts(cases, tmp_path / out)
    with pytest.raises(UnusableInput, match="'dcm2'"):
        refuse_folders_of_cts(cases, tmp_path / "dcm2" / "..")


def test_segment_writes_nothing_among_the_slices(model, tmp_path, capfd):
    folder = dicom(tmp_path / "dcm")
    before = everything(folder)
    out = folder / ".." / "dcm"
    assert command("segment", folder, "--output", out, "--model", model) == 2
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1 and "is the CT's own folder; choose another" in errors
    assert everything(folder) == before
    assert command("segment", folder, "--output", folder / "out", "--model", model) == 3


def test_a_ct_in_the_output_folder_is_never_touched(model, tmp_path, capfd):
    ct = write(tmp_path / "labyrinth.seg.nrrd", SMALL)
    before = everything(tmp_path)
    assert command("segment", ct, "--output", tmp_path, "--model", model) == 2
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1 and "would be replaced" in errors
    assert everything(tmp_path) == before
    ct = ct.rename(tmp_path / "ct.nrrd")
    for _ in range(2):
        assert command("segment", ct, "--output", tmp_path, "--model", model) == 3
        (tmp_path / "result.json").write_text("{}")  # the second one sets this aside
    assert ct.read_bytes() == before[tmp_path / "labyrinth.seg.nrrd"]


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "gone"])
def test_what_is_no_file_at_all_is_left_to_reading(tmp_path, name):
    refuse_place_of_ct(tmp_path / name, tmp_path)
    path = tmp_path / "list.csv"
    path.write_text(f"image,case\n{name.replace(chr(0), '')},a\n")
    refuse_folders_of_cts(read_list(path).cases, tmp_path)
