"""Checks Python code of a scripted module against the table, by walking its syntax tree.

What it follows: ``qt.``, ``ctk.``, ``slicer.`` names; ``ui.name`` (the class from the .ui file);
variables and attributes of self that are assigned from these; what methods return, where the
table knows; loops over tuples of widgets; annotations. What it cannot follow it leaves alone, but
the signature of every ``connect("...")`` must at least exist in some class.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from ..stand_ins.meta_objects import QT_MODULES
from .names import CLASSES, NOT_IN_5_10, Api, api, arity, normalized, qt_signals

Type = str | None
"""A class name for an object of it, "type X" for the class itself, "@ui", "@qt", "@ctk",
"@slicer", "@slicer.util", "self", "project X" for an object of the code's own class X."""


@dataclass
class Function:
    """Positional parameters of a function, without self."""

    required: int
    positional: int
    takes_all: bool


@dataclass
class Code:
    """What all files together tell.

    Attributes:
        attributes: types of attributes of the code's own classes, by (class, attribute).
        functions: methods by (class, name), functions by ("", name).
    """

    ui: dict[str, str]
    attributes: dict[tuple[str, str], Type] = field(default_factory=dict)
    functions: dict[tuple[str, str], Function] = field(default_factory=dict)
    classes: set[str] = field(default_factory=set)


def check_code(paths: list[Path], ui: dict[str, str]) -> list[str]:
    """One line, ``file:line: what``, for each name that is not there."""
    code = Code(ui)
    trees = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in paths}
    for tree in trees.values():
        _collect(tree, code)
    for _ in range(3):  # types of attributes depend on each other
        for path, tree in trees.items():
            Walker(code, path, [], set()).visit(tree)
    found: list[str] = []
    for path, tree in trees.items():
        Walker(code, path, found, set()).visit(tree)
    return list(dict.fromkeys(found))


def count_connections(paths: list[Path]) -> int:
    """How many ``connect("...")`` there are; a check that found none checked nothing."""
    return sum(
        isinstance(node, ast.Call) and _is_connect(node) is not None
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )


def _collect(tree: ast.AST, code: Code) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            code.classes.add(node.name)
            for item in node.body:
                if isinstance(item, ast.FunctionDef):
                    static = any(
                        isinstance(d, ast.Name) and d.id == "staticmethod"
                        for d in item.decorator_list
                    )
                    code.functions[node.name, item.name] = _function(item.args, not static)
        elif isinstance(node, ast.FunctionDef):
            code.functions.setdefault(("", node.name), _function(node.args, False))


def _function(arguments: ast.arguments, bound: bool) -> Function:
    positional = len(arguments.posonlyargs) + len(arguments.args) - bound
    return Function(positional - len(arguments.defaults), positional, arguments.vararg is not None)


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
    """Walks one file, keeping the types of variables."""

    def __init__(self, code: Code, path: Path, found: list[str], seen: set[int]) -> None:
        self.code, self.path, self.found = code, path, found
        self.scope: list[dict[str, Type]] = [{}]
        self.owner = ""
        self.called: set[int] = seen

    def report(self, node: ast.AST, text: str) -> None:
        self.found.append(f"{self.path.name}:{getattr(node, 'lineno', 0)}: {text}")

    # Scopes

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        before, self.owner = self.owner, node.name
        self.generic_visit(node)
        self.owner = before

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        names: dict[str, Type] = {}
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
            names[argument.arg] = self._annotated(argument.annotation)
            if argument.arg == "self" and self.owner:
                names["self"] = f"project {self.owner}"
        self.scope.append(names)
        for statement in node.body:
            self.visit(statement)
        self.scope.pop()

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.scope.append({argument.arg: None for argument in node.args.args})
        self.visit(node.body)
        self.scope.pop()

    def _annotated(self, annotation: ast.expr | None) -> Type:
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            try:
                annotation = ast.parse(annotation.value, mode="eval").body
            except SyntaxError:
                return None
        if isinstance(annotation, ast.BinOp):  # X | None
            return self._annotated(annotation.left)
        if isinstance(annotation, ast.Name) and annotation.id in self.code.classes:
            return f"project {annotation.id}"
        kind = self.type_of(annotation) if isinstance(annotation, ast.Attribute) else None
        return kind.removeprefix("type ") if kind and kind.startswith("type ") else None

    # Assignments

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self._bind(target, node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
        kind = self._annotated(node.annotation)
        if kind is None and node.value is not None:
            kind = self.type_of(node.value)
        self._bind_type(node.target, kind)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        kinds: set[Type] = {None}
        if isinstance(node.iter, (ast.Tuple, ast.List)) and isinstance(node.target, ast.Name):
            kinds = {self.type_of(e) for e in node.iter.elts}
        if isinstance(node.target, ast.Name):
            for kind in sorted(kinds, key=str):  # the body is checked once for each class
                self.scope[-1][node.target.id] = kind
                for statement in node.body:
                    self.visit(statement)
        elif isinstance(node.target, ast.Tuple) and isinstance(node.iter, (ast.Tuple, ast.List)):
            for element in node.iter.elts:
                if isinstance(element, ast.Tuple) and len(element.elts) == len(node.target.elts):
                    for target, value in zip(node.target.elts, element.elts, strict=True):
                        self._bind_type(target, self.type_of(value))
                    for statement in node.body:
                        self.visit(statement)
        else:
            for statement in node.body:
                self.visit(statement)
        for statement in node.orelse:
            self.visit(statement)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        both = isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
        if both and len(target.elts) == len(value.elts):
            for one, other in zip(target.elts, value.elts, strict=True):
                self._bind(one, other)
        else:
            self._bind_type(target, self.type_of(value))

    def _bind_type(self, target: ast.expr, kind: Type) -> None:
        if isinstance(target, ast.Name):
            self.scope[-1][target.id] = kind
        elif isinstance(target, ast.Tuple):
            for element in target.elts:
                self._bind_type(element, None)
        elif isinstance(target, ast.Attribute):
            owner = self.type_of(target.value)
            if owner and owner.startswith("project "):
                key = (owner.removeprefix("project "), target.attr)
                if kind is not None or key not in self.code.attributes:
                    self.code.attributes[key] = kind
            else:
                self.visit(target.value)
                self._check_store(target, owner)

    def _check_store(self, node: ast.Attribute, owner: Type) -> None:
        found = self._api(owner)
        if found is None or node.attr == "name":
            return
        if node.attr not in found.properties:
            self.report(node, f"{found.name} has no property {node.attr!r} to set")
        elif not found.properties[node.attr][1]:
            self.report(node, f"{found.name}.{node.attr} is read-only")

    # Types

    def _api(self, kind: Type) -> Api | None:
        if kind is None or kind.startswith(("@", "type ", "project ")):
            return None
        return api(kind)

    def type_of(self, node: ast.expr | None) -> Type:
        """The type of an expression, or None."""
        if isinstance(node, ast.Name):
            for names in reversed(self.scope):
                if node.id in names:
                    kind = names[node.id]
                    return "@ui" if kind is None and node.id == "ui" else kind
            if node.id in ("qt", "ctk", "slicer", "ui"):
                return f"@{node.id}"
            return f"type project {node.id}" if node.id in self.code.classes else None
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Call):
            return self._called(node)
        return None

    def _attribute(self, node: ast.Attribute) -> Type:
        owner, name = self.type_of(node.value), node.attr
        if owner == "@slicer":
            known = {"app": "qSlicerApplication", "util": "@slicer.util"}
            return known.get(name, f"type {name}" if name in CLASSES else None)
        if owner in ("@qt", "@ctk"):
            return f"type {name}" if api(name) else None
        if owner == "@ui":
            return self.code.ui.get(name)
        if owner and owner.startswith("project "):
            kind = self.code.attributes.get((owner.removeprefix("project "), name))
            return "@ui" if kind is None and name in ("ui", "_ui") else kind
        return "@ui" if owner is None and name in ("ui", "_ui") else None

    def _called(self, node: ast.Call) -> Type:
        kind = self.type_of(node.func)
        if kind and kind.startswith("type "):
            return kind.removeprefix("type ")
        if isinstance(node.func, ast.Attribute):
            owner, name = self.type_of(node.func.value), node.func.attr
            if owner and owner.startswith("type "):
                owner = owner.removeprefix("type ")
            found = self._api(owner)
            returned = found.methods.get(name) if found else None
            return returned if returned and api(returned) else None
        return None

    # Checks

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Attribute):
            self.called.add(id(node.func))
            signature = _is_connect(node)
            if signature is not None:
                self._check_connect(node, signature)
        kind = self.type_of(node.func)
        if kind and kind.startswith("type ") and not kind.startswith("type project "):
            for keyword in node.keywords:
                self.report(node, f"PythonQt's {kind[5:]}() takes no keyword ({keyword.arg})")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        owner, name = self.type_of(node.value), node.attr
        if owner in ("@qt", "@ctk") and not _in_module(owner, name):
            self.report(node, f"{owner[1:]} has no {name}")
        elif owner == "@ui" and name not in self.code.ui and not name.startswith("_"):
            self.report(node, f"the .ui file has no widget {name}")
        elif owner == "@slicer.util":
            self._check_util(node)
        elif owner == "@slicer":
            self._check_slicer(node)
        elif owner and owner.startswith("type ") and not owner.startswith("type project "):
            found = api(owner.removeprefix("type "))
            if found is not None and not found.has(name):
                self.report(node, f"{found.name} has no {name}")
        else:
            found = self._api(owner)
            if found is not None:
                self._check_member(node, found)
        self._check_scoped(node)
        self.generic_visit(node)

    def _check_member(self, node: ast.Attribute, found: Api) -> None:
        name = node.attr
        if not found.has(name):
            self.report(node, f"{found.name} has no {name}")
        elif id(node) in self.called and name in found.properties and name not in found.methods:
            self.report(node, f"{found.name}.{name} is a property and cannot be called")

    def _check_scoped(self, node: ast.Attribute) -> None:
        """qt.Qt.AlignmentFlag.AlignLeft works in PySide6, not in PythonQt."""
        if not isinstance(node.value, ast.Attribute):
            return
        outer = self.type_of(node.value.value)
        if outer and outer.startswith("type "):
            found = api(outer.removeprefix("type "))
            if found is not None and node.value.attr in found.scopes:
                self.report(node, f"write {found.name}.{node.attr}, without {node.value.attr}")

    def _check_util(self, node: ast.Attribute) -> None:
        import slicer.util

        if not hasattr(slicer.util, node.attr):
            self.report(node, f"slicer.util has no {node.attr}")
        elif node.attr in NOT_IN_5_10:
            self.report(node, f"slicer.util.{node.attr} is not in Slicer 5.10")

    def _check_slicer(self, node: ast.Attribute) -> None:
        import slicer

        application = {"app", "modules", "mrmlScene", "selfTests", "packaging"}
        name = node.attr
        if not (hasattr(slicer, name) or name in CLASSES or name in application):
            self.report(node, f"slicer has no {name}")

    def _check_connect(self, node: ast.Call, signature: str) -> None:
        assert isinstance(node.func, ast.Attribute)
        kind, text = self.type_of(node.func.value), normalized(signature)
        found = self._api(kind)
        if found is None:
            if not _anywhere(text):
                self.report(node, f"no class has a signal {signature}")
        elif text not in found.signals:
            near = sorted(s for s in found.signals if s.split("(")[0] == text.split("(")[0])
            self.report(node, f"{found.name} has no signal {signature}; it has {near}")
        if len(node.args) == 2:
            self._check_target(node, text)

    def _check_target(self, node: ast.Call, signature: str) -> None:
        """Whether the callable can take what PythonQt passes."""
        target, offered = node.args[1], arity(signature)
        name, function = ast.unparse(target), None
        if isinstance(target, ast.Lambda):
            function = _function(target.args, False)
            name = "lambda"
        elif isinstance(target, ast.Attribute):
            owner = self.type_of(target.value)
            if owner and owner.startswith("project "):
                function = self.code.functions.get((owner.removeprefix("project "), target.attr))
        elif isinstance(target, ast.Name):
            function = self.code.functions.get(("", target.id))
        if function is None:
            return
        if function.required > offered:
            self.report(node, f"{signature} passes {offered}, {name} wants {function.required}")
        defaults = function.positional > function.required
        if isinstance(target, ast.Lambda) and defaults and offered > function.required:
            self.report(node, f"{signature} overwrites a default argument of the lambda")


def _in_module(module: str, name: str) -> bool:
    if module == "@ctk":
        return name in CLASSES and name.startswith("ctk")
    if api(name) is not None and name not in CLASSES:
        return True
    from ..stand_ins import qt_module

    refused = qt_module.PYSIDE_ONLY | qt_module.QT6_ONLY
    return name not in refused and any(hasattr(m, name) for m in QT_MODULES)


def _anywhere(signature: str) -> bool:
    if any(signature in entry["signals"] for entry in CLASSES.values()):
        return True
    return signature in qt_signals()
