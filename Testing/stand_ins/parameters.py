"""``slicer.parameterNodeWrapper``: a small replacement with the same meaning and stored format.

API: Slicer/Slicer at 583e9b3, Base/Python/slicer/parameterNodeWrapper/{wrapper,serializers,
guiConnectors,validators,default,util}.py. Types: bool, int, float, str, pathlib.Path, Enum, one
MRML node class, ``X | None``; other types that Slicer knows raise NotImplementedError here, so that
nobody takes them for tested. Set INNEREARSEG_SLICER_BASE_PYTHON to run with Slicer's own package.
"""
# ruff: noqa: N802, N803, N815

from __future__ import annotations

import typing
from typing import Any

# Names that the real module has are named twice, as a sign that others may import them here.
from .parameter_annotations import Choice as Choice
from .parameter_annotations import Decimals as Decimals
from .parameter_annotations import Default as Default
from .parameter_annotations import Exclude as Exclude
from .parameter_annotations import IsInstance as IsInstance
from .parameter_annotations import Maximum as Maximum
from .parameter_annotations import Minimum as Minimum
from .parameter_annotations import NotNone as NotNone
from .parameter_annotations import SingleStep as SingleStep
from .parameter_annotations import Validator as Validator
from .parameter_annotations import WithinRange as WithinRange
from .parameter_codecs import _Parameter
from .parameter_widgets import GuiConnector as GuiConnector
from .parameter_widgets import createGuiConnector as createGuiConnector

SlicerParameterNamePropertyName = "SlicerParameterName"


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
