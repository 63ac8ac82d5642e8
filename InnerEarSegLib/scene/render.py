"""Pictures of a result: in this process, or in a child that may die.

python -m InnerEarSegLib.scene.render scene.mrb overview.png
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk

from ..errors import InnerEarSegError, UnusableInput
from ..geometry import Volume
from ..results import Segmentation
from .boot import headless_scene
from .overview import draw_overview
from .populate import add_result
from .volume_node import add_volume
from .window import can_render

NO_OPENGL = (
    "Pictures need an OpenGL library, and none works here: "
    "on Debian or Ubuntu install libegl1 and libgl1-mesa-dri."
)


def render_overview(ct: Volume, result: Segmentation, png: Path) -> Path:
    """Draws a result into a PNG, in this process.

    Raises:
        UnusableInput: there is no OpenGL library, or the file cannot be written.
    """
    _need_opengl()
    with headless_scene() as session:
        add_result(session.scene, add_volume(session.scene, ct), result)
        return _write_png(draw_overview(session), Path(png))


def render_scene_file(mrb: Path, png: Path) -> Path:
    """Draws the result in a saved ``scene.mrb`` into a PNG, in this process."""
    _need_opengl()
    mrb = Path(mrb).resolve()
    if not mrb.is_file():
        raise UnusableInput(f"There is no file {mrb}.")
    with headless_scene() as session:
        if not session.scene.ReadFromMRB(str(mrb), False):
            raise UnusableInput(f"{mrb} cannot be opened as a Slicer scene.")
        return _write_png(draw_overview(session), Path(png))


def render_overview_in_child(mrb: Path, png: Path, timeout: float = 300.0) -> Path:
    """As ``render_scene_file``, in a child process: a broken OpenGL cannot end the caller.

    Raises:
        UnusableInput: with one sentence, when there is no picture for whatever reason.
    """
    png = Path(png).resolve()
    # So that an old picture is never taken for the new one.
    png.unlink(missing_ok=True)
    command = [
        sys.executable,
        "-m",
        "InnerEarSegLib.scene.render",
        str(Path(mrb).resolve()),
        str(png),
    ]
    package_root = Path(__file__).resolve().parents[2]
    try:
        child = subprocess.run(
            command, cwd=package_root, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnusableInput(f"Drawing {png.name} took more than {timeout:.0f} seconds.") from error
    if child.returncode == 0 and png.is_file() and png.stat().st_size > 0:
        return png
    last = (child.stderr.strip().splitlines() or [""])[-1]
    if child.returncode == 2:
        raise UnusableInput(last)
    if child.returncode == 1:  # an exception: a fault of this program
        raise UnusableInput(f"Drawing {png.name} failed: {last}.")
    raise UnusableInput(f"{NO_OPENGL} (The drawing process ended with {child.returncode}.)")


def _need_opengl() -> None:
    if not can_render():
        raise UnusableInput(NO_OPENGL)


def _write_png(pixels: NDArray[np.uint8], png: Path) -> Path:
    png = png.resolve()
    height, width, _ = pixels.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    rows = np.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(rows, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetWriteToMemory(True)  # VTK's own file writing does not report a full disk
    writer.SetInputData(image)
    writer.Write()
    try:
        png.write_bytes(memoryview(writer.GetResult()))
    except OSError as error:
        reason = error.strerror or error
        raise UnusableInput(f"Cannot write {png.name} in {png.parent}: {reason}.") from error
    return png


def main(arguments: list[str]) -> int:
    """Entry point; exit status 2 with one sentence on stderr for what the user can act on."""
    if len(arguments) != 2:
        print("usage: python -m InnerEarSegLib.scene.render SCENE.mrb PNG", file=sys.stderr)
        return 2
    try:
        render_scene_file(Path(arguments[0]), Path(arguments[1]))
    except InnerEarSegError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
