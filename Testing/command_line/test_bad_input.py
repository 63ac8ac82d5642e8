"""What cannot be used: one sentence, exit status 2, nothing left behind."""

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.geometry import Geometry
from InnerEarSegLib.output import Output
from InnerEarSegLib.reading.image import image_of

from .conftest import innerearseg


def ct(shape=(20, 20, 20), spacing=0.4, dtype=np.int16):
    values = np.random.default_rng(0).normal(500, 500, shape).astype(dtype)
    return image_of(values, Geometry(np.diag([spacing, spacing, spacing, 1.0]), shape))


def missing(folder):
    return folder / "none.nrrd"


def unknown_kind(folder):
    (folder / "ct.jpg").write_bytes(b"x")
    return folder / "ct.jpg"


def truncated(ending, keep=0.5):
    def write(folder):
        path = folder / f"ct{ending}"
        sitk.WriteImage(ct(), str(path))
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * keep)])
        return path

    return write


def empty_folder(folder):
    (folder / "dicom").mkdir()
    return folder / "dicom"


def written(make):
    def write(folder):
        path = folder / "ct.nrrd"
        sitk.WriteImage(make(), str(path))
        return path

    return write


def two_dimensional():
    return sitk.Image([64, 64], sitk.sitkInt16)


def colours():
    return sitk.Image([16, 16, 16], sitk.sitkVectorUInt8, 3)


def constant():
    return sitk.Image([16, 16, 16], sitk.sitkInt16)


def label_map():
    image = ct()
    return sitk.Cast(image > 500, sitk.sitkUInt8)


def not_a_number():
    array = sitk.GetArrayFromImage(ct()).astype(np.float32)
    array[3, 3, 3] = np.nan
    return image_of(array, Geometry(np.eye(4) * 0.5, array.shape))


def chest():
    return ct((200, 300, 300), 1.2)


TABLE = [
    (missing, "does not exist"),
    (unknown_kind, "is of no known kind"),
    (truncated(".nii"), "is cut short"),
    (truncated(".nii", 0.999), "is cut short"),
    (truncated(".nii.gz"), "is cut short"),
    (truncated(".nii.gz", 0.01), "is cut short"),
    (truncated(".nrrd"), "damaged, cut short"),
    (truncated(".mha"), "damaged, cut short"),
    (empty_folder, "holds no DICOM image"),
    (written(two_dimensional), "2 dimensions"),
    (written(colours), "colours or vectors"),
    (written(constant), "all its voxels are 0"),
    (written(label_map), "no CT in Hounsfield units"),
    (written(not_a_number), "not numbers"),
    (written(lambda: ct((5, 20, 20))), "at least 8 in each direction"),
    (written(lambda: ct(spacing=2.0)), "too coarse for an inner ear"),
    (written(chest), "far more than one ear"),
]


@pytest.mark.parametrize(
    ("make", "message"), TABLE, ids=[f"{n} {message}" for n, (_, message) in enumerate(TABLE)]
)
def test_bad_ct(make, message, tmp_path, capsys):
    status = main(["segment", str(make(tmp_path)), "--output", str(tmp_path / "out")])
    captured = capsys.readouterr()
    assert status == 2 and captured.out == ""
    assert message in captured.err and captured.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_bad_arguments_and_output(tmp_path, synthetic_file, capsys):
    (tmp_path / "file").write_text("x")
    for arguments, message in (
        (["--output", str(tmp_path / "file")], "is a file"),
        (["--output", str(tmp_path / "o"), "--device", "tpu"], "unknown"),
        (["--output", str(tmp_path / "o"), "--model", str(tmp_path / "m.pt")], "cannot be read"),
        (["--output", str(tmp_path / "o"), "--model", str(tmp_path / "file")], "no TorchScript"),
    ):
        assert main(["segment", str(synthetic_file), *arguments]) == 2
        captured = capsys.readouterr()
        assert message in captured.err and captured.err.count("\n") == 1
        assert not (tmp_path / "o").exists()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnusableInput, match="cannot be written"):
        Output(tmp_path / "file" / "folder")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_as_a_process_there_is_no_traceback(tmp_path):
    for arguments in (["segment", tmp_path / "none.nii", "--output", tmp_path / "o"], ["segment"]):
        process = innerearseg(*arguments)
        assert process.returncode == 2
        assert process.stderr.count("\n") == 1 and "Traceback" not in process.stderr
