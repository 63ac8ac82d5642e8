"""The public names of the package, as a script uses them."""

import json
import re
import subprocess
import sys

import pytest
import SimpleITK as sitk

import InnerEarSegLib
from InnerEarSegLib.io.volume import image_of

from .conftest import REPOSITORY


def test_the_readme_example_is_the_command(done, synthetic_ear, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sitk.WriteImage(image_of(synthetic_ear.ct.array, synthetic_ear.ct.geometry), "ear.nii.gz")
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    exec(readme.partition("```python\n")[2].partition("```")[0], {})
    assert re.fullmatch(r"\d\.\d ± \d\.\d mm\n", capsys.readouterr().out)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {path.name for path in done[0].iterdir()}
    ours, theirs = (
        json.loads((folder / "result.json").read_text(encoding="utf-8"))["ears"]
        for folder in (tmp_path / "out", done[0])
    )
    for one, other in zip(ours[0]["landmarks"], theirs[0]["landmarks"], strict=True):
        assert one["ras_mm"] == pytest.approx(other["ras_mm"], abs=0.01)
    with pytest.raises(AttributeError, match="no attribute 'segments'"):
        InnerEarSegLib.segments  # noqa: B018
    for name in InnerEarSegLib.__all__:
        assert getattr(InnerEarSegLib, name) is not None and name in dir(InnerEarSegLib)


LIGHT = "import InnerEarSegLib; wrong = {'torch', 'slicer', 'vtk', 'numpy', 'SimpleITK'}"
RESULT = "import InnerEarSegLib.io.result_files; wrong = {'torch'}"
REPORT = """
import InnerEarSegLib.mrml.ear_rendering, InnerEarSegLib.report.files, InnerEarSegLib.report.content
wrong = {'slicer', 'torch'}
"""
TRAINING = """
import InnerEarSegLib.training.run, InnerEarSegLib.training.cases, InnerEarSegLib.ablation.runs
import InnerEarSegLib.evaluation.crossval
wrong = {'SimpleITK', 'slicer', 'scipy', 'matplotlib', 'pydicom', 'distributed'}
"""


@pytest.mark.parametrize("program", [LIGHT, RESULT, REPORT, TRAINING])
def test_what_an_import_does_without(program):
    """A light package, the panel's result, its worker for reports, training on a GPU server."""
    program += "\nimport sys; print(sorted(wrong & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert done.stdout == "[]\n", done.stderr
