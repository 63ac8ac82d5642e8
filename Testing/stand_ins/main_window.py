"""The main window: the module panel beside four views.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802, N815

import types
from typing import Any

import slicer
from PySide6.QtCore import Property, QObject, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QScrollArea,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from .ctk_widgets import tight
from .views import qMRMLSliceWidget, qMRMLThreeDWidget


class qSlicerLayoutManager(QObject):
    """Libs/MRML/Widgets/qMRMLLayoutManager.h and Base/QTGUI/qSlicerLayoutManager.h"""

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._own = types.SimpleNamespace(session=session)
        self._own.slices = {n: qMRMLSliceWidget(session, n) for n in ("Red", "Green", "Yellow")}
        self._own.threed = qMRMLThreeDWidget(session)

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._own.slices)

    def sliceWidget(self, name: str) -> Any:
        return self._own.slices.get(name)

    def threeDWidget(self, which: Any) -> Any:
        return self._own.threed if which in (0, "View1", "ViewNode") else None

    def resetSliceViews(self) -> None:
        for widget in self._own.slices.values():
            widget.fitSliceToBackground()


class qSlicerModuleSelectorToolBar(QToolBar):
    """Base/QTGUI/qSlicerModuleSelectorToolBar.h"""

    moduleSelected = Signal(str)

    def __init__(self, window: Any) -> None:
        super().__init__(window)
        self._own = types.SimpleNamespace(window=window, module="")

    def selectModule(self, name: str) -> None:
        own = self._own
        if name == own.module:
            return
        module = slicer.app.moduleManager().module(name)
        if module is None:
            raise ValueError(f"no module named {name!r}")
        if own.module:
            slicer.app.moduleManager().module(own.module).widgetRepresentation().exit()
        own.module = name
        own.window._show(module.widgetRepresentation())
        module.widgetRepresentation().enter()
        self.moduleSelected(name)

    selectedModule = Property(str, lambda self: self._own.module, selectModule)


_ABOVE = {"Menus": 22, "Toolbars": 40}
_PANEL_TOP = {"3D Slicer": 38, "Help && Acknowledgement": 39}
_DATA_PROBE, _STATUS_BAR = 151, 36
"""Heights in pixels of what leaves a module 442 of a screen's 768, as seen in 3D Slicer 5.12."""


def _taken(name: str, height: int) -> QLabel:
    """What stands for a part of the window with which no test deals."""
    label = QLabel(name)
    label.setFixedHeight(height)
    label.setEnabled(False)
    return label


class qSlicerMainWindow(QMainWindow):
    """Base/QTApp/qSlicerMainWindow.h: the module panel beside four views."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.setWindowTitle("Stand-in for 3D Slicer")
        area = QScrollArea()
        area.setWidgetResizable(True)
        panel = QWidget()
        panel.setFixedWidth(420)
        top = (_taken(name, height) for name, height in _PANEL_TOP.items())
        tight(QVBoxLayout(panel), *top, area, _taken("Data Probe", _DATA_PROBE))
        views = QWidget()
        grid, manager = QGridLayout(views), slicer.app.layoutManager()
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        red, green, yellow = map(manager.sliceWidget, ("Red", "Green", "Yellow"))
        for index, widget in enumerate((red, manager.threeDWidget(0), green, yellow)):
            grid.addWidget(widget, index // 2, index % 2)
        self.setCentralWidget(QWidget())
        below = QWidget()
        tight(QHBoxLayout(below), panel, views)
        above = (_taken(name, height) for name, height in _ABOVE.items())
        status = _taken("", _STATUS_BAR)
        tight(QVBoxLayout(self.centralWidget()), *above, below, status)
        self._own = types.SimpleNamespace(area=area, selector=qSlicerModuleSelectorToolBar(self))
        self._own.selector.hide()

    def _show(self, widget: Any) -> None:
        self._own.area.takeWidget()
        self._own.area.setWidget(widget)
        widget.show()

    def moduleSelector(self) -> Any:
        return self._own.selector
