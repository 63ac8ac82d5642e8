"""What can be undone and redone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..types import LANDMARKS, Side
from .landmark_state import Key, Point, Row
from .landmarks import (
    Memory,
    PointMapping,
    automatic_of,
    describe,
    forget_confirmed,
    index_of,
    memory_of,
    position_of,
    remember_confirmed,
    restore,
    row_of,
    set_position,
)
from .place import Later, PlaceMode
from .scene import Observers

Step = tuple[Side, Memory]
"""Which ear, and how its landmarks were before."""


@dataclass
class Steps:
    """Steps of one CT; they outlive a ``Review``, as when another CT is looked at meanwhile."""

    undo: list[Step] = field(default_factory=list)
    redo: list[Step] = field(default_factory=list)
    left: dict[Side, Memory] = field(default_factory=dict)
    """How the ears were when the last ``Review`` was closed."""

    def clear(self) -> None:
        """Forgets all."""
        self.undo.clear()
        self.redo.clear()
        self.left.clear()

    def map(self, mappings: dict[Side, PointMapping]) -> None:
        """Brings all into other coordinates, as the CT's own matrix was changed."""
        for steps in (self.undo, self.redo):
            steps[:] = [
                (side, memory.mapped(mappings[side]) if side in mappings else memory)
                for side, memory in steps
            ]
        for side in self.left.keys() & mappings.keys():
            self.left[side] = self.left[side].mapped(mappings[side])


class Review:
    """The landmarks of one CT's ears, and the steps taken on them.

    Attributes:
        changed: called without arguments whenever a row may look different.

    Args:
        scene: with the application's interaction and selection nodes.
        nodes: the markups node of each ear.
        changed: see above.
        steps: what was done before, to go on with.
        later: calls a function once the present event has been dealt with; needed where views are.
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
        self._known = {side: memory_of(node) for side, node in self._nodes.items()}
        self._before: dict[Side, Memory] = {}
        self._steps = Steps() if steps is None else steps
        self._busy = False
        self._observers = Observers()
        self._place = PlaceMode(scene, self._placed, self._place_ended, later)
        self._placing: Key | None = None
        for side, node in self._nodes.items():
            for event, handler in (
                (node.PointModifiedEvent, self._moved),
                (node.PointPositionDefinedEvent, self._moved),
                (node.PointPositionMissingEvent, self._moved),
                (node.PointPositionUndefinedEvent, self._moved),
                (node.PointStartInteractionEvent, self._drag_began),
                (node.PointEndInteractionEvent, self._drag_ended),
            ):
                self._observers.add(node, event, lambda *_, s=side, h=handler: h(s))
            # It may have been changed while nobody looked, as when another CT was chosen.
            self._changed_elsewhere(side, self._steps.left.get(side, self._known[side]))

    def rows(self) -> list[Row]:
        """All landmarks, left ear first."""
        return [
            row_of(self._nodes[side], name) for side in sorted(self._nodes) for name in LANDMARKS
        ]

    def row(self, key: Key) -> Row:
        """One landmark."""
        return row_of(self._nodes[key[0]], key[1])

    def node(self, key: Key) -> Any:
        """The markups node that holds a landmark."""
        return self._nodes[key[0]]

    def has_automatic(self, key: Key) -> bool:
        """Whether the landmark was found automatically."""
        return automatic_of(self.node(key), key[1]) is not None

    @property
    def editing(self) -> Key | None:
        """The landmark that is unlocked."""
        return next((row.key for row in self.rows() if row.editing), None)

    @property
    def placing(self) -> Key | None:
        """The landmark that the next click in a view places."""
        return self._placing

    def confirm(self, key: Key) -> None:
        """The user agrees with what is there; the point is locked."""
        self.stop_placing()
        with self._step(key):
            remember_confirmed(self.node(key), key[1])
        self.lock()

    def edit(self, key: Key) -> None:
        """Unlocks one point, and only that, for dragging."""
        self.stop_placing()
        self.lock()
        node, index = self.node(key), index_of(self.node(key), key[1])
        if position_of(node, key[1]) is None:
            return
        with self._own_change():
            node.SetNthControlPointLocked(index, False)
            node.SetLocked(False)
        self.changed()

    def lock(self) -> None:
        """Locks all points; ends editing and placing."""
        self.stop_placing()
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
            forget_confirmed(node, name)

    def place(self, key: Key) -> None:
        """The next click in a slice or 3D view puts the landmark there."""
        self.lock()
        if index_of(self.node(key), key[1]) < 0:
            return
        self._placing = key
        self._place.begin(self.node(key), key[1])
        self.changed()

    def stop_placing(self) -> None:
        """Leaves place mode."""
        self._place.end()

    def undo(self) -> Key | None:
        """Takes the last step back; returns the landmark that it was about."""
        return self._travel(self._steps.undo, self._steps.redo)

    def redo(self) -> Key | None:
        """Takes the last step that was undone again."""
        return self._travel(self._steps.redo, self._steps.undo)

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._steps.undo)

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone step."""
        return bool(self._steps.redo)

    def close(self, lock: bool = True) -> None:
        """Ends editing and stops observing; the nodes stay as they are."""
        if lock:
            self.lock()
        self._place.close()
        self._observers.clear()
        if lock:  # else the nodes may be gone
            self._steps.left = {side: memory_of(node) for side, node in self._nodes.items()}

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
        node = self.node(key)
        before = memory_of(node)
        with self._own_change():
            yield
        self._finish_step(key[0], before)

    def _finish_step(self, side: Side, before: Memory) -> None:
        node = self._nodes[side]
        with self._own_change():
            for name in LANDMARKS:
                describe(node, name)
        now = memory_of(node)
        self._known[side] = now
        if now != before:
            self._steps.undo.append((side, before))
            self._steps.redo.clear()
        self.changed()

    def _travel(self, source: list[Step], target: list[Step]) -> Key | None:
        self.stop_placing()
        if not source:
            return None
        side, memory = source.pop()
        node = self._nodes[side]
        now = memory_of(node)
        target.append((side, now))
        with self._own_change():
            restore(node, memory)
        self._known[side] = memory_of(node)
        self.changed()
        return side, now.changed_landmark(memory)

    def _drag_began(self, side: Side) -> None:
        if not self._busy:
            self._before[side] = memory_of(self._nodes[side])

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
        if self._placing is not None and self._placing[0] == side:
            self.stop_placing()  # a script was faster than the click
        self._changed_elsewhere(side, self._known[side])

    def _changed_elsewhere(self, side: Side, known: Memory) -> None:
        """A step of its own for what Python or another module did; a new run ends all steps."""
        now = memory_of(self._nodes[side])
        if not now.found_as(known):
            self._steps.clear()
            self._known[side] = now
            self.changed()
        elif not now.same_positions(known):
            self._finish_step(side, known)

    def _placed(self, position: Point) -> None:
        key, self._placing = self._placing, None
        if key is None:
            return
        with self._step(key):
            set_position(self.node(key), key[1], position)
        self.edit(key)  # it can be dragged at once

    def _place_ended(self) -> None:
        """Place mode was left without a click."""
        self._placing = None
        self.changed()
