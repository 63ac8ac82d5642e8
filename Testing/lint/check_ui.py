"""Checks a .ui file against the table: classes, properties, enumerators, connections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from .names import api, derives, normalized

DESIGNER_ONLY = {"Line": "QFrame", "Spacer": "QSpacerItem"}
_KINDS = {"bool": {"bool"}, "string": {"QString", "QKeySequence"}, "stringlist": {"QStringList"}}
_NUMBERS = {"int", "double", "uint"}


def widgets(path: Path) -> dict[str, str]:
    """Class of each named widget, layout and action of a .ui file."""
    tree = ElementTree.parse(path).getroot()
    named = {n.get("name"): n.get("class") for n in tree.iter() if n.tag in ("widget", "layout")}
    named |= {n.get("name"): "QAction" for n in tree.iter("action")}
    return {name: kind for name, kind in named.items() if name and kind}


def check_ui(path: Path) -> Iterator[str]:
    """One line for each thing that Qt, CTK or Slicer does not have."""
    tree = ElementTree.parse(path).getroot()
    classes = widgets(path)
    names = [n.get("name") for n in tree.iter() if n.tag in ("widget", "layout", "action")]
    for name in sorted({n for n in names if n and names.count(n) > 1}):
        yield f"{path.name}: the name {name} is given twice"
    for node in tree.iter():
        if node.tag in ("widget", "layout"):
            yield from _check_node(path.name, node)
    for node in tree.iter("customwidget"):
        name, base = node.findtext("class", ""), node.findtext("extends", "")
        if not derives(name, base):
            yield f"{path.name}: {name} does not extend {base}"
    for node in tree.iter("connection"):
        yield from _check_connection(path.name, node, classes)


def _check_node(where: str, node: ElementTree.Element) -> Iterator[str]:
    kind = DESIGNER_ONLY.get(node.get("class", ""), node.get("class", ""))
    found = api(kind)
    if found is None:
        yield f"{where}: no class {kind} (of {node.get('name')})"
        return
    for prop in node.findall("property"):
        name, value = prop.get("name", ""), prop[0]
        if node.tag == "layout" and (name.endswith("Margin") or name.lower().endswith("spacing")):
            continue  # Qt Designer's own names
        if name not in found.properties:
            yield f"{where}: {kind} has no property {name!r} (of {node.get('name')})"
            continue
        of_type, writable = found.properties[name]
        if not writable:
            yield f"{where}: {kind}.{name} is read-only (of {node.get('name')})"
        if value.tag in _KINDS and of_type not in _KINDS[value.tag]:
            yield f"{where}: {kind}.{name} is of type {of_type}, not {value.tag}"
        if value.tag in ("number", "double") and of_type not in _NUMBERS:
            yield f"{where}: {kind}.{name} is of type {of_type}, not a number"
        if value.tag in ("enum", "set"):
            for enumerator in (value.text or "").split("|"):
                yield from _check_enumerator(where, enumerator, f"{kind}.{name}")


def _check_enumerator(where: str, text: str, of: str) -> Iterator[str]:
    scope, _, name = text.rpartition("::")
    owner = api(scope.split("::")[0]) if scope else None
    if owner is None or name not in owner.enums:
        yield f"{where}: no enumerator {text} (of {of})"
    elif "::" in scope:
        yield f"{where}: {text} is how Qt 6 writes it; Qt 5 reads {scope.split('::')[0]}::{name}"


def _check_connection(
    where: str, node: ElementTree.Element, classes: dict[str, str]
) -> Iterator[str]:
    for role, signature_of in (("sender", "signal"), ("receiver", "slot")):
        name, text = node.findtext(role, ""), node.findtext(signature_of, "")
        found = api(classes.get(name, ""))
        if found is None:
            yield f"{where}: a connection names {name}, which is not there"
            continue
        have = found.signals if signature_of == "signal" else found.slots | found.signals
        if normalized(text) not in have:
            yield f"{where}: {found.name} has no {signature_of} {text}"
