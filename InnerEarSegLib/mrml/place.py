"""Placing one landmark by a click in a view, through Slicer's own place mode.

Slicer's place mode offers only an undefined point to the mouse. Making the landmark undefined until
the click would lose its position in a scene that is saved meanwhile, so the click goes to a point
list of its own, which is not saved and is gone afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..types import Point
from .landmarks import show_as_landmark
from .scene import Observers

Later = Callable[[Callable[[], None]], None]


class PlaceMode:
    """Waits for one click.

    Args:
        scene: with the application's interaction and selection nodes.
        placed: called with the point's position in the coordinates of the node that is placed in.
        ended: called if the mode was left (Esc, right click, another tool) without a click.
        later: calls a function when the event in hand has been dealt with.
    """

    def __init__(
        self,
        scene: Any,
        placed: Callable[[Point], None],
        ended: Callable[[], None],
        later: Later,
    ) -> None:
        self._scene, self._later = scene, later
        self._placed, self._ended = placed, ended
        self._observers = Observers()
        self._target: Any = None
        self._was: tuple[str, str] = ("", "")

    def begin(self, node: Any, label: str) -> None:
        """Waits for a click, which is not yet given to ``node``."""
        self.end()
        interaction = self._scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection = self._scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if interaction is None or selection is None:
            self._ended()
            return
        self._was = (selection.GetActivePlaceNodeClassName(), selection.GetActivePlaceNodeID())
        self._target = _target(self._scene, node, label)
        selection.SetReferenceActivePlaceNodeClassName(self._target.GetClassName())
        selection.SetActivePlaceNodeID(self._target.GetID())
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self._observers.add(self._target, self._target.PointPositionDefinedEvent, self._on_defined)
        self._observers.add(
            interaction, interaction.InteractionModeChangedEvent, self._on_mode_changed
        )

    def end(self) -> None:
        """Leaves place mode, if it is on."""
        if self._target is None:
            return
        self._release()
        interaction = self._scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        if interaction is not None:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self._ended()

    def close(self) -> None:
        """Forgets everything and calls nobody."""
        if self._target is not None:
            self._release()

    def _release(self, within_event: bool = False) -> None:
        target, self._target = self._target, None
        self._observers.clear()
        if self._scene.IsClosing():
            return
        selection = self._scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if selection is not None and selection.GetActivePlaceNodeID() == target.GetID():
            selection.SetActivePlaceNodeClassName(self._was[0])
            selection.SetActivePlaceNodeID(self._was[1])
        if within_event:  # the view that sent the event still works with the node
            target.SetDisplayVisibility(False)
            self._later(lambda: _remove(self._scene, target))
        else:
            _remove(self._scene, target)

    def _on_defined(self, *_: Any) -> None:
        node = self._target
        if node is None or node.GetNthControlPointPositionStatus(0) != node.PositionDefined:
            return
        position = tuple(node.GetNthControlPointPosition(0))
        self._release(within_event=True)
        self._placed(position)

    def _on_mode_changed(self, caller: Any, *_: Any) -> None:
        if self._target is not None and caller.GetCurrentInteractionMode() != caller.Place:
            self._release(within_event=True)
            self._ended()


def _remove(scene: Any, target: Any) -> None:
    if scene.IsNodePresent(target):
        display = target.GetDisplayNode()
        scene.RemoveNode(target)
        if display is not None and scene.IsNodePresent(display):
            scene.RemoveNode(display)


def _target(scene: Any, node: Any, label: str) -> Any:
    """A point list that looks like the landmark's and lies under the same transform."""
    target = scene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
    target.UnRegister(None)
    target.SetName(label)
    target.SetHideFromEditors(True)
    target.SetSaveWithScene(False)
    target = scene.AddNode(target)
    target.CreateDefaultDisplayNodes()
    target.GetDisplayNode().SetSaveWithScene(False)
    show_as_landmark(target)
    target.SetControlPointLabelFormat(label)
    target.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    return target
