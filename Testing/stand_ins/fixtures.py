"""The fixture ``slicer_app``: a running application as far as a scripted module can tell.

Use: ``from Testing.stand_ins.fixtures import slicer_app`` in a conftest.py.
"""

from __future__ import annotations

import os
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REPOSITORY = Path(__file__).resolve().parents[2]
BASE_PYTHON = "INNEREARSEG_SLICER_BASE_PYTHON"
"""Environment variable: a Slicer checkout's Base/Python, to run with Slicer's own classes."""


class StandIn:
    """What a test holds on to: ``slicer.app``, a real scene, the main window and its dialogs.

    ``errors`` are tracebacks of exceptions in slots; the fixture fails the test if any are left.
    ``folder`` holds settings and temporary files of this test.
    """

    def __init__(self, app: Any, session: Any, folder: Path) -> None:
        from . import main_window, pythonqt
        from .dialogs import dialogs

        self.app, self.session, self.scene = app, session, session.scene
        self.folder, self.dialogs, self.errors = folder, dialogs, pythonqt.errors
        self.window = main_window.qSlicerMainWindow()
        self.window.resize(1366, 768)  # a surgeon's laptop

    def load_module(self, path: str | Path) -> Any:
        """Load a scripted module and enter it; returns its Python widget."""
        import slicer

        from .modules import load_module

        module = load_module(path)
        slicer.util.selectModule(module.name)
        self.process()
        return module.widgetRepresentation().self()

    def draw_views(self) -> bool:
        """Have slice and 3D views drawn from now on; False where no OpenGL library is."""
        from InnerEarSegLib.report.views import can_render

        from .views import _View

        _View.drawing = can_render()
        return _View.drawing

    def show(self) -> None:
        self.window.show()
        self.process()

    def process(self) -> None:
        """Let Qt handle what is pending, deletions too."""
        from PySide6.QtCore import QEvent

        self.app.processEvents()
        self.app.sendPostedEvents(None, QEvent.Type.DeferredDelete)

    def wait(self, until: Callable[[], Any], seconds: float = 10.0, what: str = "") -> None:
        """Run the event loop until a condition holds; fails after so many seconds."""
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what or until}")
            self.process()
            time.sleep(0.005)

    def picture(self, path: str | Path, widget: Any = None) -> Path:
        """Save a picture of the window, or of one widget, as it is now."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.show()
        manager = self.app.layoutManager()
        for name in manager.sliceViewNames():
            manager.sliceWidget(name).sliceView().forceRender()
        manager.threeDWidget(0).threeDView().forceRender()
        self.process()
        assert (widget or self.window).grab().save(str(path))
        return path


def install() -> None:
    """Put ``qt``, ``ctk`` and the application's parts of ``slicer`` in place, once a process."""
    if "qt" in sys.modules:
        return
    from . import pythonqt

    pythonqt.install()
    from . import ctk_widgets, dialogs, qt_module

    dialogs.install()
    sys.modules["qt"], sys.modules["ctk"] = qt_module.make(), ctk_widgets.make()
    import slicer
    import slicer.util

    from . import modules, mrml_widgets

    for name, value in mrml_widgets.make().items():
        setattr(slicer, name, value)
    for name in ("qSlicerScriptedLoadableModule", "qSlicerScriptedLoadableModuleWidget"):
        setattr(slicer, name, getattr(modules, name))
    _python_classes(slicer)


def _python_classes(slicer: Any) -> None:
    """Slicer's own ScriptedLoadableModule.py and parameterNodeWrapper, or our replacements."""
    given = os.environ.get(BASE_PYTHON)
    if given:
        folder = Path(given) / "slicer"
        if not (folder / "ScriptedLoadableModule.py").is_file():
            raise FileNotFoundError(f"no slicer/ScriptedLoadableModule.py in {BASE_PYTHON}={given}")
        slicer.__path__.append(str(folder))
    else:
        from . import parameters, scripted_module

        slicer.i18n = types.ModuleType("slicer.i18n")
        slicer.i18n.tr = lambda text: text  # without translations; imported as ``_``
        sys.modules["slicer.i18n"] = slicer.i18n
        sys.modules["slicer.ScriptedLoadableModule"] = scripted_module
        slicer.ScriptedLoadableModule = scripted_module
        sys.modules["slicer.parameterNodeWrapper"] = slicer.parameterNodeWrapper = parameters


@pytest.fixture
def slicer_app(tmp_path: Path) -> Iterator[StandIn]:
    """A fresh scene, settings and main window; fails if a slot raised."""
    pytest.importorskip("PySide6.QtWidgets", reason="PySide6-Essentials is not installed")
    pytest.importorskip("slicer", reason="slicer-core is not installed")
    if str(REPOSITORY) not in sys.path:
        sys.path.insert(0, str(REPOSITORY))
    install()
    import slicer

    from InnerEarSegLib.mrml.scene import headless_scene

    from . import modules, pythonqt
    from .application import qSlicerApplication
    from .dialogs import dialogs

    with headless_scene() as session:
        slicer.mrmlScene = session.scene
        slicer.modules = types.ModuleType("slicer.modules")
        sys.modules["slicer.modules"] = slicer.modules
        app = slicer.app = qSlicerApplication.instance() or qSlicerApplication(tmp_path)
        app._start(session, tmp_path)
        for name in ("Segmentations", "Markups", "SegmentEditor", "Data", "Welcome"):
            setattr(slicer.modules, name.lower(), modules.qSlicerLoadableModule(name))
        dialogs.clear()
        pythonqt.errors.clear()
        watching = _watch_removals(session.scene)
        stand_in = StandIn(app, session, tmp_path)
        try:
            yield stand_in
            raised = list(pythonqt.errors)
        finally:
            session.scene.RemoveObserver(watching)  # it would be called when Python ends
            _tear_down(stand_in)
        assert not raised, "exceptions in slots:\n" + "\n".join(raised)


def _watch_removals(scene: Any) -> int:
    """Note what ends Slicer 5.12: a segmentation that is removed after its display node.

    Returns the tag of the observer.
    """
    import vtk

    from . import pythonqt

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def removed(caller: Any, event: str, node: Any) -> None:
        for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
            segmentation = scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode")
            if segmentation.GetDisplayNode() is node and not scene.IsClosing():
                pythonqt.errors.append(f"{node.GetID()} is removed before its segmentation")

    return int(scene.AddObserver(scene.NodeAboutToBeRemovedEvent, removed))


def _tear_down(stand_in: StandIn) -> None:
    import slicer

    from .modules import qSlicerScriptedLoadableModule
    from .mrml_widgets import qMRMLNodeComboBox
    from .views import _View

    for module in list(vars(slicer.modules).values()):
        if isinstance(module, qSlicerScriptedLoadableModule):
            slicer.app.moduleManager().moduleAboutToBeUnloaded(module.name)
    stand_in.window.close()
    for widget in stand_in.app.allWidgets():
        if isinstance(widget, qMRMLNodeComboBox):
            widget.blockSignals(True)
            widget.setMRMLScene(None)  # as its destructor does
    for widget in stand_in.app.topLevelWidgets():
        widget.deleteLater()  # without a parent they live on in Python
    stand_in.process()
    _View.drawing = False
    slicer.mrmlScene = None
