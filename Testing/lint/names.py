"""What a class of Qt, CTK or Slicer has, as a scripted module can reach it.

Sources: Qt from PySide6's classes and meta objects, less what Qt 6 has and Qt 5.15 (which Slicer
5.10 to 5.13 is built with) has not; CTK and Slicer from classes.json, which names each header.
"""

from __future__ import annotations

import functools
import json
import re
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6 import QtCore
from shibokensupport.signature import get_signature

from ..stand_ins import qt_module
from ..stand_ins.meta_objects import QT_MODULES, meta_object, qobject_classes

CLASSES: dict[str, Any] = json.loads(
    Path(__file__).with_name("classes.json").read_text(encoding="utf-8")
)

QT6_ONLY: dict[str, set[str]] = {
    "QAction": {"associatedObjects"},
    "QAbstractItemView": {"updateThreshold", "setUpdateThreshold"},
    "QApplication": {"badgeNumber"},
    "QCheckBox": {"checkStateChanged"},
    "QColor": {"fromString", "isValidColorName"},
    "QComboBox": {"labelDrawingMode", "setLabelDrawingMode"},
    "QDateTime": {"isLocalTime"},
    "QFont": {"setFeature", "featureTags", "tagToString"},
    "QFontMetrics": {"fontDpi"},
    "QGuiApplication": {"setBadgeNumber"},
    "QIcon": {"ThemeIcon"},
    "QImage": {"flipped", "flip"},
    "QLayout": {"unsetContentsMargins"},
    "QMessageBox": {"options", "setOption", "setOptions", "testOption", "Option"},
    "QObject": {"bindableObjectName"},
    "QProcess": {"unixProcessParameters", "setUnixProcessParameters", "failUnixProcess"},
    "QProcessEnvironment": {"inheritsFromParent", "InheritFromParent"},
    "QShortcut": {"keys", "setKeys"},
    "QStringListModel": {"clearItemData"},
    "QStyleHints": {"colorScheme", "setColorScheme", "colorSchemeChanged"},
    "QTimer": {"id"},
    "QTreeWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QTableWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QListWidget": {"setSupportedDragActions", "supportedDragActions"},
    "QWidget": {"setScreen"},
}
"""Members marked "since 6.x" in Qt's documentation (doc.qt.io/qt-6), as far as a panel meets them;
bindable properties are refused by name."""

PYTHONQT_EXTRAS = {"connect", "disconnect", "className", "name", "delete", "children"}
"""PythonQtStdDecorators.h; ``name`` is the object name."""

NOT_IN_5_10 = {"launchConsoleProcess"}
"""Functions of slicer.util that Slicer 5.10 lacks (docs of 5.12: added for it)."""


@dataclass
class Api:
    """One class, what it inherits included.

    Attributes:
        properties: name to (type, writable).
        signals: normalised signatures.
        slots: normalised signatures of slots that a .ui file may connect to.
        methods: names that can be called, with the class that they return, if known.
        enums: names of enumerators.
        scopes: names of enum types; ``Class.Scope.Value`` does not work in PythonQt.
    """

    name: str
    properties: dict[str, tuple[str, bool]] = field(default_factory=dict)
    signals: set[str] = field(default_factory=set)
    slots: set[str] = field(default_factory=set)
    methods: dict[str, str | None] = field(default_factory=dict)
    enums: set[str] = field(default_factory=set)
    scopes: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        """Whether Python can read an attribute of this name."""
        return name in self.attributes

    @functools.cached_property
    def attributes(self) -> set[str]:
        names = {s.split("(")[0] for s in self.signals} | PYTHONQT_EXTRAS
        return names | set(self.properties) | set(self.methods) | self.enums | self.scopes


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
        above = api(base)
        if above is not None:
            _merge(found, above)
    for prop, value in entry["properties"].items():
        found.properties[prop] = (value["type"], value["writable"])
    found.signals |= set(entry["signals"])
    found.slots |= set(entry["slots"])
    for method, returned in entry["methods"].items():
        if method not in found.properties:
            found.methods[method] = re.sub(r"[*&\s]", "", returned) or None
    for scope, names in entry["enums"].items():
        found.scopes.add(scope)
        found.enums |= set(names)
    return found


def _merge(found: Api, above: Api) -> None:
    found.properties |= above.properties
    found.signals |= above.signals
    found.slots |= above.slots
    found.methods |= above.methods
    found.enums |= above.enums
    found.scopes |= above.scopes


def _from_qt(name: str, cls: type) -> Api:
    found = Api(name)
    too_new = {"exec", "emit"}
    for base in cls.__mro__:
        too_new |= QT6_ONLY.get(base.__name__, set())
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
            found.scopes.add(member)
            found.enums |= set(getattr(value, "__members__", ()))
        elif callable(value) or isinstance(value, staticmethod):
            found.methods[member] = _returned(value)
        else:
            found.enums.add(member)
    if hasattr(cls, "exec"):
        found.methods["exec_"] = None
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


def _returned(method: Any) -> str | None:
    """The class that a method of PySide6 returns, from its signature."""
    found = get_signature(getattr(method, "__func__", method))
    found = found[0] if isinstance(found, list) and found else found
    returned = getattr(found, "return_annotation", None)
    returned = next((a for a in typing.get_args(returned) if a is not type(None)), returned)
    return returned.__name__ if isinstance(returned, type) else None


@functools.cache
def qt_signals() -> frozenset[str]:
    """The signatures of all signals of all Qt classes."""
    found = Api("")
    for cls in qobject_classes():
        _read_meta(meta_object(cls), set(), found)
    return frozenset(found.signals)


def normalized(signature: str) -> str:
    """A signal's signature as Qt compares it."""
    return bytes(QtCore.QMetaObject.normalizedSignature(signature).data()).decode()
