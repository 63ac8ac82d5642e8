"""What counts as a CT's own files, and what only lies beside them."""

import os

import numpy as np
import pytest

from InnerEarSegLib.batch import status
from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.batch.status import about
from InnerEarSegLib.io.volume import files_read

from .finished_cases import add_report, publish, row
from .make_ct import edit, phantom, write
from .make_dicom import uid, write_multi_frame, write_series

SMALL = phantom((20, 24, 24))


def case_of(path, series=None):
    return Case("a", path.name, Source(path, series))


def changed(case, out, kept):
    return about(case, out, kept)["files"] != kept["files"]


def detached(folder, ending):
    """A header with its voxels in one file beside it, and what else lies there."""
    path = write(folder / f"ct.{ending}")
    (data,) = (each for each in folder.iterdir() if each != path)
    (folder / "list.csv").write_text("image\nct\n")
    write(folder / "other.nrrd")
    return path, data


@pytest.mark.parametrize("ending", ["mhd", "nhdr"])
def test_a_header_and_its_data_and_nothing_else(tmp_path, ending):
    path, data = detached(tmp_path, ending)
    assert files_read(path) == sorted([path, data])
    case, out = case_of(path), tmp_path / "out"
    kept = about(case, out)
    (tmp_path / "list.csv").write_text("image\nct\nother\n")  # appended
    write(tmp_path / f"second.{ending}")
    assert not changed(case, out, kept)
    for each in (path, data):
        kept = about(case, out)
        os.utime(each)
        assert changed(case, out, kept), each
    for name in ("a.nii.gz", "b.nrrd", "c.mha"):
        assert files_read(write(tmp_path / name)) == [tmp_path / name]


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_a_header_of_any_name_may_have_its_data_elsewhere(tmp_path, ending):
    kind = {"nrrd": "nhdr", "mha": "mhd"}[ending]
    path, data = detached(tmp_path, kind)
    moved = tmp_path / "raw" / data.name
    moved.parent.mkdir()
    data.rename(moved)
    path = path.rename(tmp_path / f"ct.{ending}")
    edit(path, data.name.encode(), f"raw/{data.name}".encode())
    assert files_read(path) == sorted([path, moved])
    case, out = case_of(path), tmp_path / "out"
    kept = about(case, out)
    os.utime(moved)
    assert changed(case, out, kept)
    moved.unlink()  # then it cannot be read, and the header counts alone
    assert files_read(path) is None and changed(case, out, kept)


def test_a_list_of_slices_is_not_read_and_its_header_counts(tmp_path):
    path, data = detached(tmp_path, "nhdr")
    edit(path, data.name.encode(), b"LIST\n" + data.name.encode())
    assert files_read(path) is None
    case, out = case_of(path), tmp_path / "out"
    kept = about(case, out)
    write(tmp_path / "more.nrrd")
    assert not changed(case, out, kept)


@pytest.mark.parametrize("series", [None, uid()])
def test_a_dicom_folder_is_the_series_that_is_read(tmp_path, series):
    folder = write_series(tmp_path / "dcm", SMALL, ConvolutionKernel="BONE")
    case, out = case_of(folder, series), tmp_path / "out"
    kept = about(case, out)
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._999-1.dcm", "notes.txt", "list.csv"):
        (folder / name).write_bytes(b"x")
        assert not changed(case, out, kept), name
    # A scout is no CT to choose; with the series named, neither is another scan.
    write_series(folder / "scout", SMALL[:1], number=2, ImageType=["ORIGINAL", "LOCALIZER"])
    assert not changed(case, out, kept)
    if series is not None:
        write_series(folder / "again", SMALL, number=3, ConvolutionKernel="BONE")
        assert not changed(case, out, kept)
    kept = about(case, out)
    slices = sorted(folder.glob("9*-1.dcm"))
    os.utime(slices[0])
    assert changed(case, out, kept)
    kept = about(case, out)
    slices[-1].unlink()
    assert changed(case, out, kept)


def test_a_file_of_dicom_is_its_own_series_or_itself(tmp_path):
    flat = write_series(tmp_path / "flat", SMALL)
    one = case_of(sorted(flat.iterdir())[0])
    frames = write_multi_frame(tmp_path / "frames" / "a.dcm", SMALL)
    out, kept = tmp_path / "out", {}
    for case in (one, case_of(frames)):
        kept = about(case, out)
        write_series(case.source.path.parent, SMALL, number=2)
        assert not changed(case, out, kept), case
    assert files_read(frames) == [frames]
    kept = about(one, out)
    write_series(flat, SMALL + 1)
    assert changed(one, out, kept)


def test_headers_are_read_only_where_something_changed(tmp_path, monkeypatch):
    folder = write_series(tmp_path / "dcm", SMALL)
    case, out = case_of(folder), tmp_path / "out"
    kept = about(case, out)
    monkeypatch.setattr(status, "files_read", None)
    assert about(case, out, kept) == kept
    (folder / "Thumbs.db").write_bytes(b"x")
    assert about(case, out, kept) == kept
    monkeypatch.undo()
    add_report(publish(case, out))
    for name in (".DS_Store", "notes.txt"):  # which keep no reviewed case
        (folder / name).write_bytes(b"x")
    assert row(case, out).status == "done"


def test_a_folder_may_hold_the_results(tmp_path):
    folder = write_series(tmp_path / "dcm", np.pad(SMALL, ((0, 0), (1, 1), (1, 1))))
    case = case_of(folder)
    for out in (folder / "out", folder):
        kept = about(case, out)
        publish(case, out)
        (out / "summary.csv").write_text("x")
        assert not changed(case, out, kept)
        os.utime(sorted(folder.glob("*.dcm"))[0])
        assert changed(case, out, kept)
