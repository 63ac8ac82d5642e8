"""Names in the .ui file and of the stand-ins exist in Qt, CTK or Slicer."""

import importlib
import re

import pytest

pytest.importorskip("PySide6.QtWidgets", reason="PySide6-Essentials is not installed")
pytest.importorskip("slicer", reason="slicer-core is not installed")

from ..stand_ins.fixtures import slicer_app  # noqa: F401
from . import names
from .check_ui import check_ui
from .cmake_lists import REPOSITORY

UI = REPOSITORY / "InnerEarSeg" / "Resources" / "UI" / "InnerEarSeg.ui"
CODE = [
    REPOSITORY / "InnerEarSeg" / "InnerEarSeg.py",
    *sorted((REPOSITORY / "InnerEarSegLib" / "panel").glob("*.py")),
]


def test_ui_file():
    assert list(check_ui(UI)) == []


NOT_IN_SLICER = re.compile(
    r"launchConsoleProcess"  # since Slicer 5.12
    r"|\bqt\.Q\w*\.[A-Z]\w+\.[A-Z]\w+"  # qt.Qt.AlignmentFlag.AlignLeft: PythonQt has no scopes
    r"|\b(?:qt|ctk)\.\w+\([^()]*\b\w+="  # PythonQt takes no keywords
)
"""What works on the stand-ins and not in Slicer 5.10."""


def test_code():
    wrong = "qt.QLabel(text='')", "qt.Qt.AlignmentFlag.AlignLeft", "util.launchConsoleProcess()"
    assert all(map(NOT_IN_SLICER.search, wrong))
    for path in CODE:
        assert NOT_IN_SLICER.findall(path.read_text(encoding="utf-8")) == [], path


def test_every_class_names_its_header():
    for name, entry in names.CLASSES.items():
        repository, header = entry["source"].split(" ")
        assert repository.startswith(("commontk/CTK@", "Slicer/Slicer@"))
        assert header.endswith(f"/{name}.h")


WRONG = [
    ('class="QPushButton"', 'class="QPushButtn"', "no class QPushButtn"),
    ("ctkCollapsibleButton", "ctkCollapsibleButon", "no class ctkCollapsibleButon"),
    ('"noneEnabled"', '"noneAllowed"', "no property 'noneAllowed'"),
    ('<property name="text">', '<property name="caption">', "no property 'caption'"),
    ("mrmlSceneChanged(vtkMRMLScene*)", "mrmlSceneChanged(vtkMRMLNode*)", "has no signal"),
    ("setMRMLScene(vtkMRMLScene*)", "setScene(vtkMRMLScene*)", "has no slot"),
    ("<extends>QWidget</extends>", "<extends>QFrame</extends>", "does not extend QFrame"),
    ("QFormLayout::AllNonFixedFieldsGrow", "QFormLayout::Grow", "no enumerator"),
]


@pytest.mark.parametrize(("old", "new", "complaint"), WRONG)
def test_wrong_ui_is_found_and_refused(slicer_app, tmp_path, old, new, complaint):  # noqa: F811
    import slicer

    text, path = UI.read_text(encoding="utf-8"), tmp_path / "wrong.ui"
    assert old in text, f"the .ui file has no {old} any more: choose another mistake"
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert any(complaint in line for line in check_ui(path))
    if "::" not in old and "extends" not in old:  # the stand-ins' QUiLoader reads neither
        with pytest.raises((ValueError, AttributeError)):
            slicer.util.loadUI(str(path))


def test_stand_ins_offer_nothing_more():
    """Public names of each stand-in are a part of what the header of its class has."""
    protected = {"paintEvent", "resizeEvent", "hitButton", "sizeHint", "minimumSizeHint"}
    compared = 0
    for stem in ("application", "ctk_widgets", "main_window", "modules", "mrml_widgets", "views"):
        module = importlib.import_module(f"Testing.stand_ins.{stem}")
        for name, cls in vars(module).items():
            if name not in names.CLASSES or cls.__module__ != module.__name__:
                continue
            found = names.api(name)
            own = {n for n in vars(cls) if not n.startswith("_")}
            own -= {"SIGNALS", "SLOTS"} | protected
            assert own <= found.attributes | set(found.slots), (name, own - found.attributes)
            assert set(vars(cls).get("SIGNALS", ())) <= found.signals, name
            assert set(vars(cls).get("SLOTS", ())) <= found.slots, name
            compared += 1
    assert compared > 15
