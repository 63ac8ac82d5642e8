"""Every name of Qt, CTK and Slicer in the panel's code and .ui file exists in these."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6-Essentials is not installed")
pytest.importorskip("slicer", reason="slicer-core is not installed")

from . import names
from .check_code import check_code, count_connections
from .check_ui import check_ui, widgets
from .cmake_lists import REPOSITORY

UI = REPOSITORY / "InnerEarSeg" / "Resources" / "UI" / "InnerEarSeg.ui"
CODE = [
    REPOSITORY / "InnerEarSeg" / "InnerEarSeg.py",
    *sorted((REPOSITORY / "InnerEarSegLib" / "panel").glob("*.py")),
]


def test_ui_file():
    assert list(check_ui(UI)) == []


def test_code():
    assert check_code(CODE, widgets(UI)) == []
    assert count_connections(CODE) > 10


def test_every_class_names_its_header():
    for name, entry in names.CLASSES.items():
        repository, header = entry["source"].split(" ")
        assert repository.startswith(("commontk/CTK@", "Slicer/Slicer@"))
        assert header.endswith(f"/{name}.h")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("ui.go.connect('clickedd()', self.f)", "no signal clickedd()"),
        ("ui.go.connect('clicked(int)', self.f)", "no signal clicked(int)"),
        ("ui.pick.connect('currentNodeChanged()', self.f)", "no signal currentNodeChanged()"),
        ("ui.pick.disconnect('currentNodeChanged(vtkMRMLModelNode*)', self.f)", "no signal"),
        ("ui.box.connect('collapsed(bool)', self.f)", "no signal collapsed(bool)"),
        ("unknown().connect('nothing(bool)', self.f)", "no class has a signal"),
        ("ui.gone.text = 'x'", "no widget gone"),
        ("ui.go.colour = 'x'", "no property 'colour'"),
        ("ui.go.text()", "is a property and cannot be called"),
        ("ui.go.sizePolicyy", "has no sizePolicyy"),
        ("ui.table.rowCount()", "is a property"),
        ("ui.table.item(0, 0).texts()", "QTableWidgetItem has no texts"),
        ("ui.table.horizontalHeader().stretch()", "QHeaderView has no stretch"),
        ("ui.box.setCollapsed(True)", "ctkCollapsibleButton has no setCollapsed"),
        ("ui.pick.setNodeTypes(['vtkMRMLNode'])", "has no setNodeTypes"),
        ("ui.check.checkStateChanged.connect(self.f)", "has no checkStateChanged"),
        ("go = ui.go; go.label", "has no label"),
        ("for w in (ui.go, ui.table): w.selectRow(0)", "QPushButton has no selectRow"),
        ("qt.QTimerr()", "qt has no QTimerr"),
        ("qt.Signal()", "qt has no Signal"),
        ("qt.Qt.AlignmentFlag.AlignLeft", "without AlignmentFlag"),
        ("qt.QMessageBox.Yess", "has no Yess"),
        ("qt.QPushButton(text='x')", "takes no keyword"),
        ("qt.QDialog().exec()", "has no exec"),
        ("self.timer.begin()", "QTimer has no begin"),
        ("ctk.ctkSomething()", "ctk has no ctkSomething"),
        ("slicer.util.loadUi('x')", "slicer.util has no loadUi"),
        ("slicer.util.launchConsoleProcess(['x'])", "not in Slicer 5.10"),
        ("slicer.app.mainWindow()", "qSlicerApplication has no mainWindow"),
        ("slicer.app.layoutManager().sliceWidget('Red').sliceNode()", "has no sliceNode"),
        ("slicer.vtkMRMLVolumesNode", "slicer has no vtkMRMLVolumesNode"),
    ],
)
def test_wrong_code_is_found(tmp_path, line, complaint):
    """The lint is no rubber stamp."""
    ui = {
        "go": "QPushButton", "table": "QTableWidget", "box": "ctkCollapsibleButton",
        "pick": "qMRMLNodeComboBox", "check": "QCheckBox",
    }  # fmt: skip
    path = tmp_path / "module.py"
    start = (
        "import ctk, qt, slicer\nclass Panel:\n def __init__(self, ui):\n"
        "  self.timer = qt.QTimer()\n  self.timer.setSingleShot(True)\n"
        "  ui.go.connect('clicked(bool)', self.one)\n  ui.go.clicked.connect(self.f)\n"
        "  ui.go.enabled = ui.table.rowCount > 0\n  ui.box.collapsed = True\n"
        "  ui.table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.Stretch)\n"
        "  slicer.app.layoutManager().sliceWidget('Red').sliceLogic()\n"
        " def f(self): pass\n def one(self, on): pass\n"
    )
    path.write_text(start, encoding="utf-8")
    assert check_code([path], ui) == []
    path.write_text(f"{start} def g(self, ui):\n  {line}\n", encoding="utf-8")
    found = check_code([path], ui)
    assert found and complaint in found[0], found


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('class="QPushButton"', 'class="QPushButtn"', "no class QPushButtn"),
        ('name="noneEnabled"', 'name="noneAllowed"', "no property 'noneAllowed'"),
        ("mrmlSceneChanged(vtkMRMLScene*)", "sceneChanged(vtkMRMLScene*)", "has no signal"),
        ("<extends>QWidget</extends>", "<extends>QFrame</extends>", "does not extend QFrame"),
        ("QFormLayout::AllNonFixedFieldsGrow", "QFormLayout::Grow", "no enumerator"),
    ],
)
def test_wrong_ui_is_found(tmp_path, old, new, complaint):
    text = UI.read_text(encoding="utf-8")
    assert old in text, f"the .ui file has no {old} any more: choose another mistake"
    path = tmp_path / "wrong.ui"
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(complaint in line for line in check_ui(path))


def test_stand_ins_offer_nothing_more():
    """Public names of each stand-in are a part of what the header of its class has."""
    from ..stand_ins import (
        application,
        ctk_widgets,
        main_window,
        modules,
        mrml_widgets,
        views,
    )  # fmt: skip

    compared = 0
    for module in (
        application, ctk_widgets, main_window, modules, mrml_widgets, views,
    ):  # fmt: skip
        for name, cls in vars(module).items():
            if name not in names.CLASSES or cls.__module__ != module.__name__:
                continue
            found = names.api(name)
            own = {n for n in vars(cls) if not n.startswith("_")} - {"SIGNALS", "SLOTS"}
            own -= _not_slicers(cls)
            assert own <= found.attributes | set(found.slots), (name, own - found.attributes)
            assert set(vars(cls).get("SIGNALS", ())) <= found.signals, name
            assert set(vars(cls).get("SLOTS", ())) <= found.slots, name
            compared += 1
    assert compared > 15


def _not_slicers(cls: type) -> set[str]:
    """Overridden event handlers and size hints of Qt, and what is marked so in the stand-in."""
    protected = {"paintEvent", "resizeEvent", "hitButton", "sizeHint", "minimumSizeHint"}
    return protected | set(getattr(cls, "NOT_SLICERS", ()))
