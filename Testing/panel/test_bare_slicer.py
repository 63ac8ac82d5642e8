"""Panel and workers with what Slicer's Python has: torch, numpy, SimpleITK, vtk, slicer alone."""

import os
import subprocess
import sys

import pytest

from Testing.panel.helpers import REPOSITORY

REFUSED = (
    "nibabel", "distributed", "scipy", "psutil", "pydicom", "fpdf", "matplotlib", "monai",
    "statsmodels", "jinja2", "pandas",
)  # fmt: skip

HOOK = f"""
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {REFUSED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}} in Slicer", name=name)

sys.meta_path.insert(0, Refuse())
"""


@pytest.fixture
def bare(tmp_path):
    """Environment in which Python and its children refuse these imports."""
    (tmp_path / "sitecustomize.py").write_text(HOOK, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": os.pathsep.join((str(tmp_path), str(REPOSITORY)))}


def run(environment, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, env=environment, capture_output=True,
        text=True, check=False,
    )  # fmt: skip


def test_the_hook_refuses(bare):
    tries = "".join(f"try: import {name}\nexcept ModuleNotFoundError as e: print(e)\n"
                    for name in REFUSED)  # fmt: skip
    assert run(bare, "-c", tries).stdout.count("in Slicer") == len(REFUSED)


STORIES = (
    "test_real_worker.py::test_a_synthetic_ear_with_the_real_worker",
    "test_report_stories.py::test_from_a_correction_to_a_page",
    "test_planning_stories.py::test_numbers_are_shown_and_are_those_of_the_scene",
)


def test_stories_of_the_panel(bare):
    stories = [f"Testing/panel/{story}" for story in STORIES]
    ended = run(bare, "-m", "pytest", "-p", "no:cacheprovider", *stories)
    assert ended.returncode == 0 and f"{len(STORIES)} passed" in ended.stdout, ended.stdout[-3000:]


def test_the_worker_on_a_file(bare, story, tmp_path):
    from InnerEarSegLib.mrml.volumes import export_steps

    list(export_steps(story.volume, tmp_path / "ct.nrrd"))
    arguments = ("segment", str(tmp_path / "ct.nrrd"), "--output", str(tmp_path / "out"))
    ended = run(bare, "-m", "InnerEarSegLib", *arguments, "--plain", "--device", "cpu")
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "out" / "result.json").is_file()
