"""A labyrinth in 3D for a report, by VTK alone: neither Slicer's views nor a scene.

python -m InnerEarSegLib.mrml.ear_rendering FOLDER

reads what ``report.subject.write_subject`` wrote and adds ``views.json`` and its pictures. It runs
in a process of its own, as a broken OpenGL ends the process.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from ..process import run_child
from ..report.figures import BAR_MM, COLORS, VIEWS, Plane, png
from ..report.subject import read_subject
from ..types import HELICOTREMA, LANDMARKS, OVAL_WINDOW, ROUND_WINDOW, Ear
from .scene import configure, image_data, vtk_matrix

PIXELS = 720
_MARGIN = 1.2

NO_OPENGL = (
    "3D views are missing: no OpenGL library works here. On Debian or Ubuntu, install libegl1 and "
    "libgl1-mesa-dri."
)


def draw_in_child(folder: Path) -> str:
    """Draw a handed-over subject's ears in a child; return why that failed, or an empty string."""
    try:
        program = [sys.executable, "-m", __name__, str(folder)]
        status = run_child(program, Path(__file__).resolve().parents[2], timeout=120.0)
    except (OSError, subprocess.TimeoutExpired):
        return "3D views are missing: drawing them did not end in time."
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
    surface, color = _surface(ear), COLORS[ear.side]
    planes = [_plane(*viewpoint, cloud) for viewpoint in anatomical_viewpoints(cloud, points)]
    return [(plane, _render(surface, plane, color)) for plane in planes]


def anatomical_viewpoints(
    cloud: NDArray[np.float64], landmarks: Mapping[str, NDArray[np.float64]]
) -> list[tuple[str, NDArray[np.float64], NDArray[np.float64]]]:
    """Two views in which the landmarks are well apart.

    The directions come from the ear, not from the patient's axes: a specimen may lie in the
    scanner in any way.

    Args:
        cloud: (n, 3) points of the labyrinth, world RAS mm.
        landmarks: positions by name, world RAS mm; missing ones left out.

    Returns:
        Captions, unit vectors from the ear to the camera, and the views' up; world RAS.
    """
    center = cloud.mean(axis=0)
    if not landmarks.keys() >= set(LANDMARKS):
        _, front, up = np.eye(3)
        return [("from the front", front, up), ("from above", up, front)]
    apex, oval, round_ = (landmarks[n] for n in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW))
    # Both windows open towards the middle ear.
    windows = (oval + round_) / 2
    along = _unit(oval - round_)  # roughly from the cochlea's base towards the canals
    normal = _unit(np.cross(apex - round_, oval - round_))
    if normal @ (windows - center) < 0:
        normal = -normal
    side = _unit(np.cross(along, normal))
    beside = side * np.sign(side @ (apex - windows)) + 0.35 * normal
    return [
        ("facing the windows", _unit(normal + 0.25 * along), along),
        ("a quarter turn further", _unit(beside), along),
    ]


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def _plane(caption: str, direction: NDArray, up: NDArray, cloud: NDArray) -> Plane:
    """The picture's plane: through the middle of the cloud, wide enough for all of it."""
    right = _unit(np.cross(up, direction))
    axes = np.stack([right, np.cross(direction, right), direction])
    seen = cloud @ axes.T
    low, high = seen.min(axis=0), seen.max(axis=0)
    # A segment of a few voxels, as after editing, still leaves room for the bar.
    field = _MARGIN * max(2 * BAR_MM, *map(float, high[:2] - low[:2]))
    return Plane(caption, (low + high) / 2 @ axes, axes[0], axes[1], field)


def _surface(ear: Ear) -> Any:
    """The labyrinth's smoothed surface, RAS mm."""
    mask = np.pad((ear.labyrinth != 0).astype(np.uint8), 1)
    grid = ear.geometry.part([-1, -1, -1], mask.shape)
    filters = [
        configure(vtk.vtkDiscreteFlyingEdges3D(), Value=(0, 1), ComputeNormals=False),
        configure(
            vtk.vtkTransformPolyDataFilter(),
            Transform=configure(vtk.vtkTransform(), Matrix=vtk_matrix(grid.ijk_to_ras)),
        ),
        configure(
            vtk.vtkWindowedSincPolyDataFilter(),
            NumberOfIterations=25,
            PassBand=0.08,
            NormalizeCoordinates=True,
            BoundarySmoothing=False,
        ),
        # AutoOrientNormals: a mirrored grid turns the surface inside out.
        configure(
            vtk.vtkPolyDataNormals(), Consistency=True, AutoOrientNormals=True, Splitting=False
        ),
    ]
    filters[0].SetInputData(image_data(mask, vtk.vtkImageData()))
    for one, following in pairwise(filters):
        following.SetInputConnection(one.GetOutputPort())
    filters[-1].Update()
    return filters[-1].GetOutput()


def _render(surface: Any, plane: Plane, color: tuple[int, int, int]) -> NDArray[np.uint8]:
    window, renderer = open_window((PIXELS, PIXELS))
    renderer.SetBackground(1.0, 1.0, 1.0)
    actor = vtk.vtkActor()
    actor.SetMapper(configure(vtk.vtkPolyDataMapper(), InputData=surface, ScalarVisibility=False))
    pale = tuple(0.55 + 0.45 * channel / 255.0 for channel in color)  # marks lie on it
    configure(actor.GetProperty(), Color=pale, Specular=0.25, SpecularPower=30, Ambient=0.12)
    renderer.AddActor(actor)
    configure(
        renderer.GetActiveCamera(),
        ParallelProjection=True,
        ParallelScale=plane.field_mm / 2,
        FocalPoint=tuple(plane.center),
        Position=tuple(plane.center + 100.0 * np.cross(plane.right, plane.up)),
        ViewUp=tuple(plane.up),
    )
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
    window = configure(
        vtk.vtkRenderWindow(), OffScreenRendering=True, ShowWindow=False, MultiSamples=4, Size=size
    )
    renderer = vtk.vtkRenderer()
    window.AddRenderer(renderer)
    return window, renderer


def picture_of(window: Any) -> NDArray[np.uint8]:
    """What a window shows now, (height, width, 3) RGB, top row first."""
    window.Render()
    reader = configure(vtk.vtkWindowToImageFilter(), Input=window, ReadFrontBuffer=False)
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
    for ear in read_subject(folder).segmentation.ears:
        for index, (plane, pixels) in enumerate(draw_views(ear)):
            name = f"view_{ear.side}_{index}.png"
            (folder / name).write_bytes(png(pixels))
            views.append({"side": ear.side, "file": name, "plane": plane.to_json()})
    (folder / VIEWS).write_text(json.dumps(views), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
