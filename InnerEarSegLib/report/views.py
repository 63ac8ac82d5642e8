"""Views of a labyrinth in 3D for a report, by VTK alone.

python -m InnerEarSegLib.report.views FOLDER

reads a result as plain files and adds ``views.json`` and its pictures. It runs in a process of its
own, as a broken OpenGL ends the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..io.result_files import read_plain, write_plain
from ..io.result_folder import RESULT_JSON
from ..process import run_child
from ..types import Ear, Segmentation
from .figures import BAR_MM, COLORS, VIEWS, Plane, anatomical_viewpoints, png, unit
from .surface import surface_of

PIXELS = 720
_MARGIN = 1.2

NO_OPENGL = (
    "3D views are missing: no OpenGL library works here. On Debian or Ubuntu, install libegl1 and "
    "libgl1-mesa-dri."
)


def draw_in_child(segmentation: Segmentation, folder: Path) -> str:
    """Draw ears in a child, into a folder; return why that failed, or an empty string."""
    try:
        write_plain(segmentation, folder)
        result = json.dumps(segmentation.review_to_json())
        (folder / RESULT_JSON).write_text(result, encoding="utf-8")
        program = [sys.executable, "-m", __name__, str(folder)]
        status = run_child(program, Path(__file__).resolve().parents[2], timeout=120.0)
    except (OSError, subprocess.TimeoutExpired):
        return "3D views are missing: there is no room for them, or drawing did not end in time."
    if status == 0 and (folder / VIEWS).is_file():
        return ""
    return NO_OPENGL


def draw_views(ear: Ear) -> list[tuple[Plane, NDArray[np.uint8]]]:
    """Two views of an ear's labyrinth on white, seen in parallel."""
    inside = np.argwhere(ear.labyrinth)[:, ::-1]
    if not len(inside):
        return []
    cloud = ear.geometry.to_ras(inside[:: max(1, len(inside) // 20000)])
    points = {x.name: np.array(x.ras) for x in ear.landmarks if x.ras is not None}
    surface, color = surface_of(ear.labyrinth, ear.geometry), COLORS[ear.side]
    planes = [_plane(*viewpoint, cloud) for viewpoint in anatomical_viewpoints(cloud, points)]
    return [(plane, _render(surface, plane, color)) for plane in planes]


def _plane(caption: str, direction: NDArray, up: NDArray, cloud: NDArray) -> Plane:
    """The picture's plane: through the middle of the cloud, wide enough for all of it."""
    right = unit(np.cross(up, direction))
    axes = np.stack([right, np.cross(direction, right), direction])
    seen = cloud @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    # A segment of a few voxels, as after editing, still leaves room for the bar.
    field = _MARGIN * max(2 * BAR_MM, *map(float, high[:2] - low[:2]))
    return Plane(caption, (low + high) / 2 @ axes, axes[0], axes[1], field)


def _render(surface: Any, plane: Plane, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    """What a camera sees of a surface, RAS mm, that looks at a plane; on white."""
    window, renderer = open_window((PIXELS, PIXELS))
    renderer.SetBackground(1.0, 1.0, 1.0)
    smooth = vtk.vtkPolyDataNormals()  # shades over the edges of triangles
    smooth.SetInputData(surface)
    smooth.SplittingOff()
    mapper = vtk.vtkPolyDataMapper()
    mapper.SetInputConnection(smooth.GetOutputPort())
    actor = vtk.vtkActor()
    actor.SetMapper(mapper)
    look = actor.GetProperty()
    look.SetColor(*(0.55 + 0.45 * channel / 255.0 for channel in color))  # pale: marks lie on it
    look.SetSpecular(0.25)
    look.SetSpecularPower(30)
    look.SetAmbient(0.12)
    renderer.AddActor(actor)
    camera = renderer.GetActiveCamera()
    camera.ParallelProjectionOn()
    camera.SetParallelScale(plane.field_mm / 2)
    camera.SetFocalPoint(*plane.center)
    camera.SetPosition(*(plane.center + 100.0 * np.cross(plane.right, plane.up)))
    camera.SetViewUp(*plane.up)
    renderer.ResetCameraClippingRange()
    return picture_of(window)


def can_render() -> bool:
    """Whether an OpenGL library is there; only on Linux can it be missing."""
    if not sys.platform.startswith("linux"):
        return True
    return _loads("libEGL.so.1") or (bool(os.environ.get("DISPLAY")) and _loads("libGLX.so.0"))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def open_window(size: tuple[int, int]) -> tuple[Any, Any]:
    """A vtkRenderWindow of that width and height that is never shown, and its renderer."""
    if sys.platform.startswith("linux") and _loads("libEGL.so.1"):
        # Else VTK tries an X server first, and complains where there is none.
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")
    window = vtk.vtkRenderWindow()
    window.OffScreenRenderingOn()
    window.ShowWindowOff()
    window.SetMultiSamples(4)
    window.SetSize(*size)
    renderer = vtk.vtkRenderer()
    window.AddRenderer(renderer)
    return window, renderer


def picture_of(window: Any) -> NDArray[np.uint8]:
    """What a window shows now, (height, width, 3) RGB, top row first."""
    window.Render()
    reader = vtk.vtkWindowToImageFilter()
    reader.SetInput(window)
    reader.ReadFrontBufferOff()
    reader.SetInputBufferTypeToRGB()
    reader.Update()
    image = reader.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, 3)
    return pixels[::-1].copy()


def main(arguments: list[str]) -> int:
    """Entry point; exit status 2 where nothing can be drawn."""
    if len(arguments) != 1 or not can_render():
        return 2
    folder = Path(arguments[0])
    views = []
    for ear in read_plain(folder).ears:
        for index, (plane, pixels) in enumerate(draw_views(ear)):
            name = f"view_{ear.side}_{index}.png"
            (folder / name).write_bytes(png(pixels))
            views.append({"side": ear.side, "file": name, "plane": plane.to_json()})
    (folder / VIEWS).write_text(json.dumps(views), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
