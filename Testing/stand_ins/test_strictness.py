"""The stand-ins refuse what the real classes lack, and a whole module runs on them."""

from pathlib import Path

import pytest

from .fixtures import REPOSITORY, slicer_app  # noqa: F401

MODULE = REPOSITORY / "InnerEarSeg" / "InnerEarSeg.py"


def test_parameters(slicer_app):  # noqa: F811
    """Stored as Slicer stores them; of the annotated types alone."""
    import slicer

    node = slicer_app.load_module(MODULE).logic.getParameterNode()
    node.ears = type(node.ears).BOTH
    node.inputVolume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
    assert node.parameterNode.GetParameter("ears") == "BOTH"
    assert node.parameterNode.GetNodeReference("inputVolume") is node.inputVolume
    for name, wrong in (("device", 3), ("inputVolume", slicer.vtkMRMLModelNode()), ("ears", 1)):
        with pytest.raises(TypeError):
            setattr(node, name, wrong)


def test_settings_stay_in_the_test(slicer_app):  # noqa: F811
    import qt

    qt.QSettings().setValue("InnerEarSeg/x", 1)
    qt.QSettings().sync()
    assert Path(qt.QSettings().fileName()).is_relative_to(slicer_app.folder)
    assert slicer_app.app.settings().value("InnerEarSeg/x") is not None


@pytest.mark.parametrize(
    "wrong",
    [
        "button.connect('clicked(int)', print)", "button.connect('pressedTwice()', print)",
        "button.connect('clicked', 3)", "button.colour = 'red'", "button.text()",
        "button.enabled = 'yes'", "button.text = None", "button.exec()", "button.clicked.emit()",
        "button.geometries", "table.rowCount()", "table.item(0, 0).texts()",
        "table.horizontalHeader().stretch()", "button.disconnect('pressed(int)', print)",
        "qt.QCheckBox().checkStateChanged", "qt.QColor.fromString('red')",
        "qt.QCheckBox().connect('checkStateChanged(Qt::CheckState)', print)",
        "qt.QDialog().exec()", "qt.QMessageBox.Yess", "slicer.util.loadUi('x')",
        "slicer.vtkMRMLVolumesNode", "setattr(button, 'width', 3)", "module.ui.gone.text",
        "ctk.ctkCollapsibleButton().connect('collapsed(bool)', print)",
        "slicer.qMRMLNodeComboBox().disconnect('currentNodeChanged(vtkMRMLModelNode*)', print)",
        "qt.Signal", "qt.Slot", "qt.QStringDecoder",
        "qt.QPushButtonn", "ctk.ctkCollapsibleButton().setCollapsed(True)",
        "ctk.ctkCollapsibleButton().title", "ctk.ctkPathLineEdit().text",
        "ctk.ctkPathLineEdit().connect('pathChanged(QString)', print)", "ctk.ctkSomething",
        "ctk.ctkSliderWidget()", "slicer.qMRMLNodeComboBox().setNodeTypes(['vtkMRMLNode'])",
        "slicer.qMRMLNodeComboBox().connect('currentNodeChanged()', print)",
        "setattr(slicer.qMRMLNodeComboBox(), 'nodeTypes', 'vtkMRMLNode')",
        "slicer.app.mainWindow()", "slicer.app.layoutManager().sliceWidget('Red').sliceNode()",
        "slicer.app.revisions", "slicer.modules.nothing",
    ],
)  # fmt: skip
def test_refused(slicer_app, wrong):  # noqa: F811
    """Each of these is an error in 3D Slicer too."""
    import ctk
    import qt
    import slicer

    names = {"qt": qt, "ctk": ctk, "slicer": slicer}
    names |= {"button": qt.QPushButton("x"), "table": qt.QTableWidget(1, 1)}
    names["table"].setItem(0, 0, qt.QTableWidgetItem())
    if "module.ui" in wrong:
        names["module"] = slicer_app.load_module(MODULE)
    with pytest.raises((AttributeError, ValueError, TypeError, NotImplementedError)):
        exec(wrong, names)


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
    import qt

    from .dialogs import UnansweredDialog

    with pytest.raises(UnansweredDialog):
        qt.QMessageBox().exec_()
