"""Slice and 3D views: Slicer's own displayable managers, drawn into Qt widgets.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802

import types
from typing import Any

import numpy as np
import slicer
import vtk
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QVBoxLayout, QWidget

from InnerEarSegLib.report.views import open_window, picture_of

from .ctk_widgets import tight

_SLICE_MANAGERS = ("ModelSlice", "Crosshair", "Ruler", "Segmentations2D", "Markups")
_THREED_MANAGERS = (
    "Camera", "View", "Model", "OrientationMarker", "Ruler", "Segmentations3D", "Markups",
)  # fmt: skip
"""For vtkMRMLModelSliceDisplayableManager and so on."""


class _Offscreen:
    """A render window that is never shown, with Slicer's displayable managers of a view node."""

    def __init__(
        self, node: Any, factory: Any, managers: tuple[str, ...], size: tuple[int, int], *props: Any
    ) -> None:
        self.window, self.renderer = open_window(size)
        for prop in props:
            # Before the managers' actors: 2D actors are drawn in the order of their addition, and
            # a see-through fill that is drawn before the image shows black.
            self.renderer.AddViewProp(prop)
        self.interactor = vtk.vtkRenderWindowInteractor()  # markups' widgets need one
        self.interactor.SetRenderWindow(self.window)
        # The default style would turn the camera with the mouse; displayable managers bring theirs.
        self.interactor.SetInteractorStyle(vtk.vtkInteractorStyleUser())
        self.interactor.Initialize()
        for short in managers:
            stem = short.removesuffix("2D").removesuffix("3D")
            name = f"vtkMRML{stem}DisplayableManager{short.removeprefix(stem)}"
            if not factory.IsDisplayableManagerRegistered(name):
                factory.RegisterDisplayableManager(name)
        self.group = slicer.vtkMRMLDisplayableManagerGroup()
        self.group.SetRenderer(self.renderer)
        self.group.Initialize(factory, self.renderer)
        self.group.SetMRMLDisplayableNode(node)


class _View(QWidget):
    """A picture of Slicer's own displayable managers that takes the mouse.

    Drawn only after ``_draw_views`` was switched on: without an OpenGL library a render window
    ends the process.
    """

    drawing = False

    def __init__(self, session: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(session=session, view=None, image=None, stale=True)
        self.setMinimumSize(60, 60)
        self.setMouseTracking(True)

    def _view(self) -> Any:
        own = self._own
        if own.view is None and _View.drawing:
            own.view = self._make((max(self.width, 60), max(self.height, 60)))
        return own.view

    def scheduleRender(self) -> None:
        self._own.stale = True
        self.update()

    def forceRender(self) -> None:
        view = self._view()
        if view is None:
            return
        pixels = np.ascontiguousarray(picture_of(view.window))
        height, width, _ = pixels.shape
        kind = QImage.Format.Format_RGB888
        self._own.image = QImage(pixels.data, width, height, 3 * width, kind).copy()
        self._own.stale = False
        self.update()

    def interactor(self) -> Any:
        view = self._view()
        return None if view is None else view.interactor

    def paintEvent(self, event: Any) -> None:
        if _View.drawing and self._own.stale:
            self.forceRender()
        painter = QPainter(self)
        painter.fillRect(self.rect, Qt.GlobalColor.black)
        if self._own.image is not None:
            painter.drawImage(0, 0, self._own.image)

    def resizeEvent(self, event: Any) -> None:
        if self._own.view is not None:
            self._own.view.window.SetSize(self.width, self.height)
        self._own.stale = True

    # The mouse, as QVTKInteractorAdapter hands it to VTK.

    def _forward(self, event: Any, name: str) -> None:
        interactor = self.interactor()
        if interactor is None:
            return
        place, held, keys = event.position(), event.modifiers(), Qt.KeyboardModifier
        modifiers = (int(bool(held & key)) for key in (keys.ControlModifier, keys.ShiftModifier))
        interactor.SetEventInformationFlipY(round(place.x()), round(place.y()), *modifiers)
        interactor.InvokeEvent(name)
        self.scheduleRender()

    def mousePressEvent(self, event: Any, what: str = "Press") -> None:
        self._forward(event, f"{event.button().name}{what}Event")

    def mouseReleaseEvent(self, event: Any) -> None:
        self.mousePressEvent(event, "Release")

    def mouseMoveEvent(self, event: Any) -> None:
        self._forward(event, "MouseMoveEvent")

    def enterEvent(self, event: Any) -> None:
        self._forward(event, "EnterEvent")

    def leaveEvent(self, event: Any) -> None:
        if self._own.view is not None:
            self._own.view.interactor.InvokeEvent("LeaveEvent")


class qMRMLSliceView(_View):
    """Libs/MRML/Widgets/qMRMLSliceView.h; scheduleRender and forceRender: ctkVTKAbstractView.h"""

    def __init__(self, session: Any, name: str, parent: Any = None) -> None:
        super().__init__(session, parent)
        self._own.name = name

    def _make(self, size: tuple[int, int]) -> Any:
        application, logic = self._own.session.application_logic, _slice_logic(self._own)
        factory = slicer.vtkMRMLSliceViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(application)
        mapper = vtk.vtkImageMapper()
        mapper.SetColorWindow(255)
        mapper.SetColorLevel(127.5)
        mapper.SetInputConnection(logic.GetImageDataConnection())
        image = vtk.vtkActor2D()
        image.SetMapper(mapper)
        image.GetProperty().SetDisplayLocationToBackground()
        view = _Offscreen(logic.GetSliceNode(), factory, _SLICE_MANAGERS, size, image)
        view.renderer.GetActiveCamera().ParallelProjectionOn()
        logic.ResizeSliceNode(*size)
        style = slicer.vtkMRMLSliceViewInteractorStyle()
        style.SetSliceLogic(logic)
        style.SetDisplayableManagers(view.group)
        style.SetInteractor(view.interactor)
        self._own.style = style
        return view

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        if self._own.view is not None:
            _slice_logic(self._own).ResizeSliceNode(self.width, self.height)

    def forceRender(self) -> None:
        view = self._view()
        if view is not None:
            _slice_logic(self._own).UpdatePipeline()  # Slicer's event loop does
        super().forceRender()


class qMRMLThreeDView(_View):
    """Libs/MRML/Widgets/qMRMLThreeDView.h"""

    def mrmlViewNode(self) -> Any:
        return self._own.session.scene.GetFirstNodeByClass("vtkMRMLViewNode")

    def _make(self, size: tuple[int, int]) -> Any:
        factory = slicer.vtkMRMLThreeDViewDisplayableManagerFactory.GetInstance()
        factory.SetMRMLApplicationLogic(self._own.session.application_logic)
        view = _Offscreen(self.mrmlViewNode(), factory, _THREED_MANAGERS, size)
        view.renderer.SetBackground(0.75, 0.75, 0.87)
        return view


def _slice_logic(own: Any) -> Any:
    return own.session.application_logic.GetSliceLogicByLayoutName(own.name)


class qMRMLSliceWidget(QWidget):
    """Libs/MRML/Widgets/qMRMLSliceWidget.h"""

    def __init__(self, session: Any, name: str, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(session=session, name=name)
        self._own.view = qMRMLSliceView(session, name, self)
        tight(QVBoxLayout(self), self._own.view)

    def sliceView(self) -> Any:
        return self._own.view

    def sliceLogic(self) -> Any:
        return _slice_logic(self._own)

    def mrmlSliceNode(self) -> Any:
        return self.sliceLogic().GetSliceNode()

    def mrmlSliceCompositeNode(self) -> Any:
        return self.sliceLogic().GetSliceCompositeNode()

    def fitSliceToBackground(self) -> None:
        self.sliceLogic().FitSliceToBackground()


class qMRMLThreeDWidget(QWidget):
    """Libs/MRML/Widgets/qMRMLThreeDWidget.h"""

    def __init__(self, session: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(session=session, view=qMRMLThreeDView(session, self))
        tight(QVBoxLayout(self), self._own.view)

    def threeDView(self) -> Any:
        return self._own.view
