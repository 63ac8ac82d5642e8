"""Damaged files of every kind: a volume or a sentence, in little time and memory, never a crash."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.volume import read_ct

from .conftest import REPOSITORY
from .fuzz_child import HEADER, INTERESTING, make

FILES = (".nii", ".nii.gz", ".nrrd", ".nrrd-packed", ".mha", ".mha-packed")
DICOM = ("dicom", "frames", "rle")
QUICK, DEEP = 60, 5000

CHANGES = st.lists(
    st.tuples(
        st.integers(0, HEADER), st.sampled_from(INTERESTING) | st.binary(min_size=1, max_size=4)
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def wholes():
    """By kind: what to read, the file in it, and its content before any damage."""
    folder = Path(tempfile.mkdtemp())
    found = {}
    for kind in (*FILES, *DICOM):
        (folder / kind).mkdir()
        place, file = make(folder / kind, kind)
        found[kind] = place, file, file.read_bytes()
    yield found
    shutil.rmtree(folder)


def check(wholes, kind, changes, keep):
    place, file, content = wholes[kind]
    raw = bytearray(content)
    for at, piece in changes:
        raw[at : at + len(piece)] = piece
    file.write_bytes(bytes(raw[: int(keep * len(raw))]))
    try:
        ct = read_ct(place)
    except UnusableInput as error:
        assert str(error).endswith(".") and "\n" not in str(error)
    else:
        assert min(ct.array.shape) >= 8 and ct.geometry.spacing.min() > 0


@pytest.mark.parametrize("kind", [*FILES, *DICOM])
def test_changed_headers(wholes, kind):
    @settings(
        max_examples=50, deadline=5000, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(CHANGES)
    def changed(changes):
        check(wholes, kind, changes, 1.0)

    changed()


@pytest.mark.parametrize("kind", [*FILES, *DICOM])
def test_every_truncation_is_a_sentence(wholes, kind):
    @settings(
        max_examples=25, deadline=5000, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.floats(0, 0.9999))
    def cut(keep):
        place, file, content = wholes[kind]
        file.write_bytes(content[: int(keep * len(content))])
        if kind in ("dicom", "rle"):
            check(wholes, kind, [], keep)  # a file cut in its header is no image: a missing slice
            return
        with pytest.raises(UnusableInput):
            read_ct(place)

    cut()


def fuzz(kind, seed, count, timeout):
    """Run the child, whose memory is limited and whose crash is seen."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run(
            [sys.executable, "-m", "Testing.command_line.fuzz_child", folder, kind, str(seed),
             str(count)],
            cwd=REPOSITORY, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
    last = process.stdout.splitlines()[-1:]
    assert process.returncode == 0, (last, process.stderr[-2000:])
    assert process.stderr == "", process.stderr[-2000:]
    assert last[0].startswith("done")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
@pytest.mark.parametrize("kind", [".nii.gz", ".nrrd", ".mha", *DICOM])
def test_in_little_memory(kind):
    fuzz(kind, 0, QUICK, 60)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
@pytest.mark.parametrize("kind", [*FILES, *DICOM])
def test_in_little_memory_for_long(kind):
    fuzz(kind, QUICK, DEEP, 1800)
