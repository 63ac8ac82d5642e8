"""How the worker is started."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput

if TYPE_CHECKING:
    from ..scene.where_to_look import Where

LIBRARY_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """A program to start.

    Attributes:
        program: the executable.
        arguments: for it.
        folder: working directory; ``python -m`` finds the library there.
        environment: variables on top of this process's own.
    """

    program: str
    arguments: tuple[str, ...]
    folder: Path = LIBRARY_PARENT
    environment: dict[str, str] = field(default_factory=dict)


def python_executable() -> str:
    """Slicer's Python as a program of its own.

    Raises:
        UnusableInput: there is none.
    """
    found = shutil.which("PythonSlicer")  # Slicer puts it on the path
    if found:
        return found
    folder = Path(sys.executable).resolve().parent
    for name in ("PythonSlicer", "PythonSlicer.exe"):
        if (folder / name).is_file():
            return str(folder / name)
    if Path(sys.executable).name.lower().startswith("python"):  # outside of Slicer
        return sys.executable
    raise UnusableInput("PythonSlicer was not found beside 3D Slicer; reinstall 3D Slicer.")


def python_command(arguments: Sequence[str]) -> Command:
    """A call of Python that finds this library."""
    environment = {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    if "OMP_NUM_THREADS" not in os.environ:
        # One core stays free, so that Slicer answers while the CPU computes.
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 2) - 1))
    return Command(python_executable(), tuple(arguments), environment=environment)


def segment_command(
    ct: Path, output: Path, device: str, model: Path | None, where: Where | None = None
) -> Command:
    """The worker on one CT."""
    arguments = [
        "-m", "InnerEarSegLib", "segment", str(ct), "--output", str(output),
        "--device", device, "--json-progress", "--plain", "--watch-stdin",
    ]  # fmt: skip
    if where is not None:
        # With "=", as a value that begins with a minus would be taken for an option.
        for name, numbers in (("center", where.center), ("roi", where.roi)):
            if numbers is not None:
                arguments.append(f"--{name}=" + ",".join(map(str, numbers)))
    if model is not None:
        arguments += ["--model", str(model)]
    return python_command(arguments)
