"""Render windows that need no display, by VTK alone, without 3D Slicer."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from ..types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW


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
    window.SetOffScreenRendering(True)
    window.SetShowWindow(False)
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


def png_file(pixels: NDArray[np.uint8]) -> memoryview:
    """Return an RGB picture (height, width, 3), top row first, as the content of a PNG file.

    VTK's own file writing does not report a full disk.
    """
    height, width, _ = pixels.shape
    image = vtk.vtkImageData()
    image.SetDimensions(width, height, 1)
    rows = np.ascontiguousarray(pixels[::-1]).reshape(-1, 3)
    image.GetPointData().SetScalars(numpy_to_vtk(rows, deep=True))
    writer = vtk.vtkPNGWriter()
    writer.SetWriteToMemory(True)
    writer.SetInputData(image)
    writer.Write()
    return memoryview(writer.GetResult())


def add_text(
    renderer: Any,
    text: str,
    position: tuple[float, float],
    size: int = 16,
    color: tuple[float, float, float] = (1.0, 1.0, 1.0),
    align: str = "left top",
) -> Any:
    """Add a vtkTextActor at a normalized viewport position (0, 0 = bottom left)."""
    actor = vtk.vtkTextActor()
    actor.SetInput(text)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    style = actor.GetTextProperty()
    style.SetFontFamilyToArial()
    style.SetFontSize(size)
    style.SetColor(*color)
    style.ShadowOn()
    horizontal, vertical = align.split()
    style.SetJustification(("left", "centered", "right").index(horizontal))
    style.SetVerticalJustification(("bottom", "middle", "top").index(vertical))
    renderer.AddViewProp(actor)
    return actor


def text_panel(size: tuple[int, int], *texts: tuple[Any, ...]) -> NDArray[np.uint8]:
    """Draw a dark panel with texts (arguments of ``add_text``), (height, width, 3) RGB."""
    window, renderer = open_window(size)
    renderer.SetBackground(0.10, 0.11, 0.13)
    for text in texts:
        add_text(renderer, *text)
    return picture_of(window)


def run_module(
    name: str, *arguments: Path, timeout: float
) -> subprocess.CompletedProcess[str] | None:
    """Run a module of this package in a child process; a broken OpenGL ends a process.

    Returns:
        The ended process; None if it did not end within ``timeout`` seconds.
    """
    try:
        return subprocess.run(
            [sys.executable, "-m", name, *map(str, arguments)],
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None


Viewpoint = tuple[str, NDArray[np.float64], NDArray[np.float64]]
"""Caption, unit vector from the ear to the camera, and the view's up; world RAS."""


def anatomical_viewpoints(
    cloud: NDArray[np.float64], landmarks: Mapping[str, NDArray[np.float64]]
) -> list[Viewpoint]:
    """Two views in which the landmarks are well apart.

    The directions come from the ear, not from the patient's axes: a specimen may lie in the
    scanner in any way.

    Args:
        cloud: (n, 3) points of the labyrinth, world RAS mm.
        landmarks: positions by name, world RAS mm; missing ones left out.
    """
    center = cloud.mean(axis=0)
    if not {HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW} <= set(landmarks):
        up = np.array([0.0, 0.0, 1.0])
        return [
            ("from the front", np.array([0.0, 1.0, 0.0]), up),
            ("from above", up, np.array([0.0, 1.0, 0.0])),
        ]
    apex, oval, round_ = (landmarks[n] for n in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW))
    # Both windows open towards the middle ear.
    windows = (oval + round_) / 2
    along = unit(oval - round_)  # roughly from the cochlea's base towards the canals
    normal = unit(np.cross(apex - round_, oval - round_))
    if normal @ (windows - center) < 0:
        normal = -normal
    side = unit(np.cross(along, normal))
    return [
        ("facing the windows", unit(normal + 0.25 * along), along),
        (
            "a quarter turn further",
            unit(side * np.sign(side @ (apex - windows)) + 0.35 * normal),
            along,
        ),
    ]


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
