"""The public names of the package, as a script uses them."""

import ast
import json
import re
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import matplotlib
import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

import InnerEarSegLib
from InnerEarSegLib import library
from InnerEarSegLib.cli.result import subject_of_result
from InnerEarSegLib.errors import InnerEarSegError
from InnerEarSegLib.types import Geometry, Segmentation

from .conftest import REPOSITORY


@pytest.fixture(scope="module")
def example(done, synthetic_ear, tmp_path_factory):
    """(folder, namespace, output) of the README's example, run on the CT of ``done``."""
    folder = tmp_path_factory.mktemp("readme")
    sitk.WriteImage(synthetic_ear.ct.to_sitk(), str(folder / "ear.nii.gz"))
    code = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    code = code.partition("```python\n")[2].partition("```")[0]
    names: dict = {}
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(StringIO()) as out:
        patch.chdir(folder)
        exec(code, names)
    return folder, names, out.getvalue()


def test_the_readme_example_writes_what_the_command_writes(done, example):
    folder, names, said = example
    assert re.fullmatch(r"left \(.*\) \d\.\d ± \d\.\d mm\n", said)
    written, theirs = ({path.name for path in x.iterdir()} for x in (folder / "out", done[0]))
    assert written == theirs
    mine, other = (
        json.loads((x / "result.json").read_text(encoding="utf-8"))["ears"]
        for x in (folder / "out", done[0])
    )
    for one, two in zip(mine[0]["landmarks"], other[0]["landmarks"], strict=True):
        assert one["ras_mm"] == pytest.approx(two["ras_mm"], abs=0.01)
        assert names["ear"].points[one["name"]] == pytest.approx(one["ras_mm"], abs=1e-4)


def test_an_exported_mask_is_the_file_of_the_command(done, example):
    folder, names, _ = example
    file = sitk.ReadImage(str(done[0] / "labyrinth.seg.nrrd"))
    nifti, image = nibabel.load(folder / "labyrinth_left.nii.gz"), names["ear"].to_sitk()
    assert np.array_equal(np.asarray(nifti.dataobj).T, sitk.GetArrayViewFromImage(file))
    assert np.array_equal(sitk.GetArrayViewFromImage(image), sitk.GetArrayViewFromImage(file))
    for affine in (nifti.affine, Geometry.of_image(image).ijk_to_ras):
        assert affine == pytest.approx(
            Geometry.of_image(file).ijk_to_ras, abs=1e-5
        )  # NIfTI: float32
    on_ct = names["ear"].to_nibabel(names["result"].ct.geometry)
    assert on_ct.shape == nibabel.load(folder / "ear.nii.gz").shape


def test_measurements_are_those_of_the_command(done, example):
    """The command measures what it reads from the scene."""
    subject, _ = subject_of_result(done[0])
    rows = example[1]["result"].rows()
    assert len(rows) > 20
    for mine, theirs in zip(rows, subject.measurements["left"].rows(), strict=True):
        for key in mine:
            exact = key not in ("value", "uncertainty_90") or mine[key] is None
            assert mine[key] == (
                theirs[key] if exact else pytest.approx(theirs[key], abs=0.0011)
            ), mine["key"]


def test_a_model_is_loaded_once_and_a_region_is_heeded(example, monkeypatch):
    monkeypatch.setattr("InnerEarSegLib.library.load_model", None)
    ct = example[1]["result"].ct
    with pytest.raises(InnerEarSegError, match="outside the CT"):
        InnerEarSegLib.segment(ct, center=(900, 0, 0))


def test_a_ct_too_large_for_the_gpu_leaves_it_to_the_next(monkeypatch):
    """One whose networks went to the CPU: the bundled model is loaded anew, onto the GPU."""
    used, seen = [], iter([{"cuda"}, {"cpu", "cuda"}, {"cuda"}, {"cuda"}, {"cuda"}, {"cuda"}])

    def segment(volume, model, **_):
        used.append(model)
        return Segmentation((), model.identity, "cuda")

    monkeypatch.setattr(library.pipeline, "segment", segment)
    monkeypatch.setattr(library, "_devices", lambda model: next(seen))
    for _ in range(3):
        library.segment(np.arange(-1000, 728).reshape(12, 12, 12), affine=np.eye(4))
    assert used[0] is not used[1] and used[1] is used[2]


def test_the_notebook_runs(synthetic_ear, tmp_path, monkeypatch, capsys):
    """Its cells in their order, and what Jupyter shows of each: its last expression."""
    matplotlib.use("Agg")
    # The fixture is the ear that the notebook makes, in some seconds.
    monkeypatch.setattr(
        "InnerEarSegLib.synthetic.files.random_ear", lambda *at: {(11, 0): synthetic_ear}[at]
    )
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = (REPOSITORY / "docs" / "notebook.ipynb").read_text(encoding="utf-8")
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    names: dict = {}
    shown = []
    for cell in cells:
        body = ast.parse("".join(cell["source"])).body
        last = [ast.Expression(body.pop().value)] if isinstance(body[-1], ast.Expr) else []
        exec(compile(ast.Module(body, []), "notebook", "exec"), names)
        shown += [eval(compile(one, "notebook", "eval"), names) for one in last]
    printed = capsys.readouterr().out
    tables = [one for one in shown if hasattr(one, "_repr_html_")]
    assert tables[0]["off mm"].max() < 1.0 and len(tables[0]) == 3 and len(tables[1]) > 20
    assert "CT's grid: True" in printed and "CT's affine: True" in printed
    assert float(re.search(r"Dice with the truth: (.*)", printed)[1]) > 0.9
    assert "scene.mrb" in shown[-1]


def test_public_names():
    with pytest.raises(AttributeError, match="no attribute 'segments'"):
        InnerEarSegLib.segments  # noqa: B018
    for name in InnerEarSegLib.__all__:
        assert getattr(InnerEarSegLib, name) is not None and name in dir(InnerEarSegLib)


LIGHT = "import InnerEarSegLib; wrong = {'torch', 'slicer', 'vtk', 'numpy', 'SimpleITK'}"
RESULT = "import InnerEarSegLib.io.result_files; wrong = {'torch'}"
REPORT = """
import InnerEarSegLib.report.views, InnerEarSegLib.report.files, InnerEarSegLib.report.content
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
