"""Reviewing the landmarks of a CT: confirm, edit, place by a click, reset, undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from slicer.util import VTKObservationMixin

from ..types import LANDMARKS, NOT_FOUND, Landmark, Point, Side
from .landmarks import (
    CONFIRMED_POSITION,
    PointMapping,
    Snapshot,
    automatic_of,
    confirm,
    describe,
    index_of,
    landmark_of,
    point_at,
    position_of,
    set_position,
    show_as_landmark,
)
from .scene import configure, keep_place_node

Key = tuple[Side, str]  # which landmark: side and name
Landmarks = Mapping[Key, Landmark]  # of a CT, left ear first
Step = tuple[Side, Snapshot]  # which ear, and how its landmarks were before
Later = Callable[[Callable[[], None]], None]


def review_order(landmarks: Landmarks) -> list[Key]:
    """Return the landmarks that are not confirmed: doubtful and least certain ones first."""
    doubtful = [key for key, mark in landmarks.items() if mark.doubtful]
    doubtful.sort(key=lambda key: (landmarks[key].state != NOT_FOUND, landmarks[key].confidence))
    others = [key for key, mark in landmarks.items() if not mark.doubtful and not mark.confirmed]
    return doubtful + others


def next_key(landmarks: Landmarks, current: Key | None) -> Key | None:
    """Return the landmark to look at after ``current``; None if all are confirmed."""
    order = review_order(landmarks)
    if not order:
        return None
    following = order.index(current) + 1 if current in order else 0
    return order[following % len(order)]


@dataclass
class Steps:
    """Steps of one CT; they outlive a ``Review``, as when another CT is looked at meanwhile."""

    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    left: dict[Side, Snapshot] = field(default_factory=dict)  # when a Review was last closed

    def map(self, mappings: dict[Side, PointMapping]) -> None:
        """Bring all into other coordinates, as the CT's own matrix was changed."""
        for side, mapping in mappings.items():
            for steps in (self.undo, self.redo):
                steps[:] = [(x, old.mapped(mapping) if x == side else old) for x, old in steps]
            if side in self.left:
                self.left[side] = self.left[side].mapped(mapping)


class PlaceMode:
    """Wait for one click in a view, through Slicer's own place mode.

    That mode offers only an undefined point to the mouse. Making the landmark undefined until the
    click would lose its position in a scene that is saved meanwhile, so the click goes to a point
    list of its own, which is not saved and is removed afterwards.

    Args:
        scene: with the application's interaction and selection nodes.
        placed: called with the point's position in the coordinates of the node that is placed in.
        ended: called if the mode was left (Esc, right click, another tool) without a click.
        later: calls a function when the event in hand has been dealt with.
    """

    def __init__(
        self, scene: Any, placed: Callable[[Point], None], ended: Callable[[], None], later: Later
    ) -> None:
        self._scene, self._later = scene, later
        self._placed, self._ended = placed, ended
        self._observers = VTKObservationMixin()
        self._target: Any = None
        self._restore_place_node: Callable[[], None] = lambda: None

    def begin(self, node: Any, label: str) -> None:
        """Wait for a click, which is not yet given to ``node``."""
        self.end()
        interaction = self._scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        selection = self._scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if interaction is None or selection is None:
            self._ended()
            return
        self._restore_place_node = keep_place_node(self._scene)
        # It looks like the landmark and lies under the same transform.
        target = self._scene.CreateNodeByClass("vtkMRMLMarkupsFiducialNode")
        target.UnRegister(None)
        configure(target, Name=label, HideFromEditors=True, SaveWithScene=False)
        self._target = target = self._scene.AddNode(target)
        target.CreateDefaultDisplayNodes()
        target.GetDisplayNode().SetSaveWithScene(False)
        show_as_landmark(target)
        target.SetControlPointLabelFormat(label)
        target.SetAndObserveTransformNodeID(node.GetTransformNodeID())
        selection.SetReferenceActivePlaceNodeClassName(target.GetClassName())
        selection.SetActivePlaceNodeID(target.GetID())
        interaction.SetPlaceModePersistence(0)
        interaction.SetCurrentInteractionMode(interaction.Place)
        self._observers.addObserver(target, target.PointPositionDefinedEvent, self._on_defined)
        mode_changed = interaction.InteractionModeChangedEvent
        self._observers.addObserver(interaction, mode_changed, self._on_mode_changed)

    def end(self) -> None:
        """Leave place mode, if it is on."""
        if self._target is None:
            return
        self.close()
        interaction = self._scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
        if interaction is not None:
            interaction.SetCurrentInteractionMode(interaction.ViewTransform)
        self._ended()

    def close(self, within_event: bool = False) -> None:
        """Forget everything without calling back."""
        target, self._target = self._target, None
        if target is None:
            return
        self._observers.removeObservers()
        if self._scene.IsClosing():
            return
        selection = self._scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        if selection is not None and selection.GetActivePlaceNodeID() == target.GetID():
            self._restore_place_node()
        if within_event:  # the view that sent the event still works with the node
            target.SetDisplayVisibility(False)
            self._later(lambda: self._remove(target))
        else:
            self._remove(target)

    def _remove(self, target: Any) -> None:
        if self._scene.IsNodePresent(target):
            display = target.GetDisplayNode()
            self._scene.RemoveNode(target)
            if display is not None and self._scene.IsNodePresent(display):
                self._scene.RemoveNode(display)

    def _on_defined(self, *_: Any) -> None:
        position = None if self._target is None else point_at(self._target, 0)
        if position is not None:
            self.close(within_event=True)
            self._placed(position)

    def _on_mode_changed(self, caller: Any, *_: Any) -> None:
        if self._target is not None and caller.GetCurrentInteractionMode() != caller.Place:
            self.close(within_event=True)
            self._ended()


class Review:
    """The landmarks of one CT's ears, and the steps taken on them.

    Args:
        scene: with the application's interaction and selection nodes.
        nodes: the markups node of each ear.
        changed: called without arguments whenever a row may look different.
        steps: what was done before, to go on with.
        later: as in ``PlaceMode``; needed where views are.
    """

    def __init__(
        self,
        scene: Any,
        nodes: Mapping[Side, Any],
        changed: Callable[[], None] | None = None,
        steps: Steps | None = None,
        later: Later = lambda function: function(),
    ) -> None:
        self.changed = changed or (lambda: None)
        self._nodes = dict(nodes)
        self._known = {side: Snapshot.of(node) for side, node in self._nodes.items()}
        self._before: dict[Side, Snapshot] = {}
        self._steps = Steps() if steps is None else steps
        self._busy = False
        self._observers = VTKObservationMixin()
        self._place = PlaceMode(scene, self._placed, self._place_ended, later)
        self.placing: Key | None = None  # the landmark that the next click in a view places
        for side, node in self._nodes.items():
            for event, handler in (
                (node.PointModifiedEvent, self._moved),
                (node.PointPositionDefinedEvent, self._moved),
                (node.PointPositionMissingEvent, self._moved),
                (node.PointPositionUndefinedEvent, self._moved),
                (node.PointStartInteractionEvent, self._drag_began),
                (node.PointEndInteractionEvent, self._drag_ended),
            ):
                self._observers.addObserver(node, event, lambda *_, s=side, h=handler: h(s))
            # It may have changed while another CT was chosen.
            self._changed_elsewhere(side, self._steps.left.get(side, self._known[side]))

    @property
    def landmarks(self) -> dict[Key, Landmark]:
        """All landmarks as they are now, left ear first."""
        return {
            (side, name): landmark_of(self._nodes[side], name)
            for side in sorted(self._nodes)
            for name in LANDMARKS
        }

    def node(self, key: Key) -> Any:
        """The markups node that holds a landmark."""
        return self._nodes[key[0]]

    @property
    def editing(self) -> Key | None:
        """The landmark that is unlocked."""
        for side, node in self._nodes.items():
            for name in () if node.GetLocked() else LANDMARKS:
                index = index_of(node, name)
                if not node.GetNthControlPointLocked(index) and position_of(node, name):
                    return side, name
        return None

    def confirm(self, key: Key) -> None:
        """The user agrees with what is there; the point is locked."""
        self._place.end()
        with self._step(key):
            confirm(self.node(key), key[1])
        self.lock()

    def edit(self, key: Key) -> None:
        """Unlock one point, and only that, for dragging."""
        self.lock()
        node, name = self.node(key), key[1]
        if position_of(node, name) is None:
            return
        with self._own_change():
            node.SetNthControlPointLocked(index_of(node, name), False)
            node.SetLocked(False)
        self.changed()

    def lock(self) -> None:
        """Lock all points; end editing and placing."""
        self._place.end()
        with self._own_change():
            for node in self._nodes.values():
                for index in range(node.GetNumberOfControlPoints()):
                    node.SetNthControlPointLocked(index, True)
                node.SetLocked(True)
        self.changed()

    def reset(self, key: Key) -> None:
        """Back to the automatic position, or to not found."""
        self.lock()
        node, name = self.node(key), key[1]
        with self._step(key):
            set_position(node, name, automatic_of(node, name))
            node.RemoveAttribute(CONFIRMED_POSITION + name)

    def place(self, key: Key) -> None:
        """The next click in a slice or 3D view puts the landmark there."""
        self.lock()
        if index_of(self.node(key), key[1]) < 0:
            return
        self.placing = key
        self._place.begin(self.node(key), key[1])
        self.changed()

    def undo(self) -> Key | None:
        """Take the last step back; return the landmark that it was about."""
        return self._travel(self._steps.undo, self._steps.redo)

    def redo(self) -> Key | None:
        """Take the last step that was undone again."""
        return self._travel(self._steps.redo, self._steps.undo)

    @property
    def dragging(self) -> bool:
        """Whether a landmark is being dragged in a view."""
        return bool(self._before)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._steps.undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._steps.redo)

    def close(self, lock: bool = True) -> None:
        """End editing and stop observing; the nodes stay as they are."""
        if lock:
            self.lock()
        self._place.close()
        self._observers.removeObservers()
        if lock:  # else the nodes may be gone
            self._steps.left = {side: Snapshot.of(node) for side, node in self._nodes.items()}

    @contextmanager
    def _own_change(self) -> Iterator[None]:
        was, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = was

    @contextmanager
    def _step(self, key: Key) -> Iterator[None]:
        """A change of one landmark that can be undone."""
        before = Snapshot.of(self.node(key))
        with self._own_change():
            yield
        self._finish_step(key[0], before)

    def _finish_step(self, side: Side, before: Snapshot) -> None:
        with self._own_change():
            for name in LANDMARKS:
                describe(self._nodes[side], name)
        self._known[side] = now = Snapshot.of(self._nodes[side])
        if now != before:
            self._steps.undo.append((side, before))
            self._steps.redo.clear()
        self.changed()

    def _travel(self, source: list[Step], target: list[Step]) -> Key | None:
        self._place.end()
        if not source:
            return None
        side, snapshot = source.pop()
        now = Snapshot.of(self._nodes[side])
        target.append((side, now))
        with self._own_change():
            snapshot.restore(self._nodes[side])
        self._known[side] = Snapshot.of(self._nodes[side])
        self.changed()
        return side, now.changed_landmark(snapshot)

    def _drag_began(self, side: Side) -> None:
        if not self._busy:
            self._before[side] = Snapshot.of(self._nodes[side])

    def _drag_ended(self, side: Side) -> None:
        before = self._before.pop(side, None)
        if before is not None:
            self._finish_step(side, before)

    def _moved(self, side: Side) -> None:
        if self._busy:
            return
        if side in self._before:
            self.changed()
            return
        if self.placing is not None and self.placing[0] == side:
            self._place.end()  # a script was faster than the click
        self._changed_elsewhere(side, self._known[side])

    def _changed_elsewhere(self, side: Side, known: Snapshot) -> None:
        """A step of its own for what Python or another module did; a new run ends all steps."""
        now = Snapshot.of(self._nodes[side])
        if not now.found_as(known):
            self._steps.undo, self._steps.redo, self._steps.left = [], [], {}
            self._known[side] = now
            self.changed()
        elif now.moved(known):
            self._finish_step(side, known)

    def _placed(self, position: Point) -> None:
        key, self.placing = self.placing, None
        if key is not None:
            with self._step(key):
                set_position(self.node(key), key[1], position)
            self.edit(key)  # it can be dragged at once

    def _place_ended(self) -> None:
        """Place mode was left without a click."""
        self.placing = None
        self.changed()
