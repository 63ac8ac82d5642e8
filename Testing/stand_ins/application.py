"""``slicer.app``.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802, N815

import tempfile
import types
from pathlib import Path
from typing import Any

import slicer
from PySide6.QtCore import Property, QObject, QSettings, Signal
from PySide6.QtWidgets import QApplication

from .main_window import qSlicerLayoutManager
from .modules import qSlicerModuleManager


class qSlicerIOManager(QObject):
    """Base/QTCore/qSlicerCoreIOManager.h: reading and saving as slicer.util asks for it."""

    def loadNodes(self, kind: str, options: Any, nodes: Any = None, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if kind != "SceneFile" or not path.endswith(".mrb"):
            raise NotImplementedError("this stand-in loads scenes in .mrb alone")
        return bool(slicer.mrmlScene.ReadFromMRB(path, bool(options.get("clear", False))))

    def saveNodes(self, kind: str, options: Any, messages: Any = None) -> bool:
        path = str(Path(str(options["fileName"])).resolve())
        if not path.endswith(".mrb"):
            raise NotImplementedError("this stand-in saves scenes as .mrb alone")
        return bool(slicer.mrmlScene.WriteToMRB(path))


class ctkDICOMDatabase(QObject):
    """commontk/CTK Libs/DICOM/Core/ctkDICOMDatabase.h; a test fills ``_own``."""

    def __init__(self) -> None:
        super().__init__()
        # Paths by SOPInstanceUID, SeriesInstanceUIDs by path, texts by SOPInstanceUID and tag.
        self._own = types.SimpleNamespace(files={}, series={}, values={})

    def fileForInstance(self, uid: str) -> str:
        return self._own.files.get(uid, "")

    def seriesForFile(self, path: str) -> str:
        return self._own.series.get(path, "")

    def instanceValue(self, uid: str, tag: str) -> str:
        return self._own.values.get((uid, tag), "")


class qSlicerApplication(QApplication):
    """Base/QTCore/qSlicerCoreApplication.h and Base/QTGUI/qSlicerApplication.h"""

    mrmlSceneChanged = Signal(object)
    startupCompleted = Signal()
    SIGNALS = {  # noqa: RUF012
        "mrmlSceneChanged(vtkMRMLScene*)": "mrmlSceneChanged",
        "startupCompleted()": "startupCompleted",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(["Slicer"])
        self._own = types.SimpleNamespace(folder=folder, session=None, settings=None)
        self.setApplicationName("Slicer")
        self.setOrganizationName("slicer.org")

    def _start(self, session: Any, folder: Path) -> None:
        own = self._own
        own.session, own.folder = session, folder
        own.home = folder / "Slicer"
        ini = QSettings.Format.IniFormat
        QSettings.setDefaultFormat(ini)
        QSettings.setPath(ini, QSettings.Scope.UserScope, str(folder))  # for qt.QSettings() too
        own.settings = QSettings()
        own.io = qSlicerIOManager()
        own.modules = qSlicerModuleManager()
        own.layout = qSlicerLayoutManager(session)
        own.dicom = ctkDICOMDatabase()
        own.testing, own.paused = False, 0
        self.mrmlSceneChanged(session.scene)

    def layoutManager(self) -> Any:
        return self._own.layout

    def moduleManager(self) -> Any:
        return self._own.modules

    def coreIOManager(self) -> Any:
        return self._own.io

    def dicomDatabase(self) -> ctkDICOMDatabase:
        return self._own.dicom

    def settings(self) -> QSettings:
        return self._own.settings

    def pauseRender(self) -> None:
        self._own.paused += 1

    def resumeRender(self) -> None:
        if self._own.paused == 0:
            raise ValueError("resumeRender without pauseRender")  # Slicer warns
        self._own.paused -= 1

    def testingEnabled(self) -> bool:
        # PythonQt decorator: Base/QTCore/qSlicerCoreApplication.h, testAttribute(AA_EnableTesting)
        return self._own.testing

    slicerHome = Property(str, lambda self: str(self._own.home), constant=True)
    temporaryPath = Property(
        str,
        lambda self: tempfile.gettempdir() if self._own.session is None else str(self._own.folder),
        lambda self, path: setattr(self._own, "folder", Path(path)),
    )
    revision = Property(str, lambda self: "33000", constant=True)
