"""``slicer.parameterNodeWrapper``: a small replacement with the same meaning and stored format.

API: Slicer/Slicer at 583e9b3, Base/Python/slicer/parameterNodeWrapper/{wrapper,serializers,
guiConnectors,validators,default,util}.py. Types: bool, int, float, str, pathlib.Path, Enum, one
MRML node class, ``X | None``; other types that Slicer knows raise NotImplementedError here, so that
nobody takes them for tested. Set INNEREARSEG_SLICER_BASE_PYTHON to run with Slicer's own package.
"""
# ruff: noqa: N802, N803, N815

from __future__ import annotations

import enum
import pathlib
import types
import typing
from dataclasses import dataclass
from typing import Annotated, Any

SlicerParameterNamePropertyName = "SlicerParameterName"


class Validator:
    """Base of annotations that refuse values."""

    def validate(self, value: Any) -> None:
        raise NotImplementedError


class NotNone(Validator):
    def validate(self, value: Any) -> None:
        if value is None:
            raise ValueError("Value must not be None")


@dataclass(frozen=True)
class IsInstance(Validator):
    classtype: Any

    def validate(self, value: Any) -> None:
        if value is not None and not isinstance(value, self.classtype):
            raise TypeError(f"Value must be of type {self.classtype}, is {value!r}")


@dataclass(frozen=True)
class WithinRange(Validator):
    minimum: float
    maximum: float

    def validate(self, value: Any) -> None:
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{value} is not within {self.minimum} to {self.maximum}")


@dataclass(frozen=True)
class Minimum(Validator):
    minimum: float

    def validate(self, value: Any) -> None:
        if value < self.minimum:
            raise ValueError(f"{value} is below {self.minimum}")


@dataclass(frozen=True)
class Maximum(Validator):
    maximum: float

    def validate(self, value: Any) -> None:
        if value > self.maximum:
            raise ValueError(f"{value} is above {self.maximum}")


@dataclass(frozen=True)
class Choice(Validator):
    choices: Any

    def validate(self, value: Any) -> None:
        if value not in self.choices:
            raise ValueError(f"{value!r} is none of {self.choices}")


@dataclass(frozen=True)
class Exclude(Validator):
    excludedValues: Any

    def validate(self, value: Any) -> None:
        if value in self.excludedValues:
            raise ValueError(f"{value!r} is excluded")


class Default:
    """Annotation: the value at first."""

    def __init__(self, value: Any = None, *, generator: Any = None) -> None:
        self._value, self._generator = value, generator

    @property
    def value(self) -> Any:
        return self._generator() if self._generator else self._value


@dataclass(frozen=True)
class Decimals:
    value: int


@dataclass(frozen=True)
class SingleStep:
    value: float


# Types


def _split(annotated: Any) -> tuple[Any, list[Any]]:
    actual, *rest = typing.get_args(Annotated[annotated, None])
    return actual, rest[:-1]


class _Codec:
    """One type in a parameter node."""

    def __init__(self, kind: Any, accepted: Any, first: Any, none: bool = False) -> None:
        self.kind, self.accepted, self.first, self.none = kind, accepted, first, none

    def check(self, value: Any) -> None:
        if value is None and not self.none:
            raise ValueError("Value must not be None")
        if value is not None and not isinstance(value, self.accepted):
            raise TypeError(f"Value must be of type {self.kind}, is {value!r}")

    def is_in(self, node: Any, name: str) -> bool:
        return bool(node.HasParameter(name))

    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, self.text(value))

    def read(self, node: Any, name: str) -> Any:
        return self.value(node.GetParameter(name))

    def text(self, value: Any) -> str:
        return str(value)

    def value(self, text: str) -> Any:
        return self.kind(text)


class _BoolCodec(_Codec):
    def text(self, value: Any) -> str:
        return "True" if value else "False"

    def value(self, text: str) -> bool:
        return text == "True"


class _EnumCodec(_Codec):
    def text(self, value: Any) -> str:
        return value.name

    def value(self, text: str) -> Any:
        try:
            return self.kind[text]
        except KeyError:
            raise ValueError(f"{text!r} in the parameter node is not in {self.kind!r}") from None


class _NodeCodec(_Codec):
    def write(self, node: Any, name: str, value: Any) -> None:
        node.SetParameter(name, "")
        node.SetNodeReferenceID(name, value.GetID() if value is not None else None)

    def read(self, node: Any, name: str) -> Any:
        return node.GetNodeReference(name)


class _OptionalCodec(_Codec):
    """``X | None``; stored as Slicer's UnionSerializer does: NAME.0 or NAME.1."""

    def __init__(self, inner: _Codec) -> None:
        super().__init__(inner.kind, inner.accepted, None, none=True)
        self.inner = inner

    def is_in(self, node: Any, name: str) -> bool:
        return self.inner.is_in(node, f"{name}.0") or bool(node.HasParameter(f"{name}.1"))

    def write(self, node: Any, name: str, value: Any) -> None:
        node.UnsetParameter(f"{name}.0")
        node.RemoveNodeReferenceIDs(f"{name}.0")
        node.UnsetParameter(f"{name}.1")
        if value is None:
            node.SetParameter(f"{name}.1", "True")
        else:
            self.inner.write(node, f"{name}.0", value)

    def read(self, node: Any, name: str) -> Any:
        if node.HasParameter(f"{name}.1"):
            return None
        return self.inner.read(node, f"{name}.0")


def _codec(kind: Any) -> _Codec:
    import slicer

    if kind is bool:
        return _BoolCodec(bool, bool, False)
    if kind is int:
        return _Codec(int, int, 0)
    if kind is float:
        return _Codec(float, (int, float), 0)
    if kind is str:
        return _Codec(str, str, "")
    if kind in (pathlib.Path, pathlib.PurePath):
        return _Codec(kind, pathlib.PurePath, kind())
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _EnumCodec(kind, kind, next(iter(kind)))
    if isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode):
        return _NodeCodec(kind, kind, None, none=True)
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [a for a in typing.get_args(kind) if a is not type(None)]
        if len(inner) == 1:
            return _OptionalCodec(_codec(inner[0]))
    raise NotImplementedError(f"this stand-in cannot keep {kind} in a parameter node")


class _Parameter:
    """One annotated member of the class."""

    def __init__(self, name: str, annotated: Any, value: Any, given: bool) -> None:
        kind, annotations = _split(annotated)
        self.name, self.annotated, self.codec = name, annotated, _codec(kind)
        self.validators = [
            a() if isinstance(a, type) else a
            for a in annotations
            if isinstance(a, Validator) or (isinstance(a, type) and issubclass(a, Validator))
        ]
        defaults = [a for a in annotations if isinstance(a, Default)]
        if len(defaults) > 1:
            raise ValueError(f"{name}: multiple defaults")
        if given:
            self.default = Default(value)
        else:
            self.default = defaults[0] if defaults else Default(self.codec.first)

    def write(self, node: Any, value: Any) -> None:
        self.codec.check(value)
        for validator in self.validators:
            validator.validate(value)
        self.codec.write(node, self.name, value)

    def read(self, node: Any) -> Any:
        if not self.codec.is_in(node, self.name):
            self.write(node, self.default.value)
        return self.codec.read(node, self.name)


# Widgets


class GuiConnector:
    """Base class of what reads and writes a widget; may be given to connectParametersToGui."""

    def __init__(self) -> None:
        self._callback: Any = None

    def onChanged(self, callback: Any) -> None:
        self._callback = callback
        if callback is None:
            self._disconnect()
        else:
            self._connect()

    def changed(self) -> None:
        if self._callback:
            self._callback()


class _Connector(GuiConnector):
    def __init__(self, widget: Any, signal: str | None, read: Any, write: Any) -> None:
        super().__init__()
        self._widget, self._signal, self.read, self.write = widget, signal, read, write

    def widget(self) -> Any:
        return self._widget

    def _connect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).connect(self.changed)

    def _disconnect(self) -> None:
        if self._signal:
            getattr(self._widget, self._signal).disconnect(self.changed)


def _attribute(widget: Any, signal: str | None, name: str, kind: Any = None) -> _Connector:
    def read() -> Any:
        value = getattr(widget, name)
        return kind(value) if kind else value

    def write(value: Any) -> None:
        value = str(value) if kind else value
        if getattr(widget, name) != value:
            setattr(widget, name, value)

    return _Connector(widget, signal, read, write)


def createGuiConnector(widget: Any, annotated: Any) -> GuiConnector:
    """The connector for a widget and a type; the classes must match exactly, as in Slicer."""
    import ctk
    import qt
    import slicer

    kind, annotations = _split(annotated)
    cls = type(widget)
    if kind is bool and cls in (qt.QCheckBox, ctk.ctkCheckBox):
        return _attribute(widget, "stateChanged", "checked")
    if kind is bool and cls is qt.QPushButton:
        widget.checkable = True
        return _attribute(widget, "toggled", "checked")
    if (kind is int and cls in (qt.QSlider, qt.QSpinBox)) or (
        kind is float and cls is qt.QDoubleSpinBox
    ):
        _set_range(widget, annotations)
        return _attribute(widget, "valueChanged", "value")
    if cls in (qt.QComboBox, ctk.ctkComboBox):
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return _enum_connector(widget, kind)
        if kind is str:
            return _choice_connector(widget, annotations)
    if kind is str and cls is qt.QLineEdit:
        return _attribute(widget, "textChanged", "text")
    if kind is str and cls is qt.QLabel:
        return _attribute(widget, None, "text")
    if kind is str and cls is qt.QTextEdit:
        return _Connector(widget, "textChanged", widget.toPlainText, widget.setPlainText)
    if cls is ctk.ctkPathLineEdit and kind in (pathlib.Path, pathlib.PurePath):
        return _attribute(widget, "currentPathChanged", "currentPath", kind)
    if cls is slicer.qMRMLNodeComboBox:
        nodes = [a for a in typing.get_args(kind) if a is not type(None)] or [kind]
        if all(isinstance(n, type) and issubclass(n, slicer.vtkMRMLNode) for n in nodes):
            widget.nodeTypes = tuple(n().GetClassName() for n in nodes)
            return _Connector(
                widget, "currentNodeChanged", widget.currentNode, widget.setCurrentNode
            )
    raise RuntimeError(f"Unable to create GUI connector from datatype {annotated} to {cls}")


def _set_range(widget: Any, annotations: list[Any]) -> None:
    whole = [a for a in annotations if isinstance(a, WithinRange)]
    low = [a.minimum for a in annotations if isinstance(a, Minimum)] or [w.minimum for w in whole]
    high = [a.maximum for a in annotations if isinstance(a, Maximum)] or [w.maximum for w in whole]
    widget.setMinimum(low[0] if low else -(2**31))
    widget.setMaximum(high[0] if high else 2**31 - 1)
    for annotation in annotations:
        if isinstance(annotation, Decimals):
            widget.decimals = annotation.value
        if isinstance(annotation, SingleStep):
            widget.singleStep = annotation.value


def _enum_connector(widget: Any, kind: Any) -> _Connector:
    label = getattr(kind, "label", lambda member: member.name)
    members = list(kind)
    widget.clear()
    for member in members:
        widget.addItem(label(member))

    def write(value: Any) -> None:
        widget.currentIndex = members.index(value)

    return _Connector(widget, "currentIndexChanged", lambda: members[widget.currentIndex], write)


def _choice_connector(widget: Any, annotations: list[Any]) -> _Connector:
    choices = [c for a in annotations if isinstance(a, Choice) for c in a.choices]
    if not choices:
        raise RuntimeError("a combo box for str needs a Choice annotation")
    widget.clear()
    for choice in choices:
        widget.addItem(str(choice))

    def write(value: Any) -> None:
        widget.currentIndex = choices.index(value)

    return _Connector(widget, "currentIndexChanged", lambda: choices[widget.currentIndex], write)


# The wrapper


def parameterNodeWrapper(classtype: Any = None) -> Any:
    """Class decorator: typed attributes kept in a vtkMRMLScriptedModuleNode."""
    return _wrap if classtype is None else _wrap(classtype)


def isParameterNodeWrapper(thing: Any) -> bool:
    return getattr(thing, "_is_parameter_node_wrapper", False)


def _wrap(cls: Any) -> Any:
    hints = typing.get_type_hints(cls, include_extras=True)
    parameters = {
        name: _Parameter(name, hint, getattr(cls, name, None), hasattr(cls, name))
        for name, hint in hints.items()
    }
    for name in parameters:
        setattr(cls, name, _property(name))
    for name, value in vars(_Methods).items():
        if name.startswith("__") and name != "__init__":
            continue
        if name != "__init__" and name in vars(cls):
            raise ValueError(f"Cannot use reserved name '{name}' in a parameterNodeWrapper")
        setattr(cls, name, value)
    cls.allParameters = parameters
    cls._is_parameter_node_wrapper = True
    return cls


def _property(name: str) -> property:
    return property(
        lambda self: self.getValue(name), lambda self, value: self.setValue(name, value)
    )


class _Methods:
    """What every wrapper class gets."""

    allParameters: dict[str, _Parameter]

    def __init__(self, parameterNode: Any, prefix: str | None = None) -> None:
        if prefix:
            raise NotImplementedError("this stand-in has no prefixes")
        self.parameterNode = parameterNode
        self._guis: dict[int, tuple[dict[str, Any], int]] = {}
        self._updating = False
        for parameter in self.allParameters.values():
            parameter.read(parameterNode)

    @classmethod
    def _parameter(cls, name: str) -> _Parameter:
        if name not in cls.allParameters:
            raise ValueError(f"Cannot find a param with the given name: {name}")
        return cls.allParameters[name]

    def getValue(self, name: str) -> Any:
        return self._parameter(name).read(self.parameterNode)

    def setValue(self, name: str, value: Any) -> None:
        import slicer

        with slicer.util.NodeModify(self.parameterNode):
            self._parameter(name).write(self.parameterNode, value)

    def default(self, name: str) -> Default:
        return self._parameter(name).default

    def isCached(self, name: str) -> bool:
        self._parameter(name)
        return False

    @classmethod
    def dataType(cls, name: str) -> Any:
        return cls._parameter(name).annotated

    def connectGui(self, gui: Any) -> int:
        """Connect the widgets whose dynamic property names a parameter."""
        import qt

        is_widget = getattr(gui, "isWidgetType", lambda: False)()
        widgets = gui.findChildren(qt.QWidget) if is_widget else gui.__dict__.values()
        named = {}
        for widget in widgets:
            name = widget.property(SlicerParameterNamePropertyName)
            if name:
                named[name] = widget
        return self.connectParametersToGui(named)

    def connectParametersToGui(self, mapping: dict[str, Any]) -> int:
        connectors = {
            name: widget
            if isinstance(widget, GuiConnector)
            else createGuiConnector(widget, self.dataType(name))
            for name, widget in mapping.items()
        }
        tag = max(self._guis, default=-1) + 1
        for name, connector in connectors.items():
            connector.write(self.getValue(name))
            connector.onChanged(self._callback(name, connector))
        observer = self.AddObserver("ModifiedEvent", lambda *_: self._update_gui())
        self._guis[tag] = (connectors, observer)
        return tag

    def _callback(self, name: str, connector: Any) -> Any:
        def callback() -> None:
            if not self._updating:
                self.setValue(name, connector.read())

        return callback

    def _update_gui(self) -> None:
        if self._updating:
            return
        self._updating = True
        try:
            for connectors, _ in self._guis.values():
                for name, connector in connectors.items():
                    connector.write(self.getValue(name))
        finally:
            self._updating = False

    def disconnectGui(self, tag: int) -> None:
        if tag in self._guis:
            connectors, observer = self._guis.pop(tag)
            for connector in connectors.values():
                connector.onChanged(None)
            self.RemoveObserver(observer)

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, was: Any) -> None:
        self.parameterNode.EndModify(was)

    def AddObserver(self, event: Any, callback: Any, priority: float = 0.0) -> int:
        return self.parameterNode.AddObserver(event, callback, priority)

    def RemoveObserver(self, tag: int) -> None:
        self.parameterNode.RemoveObserver(tag)

    def Modified(self) -> None:
        self.parameterNode.Modified()


def findChildWidgetForParameter(widget: Any, parameter: str) -> Any:
    import qt

    for child in widget.findChildren(qt.QWidget):
        if child.property(SlicerParameterNamePropertyName) == parameter:
            return child
    return None
