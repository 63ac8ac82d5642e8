"""The landmarks of one ear as control points of a markups node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import vtk

from ..types import LANDMARK_DEFINITIONS, LANDMARKS, Ear, Landmark, ModelIdentity, Side
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

NODE_NAMES = {"left": "Landmarks left", "right": "Landmarks right"}
ATTRIBUTE = "InnerEarSeg."
SIDE_ATTRIBUTE = ATTRIBUTE + "Side"
VERDICT_ATTRIBUTE = ATTRIBUTE + "Verdict"
"""Node attribute with the quality of the ear: "good", "check" or "poor"."""

EXPECTED_DICE_ATTRIBUTE = ATTRIBUTE + "ExpectedDice"
"""Node attribute with the probable Dice of the ear's segment as it was drawn; may be empty."""

PLACE_ATTRIBUTE = ATTRIBUTE + "CtPlace"
"""Node attribute of a result: where its CT's voxels were, see ``follow_ct``."""

_COLOR = (1.0, 0.92, 0.16)
_GLYPH_MM = 0.7


def confidence_attribute(name: str) -> str:
    """Node attribute with the confidence of a landmark, 0 to 1."""
    return f"{ATTRIBUTE}Confidence.{name}"


def automatic_attribute(name: str) -> str:
    """Node attribute with the automatic position, "R A S" in mm of the CT; empty: not found."""
    return f"{ATTRIBUTE}Automatic.{name}"


def confirmed_attribute(name: str) -> str:
    """Node attribute with the position that the user confirmed, "R A S" in mm of the CT."""
    return f"{ATTRIBUTE}Confirmed.{name}"


def point_attribute(name: str) -> str:
    """Node attribute with the ID of the control point that is a landmark, whatever its label."""
    return f"{ATTRIBUTE}Point.{name}"


def model_attribute(name: str) -> str:
    """Node attribute with name, version and SHA-256 of the model that found a landmark."""
    return f"{ATTRIBUTE}Model.{name}"


def auxiliary_attribute(name: str) -> str:
    """Node attribute with the position of an auxiliary landmark, "R A S" in mm of the CT."""
    return f"{ATTRIBUTE}Auxiliary.{name}"


def radius_attribute(name: str) -> str:
    """Node attribute with the 90 % radius in mm of a landmark, auxiliary ones too; may be empty."""
    return f"{ATTRIBUTE}Radius.{name}"


def add_landmarks(scene: Any, volume_node: Any, ear: Ear, model: ModelIdentity) -> Any:
    """Adds the ear's landmarks, locked, under the CT's parent transform.

    A landmark that was not found is there too, as a point whose position is missing, so that the
    list always has the same points in the same order.

    Returns:
        The vtkMRMLMarkupsFiducialNode.
    """
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", NODE_NAMES[ear.side])
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    node.SetControlPointLabelFormat("")
    node.SetAttribute(SIDE_ATTRIBUTE, ear.side)
    for landmark in ear.landmarks:
        position = vtk.vtkVector3d(*map(float, landmark.ras or ear.geometry.center))
        if node.AddControlPoint(position, landmark.name) < 0:
            raise RuntimeError(f"Slicer did not accept the landmark {landmark.name}")
        set_automatic(node, landmark, model)
    node.SetFixedNumberOfControlPoints(True)
    # Locked as a list too: a middle-drag would otherwise move all points (Slicer#9303).
    node.SetLocked(True)
    show_as_landmark(node)
    return node


def index_of(node: Any, name: str) -> int:
    """Index of a landmark's control point, -1 if there is none."""
    index = int(node.GetControlPointIndexByLabel(name))
    point_id = node.GetAttribute(point_attribute(name))
    if index < 0 and point_id:
        index = int(node.GetControlPointIndexByID(point_id))
        if index >= 0 and node.GetNthControlPointLabel(index) in LANDMARKS:
            return -1
    return index


def set_automatic(node: Any, landmark: Landmark, model: ModelIdentity) -> None:
    """Puts a landmark where it was found, locked, and notes where that is and how sure."""
    name = landmark.name
    # The attributes first: who watches the point sees then that it was not the user who moved it.
    automatic, state = "", "Not found."
    if landmark.ras is not None:
        automatic = " ".join(f"{value:.4f}" for value in landmark.ras)
        state = f"Automatic, {plain_certainty(landmark.confidence, landmark.radius_mm)}."
    node.SetAttribute(confidence_attribute(name), f"{landmark.confidence:.4f}")
    set_radius(node, landmark)
    node.SetAttribute(automatic_attribute(name), automatic)
    node.SetAttribute(model_attribute(name), f"{model.name} {model.version} {model.sha256}")
    node.RemoveAttribute(confirmed_attribute(name))
    index = index_of(node, name)
    if index < 0:  # the user deleted it
        node.SetFixedNumberOfControlPoints(False)
        index = node.AddControlPoint(vtk.vtkVector3d(*map(float, landmark.ras or (0, 0, 0))), name)
        node.SetFixedNumberOfControlPoints(True)
    if landmark.ras is None:
        node.SetNthControlPointPositionMissing(index)
    else:
        node.SetNthControlPointPosition(index, *map(float, landmark.ras))
    definition = LANDMARK_DEFINITIONS.get(name, "")
    node.SetNthControlPointDescription(index, f"{definition} {state}".strip())
    node.SetNthControlPointLocked(index, True)
    node.SetAttribute(point_attribute(name), node.GetNthControlPointID(index))


def set_radius(node: Any, landmark: Landmark) -> None:
    """Notes the 90 % radius of a landmark, also of an auxiliary one."""
    radius = landmark.radius_mm
    node.SetAttribute(radius_attribute(landmark.name), "" if radius is None else f"{radius:.3f}")


def show_as_landmark(node: Any) -> None:
    """Gives a point list the look of landmarks."""
    display = node.GetDisplayNode()
    display.SetSelectedColor(*_COLOR)
    display.SetColor(*_COLOR)
    display.SetActiveColor(*_COLOR)
    # Millimetres, not a share of the window: 0.7 mm is small in an ear of 10 to 20 mm at any zoom.
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(_GLYPH_MM)
    display.SetGlyphTypeFromString("Sphere3D")
    display.SetTextScale(3.2)
    display.SetPointLabelsVisibility(True)
    display.SetPropertiesLabelVisibility(False)
    # In 3D the points lie inside the surface or behind it.
    display.SetOccludedVisibility(True)
    display.SetOccludedOpacity(0.6)


PointMapping = Callable[[Point], Point]
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

    def mapped(self, mapping: PointMapping) -> Memory:
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


def map_landmarks(node: Any, mapping: PointMapping) -> None:
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
