"""What parts of the library do without; the order of imports is in Testing/lint."""

import subprocess
import sys
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "InnerEarSegLib"


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
