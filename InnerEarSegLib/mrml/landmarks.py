"""The landmarks of one ear as control points of a markups node, and back.

A control point holds the present position; attributes of the node hold what else is known: where
the network found the landmark, how sure it was, what the user confirmed. A landmark's state follows
from these (see ``types.Landmark``), so that a point moved from anywhere shows up as corrected.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from slicer.util import NodeModify
from vtkmodules.vtkCommonDataModel import vtkVector3d

from ..types import (
    AUTOMATIC,
    AUXILIARY,
    CONFIRMED,
    LANDMARK_DEFINITIONS,
    LANDMARKS,
    SAME_MM,
    Ear,
    Findings,
    Landmark,
    ModelIdentity,
    Point,
    Side,
)
from .scene import configure

NODE_NAMES = {"left": "Landmarks left", "right": "Landmarks right"}
ATTRIBUTE = "InnerEarSeg."

# Attributes of a node.
SIDE_ATTRIBUTE = ATTRIBUTE + "Side"
REASONS_ATTRIBUTE = ATTRIBUTE + "Warnings"  # of the ear's verdict, a line each
RUN_WARNINGS_ATTRIBUTE = ATTRIBUTE + "RunWarnings"  # of the run that found the ear, a line each
VERDICT_ATTRIBUTE = ATTRIBUTE + "Verdict"  # quality of the ear: "good", "check" or "poor"
FINDINGS_ATTRIBUTE = ATTRIBUTE + "Findings"  # JSON; missing in scenes of earlier versions
PLACE_ATTRIBUTE = ATTRIBUTE + "CtPlace"  # where its CT's voxels were, see ``follow_ct``
FOUND_PLACE_ATTRIBUTE = ATTRIBUTE + "CtPlaceFound"  # where they were when it was found

# Attributes of a single landmark; its name follows. Positions are "R A S" in mm of the CT.
CONFIDENCE = ATTRIBUTE + "Confidence."
AUTOMATIC_POSITION = ATTRIBUTE + "Automatic."  # empty: not found
CONFIRMED_POSITION = ATTRIBUTE + "Confirmed."  # ABSENT: the user confirmed that it is not there
AUXILIARY_POSITION = ATTRIBUTE + "Auxiliary."
RADIUS = ATTRIBUTE + "Radius."  # 90 % radius in mm, of auxiliary landmarks too; may be empty
MODEL = ATTRIBUTE + "Model."  # that found it; in a segmentation, by side, that drew the segment
POINT_ID = ATTRIBUTE + "Point."  # ID of the control point, whatever its label

ABSENT = "absent"

PointMapping = Callable[[Point], Point]  # from a node's old coordinates to its new ones, RAS mm


def add_landmarks(scene: Any, volume_node: Any, side: Side) -> Any:
    """Add a vtkMRMLMarkupsFiducialNode for an ear's landmarks under the CT's parent transform."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", NODE_NAMES[side])
    node.CreateDefaultDisplayNodes()
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    node.SetControlPointLabelFormat("")
    node.SetAttribute(SIDE_ATTRIBUTE, side)
    show_as_landmark(node)
    return node


def set_automatic(
    node: Any, landmark: Landmark, model: ModelIdentity, middle: Sequence[float] = (0.0, 0.0, 0.0)
) -> None:
    """Put a landmark where it was found, locked, and note where that is and how sure.

    One that was not found is a point whose position is missing, so that the list always has the
    same points in the same order. The Markups module may restore it, to the ear's middle.
    """
    name, found = landmark.name, landmark.automatic_ras
    # The attributes first: who watches the point sees then that it was not the user who moved it.
    node.SetAttribute(CONFIDENCE + name, f"{landmark.confidence:.4f}")
    node.SetAttribute(RADIUS + name, _decimals(landmark.radius_mm))
    node.SetAttribute(AUTOMATIC_POSITION + name, format_point(found))
    set_model(node, name, model)
    node.RemoveAttribute(CONFIRMED_POSITION + name)
    index = index_of(node, name)
    if index < 0:  # new, or the user deleted it
        node.SetFixedNumberOfControlPoints(False)
        place = middle if found is None else found
        index = node.AddControlPoint(vtkVector3d(*map(float, place)), name)
        if index < 0:
            raise RuntimeError(f"Slicer did not accept the landmark {name}")
        node.SetFixedNumberOfControlPoints(True)
    set_position(node, name, found)
    describe(node, name)
    node.SetNthControlPointLocked(index, True)
    node.SetAttribute(POINT_ID + name, node.GetNthControlPointID(index))


def set_model(node: Any, name: str, model: ModelIdentity) -> None:
    """Note which model found a landmark, or drew a side's segment."""
    node.SetAttribute(MODEL + name, model_text(model))


def model_text(model: ModelIdentity) -> str:
    """Return name, version and SHA-256, as attributes hold them."""
    return f"{model.name} {model.version} {model.sha256}"


def reasons_of(node: Any) -> list[str]:
    """Return the reasons of an ear's verdict."""
    return (node.GetAttribute(REASONS_ATTRIBUTE) or "").splitlines()


def follow_landmarks(node: Any, landmarks: Any) -> None:
    """Put a node under the transform of the ear's landmarks, if there are any."""
    if landmarks is not None and node.GetTransformNodeID() != landmarks.GetTransformNodeID():
        node.SetAndObserveTransformNodeID(landmarks.GetTransformNodeID())


def set_ear_attributes(node: Any, ear: Ear, warnings: Sequence[str]) -> None:
    """Note an ear's quality, findings and auxiliary landmarks, and the warnings of its run."""
    node.SetAttribute(RUN_WARNINGS_ATTRIBUTE, "\n".join(warnings))
    node.SetAttribute(VERDICT_ATTRIBUTE, ear.quality.verdict)
    findings = json.dumps(ear.findings.to_json()) if ear.findings else None
    node.SetAttribute(FINDINGS_ATTRIBUTE, findings)
    node.SetAttribute(REASONS_ATTRIBUTE, "\n".join(ear.quality.reasons))
    for landmark in ear.auxiliary:
        node.SetAttribute(RADIUS + landmark.name, _decimals(landmark.radius_mm))
        node.SetAttribute(AUXILIARY_POSITION + landmark.name, format_point(landmark.ras))


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def show_as_landmark(node: Any) -> None:
    """Give a point list the look of landmarks."""
    display = style_markups(node, (1.0, 0.92, 0.16), glyph_mm=0.7, text_scale=2.6)
    display.SetGlyphTypeFromString("Sphere3D")


def style_markups(
    node: Any, color: tuple[float, float, float], glyph_mm: float, text_scale: float
) -> Any:
    """Set color, sizes and labels of a markups node; return its display node."""
    return configure(
        node.GetDisplayNode(),
        Color=color,
        SelectedColor=color,
        ActiveColor=color,
        # Millimetres, not a share of the window: small in an ear of 10 to 20 mm at any zoom.
        UseGlyphScale=False,
        GlyphSize=glyph_mm,
        TextScale=text_scale,
        PointLabelsVisibility=True,
        PropertiesLabelVisibility=False,
        # In 3D the points lie inside the surface or behind it.
        OccludedVisibility=True,
        OccludedOpacity=0.6,
    )


def side_of(node: Any) -> Side | None:
    """Return the ear that a markups node belongs to; None if InnerEarSeg did not make it."""
    side = node.GetAttribute(SIDE_ATTRIBUTE)
    return side if side in ("left", "right") else None


def index_of(node: Any, name: str) -> int:
    """Return the index of a landmark's control point, -1 if there is none."""
    index = int(node.GetControlPointIndexByLabel(name))
    point_id = node.GetAttribute(POINT_ID + name)
    if index < 0 and point_id:
        index = int(node.GetControlPointIndexByID(point_id))
        if index >= 0 and node.GetNthControlPointLabel(index) in LANDMARKS:
            return -1
    return index


def position_of(node: Any, name: str) -> Point | None:
    """Return where the landmark is; None where its position is not defined."""
    return point_at(node, index_of(node, name))


def point_at(node: Any, index: int) -> Point | None:
    """Return a control point's position; None where it is not defined."""
    # A missing point still returns numbers: only its status tells.
    if index < 0 or node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
        return None
    return tuple(node.GetNthControlPointPosition(index))


def node_landmarks(node: Any) -> dict[str, Point | None]:
    """Return the node's own RAS mm by label; None where the position is missing."""
    indices = range(node.GetNumberOfControlPoints())
    return {node.GetNthControlPointLabel(index): point_at(node, index) for index in indices}


def automatic_of(node: Any, name: str) -> Point | None:
    """Return where the landmark was found, None if it was not."""
    return parse_point(node.GetAttribute(AUTOMATIC_POSITION + name))


def findings_of(node: Any) -> Findings | None:
    """Return what was found of the ear automatically; None in scenes of earlier versions."""
    try:
        return Findings.from_json(json.loads(node.GetAttribute(FINDINGS_ATTRIBUTE) or ""))
    except (ValueError, KeyError, TypeError):
        return None


def number_of(node: Any, attribute: str) -> float | None:
    """Return the number that a node's attribute holds; None if it holds none."""
    try:
        return float(node.GetAttribute(attribute) or "")
    except ValueError:
        return None


def landmark_of(node: Any, name: str) -> Landmark:
    """Return a landmark as the node has it now."""
    position, confirmed = position_of(node, name), node.GetAttribute(CONFIRMED_POSITION + name)
    if position is None:
        settled = confirmed == ABSENT
    else:
        settled = same_place(position, parse_point(confirmed))
    confidence, radius = (number_of(node, kind + name) for kind in (CONFIDENCE, RADIUS))
    found = automatic_of(node, name)
    return Landmark(name, position, confidence or 0.0, radius, found, settled)


def auxiliary_of(node: Any) -> tuple[Landmark, ...]:
    """Return the auxiliary landmarks that are known; their confidence is not stored, 0."""
    return tuple(
        Landmark(name, place, 0.0, number_of(node, RADIUS + name))
        for name in AUXILIARY
        if (place := parse_point(node.GetAttribute(AUXILIARY_POSITION + name))) is not None
    )


def set_position(node: Any, name: str, position: Point | None) -> None:
    """Put the point somewhere, or mark it as missing."""
    index = index_of(node, name)
    if index < 0:
        return
    if position is None:
        node.SetNthControlPointPositionMissing(index)
    else:
        node.SetNthControlPointPosition(index, *map(float, position))


def confirm(node: Any, name: str) -> None:
    """Note that the user agrees with what is there now."""
    position = position_of(node, name)
    text = ABSENT if position is None else format_point(position)
    node.SetAttribute(CONFIRMED_POSITION + name, text)


def describe(node: Any, name: str) -> None:
    """Put the state into the point's description, for files and programs without this module."""
    index = index_of(node, name)
    if index < 0:
        return
    landmark = landmark_of(node, name)
    words = landmark.state.capitalize()
    if landmark.state in (AUTOMATIC, CONFIRMED):
        radius = landmark.radius_mm
        words += (
            f", confidence {landmark.confidence:.2f}"
            if radius is None
            else f", within {radius:.2f} mm in 9 of 10 cases"
        )
    text = f"{LANDMARK_DEFINITIONS.get(name, '')} {words}.".strip()
    if node.GetNthControlPointDescription(index) != text:
        node.SetNthControlPointDescription(index, text)


@dataclass(frozen=True)
class Snapshot:
    """A copy of all that a step of the review can change in a node; locks are not part of it."""

    positions: dict[str, Point | None]
    attributes: dict[str, str]

    @classmethod
    def of(cls, node: Any) -> Snapshot:
        """Take one of a markups node as it is now."""
        names = [name for name in node.GetAttributeNames() if name.startswith(ATTRIBUTE)]
        return cls(
            {name: position_of(node, name) for name in LANDMARKS},
            {name: node.GetAttribute(name) for name in names},
        )

    def restore(self, node: Any) -> None:
        """Make the node as it was."""
        with NodeModify(node):
            for name in list(node.GetAttributeNames()):
                kept = name == PLACE_ATTRIBUTE or not name.startswith(ATTRIBUTE)
                if name not in self.attributes and not kept:
                    node.RemoveAttribute(name)
            for name, value in self.attributes.items():
                node.SetAttribute(name, value)
            for name, position in self.positions.items():
                set_position(node, name, position)
                describe(node, name)

    def moved(self, other: Snapshot) -> list[str]:
        """Return the names of the landmarks that lie elsewhere."""
        there = other.positions
        return [x for x, here in self.positions.items() if not same_place(here, there.get(x))]

    def found_as(self, other: Snapshot) -> bool:
        """Whether both come from the same run: same automatic positions and models."""
        kinds = (AUTOMATIC_POSITION, MODEL, CONFIDENCE, RADIUS)
        changed = self.attributes.items() ^ other.attributes.items()
        return not any(name.startswith(kinds) for name, _ in changed)

    def mapped(self, mapping: PointMapping) -> Snapshot:
        """Return the same in other coordinates, without the CT's place."""
        attributes = {n: text for n, text in self.attributes.items() if n != PLACE_ATTRIBUTE}
        for name, text in attributes.items():
            point = parse_point(text)
            held = (AUTOMATIC_POSITION, CONFIRMED_POSITION, AUXILIARY_POSITION)
            if point is not None and name.startswith(held):
                attributes[name] = format_point(mapping(point))
        here = self.positions.items()
        return Snapshot({x: None if at is None else mapping(at) for x, at in here}, attributes)

    def changed_landmark(self, other: Snapshot) -> str:
        """Return the name of the landmark that the step between two snapshots was about."""
        changed = self.attributes.items() ^ other.attributes.items()
        noted = [x for x in LANDMARKS if any(name.endswith(x) for name, _ in changed)]
        return [*self.moved(other), *noted, LANDMARKS[0]][0]


def map_landmarks(node: Any, mapping: PointMapping) -> None:
    """Bring all that a node holds into other coordinates, the user's own points too."""
    snapshot = Snapshot.of(node).mapped(mapping)
    own = {index_of(node, name) for name in LANDMARKS}
    for index in range(node.GetNumberOfControlPoints()):
        point = point_at(node, index)
        if index not in own and point is not None:
            node.SetNthControlPointPosition(index, *mapping(point))
    snapshot.restore(node)


def same_place(one: Point | None, other: Point | None) -> bool:
    """Whether two positions, or two missing ones, are the same."""
    if one is None or other is None:
        return one is other
    return math.dist(one, other) <= SAME_MM


def format_point(point: Point | None) -> str:
    """Return a position as attributes hold it: "R A S" in mm, empty for None."""
    return "" if point is None else " ".join(f"{value:.4f}" for value in point)


def parse_point(text: str | None) -> Point | None:
    """Return the position that an attribute holds; None if it holds none."""
    try:
        values = tuple(float(value) for value in (text or "").split())
    except ValueError:
        return None
    return values if len(values) == 3 else None
