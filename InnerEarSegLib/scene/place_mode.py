"""Placing one control point by a click in a view, through Slicer's own place mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .observers import Observers


class PlaceMode:
    """Waits for one click.

    Args:
        scene: with the application's interaction and selection nodes.
        placed: called once the point was put somewhere.
        ended: called if the mode was left (Esc, right click, another tool) without a click.
    """

    def __init__(self, scene: Any, placed: Callable[[], None], ended: Callable[[], None]) -> None:
        self._scene = scene
        self._placed, self._ended = placed, ended
        self._observers = Observers()
        self._target: tuple[Any, int] | None = None

    def begin(self, node: Any, index: int) -> None:
        """Takes the point's position away and waits for a click that gives it a new one."""
        self.end()
        interaction = self._scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection = self._scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if interaction is None or selection is None:
            self._ended()
            return
        # Only an undefined point is offered to the mouse; missing ones are passed over.
        node.UnsetNthControlPointPosition(index)
        selection.SetReferenceActivePlaceNodeClassName(node.GetClassName())
        selection.SetActivePlaceNodeID(node.GetID())
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self._target = (node, index)
        self._observers.add(node, node.PointPositionDefinedEvent, self._on_defined)
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
        """Forgets everything without touching the scene."""
        self._release()

    def _release(self) -> None:
        self._target = None
        self._observers.clear()

    def _on_defined(self, *_: Any) -> None:
        if self._target is None:
            return
        node, index = self._target
        if node.GetNthControlPointPositionStatus(index) == node.PositionDefined:
            self._release()
            self._placed()

    def _on_mode_changed(self, caller: Any, *_: Any) -> None:
        if self._target is not None and caller.GetCurrentInteractionMode() != caller.Place:
            self._release()
            self._ended()
