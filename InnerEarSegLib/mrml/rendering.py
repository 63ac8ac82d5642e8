"""Slicer's slice and 3D views, drawn without a display."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from .scene import HeadlessSession


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


_SLICE_MANAGERS = (
    "vtkMRMLModelSliceDisplayableManager",
    "vtkMRMLCrosshairDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager2D",
    "vtkMRMLMarkupsDisplayableManager",
)
_THREED_MANAGERS = (
    "vtkMRMLCameraDisplayableManager",
    "vtkMRMLViewDisplayableManager",
    "vtkMRMLModelDisplayableManager",
    "vtkMRMLOrientationMarkerDisplayableManager",
    "vtkMRMLRulerDisplayableManager",
    "vtkMRMLSegmentationsDisplayableManager3D",
    "vtkMRMLMarkupsDisplayableManager",
)


class OffscreenView:
    """A render window with a renderer, and Slicer's displayable managers of one view node.

    Attributes:
        node: the vtkMRMLSliceNode or vtkMRMLViewNode.
        renderer: the vtkRenderer, for annotations of one's own.
    """

    def __init__(
        self,
        node: Any,
        factory: Any,
        managers: tuple[str, ...],
        size: tuple[int, int],
        background: Any = None,
    ) -> None:
        self.node = node
        self.window, self.renderer = open_window(size)
        if background is not None:
            # Before the managers' actors: 2D actors are drawn in the order of their addition, and
            # a see-through fill that is drawn before the image shows black.
            self.renderer.AddViewProp(background)
        interactor = vtk.vtkRenderWindowInteractor()  # markups' widgets need one
        interactor.SetRenderWindow(self.window)
        # The default style would turn the camera with the mouse; displayable managers bring theirs.
        interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        interactor.Initialize()
        self._interactor = interactor
        for name in managers:
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self._group = slicer.vtkMRMLDisplayableManagerGroup()
        self._group.SetRenderer(self.renderer)
        self._group.Initialize(factory, self.renderer)
        self._group.SetMRMLDisplayableNode(node)

    def picture(self) -> NDArray[np.uint8]:
        """The view as it is now, (height, width, 3) RGB, top row first."""
        return picture_of(self.window)


class SliceView(OffscreenView):
    """One of the scene's slice views ("Red", "Green", "Yellow")."""

    def __init__(self, session: HeadlessSession, name: str, size: tuple[int, int]) -> None:
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(session.application_logic)
        self.logic = session.application_logic.GetSliceLogicByLayoutName(name)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(self.logic.GetImageDataConnection())
        image = vtk.vtkActor2D()
        image.SetMapper(mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        super().__init__(self.logic.GetSliceNode(), factory, _SLICE_MANAGERS, size, image)
        self.renderer.GetActiveCamera().ParallelProjectionOn()
        self.logic.ResizeSliceNode(*size)


class ThreeDView(OffscreenView):
    """The scene's first 3D view."""

    def __init__(self, session: HeadlessSession, size: tuple[int, int]) -> None:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(session.application_logic)
        node = session.scene.GetFirstNodeByClass("vtkMRMLViewNode")
        super().__init__(node, factory, _THREED_MANAGERS, size)


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
