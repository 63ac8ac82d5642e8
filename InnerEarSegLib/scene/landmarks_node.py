"""The landmarks of one ear as a list of control points."""

from __future__ import annotations

from typing import Any

import vtk

from ..results import LANDMARK_DEFINITIONS, Ear, Landmark

NODE_NAMES = {"left": "Landmarks left", "right": "Landmarks right"}
ATTRIBUTE = "InnerEarSeg."
SIDE_ATTRIBUTE = ATTRIBUTE + "Side"

_COLOR = (1.0, 0.92, 0.16)
_GLYPH_MM = 0.7


def confidence_attribute(name: str) -> str:
    """Node attribute with the confidence of a landmark, 0 to 1."""
    return f"{ATTRIBUTE}Confidence.{name}"


def automatic_attribute(name: str) -> str:
    """Node attribute with the automatic position, "R A S" in mm of the CT; empty: not found."""
    return f"{ATTRIBUTE}Automatic.{name}"


def add_landmarks(scene: Any, volume_node: Any, ear: Ear) -> Any:
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
        _add_point(node, landmark, tuple(ear.geometry.center))
    node.SetFixedNumberOfControlPoints(True)
    # Locked as a list too: a middle-drag would otherwise move all points (Slicer#9303).
    node.SetLocked(True)
    _show(node)
    return node


def _add_point(node: Any, landmark: Landmark, elsewhere: tuple[float, ...]) -> None:
    found = landmark.ras is not None
    position = landmark.ras if landmark.ras is not None else elsewhere
    index = node.AddControlPoint(vtk.vtkVector3d(*map(float, position)), landmark.name)
    if index < 0:
        raise RuntimeError(f"Slicer did not accept the landmark {landmark.name}")
    definition = LANDMARK_DEFINITIONS.get(landmark.name, "")
    state = f"Automatic, confidence {landmark.confidence:.2f}." if found else "Not found."
    node.SetNthControlPointDescription(index, f"{definition} {state}".strip())
    if not found:
        node.SetNthControlPointPositionMissing(index)
    node.SetNthControlPointLocked(index, True)
    node.SetAttribute(confidence_attribute(landmark.name), f"{landmark.confidence:.4f}")
    automatic = "" if landmark.ras is None else " ".join(f"{v:.4f}" for v in landmark.ras)
    node.SetAttribute(automatic_attribute(landmark.name), automatic)


def _show(node: Any) -> None:
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
