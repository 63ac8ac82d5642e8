"""Damaged files of every kind: a volume or a sentence, in little time and memory, never a crash."""

import subprocess
import sys

import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.volume import read_ct

from .conftest import REPOSITORY
from .fuzz_child import make

FILES = (".nii", ".nii.gz", ".nrrd", ".nrrd-packed", ".mha", ".mha-packed")
KINDS = (*FILES, "dicom", "frames", "rle")
QUICK, DEEP = 60, 5000
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux")


@pytest.mark.parametrize("kind", KINDS)
def test_every_truncation_is_a_sentence(kind, tmp_path):
    place, file = make(tmp_path, kind)
    content = file.read_bytes()
    lengths = {int(keep * len(content)) for keep in (0.0001, 0.5, 0.97, 0.999, 0.9999)}
    for length in lengths | set(range(0, 400, 23)):
        file.write_bytes(content[:length])
        try:
            read_ct(place)
        except UnusableInput as error:
            assert str(error).endswith(".") and "\n" not in str(error)
        else:  # a file cut in its header is no image: a missing slice
            assert kind in ("dicom", "rle")


def fuzz(kind, folder, seed, count, timeout):
    """Run the child, whose memory is limited and whose crash is seen."""
    words = ["-m", "Testing.command_line.fuzz_child", folder / "x", kind, seed, count]
    process = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    last = process.stdout.splitlines()[-1:]
    assert process.returncode == 0, (last, process.stderr[-2000:])
    assert process.stderr == "", process.stderr[-2000:]
    assert last[0].startswith("done")


@LINUX
@pytest.mark.parametrize("kind", KINDS)
def test_in_little_memory(kind, tmp_path):
    (tmp_path / "x").mkdir()
    fuzz(kind, tmp_path, 0, QUICK, 60)


@pytest.mark.slow
@LINUX
@pytest.mark.parametrize("kind", KINDS)
def test_in_little_memory_for_long(kind, tmp_path):
    (tmp_path / "x").mkdir()
    fuzz(kind, tmp_path, QUICK, DEEP, 1800)
