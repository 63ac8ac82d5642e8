"""``slicer.app``, ``slicer.modules``, the main window and its views, on a real scene.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802, N815

from __future__ import annotations

import importlib.util
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import numpy as np
import slicer
from PySide6.QtCore import Property, QObject, QProcessEnvironment, QSettings, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QPainter
from PySide6.QtWidgets import (
    QApplication,
    QGridLayout,
    QHBoxLayout,
    QMainWindow,
    QScrollArea,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from InnerEarSegLib.scene import offscreen

from .mrml_widgets import qMRMLSegmentEditorWidget, qMRMLWidget


class qSlicerApplication(QApplication):
    """Base/QTCore/qSlicerCoreApplication.h and Base/QTGUI/qSlicerApplication.h"""

    mrmlSceneChanged = Signal(object)
    startupCompleted = Signal()
    renderPaused = Signal(bool)
    urlReceived = Signal(str)
    SIGNALS = {  # noqa: RUF012
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
        "startupCompleted()": "startupCompleted",
        "renderPaused(bool)": "renderPaused",
        "urlReceived(QString)": "urlReceived",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(["Slicer"])
        self._own = types.SimpleNamespace(folder=folder, session=None, settings=None)
        self.setApplicationName("Slicer")
        self.setOrganizationName("slicer.org")

    def _start(self, session: Any, folder: Path) -> None:
        own = self._own
        own.session, own.folder, own.paused, own.opened = session, folder, 0, []
        own.home = folder / "Slicer"
        ini = QSettings.Format.IniFormat
        QSettings.setDefaultFormat(ini)
        QSettings.setPath(ini, QSettings.Scope.UserScope, str(folder))  # for qt.QSettings() too
        own.settings = QSettings()
        own.revision = QSettings(str(folder / "Slicer-1.ini"), ini)
        own.io = qSlicerIOManager()
        own.modules = qSlicerModuleManager()
        own.layout = qSlicerLayoutManager(session)
        own.testing = False
        self.mrmlSceneChanged(session.scene)

    def mrmlScene(self) -> Any:
        return self._own.session.scene

    def applicationLogic(self) -> Any:
        return self._own.session.application_logic

    def moduleLogic(self, name: str) -> Any:
        return self.applicationLogic().GetModuleLogic(name)

    def layoutManager(self) -> Any:
        return self._own.layout

    def moduleManager(self) -> Any:
        return self._own.modules

    def coreIOManager(self) -> Any:
        return self._own.io

    def ioManager(self) -> Any:
        return self._own.io

    def settings(self) -> QSettings:
        return self._own.settings

    def userSettings(self) -> QSettings:
        return self._own.settings

    def revisionUserSettings(self) -> QSettings:
        return self._own.revision

    def startupEnvironment(self) -> QProcessEnvironment:
        return QProcessEnvironment.systemEnvironment()

    def environment(self) -> QProcessEnvironment:
        return QProcessEnvironment.systemEnvironment()

    def moduleDocumentationUrl(self, name: str) -> str:
        return f"https://slicer.readthedocs.io/en/latest/user_guide/modules/{name.lower()}.html"

    def testingEnabled(self) -> bool:
        # PythonQt decorator: Base/QTCore/qSlicerCoreApplication.h, testAttribute(AA_EnableTesting)
        return self._own.testing

    def setRenderPaused(self, pause: bool) -> None:
        self._own.paused += 1 if pause else -1
        self.renderPaused(self._own.paused > 0)

    def pauseRender(self) -> None:
        self.setRenderPaused(True)

    def resumeRender(self) -> None:
        self.setRenderPaused(False)

    def openNodeModule(self, node: Any, role: str = "", context: str = "") -> None:
        self._own.opened.append(node)

    def restart(self) -> None:
        raise NotImplementedError("restart ends the application")

    slicerHome = Property(str, lambda self: str(self._own.home), constant=True)
    temporaryPath = Property(
        str,
        lambda self: tempfile.gettempdir() if self._own.session is None else str(self._own.folder),
        lambda self, path: setattr(self._own, "folder", Path(path)),
    )
    cachePath = Property(str, lambda self: str(self._own.folder / "cache"))
    launcherExecutableFilePath = Property(
        str, lambda self: str(self._own.home / "Slicer"), constant=True
    )
    extensionsInstallPath = Property(str, lambda self: str(self._own.home / "Extensions"))
    slicerUserSettingsFilePath = Property(str, lambda self: self._own.settings.fileName())
    isInstalled = Property(bool, lambda self: True, constant=True)
    releaseType = Property(str, lambda self: "Stable", constant=True)
    revision = Property(str, lambda self: "33000", constant=True)
    majorVersion = Property(int, lambda self: 5, constant=True)
    minorVersion = Property(int, lambda self: 12, constant=True)
    os = Property(str, lambda self: "linux", constant=True)
    platform = Property(str, lambda self: "linux-amd64", constant=True)
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")


class qSlicerModuleManager(QObject):
    """Base/QTCore/qSlicerModuleManager.h"""

    moduleLoaded = Signal(str)
    moduleAboutToBeUnloaded = Signal(str)

    def modulesNames(self) -> list[str]:
        return [m.name for m in vars(slicer.modules).values() if hasattr(m, "logic")]

    def module(self, name: str) -> Any:
        return getattr(slicer.modules, name.lower(), None)

    def factoryManager(self) -> Any:
        return _FactoryManager(self)


class _FactoryManager:
    """Base/QTCore/qSlicerAbstractModuleFactoryManager.h"""

    def __init__(self, modules: qSlicerModuleManager) -> None:
        self._modules = modules

    def isRegistered(self, name: str) -> bool:
        return self._modules.module(name) is not None

    isInstantiated = isRegistered

    def moduleInstance(self, name: str) -> Any:
        return self._modules.module(name)


class qSlicerIOManager(QObject):
    """Base/QTCore/qSlicerCoreIOManager.h: reading and saving as slicer.util asks for it."""

    newFileLoaded = Signal(dict)
    _KINDS = {  # noqa: RUF012
        ".mrb": "SceneFile", ".mrml": "SceneFile", ".seg.nrrd": "SegmentationFile",
        ".mrk.json": "MarkupsFile", ".nrrd": "VolumeFile", ".nii": "VolumeFile",
        ".nii.gz": "VolumeFile", ".mha": "VolumeFile",
    }  # fmt: skip

    def fileType(self, path: str) -> str:
        fitting = [end for end in self._KINDS if str(path).lower().endswith(end)]
        return self._KINDS[max(fitting, key=len)] if fitting else "NoFile"

    def fileWriterFileType(self, node: Any, extension: str = "") -> str:
        return "NodeFile"

    def loadScene(self, path: str, clear: bool = True, messages: Any = None) -> bool:
        scene, path = slicer.mrmlScene, str(Path(path).resolve())
        if path.endswith(".mrb"):
            return bool(scene.ReadFromMRB(path, clear))
        scene.SetURL(path)
        return bool(scene.Connect() if clear else scene.Import())

    def saveScene(self, path: str, image: Any, messages: Any = None) -> bool:
        if not str(path).endswith(".mrb"):
            raise NotImplementedError("this stand-in saves scenes as .mrb only")
        return bool(slicer.mrmlScene.WriteToMRB(str(Path(path).resolve())))

    def loadNodes(self, kind: str, options: Any, nodes: Any = None, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind == "SceneFile":
            return self.loadScene(path, bool(options.get("clear", False)))
        node_class, storage_class = {
            "VolumeFile": ("vtkMRMLScalarVolumeNode", "vtkMRMLVolumeArchetypeStorageNode"),
            "SegmentationFile": ("vtkMRMLSegmentationNode", "vtkMRMLSegmentationStorageNode"),
            "MarkupsFile": ("vtkMRMLMarkupsFiducialNode", "vtkMRMLMarkupsJsonStorageNode"),
        }[kind]
        scene = slicer.mrmlScene
        node = scene.AddNewNodeByClass(
            node_class, options.get("name") or Path(path).name.split(".")[0]
        )
        storage = scene.AddNewNodeByClass(storage_class)
        storage.SetFileName(path)
        node.SetAndObserveStorageNodeID(storage.GetID())
        if not storage.ReadData(node):
            scene.RemoveNode(node)
            scene.RemoveNode(storage)
            return False
        node.CreateDefaultDisplayNodes()
        if nodes is not None:
            nodes.AddItem(node)
        return True

    def saveNodes(self, kind: str, options: Any, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind == "SceneFile" or path.endswith(".mrb"):
            return self.saveScene(path, None)
        node = slicer.mrmlScene.GetNodeByID(options["nodeID"])
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode(path)
        node.GetStorageNode().SetFileName(path)
        return bool(node.GetStorageNode().WriteData(node))


# Views


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

    def _make(self, size: tuple[int, int]) -> Any:
        raise NotImplementedError

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
        pixels = np.ascontiguousarray(view.picture())
        height, width, _ = pixels.shape
        self._own.image = QImage(
            pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888
        ).copy()
        self._own.stale = False
        self.update()

    def renderWindow(self) -> Any:
        view = self._view()
        return None if view is None else view.window

    def interactor(self) -> Any:
        view = self._view()
        return None if view is None else view._interactor

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
            self._resized()
        self._own.stale = True

    def _resized(self) -> None:
        pass

    # The mouse, as QVTKInteractorAdapter hands it to VTK.

    def _forward(self, event: Any, name: str) -> None:
        interactor = self.interactor()
        if interactor is None:
            return
        modifiers = event.modifiers()
        interactor.SetEventInformationFlipY(
            round(event.position().x()),
            round(event.position().y()),
            int(bool(modifiers & Qt.KeyboardModifier.ControlModifier)),
            int(bool(modifiers & Qt.KeyboardModifier.ShiftModifier)),
        )
        interactor.InvokeEvent(name)
        self.scheduleRender()

    def _button(self, event: Any) -> str:
        return {
            Qt.MouseButton.LeftButton: "LeftButton",
            Qt.MouseButton.RightButton: "RightButton",
            Qt.MouseButton.MiddleButton: "MiddleButton",
        }[event.button()]

    def mousePressEvent(self, event: Any) -> None:
        self._forward(event, f"{self._button(event)}PressEvent")

    def mouseReleaseEvent(self, event: Any) -> None:
        self._forward(event, f"{self._button(event)}ReleaseEvent")

    def mouseMoveEvent(self, event: Any) -> None:
        self._forward(event, "MouseMoveEvent")

    def enterEvent(self, event: Any) -> None:
        self._forward(event, "EnterEvent")

    def leaveEvent(self, event: Any) -> None:
        if self._own.view is not None:
            self._own.view._interactor.InvokeEvent("LeaveEvent")


class qMRMLSliceView(_View):
    """Libs/MRML/Widgets/qMRMLSliceView.h; scheduleRender and forceRender: ctkVTKAbstractView.h"""

    def __init__(self, session: Any, name: str, parent: Any = None) -> None:
        super().__init__(session, parent)
        self._own.name = name

    def _make(self, size: tuple[int, int]) -> Any:
        view = offscreen.SliceView(self._own.session, self._own.name, size)
        style = slicer.vtkMRMLSliceViewInteractorStyle()
        style.SetSliceLogic(view.logic)
        style.SetDisplayableManagers(view._group)
        style.SetInteractor(view._interactor)
        self._own.style = style
        return view

    def _resized(self) -> None:
        self._own.view.logic.ResizeSliceNode(self.width, self.height)

    def forceRender(self) -> None:
        view = self._view()
        if view is not None:
            view.logic.UpdatePipeline()  # Slicer's event loop does
        super().forceRender()

    def sliceViewInteractorStyle(self) -> Any:
        self._view()
        return self._own.style

    def mrmlSliceNode(self) -> Any:
        return _slice_logic(self._own).GetSliceNode()


class qMRMLThreeDView(_View):
    """Libs/MRML/Widgets/qMRMLThreeDView.h"""

    def _make(self, size: tuple[int, int]) -> Any:
        view = offscreen.ThreeDView(self._own.session, size)
        view.renderer.SetBackground(0.75, 0.75, 0.87)
        return view

    def mrmlViewNode(self) -> Any:
        return self._own.session.scene.GetFirstNodeByClass("vtkMRMLViewNode")

    def resetFocalPoint(self) -> None:
        if self._view() is not None:
            self._view().renderer.ResetCamera()

    def resetCamera(self, *_: Any) -> None:
        self.resetFocalPoint()

    def zoomFactor(self) -> float:
        return 0.05


def _slice_logic(own: Any) -> Any:
    return own.session.application_logic.GetSliceLogicByLayoutName(own.name)


class qMRMLSliceWidget(QWidget):
    """Libs/MRML/Widgets/qMRMLSliceWidget.h"""

    def __init__(self, session: Any, name: str, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(session=session, name=name)
        self._own.view = qMRMLSliceView(session, name, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._own.view)

    def sliceView(self) -> Any:
        return self._own.view

    viewWidget = sliceView

    def sliceLogic(self) -> Any:
        return _slice_logic(self._own)

    logic = sliceLogic

    def mrmlSliceNode(self) -> Any:
        return self.sliceLogic().GetSliceNode()

    mrmlAbstractViewNode = mrmlSliceNode

    def mrmlSliceCompositeNode(self) -> Any:
        return self.sliceLogic().GetSliceCompositeNode()

    def imageDataConnection(self) -> Any:
        return self.sliceLogic().GetImageDataConnection()

    def fitSliceToBackground(self) -> None:
        self.sliceLogic().FitSliceToBackground()

    def setSliceOrientation(self, orientation: str) -> None:
        self.mrmlSliceNode().SetOrientation(orientation)

    sliceOrientation = Property(
        str, lambda self: self.mrmlSliceNode().GetOrientation(), setSliceOrientation
    )
    sliceViewName = Property(str, lambda self: self._own.name)


class qMRMLThreeDWidget(QWidget):
    """Libs/MRML/Widgets/qMRMLThreeDWidget.h"""

    def __init__(self, session: Any, parent: Any = None) -> None:
        super().__init__(parent)
        self._own = types.SimpleNamespace(session=session, view=qMRMLThreeDView(session, self))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._own.view)

    def threeDView(self) -> Any:
        return self._own.view

    viewWidget = threeDView

    def mrmlViewNode(self) -> Any:
        return self._own.view.mrmlViewNode()

    mrmlAbstractViewNode = mrmlViewNode


class qSlicerLayoutManager(QObject):
    """Libs/MRML/Widgets/qMRMLLayoutManager.h and Base/QTGUI/qSlicerLayoutManager.h"""

    layoutChanged = Signal(int)

    def __init__(self, session: Any) -> None:
        super().__init__()
        self._own = types.SimpleNamespace(session=session)
        self._own.slices = {n: qMRMLSliceWidget(session, n) for n in ("Red", "Green", "Yellow")}
        self._own.threed = qMRMLThreeDWidget(session)

    def mrmlScene(self) -> Any:
        return self._own.session.scene

    def sliceViewNames(self) -> tuple[str, ...]:
        return tuple(self._own.slices)

    def sliceWidget(self, name: str) -> Any:
        return self._own.slices.get(name)

    def threeDWidget(self, which: Any) -> Any:
        return self._own.threed if which in (0, "View1", "ViewNode") else None

    def mrmlSliceLogics(self) -> Any:
        return self._own.session.application_logic.GetSliceLogics()

    def layoutLogic(self) -> Any:
        return self._own.session.view_logics[0]

    def activeMRMLThreeDViewNode(self) -> Any:
        return self._own.threed.mrmlViewNode()

    def resetSliceViews(self) -> None:
        for widget in self._own.slices.values():
            widget.fitSliceToBackground()

    def resetThreeDViews(self) -> None:
        self._own.threed.threeDView().resetFocalPoint()

    def setLayout(self, layout: int) -> None:
        self.layoutLogic().GetLayoutNode().SetViewArrangement(layout)
        self.layoutChanged(layout)

    def setRenderPaused(self, pause: bool) -> None:
        pass

    def pauseRender(self) -> None:
        pass

    def resumeRender(self) -> None:
        pass

    layout = Property(
        int, lambda self: self.layoutLogic().GetLayoutNode().GetViewArrangement(), setLayout
    )
    threeDViewCount = Property(int, lambda self: 1)
    tableViewCount = Property(int, lambda self: 0)
    plotViewCount = Property(int, lambda self: 0)


# Modules and the main window


class qSlicerLoadableModule:
    """Base/QTCore/qSlicerAbstractCoreModule.h, of a module that is written in C++."""

    def __init__(self, name: str, logic: Any) -> None:
        self.name, self.title, self._logic, self._widget = name, name, logic, None
        self.path = ""

    def logic(self) -> Any:
        return self._logic

    def widgetRepresentation(self) -> Any:
        if self._widget is None:
            self._widget = qSlicerAbstractModuleWidget()
            if self.name == "SegmentEditor":
                self._widget = _SegmentEditorModuleWidget()
        return self._widget


class qSlicerScriptedLoadableModule:
    """Base/QTGUI/qSlicerScriptedLoadableModule.h: ``parent`` of the module's class."""

    _ATTRIBUTES = frozenset(
        {
            "title",
            "categories",
            "contributors",
            "associatedNodeTypes",
            "helpText",
            "acknowledgementText",
            "extensions",
            "icon",
            "hidden",
            "dependencies",
            "index",
            "name",
            "path",
            "widgetRepresentationCreationEnabled",
        }
    )

    def __init__(self, name: str, path: str) -> None:
        self.name, self.path, self.title, self.hidden = name, path, name, False
        self.icon, self.dependencies, self.categories = QIcon(), [], []
        object.__setattr__(
            self, "_state", types.SimpleNamespace(widget=None, module=None, logic=None)
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._ATTRIBUTES:
            raise AttributeError(f"qSlicerScriptedLoadableModule has no property {name!r}")
        object.__setattr__(self, name, value)

    def logic(self) -> Any:
        return None  # a vtkSlicerScriptedLoadableModuleLogic in Slicer, not the Python logic

    def widgetRepresentation(self) -> Any:
        state = self._state
        if state.widget is None:
            state.widget = qSlicerScriptedLoadableModuleWidget(self)
            state.widget._setup()
        return state.widget


class qSlicerAbstractModuleWidget(qMRMLWidget):
    """Base/QTGUI/qSlicerAbstractModuleWidget.h"""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self._own.entered = False
        self._own.scene = slicer.mrmlScene

    def enter(self) -> None:
        self._own.entered = True

    def exit(self) -> None:
        self._own.entered = False

    isEntered = Property(bool, lambda self: self._own.entered)


class qSlicerScriptedLoadableModuleWidget(qSlicerAbstractModuleWidget):
    """Base/QTGUI/qSlicerScriptedLoadableModuleWidget.h: makes and drives the Python widget."""

    def __init__(self, module: qSlicerScriptedLoadableModule) -> None:
        super().__init__()
        self._own.module = module
        self._own.python = None
        self.setLayout(QVBoxLayout())

    def _setup(self) -> None:
        name = self._own.module.name
        python = getattr(sys.modules[name], f"{name}Widget")(self)
        self._own.python = python
        setattr(slicer.modules, f"{name}Widget", python)
        python.setup()

    def self(self) -> Any:
        return self._own.python

    def enter(self) -> None:
        super().enter()
        if hasattr(self._own.python, "enter"):
            self._own.python.enter()

    def exit(self) -> None:
        super().exit()
        if hasattr(self._own.python, "exit"):
            self._own.python.exit()

    moduleName = Property(str, lambda self: self._own.module.name)


class _SegmentEditorModuleWidget(qSlicerScriptedLoadableModuleWidget):
    """Modules/Scripted/SegmentEditor/SegmentEditor.py: ``self().editor`` is its widget."""

    def __init__(self) -> None:
        super().__init__(types.SimpleNamespace(name="SegmentEditor"))
        editor = qMRMLSegmentEditorWidget(self)
        editor.setMRMLScene(slicer.mrmlScene)
        self._own.python = types.SimpleNamespace(editor=editor)

    def enter(self) -> None:
        super().enter()
        scene = slicer.mrmlScene
        node = scene.GetSingletonNode("SegmentEditor", "vtkMRMLSegmentEditorNode")
        if node is None:
            node = scene.CreateNodeByClass("vtkMRMLSegmentEditorNode")
            node.UnRegister(None)
            node.SetSingletonTag("SegmentEditor")
            node = scene.AddNode(node)
        self._own.python.editor.setMRMLSegmentEditorNode(node)


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


class qSlicerMainWindow(QMainWindow):
    """Base/QTApp/qSlicerMainWindow.h: the module panel beside four views."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("qSlicerMainWindow")
        self.setWindowTitle("Stand-in for 3D Slicer")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFixedWidth(460)
        views = QWidget()
        grid = QGridLayout(views)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(2)
        manager = slicer.app.layoutManager()
        grid.addWidget(manager.sliceWidget("Red"), 0, 0)
        grid.addWidget(manager.threeDWidget(0), 0, 1)
        grid.addWidget(manager.sliceWidget("Green"), 1, 0)
        grid.addWidget(manager.sliceWidget("Yellow"), 1, 1)
        central = QWidget()
        row = QHBoxLayout(central)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(area)
        row.addWidget(views, 1)
        self.setCentralWidget(central)
        self._own = types.SimpleNamespace(area=area, selector=qSlicerModuleSelectorToolBar(self))
        self._own.selector.hide()

    def _show(self, widget: Any) -> None:
        self._own.area.takeWidget()
        self._own.area.setWidget(widget)
        widget.show()

    def moduleSelector(self) -> Any:
        return self._own.selector


def load_module(path: str | Path) -> qSlicerScriptedLoadableModule:
    """What Slicer does with a scripted module at start-up; its widget is made when selected."""
    path = Path(path).resolve()
    name = path.stem
    sys.modules.pop(name, None)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))  # Slicer adds the folders of its scripted modules
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent = qSlicerScriptedLoadableModule(name, str(path))
    parent._state.module = getattr(module, name)(parent)
    setattr(slicer.modules, name.lower(), parent)
    slicer.app.moduleManager().moduleLoaded(name)
    return parent
