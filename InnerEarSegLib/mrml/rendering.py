"""Render windows that need no display, by VTK alone, without 3D Slicer."""

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


def add_text(
    renderer: Any,
    text: str,
    position: tuple[float, float],
    size: int = 16,
    color: tuple[float, float, float] = (1.0, 1.0, 1.0),
    align: str = "left top",
) -> Any:
    """Adds a vtkTextActor at a normalized viewport position (0, 0 = bottom left)."""
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
    {
        "left": style.SetJustificationToLeft,
        "centered": style.SetJustificationToCentered,
        "right": style.SetJustificationToRight,
    }[horizontal]()
    {
        "top": style.SetVerticalJustificationToTop,
        "middle": style.SetVerticalJustificationToCentered,
        "bottom": style.SetVerticalJustificationToBottom,
    }[vertical]()
    renderer.AddViewProp(actor)
    return actor


def text_panel(size: tuple[int, int], items: list[dict[str, Any]]) -> NDArray[np.uint8]:
    """A dark panel with texts (arguments of ``add_text``), (height, width, 3) RGB."""
    window, renderer = open_window(size)
    renderer.SetBackground(0.10, 0.11, 0.13)
    for item in items:
        add_text(renderer, **item)
    return picture_of(window)
