"""Checks names of Qt, CTK and Slicer in a scripted module's code, by walking its syntax tree.

What it follows: ``qt.``, ``ctk.``, ``slicer.`` names; ``ui.name`` (the class from the .ui file);
variables and attributes of self that are assigned from these; what methods return, where the table
knows; loops over tuples of widgets. What it cannot follow it leaves alone, but the signature of
every ``connect("...")`` must at least exist in some class. Whether a callable takes a signal's
arguments is seen by the stand-ins, which call it.
"""

from __future__ import annotations

import ast
from pathlib import Path

from ..stand_ins import qt_module
from ..stand_ins.meta_objects import QT_MODULES
from .names import CLASSES, NOT_IN_5_10, Api, api, normalized, qt_signals

Type = str | None
"""A class name for an object of it, "type X" for the class itself, "@ui", "@qt", "@ctk", "@slicer",
"@slicer.util", "project X" for an object of the code's own class X."""

APPLICATION = {"app", "modules", "mrmlScene", "selfTests", "packaging"}
"""Names of ``slicer`` that the application adds."""


def check_code(paths: list[Path], ui: dict[str, str]) -> list[str]:
    """One line, ``file:line: what``, for each name that does not exist."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}
    attributes: dict[tuple[str, str], Type] = {}
    for _ in range(3):  # types of attributes depend on each other
        found: list[str] = []
        for path, tree in trees.items():
            Walker(ui, attributes, path, found).visit(tree)
    return list(dict.fromkeys(found))


def count_connections(paths: list[Path]) -> int:
    """How many ``connect("...")`` there are; a check that found none checked nothing."""
    return sum(
        isinstance(node, ast.Call) and _is_connect(node) is not None
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def _is_connect(node: ast.Call) -> str | None:
    """The signature in ``x.connect("signature", ...)`` or disconnect."""
    function = node.func
    if not (isinstance(function, ast.Attribute) and function.attr in ("connect", "disconnect")):
        return None
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return None


class Walker(ast.NodeVisitor):
    """Walks one file, keeping the types of variables.

    Args:
        ui: class of each widget.
        attributes: types of attributes of the code's own classes, by (class, attribute).
        path: of the file.
        found: gets the complaints.
    """

    def __init__(
        self,
        ui: dict[str, str],
        attributes: dict[tuple[str, str], Type],
        path: Path,
        found: list[str],
    ) -> None:
        self.ui, self.attributes, self.path, self.found = ui, attributes, path, found
        self.scope: list[dict[str, Type]] = [{}]
        self.owner = ""
        self.called: set[int] = set()

    def report(self, node: ast.AST, text: str) -> None:
        self.found.append(f"{self.path.name}:{getattr(node, 'lineno', 0)}: {text}")

    # Scopes and assignments

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self.owner = self.owner, node.name
        self.generic_visit(node)
        self.owner = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.Lambda) -> None:
        names: dict[str, Type] = {argument.arg: None for argument in node.args.args}
        if "self" in names:
            names["self"] = f"project {self.owner}"
        self.scope.append(names)
        for statement in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(statement)
        self.scope.pop()

    visit_Lambda = visit_FunctionDef  # noqa: N815

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        values = node.iter.elts if isinstance(node.iter, (ast.Tuple, ast.List)) else [None]
        for value in values:  # the body is checked once for each
            self._bind(node.target, value)
            for statement in (*node.body, *node.orelse):
                self.visit(statement)

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple):
            values = value.elts if isinstance(value, ast.Tuple) else [None] * len(target.elts)
            for one, other in zip(target.elts, values, strict=False):
                self._bind(one, other)
        elif isinstance(target, ast.Name):
            self.scope[-1][target.id] = self.type_of(value)
        elif isinstance(target, ast.Attribute):
            owner, kind = self.type_of(target.value), self.type_of(value)
            if owner and owner.startswith("project "):
                key = (owner.removeprefix("project "), target.attr)
                if kind is not None or key not in self.attributes:
                    self.attributes[key] = kind
            else:
                self.visit(target.value)
                self._check_store(target, self._api(owner))

    def _check_store(self, node: ast.Attribute, found: Api | None) -> None:
        if found is None or node.attr == "name":
            return
        if node.attr not in found.properties:
            self.report(node, f"{found.name} has no property {node.attr!r} to set")
        elif not found.properties[node.attr][1]:
            self.report(node, f"{found.name}.{node.attr} is read-only")

    # Types

    def _api(self, kind: Type) -> Api | None:
        return None if kind is None or kind.startswith(("@", "type ", "project ")) else api(kind)

    def type_of(self, node: ast.expr | None) -> Type:
        """The type of an expression, or None."""
        if isinstance(node, ast.Name):
            for names in reversed(self.scope):
                if names.get(node.id) is not None:
                    return names[node.id]
            return f"@{node.id}" if node.id in ("qt", "ctk", "slicer", "ui") else None
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        return self._called(node) if isinstance(node, ast.Call) else None

    def _attribute(self, node: ast.Attribute) -> Type:
        owner, name = self.type_of(node.value), node.attr
        if owner == "@slicer":
            known = {"app": "qSlicerApplication", "util": "@slicer.util"}
            return known.get(name, f"type {name}" if name in CLASSES else None)
        if owner in ("@qt", "@ctk"):
            return f"type {name}" if api(name) else None
        if owner == "@ui":
            return self.ui.get(name)
        kind = None
        if owner and owner.startswith("project "):
            kind = self.attributes.get((owner.removeprefix("project "), name))
        return "@ui" if kind is None and name in ("ui", "_ui") else kind

    def _called(self, node: ast.Call) -> Type:
        kind = self.type_of(node.func)
        if kind and kind.startswith("type "):
            return kind.removeprefix("type ")
        if not isinstance(node.func, ast.Attribute):
            return None
        owner = (self.type_of(node.func.value) or "").removeprefix("type ")
        found = self._api(owner or None)
        returned = found.methods.get(node.func.attr) if found else None
        return returned if returned and api(returned) else None

    # Checks

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            self.called.add(id(node.func))
            signature = _is_connect(node)
            if signature is not None:
                self._check_connect(node, self._api(self.type_of(node.func.value)), signature)
        kind = self.type_of(node.func)
        if kind and kind.startswith("type "):
            for keyword in node.keywords:
                self.report(node, f"PythonQt's {kind[5:]}() takes no keyword ({keyword.arg})")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        complaint = self._complaint(self.type_of(node.value) or "", node)
        if complaint:
            self.report(node, complaint)
        self.generic_visit(node)

    def _complaint(self, owner: str, node: ast.Attribute) -> str:
        import slicer.util

        name = node.attr
        if owner in ("@qt", "@ctk"):
            return "" if _in_module(owner, name) else f"{owner[1:]} has no {name}"
        if owner == "@ui":
            there = name in self.ui or name.startswith("_")
            return "" if there else f"the .ui file has no widget {name}"
        if owner == "@slicer.util":
            if name in NOT_IN_5_10:
                return f"slicer.util.{name} is not in Slicer 5.10"
            return "" if hasattr(slicer.util, name) else f"slicer.util has no {name}"
        if owner == "@slicer":
            there = hasattr(slicer, name) or name in CLASSES or name in APPLICATION
            return "" if there else f"slicer has no {name}"
        found = api(owner.removeprefix("type ")) if owner else None
        if found is not None and not found.has(name):
            return f"{found.name} has no {name}"
        called = id(node) in self.called and not owner.startswith("type ")
        if called and found and name in found.properties and name not in found.methods:
            return f"{found.name}.{name} is a property and cannot be called"
        # qt.Qt.AlignmentFlag.AlignLeft works in PySide6, not in PythonQt.
        if isinstance(node.value, ast.Attribute):
            outer = self.type_of(node.value.value) or ""
            scoped = api(outer.removeprefix("type ")) if outer.startswith("type ") else None
            if scoped is not None and node.value.attr in scoped.scopes:
                return f"write {scoped.name}.{name}, without {node.value.attr}"
        return ""

    def _check_connect(self, node: ast.Call, found: Api | None, signature: str) -> None:
        text = normalized(signature)
        if found is None:
            everywhere = (set(entry["signals"]) for entry in CLASSES.values())
            if text not in qt_signals().union(*everywhere):
                self.report(node, f"no class has a signal {signature}")
        elif text not in found.signals:
            near = sorted(s for s in found.signals if s.split("(")[0] == text.split("(")[0])
            self.report(node, f"{found.name} has no signal {signature}; it has {near}")


def _in_module(module: str, name: str) -> bool:
    if module == "@ctk":
        return name in CLASSES and name.startswith("ctk")
    if api(name) is not None and name not in CLASSES:
        return True
    refused = qt_module.PYSIDE_ONLY | qt_module.QT6_ONLY
    return name not in refused and any(hasattr(m, name) for m in QT_MODULES)
