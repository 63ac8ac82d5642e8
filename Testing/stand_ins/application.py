"""``slicer.app``.

API: Slicer/Slicer at 583e9b3, the header named at each class.
"""
# ruff: noqa: N801, N802, N815

from __future__ import annotations

import tempfile
import types
from pathlib import Path
from typing import Any

from PySide6.QtCore import Property, QProcessEnvironment, QSettings, Signal
from PySide6.QtWidgets import QApplication

from .io_manager import qSlicerIOManager
from .main_window import qSlicerLayoutManager
from .modules import qSlicerModuleManager


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
        own.session, own.folder, own.paused = session, folder, 0
        own.home = folder / "Slicer"
        ini = QSettings.Format.IniFormat
        QSettings.setDefaultFormat(ini)
        QSettings.setPath(ini, QSettings.Scope.UserScope, str(folder))  # for qt.QSettings() too
        own.settings = QSettings()
        own.io = qSlicerIOManager()
        own.modules = qSlicerModuleManager()
        own.layout = qSlicerLayoutManager(session)
        own.testing = False
        self.mrmlSceneChanged(session.scene)

    def mrmlScene(self) -> Any:
        return self._own.session.scene

    def applicationLogic(self) -> Any:
        return self._own.session.application_logic

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

    slicerHome = Property(str, lambda self: str(self._own.home), constant=True)
    temporaryPath = Property(
        str,
        lambda self: tempfile.gettempdir() if self._own.session is None else str(self._own.folder),
        lambda self, path: setattr(self._own, "folder", Path(path)),
    )
    revision = Property(str, lambda self: "33000", constant=True)
    os = Property(str, lambda self: "linux", constant=True)
    platform = Property(str, lambda self: "linux-amd64", constant=True)
    documentationBaseUrl = Property(str, lambda self: "https://slicer.readthedocs.io/en/latest/")
