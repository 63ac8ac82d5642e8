"""What the extension installs: lists of files, metadata, and a build with a stand-in for Slicer."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from . import cmake_lists

REPOSITORY = cmake_lists.REPOSITORY


def test_lists_fit_the_tree():
    """Both ways; `python Testing/lint/cmake_lists.py --write` mends it."""
    assert list(cmake_lists.differences()) == []


def test_differences_are_found(tmp_path):
    """A file that is missing in either is named."""
    for name in ("InnerEarSeg", "InnerEarSegLib"):
        (tmp_path / name).mkdir()
        shutil.copy(REPOSITORY / name / "CMakeLists.txt", tmp_path / name)
    shutil.copy(REPOSITORY / "CMakeLists.txt", tmp_path)
    (tmp_path / "InnerEarSegLib" / "new.py").touch()
    found = list(cmake_lists.differences(tmp_path))
    assert "InnerEarSegLib/CMakeLists.txt: LIBRARY_PYTHON_SCRIPTS lacks new.py" in found
    assert any("MODEL_FILES names Resources/Models/InnerEarSeg.pt" in line for line in found)
    cmake_lists.write(tmp_path)
    assert list(cmake_lists.differences(tmp_path)) == []
    assert cmake_lists.listed(cmake_lists.LISTS[3], tmp_path) == ["new.py"]


def test_metadata():
    """The variables that Slicer's extension build asks for, and pictures that exist."""
    text = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    values = dict(re.findall(r'set\(EXTENSION_(\w+) "([^"]+)"\)', text))
    assert set(values) == {
        "HOMEPAGE", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS",
    }  # fmt: skip
    assert values["DEPENDS"] == "PyTorch"
    base = values["HOMEPAGE"].replace("github.com", "raw.githubusercontent.com") + "/main/"
    for url in [values["ICONURL"], *values["SCREENSHOTURLS"].split()]:
        assert url.startswith(base)
        assert (REPOSITORY / url.removeprefix(base)).is_file(), url


# What Slicer's macros do with the lists, in a few lines of CMake. Source: Slicer/Slicer at 583e9b3,
# CMake/SlicerMacroBuildScriptedModule.cmake and CTK's ctkMacroCompilePythonScript.cmake.
SLICER_CONFIG = """
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/Use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/Nothing.cmake)
"""
USE = """
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
set(BUILD_TESTING ON)
macro(slicer_add_python_unittest)
  message(STATUS "unittest: ${ARGN}")
endmacro()
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_GENERIC_TESTS;WITH_SUBDIR" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  if(MY_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "Unknown keywords: ${MY_UNPARSED_ARGUMENTS}")
  endif()
  set(folder ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR})
  if(MY_WITH_SUBDIR)
    get_filename_component(name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    set(folder ${folder}/${name})
  endif()
  foreach(file ${MY_SCRIPTS} ${MY_RESOURCES})
    get_filename_component(below ${file} DIRECTORY)
    install(FILES ${file} DESTINATION ${folder}/${below})
  endforeach()
endmacro()
"""


@pytest.mark.skipif(
    not (shutil.which("cmake") and shutil.which("c++")), reason="needs cmake and a C++ compiler"
)
def test_installed(tmp_path):
    """Configure and install: the library is importable and finds its model."""
    config = tmp_path / "slicer"
    config.mkdir()
    (config / "SlicerConfig.cmake").write_text(SLICER_CONFIG, encoding="utf-8")
    (config / "Use.cmake").write_text(USE, encoding="utf-8")
    (config / "Nothing.cmake").touch()
    build, prefix = tmp_path / "build", tmp_path / "install"
    run = {"check": True, "capture_output": True, "text": True}
    configure = ["cmake", "-S", str(REPOSITORY), "-B", str(build), f"-DSlicer_DIR={config}"]
    output = subprocess.run(configure, **run).stdout
    assert "unittest: SCRIPT;InnerEarSeg.py" in output
    subprocess.run(["cmake", "--install", str(build), "--prefix", str(prefix)], **run)
    modules = prefix / "lib" / "Slicer-5.12" / "qt-scripted-modules"
    assert sorted(p.name for p in modules.glob("*.py")) == ["InnerEarSeg.py"]
    for below in ("Icons/InnerEarSeg.png", "UI/InnerEarSeg.ui"):
        assert (modules / "Resources" / below).is_file()
    code = (
        "import InnerEarSegLib, InnerEarSegLib.segmentation.pipeline\n"
        "from InnerEarSegLib.model.card import bundled_model\n"
        "print(InnerEarSegLib.__file__)\nprint(bundled_model())"
    )
    shown = subprocess.run([sys.executable, "-c", code], cwd=modules, **run).stdout.splitlines()
    assert Path(shown[0]) == modules / "InnerEarSegLib" / "__init__.py"
    assert Path(shown[1]) == modules / "Resources" / "Models" / "InnerEarSeg.pt"
