"""Running ``innerearseg`` as a user does: in a process of its own."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import SimpleITK as sitk

from InnerEarSegLib.batch.cohort import Case
from InnerEarSegLib.batch.segment_case import Source
from InnerEarSegLib.cli.main import main

from .make_ct import write
from .make_model import write_model

REPOSITORY = Path(__file__).resolve().parents[2]
LIMIT_S = 10.0


def command(*arguments: object) -> list[str]:
    """Return the command line of ``innerearseg`` with these arguments."""
    return [sys.executable, "-m", "InnerEarSegLib", *map(str, arguments)]


def innerearseg(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command and return its exit status, stdout and stderr."""
    return subprocess.run(
        command(*arguments), cwd=REPOSITORY, capture_output=True, encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"}, timeout=timeout, check=False,
    )  # fmt: skip


def start(*arguments: object, **options) -> subprocess.Popen[str]:
    """Start a command whose output is read while it runs."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        command(*arguments), cwd=REPOSITORY, encoding="utf-8", **pipes | options
    )


def check_refusal(
    capfd, folder: Path, arguments: list[object], message: str, output: bool = True
) -> None:
    """Run ``innerearseg segment`` and check how it ends.

    Args:
        capfd: pytest's fixture; of the file descriptors, as libraries in C write there.
        folder: where the output folder would be made.
        arguments: after ``segment``.
        message: what the sentence must contain.
        output: whether to add ``--output``.
    """
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    capfd.readouterr()
    started = time.monotonic()
    more = ["--output", str(folder / "out")] if output else []
    status = main(["segment", *map(str, arguments), *more])
    seconds = time.monotonic() - started
    captured = capfd.readouterr()
    assert status == 2, (status, captured)
    assert captured.out == ""
    assert message in captured.err, captured.err
    assert captured.err.startswith("innerearseg: ") and captured.err.endswith(".\n")
    assert captured.err.count("\n") == 1 and "Traceback" not in captured.err
    assert seconds < LIMIT_S
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.fixture(scope="session")
def synthetic_file(synthetic_ear, tmp_path_factory) -> Path:
    """The synthetic ear's CT as a compressed NRRD."""
    path = tmp_path_factory.mktemp("ct") / "ear.nrrd"
    sitk.WriteImage(synthetic_ear.ct.to_sitk(), str(path), True)
    return path


@pytest.fixture(scope="session")
def done(synthetic_file, tmp_path_factory):
    """(folder, completed process) of a whole run of ``segment`` on the synthetic ear."""
    folder = tmp_path_factory.mktemp("segment") / "out"
    process = innerearseg(
        "segment", synthetic_file, "--output", folder, "--device", "cpu", "--json-progress"
    )
    return folder, process


@pytest.fixture(scope="session")
def quick_model(tmp_path_factory) -> Path:
    """A model that answers at once and finds nothing."""
    return write_model(tmp_path_factory.mktemp("model") / "quick.pt")


@pytest.fixture
def case(tmp_path) -> Case:
    """A case of a batch, with its CT."""
    return Case("a", "ct.nrrd", Source(write(tmp_path / "ct.nrrd")))
