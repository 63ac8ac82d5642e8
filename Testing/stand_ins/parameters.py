"""``slicer.parameterNodeWrapper``: a small replacement with the same meaning and stored format.

API: Slicer/Slicer at 583e9b3, Base/Python/slicer/parameterNodeWrapper/{wrapper,serializers}.py.
Types: bool, int, float, str, Enum, one MRML node class; all else that Slicer knows (annotations,
``connectGui``, containers) is missing or raises, so that it is not taken for tested. Set
INNEREARSEG_SLICER_BASE_PYTHON to run with Slicer's own package.
"""
# ruff: noqa: N802, N803, N815

import enum
import typing
from typing import Any

import slicer


class _Parameter:
    """One annotated member of the class, as text or node reference in its parameter node."""

    def __init__(self, name: str, kind: Any, value: Any) -> None:
        self.name, self.kind, self.default = name, kind, value
        self.is_node = isinstance(kind, type) and issubclass(kind, slicer.vtkMRMLNode)
        self.is_enum = isinstance(kind, type) and issubclass(kind, enum.Enum)
        if not self.is_node and not self.is_enum and kind not in (bool, int, float, str):
            raise NotImplementedError(f"this stand-in cannot keep {kind} in a parameter node")
        if value is None and not self.is_node:
            self.default = next(iter(kind)) if self.is_enum else kind()

    def write(self, node: Any, value: Any) -> None:
        if value is None and not self.is_node:
            raise ValueError("Value must not be None")
        accepted = (int, float) if self.kind is float else self.kind
        if value is not None and not isinstance(value, accepted):
            raise TypeError(f"Value must be of type {self.kind}, is {value!r}")
        if self.is_node:
            node.SetParameter(self.name, "")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
        else:
            node.SetParameter(self.name, value.name if self.is_enum else str(value))

    def read(self, node: Any) -> Any:
        if not node.HasParameter(self.name):
            self.write(node, self.default)
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.is_enum and text not in self.kind.__members__:
            raise ValueError(f"{text!r} in the parameter node is not in {self.kind!r}")
        if self.kind is bool:
            return text == "True"
        return self.kind[text] if self.is_enum else self.kind(text)


def parameterNodeWrapper(cls: Any) -> Any:
    """Class decorator: typed attributes kept in a vtkMRMLScriptedModuleNode."""
    hints = typing.get_type_hints(cls).items()
    parameters = {name: _Parameter(name, hint, getattr(cls, name, None)) for name, hint in hints}
    properties = {name: _property(parameter) for name, parameter in parameters.items()}
    return type(cls.__name__, (_Methods, cls), {**properties, "allParameters": parameters})


def _property(parameter: _Parameter) -> property:
    def write(self: Any, value: Any) -> None:
        with slicer.util.NodeModify(self.parameterNode):
            parameter.write(self.parameterNode, value)

    return property(lambda self: parameter.read(self.parameterNode), write)


class _Methods:
    """What every wrapper class gets."""

    allParameters: dict[str, _Parameter] = {}  # noqa: RUF012

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        for parameter in self.allParameters.values():
            parameter.read(parameterNode)

    def StartModify(self) -> Any:
        return self.parameterNode.StartModify()

    def EndModify(self, was: Any) -> None:
        self.parameterNode.EndModify(was)
