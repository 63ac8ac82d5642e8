"""What a class of Qt, CTK or Slicer has, as a scripted module can reach it.

Sources: Qt from PySide6's classes and meta objects, less what Qt 6 has and Qt 5.15 (which Slicer
5.10 to 5.13 is built with) has not; CTK and Slicer from classes.json, which names each header.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6 import QtCore

from ..stand_ins import qt_module
from ..stand_ins.meta_objects import QT6_MEMBERS, QT_MODULES, meta_object

CLASSES: dict[str, Any] = json.loads(
    Path(__file__).with_name("classes.json").read_text(encoding="utf-8")
)

PYTHONQT_EXTRAS = {"connect", "disconnect", "className", "name", "delete", "children"}
"""PythonQtStdDecorators.h; ``name`` is the object name."""


@dataclass
class Api:
    """One class, what it inherits included.

    Attributes:
        properties: name to (type, writable).
        signals: normalised signatures.
        slots: normalised signatures of slots that a .ui file may connect to.
        methods: names that can be called.
        enums: names of enumerators.
    """

    name: str
    properties: dict[str, tuple[str, bool]] = field(default_factory=dict)
    signals: set[str] = field(default_factory=set)
    slots: set[str] = field(default_factory=set)
    methods: set[str] = field(default_factory=set)
    enums: set[str] = field(default_factory=set)

    @property
    def attributes(self) -> set[str]:
        """Names that Python can read."""
        names = {s.split("(")[0] for s in self.signals} | PYTHONQT_EXTRAS
        return names | set(self.properties) | self.methods | self.enums

    def __ior__(self, above: Api) -> Api:
        for name in ("properties", "signals", "slots", "methods", "enums"):
            setattr(self, name, getattr(self, name) | getattr(above, name))
        return self


@functools.cache
def api(name: str) -> Api | None:
    """The class of a name, or None where there is none."""
    if name in CLASSES:
        return _from_table(name)
    cls = _qt_class(name)
    return None if cls is None else _from_qt(name, cls)


def derives(name: str, base: str) -> bool:
    """Whether a class inherits another."""
    if name == base:
        return True
    if name in CLASSES:
        return any(derives(b, base) for b in CLASSES[name]["bases"])
    cls, above = _qt_class(name), _qt_class(base)
    return cls is not None and above is not None and issubclass(cls, above)


def _qt_class(name: str) -> Any:
    if name in qt_module.PYSIDE_ONLY | qt_module.QT6_ONLY or name.startswith("_"):
        return None
    for module in QT_MODULES:
        found = getattr(module, name, None)
        if isinstance(found, type):
            return found
    return QtCore.Qt if name == "Qt" else None


def _from_table(name: str) -> Api:
    entry, found = CLASSES[name], Api(name)
    for base in entry["bases"]:
        found |= api(base) or Api(base)
    for prop, value in entry["properties"].items():
        found.properties[prop] = (value["type"], value["writable"])
    found.signals |= set(entry["signals"])
    found.slots |= set(entry["slots"])
    found.methods |= set(entry["methods"])
    for names in entry["enums"].values():
        found.enums |= set(names)
    return found


def _from_qt(name: str, cls: type) -> Api:
    found = Api(name)
    too_new = {"exec", "emit"}
    for base in cls.__mro__:
        too_new |= QT6_MEMBERS.get(base.__name__, set())
    if issubclass(cls, QtCore.QObject):
        _read_meta(meta_object(cls), too_new, found)
    members = {name: value for base in reversed(cls.__mro__) for name, value in vars(base).items()}
    for member, value in members.items():
        if member.startswith(("_", "bindable")) or member in too_new | set(found.properties):
            continue
        # Not isinstance: each call with QtCore.Signal takes a reference from False, until Python
        # ends with "deallocating True or False" (PySide6 6.12, Python before 3.12).
        if type(value) is QtCore.Signal:
            continue
        if isinstance(value, type):
            found.enums |= set(getattr(value, "__members__", ()))
        elif callable(value) or isinstance(value, staticmethod):
            found.methods.add(member)
        else:
            found.enums.add(member)
    if hasattr(cls, "exec"):
        found.methods.add("exec_")
    return found


def _read_meta(meta: Any, too_new: set[str], found: Api) -> None:
    for index in range(meta.propertyCount()):
        prop = meta.property(index)
        if prop.name() not in too_new:
            found.properties[prop.name()] = (prop.typeName(), prop.isWritable())
    kinds = QtCore.QMetaMethod.MethodType
    for index in range(meta.methodCount()):
        method = meta.method(index)
        signature = bytes(method.methodSignature().data()).decode()
        if signature.split("(")[0] in too_new:
            continue
        if method.methodType() == kinds.Signal:
            found.signals.add(signature)
        elif method.methodType() == kinds.Slot and method.access().name == "Public":
            found.slots.add(signature)


def normalized(signature: str) -> str:
    """A signal's signature as Qt compares it."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()
