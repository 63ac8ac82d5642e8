"""Landmarks as a markups node remembers them: positions, and what was found and confirmed.

Everything is in node attributes, in the node's own RAS mm (that of its CT), so that a scene saved
here and opened on another machine shows the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..results import LANDMARK_DEFINITIONS, LANDMARKS, Side
from .landmark_state import (
    AUTOMATIC,
    CONFIRMED,
    SAME_MM,
    Point,
    Row,
    distance,
    plain_certainty,
    state_of,
)
from .landmarks_node import (
    ATTRIBUTE,
    PLACE_ATTRIBUTE,
    SIDE_ATTRIBUTE,
    automatic_attribute,
    auxiliary_attribute,
    confidence_attribute,
    confirmed_attribute,
    index_of,
    model_attribute,
    radius_attribute,
)

Mapping = Callable[[Point], Point]
"""From a position in a node's old coordinates to that in its new ones, RAS mm."""

ABSENT = "absent"
"""Stored instead of a position where the user confirmed that the landmark is not there."""


def side_of(node: Any) -> Side | None:
    """Which ear a markups node belongs to; None if it is not one of ours."""
    side = node.GetAttribute(SIDE_ATTRIBUTE)
    return side if side in ("left", "right") else None


def position_of(node: Any, name: str) -> Point | None:
    """Where the landmark is; None where its position is not defined."""
    index = index_of(node, name)
    # A missing point still returns numbers: only its status tells.
    if index < 0 or node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
        return None
    return tuple(node.GetNthControlPointPosition(index))


def automatic_of(node: Any, name: str) -> Point | None:
    """Where the landmark was found, None if it was not."""
    return parse_point(node.GetAttribute(automatic_attribute(name)))


def confidence_of(node: Any, name: str) -> float:
    """Confidence of the automatic position."""
    try:
        return float(node.GetAttribute(confidence_attribute(name)) or 0.0)
    except ValueError:
        return 0.0


def radius_of(node: Any, name: str) -> float | None:
    """90 % radius in mm of a landmark as it was found, an auxiliary one too; None if unknown."""
    return number_of(node, radius_attribute(name))


def number_of(node: Any, attribute: str) -> float | None:
    """The number that a node's attribute holds; None if it holds none."""
    try:
        return float(node.GetAttribute(attribute) or "")
    except ValueError:
        return None


def row_of(node: Any, name: str) -> Row:
    """The landmark as the table shows it."""
    position, automatic = position_of(node, name), automatic_of(node, name)
    text = node.GetAttribute(confirmed_attribute(name))
    confirmed = parse_point(text)
    if position is None:
        settled = text == ABSENT
    else:
        settled = confirmed is not None and distance(position, confirmed) <= SAME_MM
    moved = None if position is None or automatic is None else distance(position, automatic)
    index = index_of(node, name)
    return Row(
        side=side_of(node) or "left",
        name=name,
        state=state_of(position, automatic, confirmed),
        confidence=confidence_of(node, name),
        moved_mm=moved,
        settled=settled,
        editing=index >= 0 and not node.GetLocked() and not node.GetNthControlPointLocked(index),
        radius_mm=radius_of(node, name),
    )


def set_position(node: Any, name: str, position: Point | None) -> None:
    """Puts the point somewhere, or marks it as missing."""
    index = index_of(node, name)
    if index < 0:
        return
    if position is None:
        node.SetNthControlPointPositionMissing(index)
    else:
        node.SetNthControlPointPosition(index, *position)


def remember_confirmed(node: Any, name: str) -> None:
    """Notes that the user agrees with what is there now."""
    position = position_of(node, name)
    text = ABSENT if position is None else format_point(position)
    node.SetAttribute(confirmed_attribute(name), text)


def forget_confirmed(node: Any, name: str) -> None:
    """Takes the user's agreement back."""
    node.RemoveAttribute(confirmed_attribute(name))


def describe(node: Any, name: str) -> None:
    """Says the state in the point's description, for files and programs without this module."""
    index = index_of(node, name)
    if index < 0:
        return
    row = row_of(node, name)
    words = f"{row.state.capitalize()}"
    if row.state in (AUTOMATIC, CONFIRMED):
        words += f", {plain_certainty(row.confidence, row.radius_mm)}"
    text = f"{LANDMARK_DEFINITIONS.get(name, '')} {words}.".strip()
    if node.GetNthControlPointDescription(index) != text:
        node.SetNthControlPointDescription(index, text)


_POSITIONS = (automatic_attribute(""), confirmed_attribute(""), auxiliary_attribute(""))
"""What attributes that hold a position begin with."""


@dataclass(frozen=True)
class Memory:
    """A copy of all that a step of the review can change in a node; locks are not part of it."""

    positions: dict[str, Point | None]
    attributes: dict[str, str]

    def same_positions(self, other: Memory) -> bool:
        """Whether no point lies elsewhere."""
        return self.first_difference(other) is None

    def first_difference(self, other: Memory) -> str | None:
        """Name of the first landmark that lies elsewhere."""
        for name, here in self.positions.items():
            there = other.positions.get(name)
            if (here is None) != (there is None):
                return name
            if here is not None and there is not None and distance(here, there) > SAME_MM:
                return name
        return None

    def found_as(self, other: Memory) -> bool:
        """Whether both come from the same run: same automatic positions and models."""
        return self._found() == other._found()

    def _found(self) -> dict[str, str]:
        prefixes = tuple(
            kind("")
            for kind in (automatic_attribute, model_attribute, confidence_attribute,
                         radius_attribute)
        )  # fmt: skip
        return {name: text for name, text in self.attributes.items() if name.startswith(prefixes)}

    def mapped(self, mapping: Mapping) -> Memory:
        """The same in other coordinates; where the CT was is not part of it any more."""
        attributes = {}
        for name, text in self.attributes.items():
            point = None
            if name.startswith(_POSITIONS):
                point = parse_point(text)
            attributes[name] = text if point is None else format_point(mapping(point))
        attributes.pop(PLACE_ATTRIBUTE, None)
        positions = {
            name: None if point is None else mapping(point)
            for name, point in self.positions.items()
        }
        return Memory(positions, attributes)

    def changed_landmark(self, other: Memory) -> str:
        """Name of the landmark that the step between two memories was about."""
        moved = self.first_difference(other)
        if moved is not None:
            return moved
        for name in sorted({*self.attributes, *other.attributes}):
            if self.attributes.get(name) != other.attributes.get(name):
                for landmark in LANDMARKS:
                    if name.endswith(landmark):
                        return landmark
        return LANDMARKS[0]


def memory_of(node: Any) -> Memory:
    """The node as it is now."""
    names = [name for name in node.GetAttributeNames() if name.startswith(ATTRIBUTE)]
    return Memory(
        {name: position_of(node, name) for name in LANDMARKS},
        {name: node.GetAttribute(name) for name in names},
    )


def restore(node: Any, memory: Memory) -> None:
    """Makes the node as it was."""
    was_modifying = node.StartModify()
    try:
        for name in list(node.GetAttributeNames()):
            if name == PLACE_ATTRIBUTE and name not in memory.attributes:
                continue
            if name.startswith(ATTRIBUTE) and name not in memory.attributes:
                node.RemoveAttribute(name)
        for name, value in memory.attributes.items():
            node.SetAttribute(name, value)
        for name, position in memory.positions.items():
            set_position(node, name, position)
            describe(node, name)
    finally:
        node.EndModify(was_modifying)


def map_landmarks(node: Any, mapping: Mapping) -> None:
    """Brings all that a node knows into other coordinates."""
    memory = memory_of(node).mapped(mapping)
    own = {index_of(node, name) for name in LANDMARKS}
    for index in range(node.GetNumberOfControlPoints()):  # points of the user's
        defined = node.GetNthControlPointPositionStatus(index) == node.PositionDefined
        if index not in own and defined:
            node.SetNthControlPointPosition(
                index, *mapping(tuple(node.GetNthControlPointPosition(index)))
            )
    restore(node, memory)


def format_point(point: Point) -> str:
    """As attributes hold it: "R A S" in mm."""
    return " ".join(f"{value:.4f}" for value in point)


def parse_point(text: str | None) -> Point | None:
    """The position that an attribute holds; None if it holds none."""
    try:
        values = tuple(float(value) for value in (text or "").split())
    except ValueError:
        return None
    return values if len(values) == 3 else None
