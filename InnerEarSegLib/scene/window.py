"""A window to draw in without a display, by VTK alone.

Creating one where there is no OpenGL library ends the process: ask ``can_render``, or do it in a
child process.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy


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
