"""The benchmark of an input that gives it nothing to time."""

import shutil

import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation import benchmark
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.model.bundle import load_model

from .make_ct import phantom, write


def test_a_ct_without_bone_is_timed_without_passes(tmp_path, quick_model, monkeypatch):
    path = write(tmp_path / "ct.nrrd", phantom().clip(max=100))
    result = {"ears": [], "seconds": {}}
    monkeypatch.setattr(benchmark, "_run_process", lambda path, device: (1.0, 1.0, result))
    bundle = load_model(quick_model, "cpu")
    timed = benchmark.time_journey("ct", path, read_ct(path), bundle, "cpu", lambda text: None)
    assert timed["passes"] == {} and timed["bare_seconds"] == 0.0
    assert timed["wall_over_bare"] is timed["search_over_bare"] is None


@pytest.mark.skipif(shutil.which("false") is None, reason="a program of POSIX")
def test_a_process_that_fails_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(benchmark.sys, "executable", shutil.which("false"))
    with pytest.raises(UnusableInput, match=r"segment .*ct\.nrrd ended with 1\."):
        benchmark._run_process(tmp_path / "ct.nrrd", "cpu")
