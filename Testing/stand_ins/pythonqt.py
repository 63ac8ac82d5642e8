"""PythonQt's view of Qt, on PySide6: what Slicer's ``qt`` module does with QObjects.

Differences between PythonQt (3D Slicer) and PySide6 that matter to a module's code:

- A Q_PROPERTY is an attribute (``button.text``, ``table.rowCount``), never a getter of that name.
- Setting an attribute that is no writable property raises, unless Python code derived the class.
- ``obj.connect("signal(type)", callable)`` beside ``obj.signal.connect(callable)``; a callable gets
  as many of the signal's arguments as its positional parameters, *with* those that have defaults.
- ``exec_`` instead of ``exec``; ``name`` for ``objectName``; ``className()``; ``delete()``.

Source: MeVisLab/PythonQt, src/PythonQtInstanceWrapper.cpp (setattro: "creating new attributes on
C++ objects is not allowed"), src/PythonQtSignalReceiver.cpp (number of arguments of a callable),
src/PythonQtStdDecorators.h (connect, disconnect, delete, findChildren).
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import itertools
import re
import sys
import traceback
from collections.abc import Callable
from types import FunctionType, MethodType
from typing import Any

import shiboken6
from PySide6 import QtCore

from .meta_objects import QT6_MEMBERS, QT_MODULES, qobject_classes

OWN = "_own"
"""The only attribute that a stand-in may add to an object of its own class."""

STAND_IN_PACKAGE = __name__.rpartition(".")[0]

_SIGNATURE = re.compile(r"^\s*(\w+)\s*\((.*)\)\s*$")
_get = QtCore.QObject.__getattribute__


@functools.cache
def _lacking(cls: type) -> frozenset[str]:
    """Names that PySide6 gives to QObjects of a class and PythonQt on Qt 5.15 does not."""
    newer = (QT6_MEMBERS.get(base.__name__, ()) for base in cls.__mro__)
    return frozenset({"exec", "emit"}).union(*newer)


errors: list[str] = []
"""Tracebacks of exceptions in slots; Qt would swallow them, the fixture makes the test fail."""


def _is_pyside(cls: type) -> bool:
    return cls.__module__.startswith(("PySide6", "Shiboken"))


def _is_cpp(cls: type) -> bool:
    """Whether the class stands for one in C++, not derived by the code under test (or a test)."""
    return _is_pyside(cls) or cls.__module__.startswith(f"{STAND_IN_PACKAGE}.")


def _defined_above(foreign: Callable[[type], bool], cls: type, name: str) -> bool:
    """Whether a class that is derived from the first foreign one defines the name."""
    derived = itertools.takewhile(lambda base: not foreign(base), cls.__mro__)
    return any(name in vars(base) for base in derived)


def properties(obj: Any) -> dict[str, Any]:
    """The static properties of a QObject: name to QMetaProperty."""
    meta = _get(obj, "metaObject")()
    return {meta.property(i).name(): meta.property(i) for i in range(meta.propertyCount())}


_properties_by_class: dict[type, dict[str, Any]] = {}


def _static_properties(obj: Any) -> dict[str, Any]:
    if type(obj) not in _properties_by_class:
        _properties_by_class[type(obj)] = properties(obj)
    return _properties_by_class[type(obj)]


def _dynamic_properties(obj: Any) -> list[str]:
    return [bytes(name.data()).decode() for name in _get(obj, "dynamicPropertyNames")()]


def _declared_signals(obj: Any) -> dict[str, str]:
    """C++ signature to attribute, of the signals of stand-ins."""
    tables = (vars(base).get("SIGNALS", {}) for base in type(obj).__mro__)
    return {signature: name for table in tables for signature, name in table.items()}


def signal_signatures(obj: Any) -> list[str]:
    """Normalised signatures of all signals of a QObject, as its C++ class declares them."""
    meta = _get(obj, "metaObject")()
    declared, lacking = _declared_signals(obj), _lacking(type(obj))
    found = list(declared)
    for i in range(meta.methodCount()):
        method = meta.method(i)
        if method.methodType() == QtCore.QMetaMethod.MethodType.Signal:
            signature = bytes(method.methodSignature().data()).decode()
            name = signature.split("(")[0]
            if "PyObject" not in signature and name not in {*declared.values(), *lacking}:
                found.append(signature)
    return found


def _find_signal(obj: Any, text: str) -> tuple[Any, int, str]:
    """PySide's signal instance, the number of arguments and the signature of a signal.

    ``text`` is a signature, or a bare name for ``obj.name.connect``.
    """
    signatures = signal_signatures(obj)
    cls = _get(obj, "metaObject")().className()
    if "(" in text:
        signature = _normalized(text)
        if signature not in signatures:
            near = sorted(s for s in signatures if s.split("(")[0] == signature.split("(")[0])
            raise ValueError(f"{cls} has no signal {text!r}; of that name it has {near}")
    else:
        fitting = _overloads(obj, text)
        if not fitting:
            raise ValueError(f"{cls} has no signal named {text!r}")
        signature = max(fitting, key=_arity)  # clicked(bool) rather than clicked()
    declared = _declared_signals(obj)
    attribute = declared.get(signature, signature.split("(")[0])
    instance = _get(obj, attribute)
    # PySide6 chooses among overloads by the arity of the callable; name those of one arity.
    alike = [s for s in _overloads(obj, attribute) if _arity(s) == _arity(signature)]
    if len(alike) > 1 and signature not in declared:
        instance = instance[signature.split("(")[1].rstrip(")")]
    return instance, _arity(signature), signature


def _overloads(obj: Any, name: str) -> list[str]:
    return [s for s in signal_signatures(obj) if s.split("(")[0] == name]


def _arity(signature: str) -> int:
    inner = re.sub(r"<[^<>]*>", "", signature[signature.index("(") + 1 : -1])
    return inner.count(",") + bool(inner)


def _accepted(target: Callable[..., Any], offered: int) -> int:
    """How many of a signal's arguments PythonQt passes to a callable."""
    if isinstance(target, MethodType):
        code, bound = getattr(target.__func__, "__code__", None), 1
    elif isinstance(target, FunctionType):
        code, bound = target.__code__, 0
    elif isinstance(getattr(target, "__self__", None), QtCore.QObject):
        return _accepted_by_qt(target, offered)
    else:
        code, bound = None, 0
    if code is None or code.co_flags & inspect.CO_VARARGS:
        return offered
    return min(offered, code.co_argcount - bound)


def _accepted_by_qt(target: Any, offered: int) -> int:
    """A C++ slot takes as many arguments as its longest overload that fits."""
    meta = _get(target.__self__, "metaObject")()
    counts = [
        meta.method(i).parameterCount()
        for i in range(meta.methodCount())
        if bytes(meta.method(i).name().data()).decode() == target.__name__
    ]
    return max((count for count in counts if count <= offered), default=0)


def _adapter(target: Callable[..., Any], arity: int) -> Callable[..., None]:
    accepted = _accepted(target, arity)

    def call(*arguments: Any) -> None:
        try:
            target(*arguments[:accepted])
        except Exception:
            text = traceback.format_exc()
            errors.append(text)
            print(text)

    # PySide6 chooses among overloads by the number of parameters that it sees.
    return (lambda: call(), lambda a: call(a), lambda a, b: call(a, b),
            lambda a, b, c: call(a, b, c), lambda a, b, c, d: call(a, b, c, d))[arity]  # fmt: skip


def _connections(obj: Any) -> list[Any]:
    return _get(obj, "__dict__").setdefault("_pythonqt_connections", [])


def _normalized(text: str) -> str:
    if not _SIGNATURE.match(text):
        raise ValueError(f"not a signature: {text!r}")
    return bytes(QtCore.QMetaObject.normalizedSignature(text).data()).decode()


def connect(obj: Any, signal: str, target: Any, slot: str | None = None) -> bool:
    """``obj.connect(signal, callable)`` or ``obj.connect(signal, receiver, "slot(type)")``."""
    if slot is not None:
        target = _slot(target, slot)
    if not callable(target):
        raise TypeError(f"{target!r} is not callable")
    instance, arity, signature = _find_signal(obj, signal)
    adapter = _adapter(target, arity)
    instance.connect(adapter)
    _connections(obj).append((signature, target, instance, adapter))
    return True


def disconnect(obj: Any, signal: str | None = None, target: Any = None, slot: Any = None) -> bool:
    """Undo connections made by ``connect``; whether there was one."""
    if slot is not None:
        target = _slot(target, slot)
    signature = None if signal is None else _find_signal(obj, signal)[2]
    made = [c for c in _connections(obj) if signature in (None, c[0])]
    gone = [c for c in made if target in (None, c[1])]
    for connection in gone:
        connection[2].disconnect(connection[3])
        _connections(obj).remove(connection)
    return bool(gone)


def _slot(receiver: Any, text: str) -> Any:
    meta, signature = _get(receiver, "metaObject")(), _normalized(text)
    declared = any(signature in vars(base).get("SLOTS", ()) for base in type(receiver).__mro__)
    if not declared and meta.indexOfMethod(signature) < 0:
        raise ValueError(f"{meta.className()} has no slot {text!r}")
    return getattr(receiver, signature.split("(")[0])


class Signal:
    """``obj.clicked``: connect, disconnect, and a call to emit (PythonQtSignal.cpp)."""

    def __init__(self, obj: Any, name: str) -> None:
        self._obj, self._name = obj, name

    def connect(self, target: Any, slot: str | None = None) -> bool:
        return connect(self._obj, self._name, target, slot)

    def __call__(self, *arguments: Any) -> None:
        signatures = [s for s in _overloads(self._obj, self._name) if _arity(s) == len(arguments)]
        if not signatures:
            raise TypeError(f"{self._name} takes other arguments than {arguments}")
        _find_signal(self._obj, signatures[0])[0].emit(*arguments)


def _getattribute(self: Any, name: str) -> Any:
    if name.startswith("_"):
        return _get(self, name)
    cls = type(self)
    if _defined_above(_is_pyside, cls, name):
        value = _get(self, name)
        return Signal(self, name) if isinstance(value, QtCore.SignalInstance) else value
    special = _SPECIAL.get(name)
    if special is not None:
        return lambda *arguments: special(self, *arguments)
    if name == "name":
        return _get(self, "objectName")()
    if name in _lacking(cls):
        raise AttributeError(f"{cls.__name__}.{name} does not exist in PythonQt")
    if name == "exec_" and hasattr(cls, "exec"):
        return lambda *arguments: run_modal(self, *arguments)
    if name in _static_properties(self) or name in _dynamic_properties(self):
        key = (id(self), name)
        if key in _reading:  # Shiboken asks for an override of a virtual getter, as sizeHint
            return _get(self, name)
        _reading.add(key)
        try:
            return _get(self, "property")(name)
        finally:
            _reading.discard(key)
    value = _get(self, name)
    return Signal(self, name) if isinstance(value, QtCore.SignalInstance) else value


_reading: set[tuple[int, str]] = set()


def run_modal(obj: Any, *arguments: Any) -> Any:
    """What ``exec_`` does; dialogs.py replaces it for dialogs."""
    return type(obj).exec(obj, *arguments)


_SPECIAL: dict[str, Callable[..., Any]] = {
    "connect": connect,
    "disconnect": disconnect,
    "className": lambda self: _get(self, "metaObject")().className(),
    "delete": lambda self: shiboken6.delete(self),
}


loading_ui = False
"""While PySide6's QUiLoader adds the children of a .ui file as attributes; PythonQt has none."""


def _setattr(self: Any, name: str, value: Any) -> None:
    cls = type(self)
    if loading_ui and isinstance(value, QtCore.QObject) and value.objectName == name:
        return
    if name == OWN or name.startswith("__") or isinstance(value, QtCore.SignalInstance):
        # PySide6 keeps the instance of a signal at its first use.
        _get(self, "__dict__")[name] = value
        return
    if name == "name":
        name = "objectName"
    prop = _static_properties(self).get(name)
    if prop is not None and not _defined_above(_is_cpp, cls, name):
        set_property(self, prop, value)
        return
    if not _is_cpp(cls):
        descriptor = getattr(cls, name, None)
        if hasattr(type(descriptor), "__set__"):
            type(descriptor).__set__(descriptor, self, value)
        else:
            _get(self, "__dict__")[name] = value
        return
    if name in _dynamic_properties(self):
        _get(self, "setProperty")(name, value)
        return
    raise AttributeError(
        f"PythonQt: '{name}' does not exist on {cls.__name__} and creating new attributes on "
        "C++ objects is not allowed"
    )


_TYPES = {"bool": (bool, int), "QString": (str,), "int": (int,), "double": (int, float)}


def set_property(obj: Any, prop: Any, value: Any) -> None:
    """Set a static property, refusing what PythonQt would not convert."""
    cls = type(obj).__name__
    if not prop.isWritable():
        raise AttributeError(f"{cls}.{prop.name()} is read-only")
    accepted = _TYPES.get(prop.typeName())
    if accepted and (
        not isinstance(value, accepted) or (isinstance(value, bool) > (bool in accepted))
    ):
        raise ValueError(
            f"Property '{prop.name()}' of type '{prop.typeName()}' of {cls} does not accept "
            f"an object of type {type(value).__name__}"
        )
    if prop.typeName() == "QStringList":
        if isinstance(value, str) or not all(isinstance(item, str) for item in value):
            raise ValueError(f"Property '{prop.name()}' of {cls} wants a list of str")
        value = list(value)
    if not _get(obj, "setProperty")(prop.name(), value):
        raise ValueError(f"Property '{prop.name()}' of {cls} does not accept {value!r}")


def _keep_constants_alive() -> None:
    """PySide6 6.12 takes one reference too many of a None or bool that it returns (measured).

    Up to Python 3.11, where these are counted, the process ends with "deallocating None".
    """
    if sys.version_info < (3, 12):
        for constant in (None, True, False):
            ctypes.c_ssize_t.from_address(id(constant)).value += 1 << 40


def install() -> None:
    """Make every QObject of this process behave as under PythonQt; cannot be undone."""
    if QtCore.QObject.__getattribute__ is _getattribute:
        return
    _keep_constants_alive()
    for name, members in QT6_MEMBERS.items():
        cls = next(getattr(m, name) for m in QT_MODULES if hasattr(m, name))
        if not issubclass(cls, QtCore.QObject):  # of those the objects are asked
            for member in members & set(vars(cls)):
                delattr(cls, member)
    QtCore.QObject.__getattribute__ = _getattribute
    # The slot of __setattr__ is not inherited from a patched Shiboken base: patch each class.
    for cls in qobject_classes():
        cls.__setattr__ = _setattr
    QtCore.QProcess.__getattribute__ = _getattribute  # it has a slot of its own
