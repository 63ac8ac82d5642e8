"""The landmarks of one ear as a list of control points."""

from __future__ import annotations

from typing import Any

import vtk

from ..results import LANDMARK_DEFINITIONS, LANDMARKS, Ear, Landmark, ModelIdentity

NODE_NAMES = {"left": "Landmarks left", "right": "Landmarks right"}
ATTRIBUTE = "InnerEarSeg."
SIDE_ATTRIBUTE = ATTRIBUTE + "Side"
VERDICT_ATTRIBUTE = ATTRIBUTE + "Verdict"
"""Node attribute with the quality of the ear: "good", "check" or "poor"."""

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
        state = f"Automatic, confidence {landmark.confidence:.2f}."
    node.SetAttribute(confidence_attribute(name), f"{landmark.confidence:.4f}")
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
