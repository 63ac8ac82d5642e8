"""How a parameter is stored as text or node reference in its parameter node.

API: Slicer/Slicer at 583e9b3, Base/Python/slicer/parameterNodeWrapper/serializers.py.
"""

from __future__ import annotations

import enum
import pathlib
import types
import typing
from typing import Annotated, Any

from .parameter_annotations import (
    Default,
    Validator,
)


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
