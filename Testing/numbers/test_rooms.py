"""Imports go one way: numbers <- scene <- panel, and the panel never loads torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = Path(__file__).resolve().parents[2] / "InnerEarSegLib"
SCENE_LIBRARIES = {"slicer", "vtk", "mrml"}
QT_LIBRARIES = {"qt", "ctk", "PySide6", "PythonQt"}
FORBIDDEN = {
    "numbers": SCENE_LIBRARIES | QT_LIBRARIES | {"scene", "panel"},
    "scene": QT_LIBRARIES | {"torch", "panel", "inferring", "training", "segment"},
    "panel": {"torch", "inferring", "training", "segment"},
    "cli": QT_LIBRARIES | {"panel"},
    "batch": QT_LIBRARIES | {"panel"},
}


def room_of(path: Path) -> str:
    first = path.relative_to(LIBRARY).parts[0]
    return first if first in FORBIDDEN else "numbers"


def imported(path: Path) -> set[str]:
    """Top-level names and own rooms that a file imports, at its top or inside its functions."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = (node.module or "").removeprefix("InnerEarSegLib.")
            names.add(module.split(".")[0])
            if not node.module:
                names |= {alias.name for alias in node.names}
    return names


FILES = sorted(LIBRARY.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(LIBRARY)))
def test_no_import_against_the_stream(path):
    assert not imported(path) & FORBIDDEN[room_of(path)]


def test_reading_a_result_needs_no_torch():
    """The panel's way to a result, in a process of its own."""
    program = "import sys, InnerEarSegLib.io.result_files as e; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=LIBRARY.parent).returncode == 0


def test_a_report_needs_neither_slicer_nor_torch():
    """The worker of the panel's Report, and the process that draws in 3D."""
    program = (
        "import sys; sys.modules['slicer'] = sys.modules['torch'] = None; "
        "import InnerEarSegLib.mrml.ear_rendering, InnerEarSegLib.report.files, "
        "InnerEarSegLib.report.content"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=LIBRARY.parent).returncode == 0


def test_training_from_packed_arrays_needs_torch_and_numpy_alone():
    """As on a GPU server."""
    program = (
        "import sys; sys.modules |= dict.fromkeys(("
        "'SimpleITK', 'slicer', 'scipy', 'matplotlib', 'pydicom', 'distributed')); "
        "import InnerEarSegLib.training.run, InnerEarSegLib.training.cases, "
        "InnerEarSegLib.evaluation.crossval, InnerEarSegLib.ablation.runs"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=LIBRARY.parent).returncode == 0
