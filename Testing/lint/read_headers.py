"""Makes classes.json: what CTK's and Slicer's widget classes have, as Python can reach it.

``python Testing/lint/read_headers.py CTK_CHECKOUT SLICER_CHECKOUT`` reads the headers below.
PythonQt reaches properties, signals, public slots and Q_INVOKABLE methods (of decorators too),
and the enumerators of a class; other public methods it cannot call, because CTK's wrapper generator
(CTK, CMake/ctkWrapPythonQt.py) makes constructors and destructors only.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

TARGET = Path(__file__).with_name("classes.json")

HEADERS = {
    "commontk/CTK": [
        *(
            f"Libs/Widgets/{name}.h"
            for name in (
                "ctkCheckBox", "ctkCollapsibleButton", "ctkCollapsibleGroupBox", "ctkComboBox",
                "ctkDirectoryButton", "ctkLayoutFactory", "ctkLayoutManager", "ctkMenuButton",
                "ctkMessageBox", "ctkPathLineEdit",
            )
        ),
        *(
            f"Libs/Visualization/VTK/Widgets/{name}.h"
            for name in ("ctkVTKAbstractView", "ctkVTKRenderView", "ctkVTKSliceView")
        ),
    ],
    "Slicer/Slicer": [
        *(
            f"Libs/MRML/Widgets/{name}.h"
            for name in (
                "qMRMLAbstractViewWidget", "qMRMLLayoutManager", "qMRMLNodeComboBox",
                "qMRMLSliceView", "qMRMLSliceWidget", "qMRMLThreeDView", "qMRMLThreeDWidget",
                "qMRMLWidget",
            )
        ),
        "Modules/Loadable/Segmentations/Widgets/qMRMLSegmentEditorWidget.h",
        *(
            f"Base/QTCore/{name}.h"
            for name in (
                "qSlicerAbstractCoreModule", "qSlicerAbstractModuleFactoryManager",
                "qSlicerCoreApplication", "qSlicerCoreIOManager", "qSlicerModuleFactoryManager",
                "qSlicerModuleManager",
            )
        ),
        *(
            f"Base/QTGUI/{name}.h"
            for name in (
                "qSlicerAbstractModule", "qSlicerAbstractModuleWidget", "qSlicerApplication",
                "qSlicerIOManager", "qSlicerLayoutManager", "qSlicerLoadableModule",
                "qSlicerModuleSelectorToolBar", "qSlicerScriptedLoadableModule",
                "qSlicerScriptedLoadableModuleWidget", "qSlicerWidget",
            )
        ),
        "Base/QTApp/qSlicerMainWindow.h",
    ],
}  # fmt: skip

DECORATORS = {
    "Base/QTCore/qSlicerBaseQTCorePythonQtDecorators.h",
    "Base/QTGUI/qSlicerBaseQTGUIPythonQtDecorators.h",
    "Base/QTApp/qSlicerBaseQTAppPythonQtDecorators.h",
}
"""Methods that Slicer adds for Python: ``void method(qClass* self, ...)``."""

_SECTION = re.compile(
    r"^\s*(public|protected|private)?\s*(slots|Q_SLOTS|signals|Q_SIGNALS)?\s*:\s*$"
)


def read_class(text: str, name: str) -> dict[str, Any]:
    """One class of a header."""
    text = _without_comments(text)
    start = re.search(rf"\bclass\s+(?:\w+_EXPORT\s+)?{name}\b\s*(?::([^{{;]*))?{{", text)
    if not start:
        raise ValueError(f"no class {name}")
    body = _braces(text, start.end())
    bases = re.findall(r"public\s+(\w+)", start[1] or "")
    found: dict[str, Any] = {
        "bases": bases, "properties": {}, "signals": [], "slots": [], "methods": {}, "enums": {},
    }  # fmt: skip
    for kind, prop, rest in re.findall(
        r"Q_PROPERTY\(\s*([\w:<>*, ]+?)\s+(\w+)\s+(READ[^)]*)\)", body
    ):
        found["properties"][prop] = {"type": kind, "writable": " WRITE " in f" {rest} "}
    for enum, content in re.findall(r"enum\s+(?:class\s+)?(\w*)[^{;]*{([^}]*)}", body):
        names = [e.split("=")[0].strip() for e in content.split(",")]
        found["enums"][enum or f"anonymous{len(found['enums'])}"] = [n for n in names if n]
    body = re.sub(r"enum\s+[^{;]*{[^}]*}", "", body)
    for section, statement in _statements(body):
        _declaration(section, statement, found)
    return found


def _declaration(section: str, statement: str, found: dict[str, Any]) -> None:
    invokable = "Q_INVOKABLE" in statement
    if section not in ("public slots", "signals") and not (section == "public" and invokable):
        return
    statement = re.sub(
        r"\b(Q_INVOKABLE|virtual|static|inline|explicit|override|const)\b", " ", statement
    )
    match = re.match(r"\s*([\w:<>*&, ]+?[\s*&])(\w+)\s*\((.*)\)\s*$", " ".join(statement.split()))
    if not match or match[1].strip() in ("return", "else"):
        return
    returned, name = match[1].replace("&", "").strip(), match[2]
    for signature in _signatures(name, match[3]):
        if section == "signals":
            found["signals"].append(signature)
        elif section == "public slots":
            found["slots"].append(signature)
    if section != "signals":
        found["methods"][name] = returned


def _signatures(name: str, arguments: str) -> list[str]:
    """One for each number of arguments that defaults allow, the longest first."""
    parts, depth, part = [], 0, ""
    for character in arguments + ",":
        depth += {"<": 1, "(": 1, ">": -1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += character
    parts = [p for p in parts if p]
    types = [_type(p) for p in parts]
    defaults = sum("=" in p for p in parts)
    return [f"{name}({','.join(types[: len(types) - n])})" for n in range(defaults + 1)]


def _type(argument: str) -> str:
    text = argument.split("=")[0].replace("&", " ").strip()
    words = text.replace("*", " * ").split()
    if len(words) > 1 and re.fullmatch(r"\w+", words[-1]):
        words = words[:-1]
    return "".join(words)


def _statements(body: str) -> list[tuple[str, str]]:
    """(section, declaration without body) of a class."""
    found, section, current, depth = [], "private", "", 0
    for line in body.splitlines():
        match = _SECTION.match(line) if depth == 0 else None
        if match:
            kind = match[2].replace("Q_", "").lower() if match[2] else ""
            section = kind if kind == "signals" else f"{match[1]} {kind}".strip()
            current = ""
            continue
        if line.lstrip().startswith("#"):
            continue
        for character in line + " ":
            if character == "{":
                depth += 1
                if depth == 1:
                    found.append((section, current))
                    current = ""
            elif character == "}":
                depth -= 1
            elif depth == 0:
                if character == ";":
                    found.append((section, current))
                    current = ""
                else:
                    current += character
        if depth == 0 and re.match(r"^\s*Q_\w+(\(.*\))?\s*;?\s*$", current):
            current = ""
        current = re.sub(
            r"^\s*(Q_OBJECT|QVTK_OBJECT|Q_(PROPERTY|ENUMS?|FLAGS?|DISABLE_COPY)\([^)]*\))",
            "",
            current,
        )
    return found


def _braces(text: str, start: int) -> str:
    depth = 1
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return text[start:index]
    raise ValueError("unbalanced braces")


def _without_comments(text: str) -> str:
    pattern = r"""("(?:\\.|[^"\\\n])*")|//[^\n]*|/\*.*?\*/"""
    return re.sub(pattern, lambda m: m[1] or "", text, flags=re.DOTALL)


def read_decorators(text: str, classes: dict[str, Any]) -> None:
    """Adds methods of a decorator class to the classes that it decorates."""
    text = _without_comments(text)
    instance = r"\n\s*([\w:<>*& ]+?[\s*&])(\w+)\(\s*(\w+)\s*\*\s*\w+"
    for returned, method, name in re.findall(instance, text):
        if name in classes and not method.startswith(("new_", "delete_")):
            classes[name]["methods"].setdefault(method, returned.strip())
    for name, method in re.findall(r"\bstatic_(\w+?)_(\w+)\(", text):
        if name in classes:
            classes[name]["methods"].setdefault(method, "")


def main(ctk: str, slicer: str) -> None:
    """Write classes.json."""
    classes: dict[str, Any] = {}
    for repository, folder in (("commontk/CTK", Path(ctk)), ("Slicer/Slicer", Path(slicer))):
        commit = _commit(folder)
        for header in HEADERS[repository]:
            text = (folder / header).read_text(encoding="utf-8", errors="replace")
            name = Path(header).stem
            source = f"{repository}@{commit} {header}"
            classes[name] = {"source": source, **read_class(text, name)}
    for header in sorted(DECORATORS):
        read_decorators((Path(slicer) / header).read_text(encoding="utf-8"), classes)
    TARGET.write_text(json.dumps(classes, indent=1) + "\n", encoding="utf-8")


def _commit(folder: Path) -> str:
    marker = folder / "COMMIT"  # for an exported tree
    if marker.is_file():
        return marker.read_text(encoding="utf-8").strip()[:7]
    command = ["git", "-C", str(folder), "rev-parse", "--short=7", "HEAD"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main(*sys.argv[1:3])
