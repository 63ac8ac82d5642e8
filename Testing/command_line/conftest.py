"""Running ``innerearseg`` as a user does: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

from InnerEarSegLib.io.volume import image_of

REPOSITORY = Path(__file__).resolve().parents[2]


def innerearseg(*arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command and return its exit status, stdout and stderr."""
    return subprocess.run(
        [sys.executable, "-m", "InnerEarSegLib", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1"},
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="session")
def synthetic_file(synthetic_ear, tmp_path_factory) -> Path:
    """The synthetic ear's CT as a compressed NRRD."""
    path = tmp_path_factory.mktemp("ct") / "ear.nrrd"
    sitk.WriteImage(image_of(synthetic_ear.ct.array, synthetic_ear.ct.geometry), str(path), True)
    return path


@pytest.fixture(scope="session")
def done(synthetic_file, tmp_path_factory):
    """(folder, completed process) of a whole run of ``segment`` on the synthetic ear."""
    folder = tmp_path_factory.mktemp("segment") / "out"
    process = innerearseg(
        "segment", synthetic_file, "--output", folder, "--device", "cpu", "--json-progress"
    )
    assert process.returncode == 0, process.stderr
    return folder, process
