"""The stand-ins refuse what the real classes lack, and a whole module runs on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from .fixtures import slicer_app  # noqa: F401

MODULE = """
import enum

import qt
import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import *
from slicer.util import VTKObservationMixin


class Ears(enum.Enum):
    automatic = "automatic"
    left = "left"


@parameterNodeWrapper
class Parameters:
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    ears: Ears = Ears.left
    count: int = 3


class Demo(ScriptedLoadableModule):
    def __init__(self, parent):
        super().__init__(parent)
        parent.title = _("Demo")


class DemoWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.seen = []

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        widget = slicer.util.loadUI(self.resourcePath("UI/Demo.ui"))
        self.layout.addWidget(widget)
        widget.setMRMLScene(slicer.mrmlScene)
        self.ui = slicer.util.childWidgetVariables(widget)
        self.logic = DemoLogic()
        self.parameters = self.logic.getParameterNode()
        self.ui.input.connect("currentNodeChanged(vtkMRMLNode*)", self.onInput)
        self.ui.go.connect("clicked(bool)", self.onGo)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onClose)

    def onInput(self, node):
        self.parameters.inputVolume = node

    def onGo(self, checked):
        self.seen.append(("go", checked, slicer.util.confirmYesNoDisplay("Sure?")))

    def onClose(self, caller, event):
        self.seen.append("close")

    def enter(self):
        self.seen.append("enter")

    def exit(self):
        self.seen.append("exit")

    def cleanup(self):
        self.removeObservers()
        self.seen.append("cleanup")


class DemoLogic(ScriptedLoadableModuleLogic):
    def getParameterNode(self):
        return Parameters(super().getParameterNode())
"""

UI = """<?xml version="1.0" encoding="UTF-8"?>
<ui version="4.0"><class>Demo</class>
<widget class="qMRMLWidget" name="Demo"><layout class="QVBoxLayout" name="rows">
 <item><widget class="ctkCollapsibleButton" name="box">
  <property name="text"><string>Input</string></property>
  <layout class="QFormLayout" name="form">
   <item row="0" column="1"><widget class="qMRMLNodeComboBox" name="input">
    <property name="noneEnabled"><bool>true</bool></property>
    <property name="nodeTypes"><stringlist><string>vtkMRMLScalarVolumeNode</string></stringlist>
    </property>
   </widget></item>
  </layout></widget></item>
 <item><widget class="QPushButton" name="go"><property name="text"><string>Go</string></property>
 </widget></item></layout></widget>
<customwidgets>
 <customwidget><class>qMRMLWidget</class><extends>QWidget</extends><header>qMRMLWidget.h</header>
 <container>1</container></customwidget>
 <customwidget><class>ctkCollapsibleButton</class><extends>QWidget</extends>
 <header>ctkCollapsibleButton.h</header><container>1</container></customwidget>
 <customwidget><class>qMRMLNodeComboBox</class><extends>QWidget</extends>
 <header>qMRMLNodeComboBox.h</header></customwidget>
</customwidgets>
<connections><connection><sender>Demo</sender><signal>mrmlSceneChanged(vtkMRMLScene*)</signal>
<receiver>input</receiver><slot>setMRMLScene(vtkMRMLScene*)</slot></connection></connections>
</ui>
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """A small scripted module on disk."""
    folder = tmp_path / "module" / "Resources" / "UI"
    folder.mkdir(parents=True)
    (folder / "Demo.ui").write_text(UI, encoding="utf-8")
    path = tmp_path / "module" / "Demo.py"
    path.write_text(MODULE, encoding="utf-8")
    return path


def test_whole_module(slicer_app, module):  # noqa: F811
    """Parameters, widgets, dialogs, leaving, closing the scene, unloading."""
    import qt
    import slicer

    volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT")
    widget = slicer_app.load_module(module)
    ui, parameters = widget.ui, widget.parameters
    assert ui.input.mrmlScene() is slicer.mrmlScene
    ui.input.setCurrentNode(volume)
    assert parameters.inputVolume is volume
    assert parameters.ears.name == "left" and parameters.count == 3
    parameters.ears = type(parameters.ears).automatic
    assert parameters.parameterNode.GetParameter("ears") == "automatic"
    for name, wrong in (("count", "4"), ("inputVolume", slicer.vtkMRMLModelNode())):
        with pytest.raises(TypeError):
            setattr(parameters, name, wrong)
    slicer_app.dialogs.answer(qt.QMessageBox.No)
    ui.go.click()
    assert [d.text for d in slicer_app.dialogs.shown] == ["Sure?"]
    slicer.util.selectModule("Data")
    slicer.util.selectModule("Demo")
    slicer.mrmlScene.Clear(False)
    assert ui.input.currentNode() is None
    assert widget.seen == ["enter", ("go", False, False), "exit", "enter", "close"]


def test_settings_stay_in_the_test(slicer_app):  # noqa: F811
    import qt

    qt.QSettings().setValue("InnerEarSeg/x", 1)
    qt.QSettings().sync()
    assert Path(qt.QSettings().fileName()).is_relative_to(slicer_app.folder)
    assert slicer_app.app.settings().value("InnerEarSeg/x") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        "button.connect('clicked(int)', print)",
        "button.connect('pressedTwice()', print)",
        "button.connect('clicked', 3)",
        "button.colour = 'red'",
        "button.text()",
        "button.enabled = 'yes'",
        "button.text = None",
        "button.exec()",
        "button.clicked.emit()",
        "button.geometries",
        "table.rowCount()",
        "qt.Signal",
        "qt.Slot",
        "qt.QStringDecoder",
        "qt.QPushButtonn",
        "ctk.ctkCollapsibleButton().setCollapsed(True)",
        "ctk.ctkCollapsibleButton().title",
        "ctk.ctkPathLineEdit().text",
        "ctk.ctkPathLineEdit().connect('pathChanged(QString)', print)",
        "ctk.ctkSomething",
        "ctk.ctkSliderWidget()",
        "slicer.qMRMLNodeComboBox().setNodeTypes(['vtkMRMLNode'])",
        "slicer.qMRMLNodeComboBox().connect('currentNodeChanged()', print)",
        "setattr(slicer.qMRMLNodeComboBox(), 'nodeTypes', 'vtkMRMLNode')",
        "slicer.app.mainWindow()",
        "slicer.app.layoutManager().sliceWidget('Red').sliceNode()",
        "slicer.app.revisions",
        "slicer.modules.nothing",
    ],
)
def test_refused(slicer_app, wrong):  # noqa: F811
    """Each of these is an error in 3D Slicer too."""
    import ctk
    import qt
    import slicer

    names = {"qt": qt, "ctk": ctk, "slicer": slicer}
    names |= {"button": qt.QPushButton("x"), "table": qt.QTableWidget()}
    with pytest.raises((AttributeError, ValueError, TypeError, NotImplementedError)):
        exec(wrong, names)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"noneEnabled"', '"noneAllowed"'),
        ("ctkCollapsibleButton", "ctkCollapsibleButon"),
        ("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneChanged(vtkMRMLNode*)"),
        ("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)"),
        ('<property name="text">', '<property name="caption">'),
    ],
)
def test_refused_in_ui(slicer_app, tmp_path, old, new):  # noqa: F811
    """A wrong class, property, signal or slot in the .ui file."""
    import slicer

    path = tmp_path / "wrong.ui"
    assert old in UI
    path.write_text(UI.replace(old, new), encoding="utf-8")
    with pytest.raises((ValueError, AttributeError)):
        slicer.util.loadUI(str(path))


def test_arguments_as_pythonqt_passes_them(slicer_app):  # noqa: F811
    """A default argument of the callable is filled by the signal's argument."""
    import qt

    got = []
    button = qt.QPushButton()
    button.clicked.connect(lambda: got.append("none"))
    button.connect("clicked(bool)", lambda row=7: got.append(row))
    button.connect("clicked()", lambda row=7: got.append(row))
    button.click()
    assert got == ["none", False, 7]
    assert not button.disconnect("clicked()", print)


def test_errors_in_slots_are_kept(slicer_app):  # noqa: F811
    import qt

    button = qt.QPushButton()
    button.connect("clicked()", lambda: 1 / 0)
    button.click()
    assert "ZeroDivisionError" in slicer_app.errors[0]
    slicer_app.errors.clear()


def test_unanswered_dialog(slicer_app):  # noqa: F811
    import slicer

    from .dialogs import UnansweredDialog

    with pytest.raises(UnansweredDialog):
        slicer.util.confirmYesNoDisplay("Well?")
