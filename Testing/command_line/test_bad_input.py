"""What cannot be used: one sentence, exit status 2, nothing left behind."""

import pytest

from .bad_dicom import TABLE as DICOM
from .bad_files import TABLE as FILES
from .conftest import innerearseg
from .refusal import REPOSITORY, check_refusal

TABLE = FILES + DICOM


@pytest.mark.parametrize(("make", "message"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_bad_ct(make, message, tmp_path, capfd):
    check_refusal(capfd, tmp_path, [make(tmp_path), "--device", "cpu"], message)


def test_the_documentation_has_each_sentence():
    text = (REPOSITORY / "docs" / "input.md").read_text(encoding="utf-8")
    assert [message for _, _, message in TABLE if message not in text] == []


def test_as_a_process_there_is_no_traceback(tmp_path):
    made = [
        make(tmp_path) for name, make, _ in TABLE if name in ("truncated .nii.gz", "empty file")
    ]
    for arguments in (
        *[["segment", path, "--output", tmp_path / "o"] for path in made],
        ["segment"],
    ):
        process = innerearseg(*arguments, timeout=10)
        assert process.returncode == 2
        assert process.stderr.count("\n") == 1 and "Traceback" not in process.stderr
    assert not (tmp_path / "o").exists()
