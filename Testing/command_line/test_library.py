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


def test_the_readme_example_does_what_the_command_does(
    done, synthetic_ear, tmp_path, monkeypatch, capsys
):
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


def test_importing_the_package_loads_no_library():
    program = (
        "import sys, InnerEarSegLib; "
        "sys.exit(bool({'torch', 'slicer', 'vtk', 'numpy', 'SimpleITK'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_public_names_are_there_and_no_others():
    for name in InnerEarSegLib.__all__:
        assert getattr(InnerEarSegLib, name) is not None and name in dir(InnerEarSegLib)
    with pytest.raises(AttributeError, match="no attribute 'segments'"):
        InnerEarSegLib.segments  # noqa: B018
