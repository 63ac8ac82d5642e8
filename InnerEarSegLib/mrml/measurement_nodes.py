"""The measurements' table, and the diameters A and B and the modiolar axis as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import slicer
import vtk

from ..cochlea.catalogue import Measurement
from ..cochlea.measurements import CochlearMeasurements, compare
from ..types import Side
from .landmarks import ATTRIBUTE, SIDE_ATTRIBUTE
from .segments import COLORS

LINE_ATTRIBUTE = ATTRIBUTE + "Line"
"""Node attribute with what a line shows: "A", "B" or "axis"."""

LINE_NAMES = {"A": "A diameter", "B": "B diameter", "axis": "Modiolar axis"}

_LABELLED_END = {"A": 1, "B": 0, "axis": 0}
"""Which end has the label: not where a landmark has its own."""

_DEFINITIONS = {
    "A": "Round window through the modiolar axis to the opposite lateral wall.",
    "B": "Between the lateral walls, perpendicular to A.",
    "axis": "The modiolus, from the base of the cochlea to its apex.",
}


def add_line(scene: Any, volume_node: Any, side: Side, name: str) -> Any:
    """Adds a line without a place, locked, not shown, under the CT's parent transform.

    Returns:
        The vtkMRMLMarkupsLineNode.
    """
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", f"{LINE_NAMES[name]} {side}")
    node.CreateDefaultDisplayNodes()
    node.SetAttribute(SIDE_ATTRIBUTE, side)
    node.SetAttribute(LINE_ATTRIBUTE, name)
    node.SetDescription(_DEFINITIONS[name])
    node.SetControlPointLabelFormat("")
    for _ in range(2):
        index = node.AddControlPoint(vtk.vtkVector3d(0.0, 0.0, 0.0), " ")
        if index < 0:
            raise RuntimeError(f"Slicer did not accept the line {node.GetName()}")
        node.SetNthControlPointPositionMissing(index)
    node.SetFixedNumberOfControlPoints(True)
    node.SetLocked(True)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    _show_as_line(node, side)
    return node


def place_line(node: Any, landmarks: Any, plan: CochlearMeasurements) -> None:
    """Puts a line where the plan has it, under the landmarks' parent transform.

    Args:
        node: the vtkMRMLMarkupsLineNode; it gets no place if the plan has none for it.
        landmarks: the ear's vtkMRMLMarkupsFiducialNode, in whose RAS mm the plan is. Not the CT:
            the user may have put the results' folder under a transform of its own.
        plan: of the ear.
    """
    name = node.GetAttribute(LINE_ATTRIBUTE)
    ends = plan.lines.get(name)
    was_modifying = node.StartModify()
    try:
        if node.GetTransformNodeID() != landmarks.GetTransformNodeID():
            node.SetAndObserveTransformNodeID(landmarks.GetTransformNodeID())
        for index in range(min(2, node.GetNumberOfControlPoints())):
            if ends is None:
                node.SetNthControlPointPositionMissing(index)
            else:
                node.SetNthControlPointPosition(index, *map(float, ends[index]))
        if ends is not None and node.GetNumberOfControlPoints() == 2:
            length = sum((ends[0] - ends[1]) ** 2) ** 0.5
            text = "modiolus" if name == "axis" else f"{name} {length:.1f} mm"
            node.SetNthControlPointLabel(_LABELLED_END[name], text)
    finally:
        node.EndModify(was_modifying)


def empty_line(node: Any) -> None:
    """Takes a line's place away: its ear is gone."""
    was_modifying = node.StartModify()
    try:
        for index in range(node.GetNumberOfControlPoints()):
            node.SetNthControlPointPositionMissing(index)
            node.SetNthControlPointLabel(index, " ")
    finally:
        node.EndModify(was_modifying)


def _show_as_line(node: Any, side: Side) -> None:
    display = node.GetDisplayNode()
    for set_color in (display.SetColor, display.SetSelectedColor, display.SetActiveColor):
        set_color(*COLORS[side])
    # At an end: name and length in the middle of each would lie upon each other at the axis.
    display.SetPointLabelsVisibility(True)
    display.SetPropertiesLabelVisibility(False)
    display.SetUseGlyphScale(False)
    display.SetGlyphSize(0.35)
    display.SetCurveLineSizeMode(slicer.vtkMRMLMarkupsDisplayNode.UseLineDiameter)
    display.SetLineDiameter(0.12)
    display.SetTextScale(2.6)
    display.SetOccludedVisibility(True)
    display.SetOccludedOpacity(0.6)
    # The landmarks are checked first; lines through them would be in the way.
    display.SetVisibility(False)


TABLE_NAME = "Cochlear measurements"

SIDES: tuple[Side, ...] = ("left", "right")


def fill_table(node: Any, plans: Mapping[Side, CochlearMeasurements]) -> None:
    """Writes the measurements of the ears that are there.

    One row a measurement: its name and unit; for each ear the value and the half width of its 90 %
    interval; with two ears left minus right; remarks, definition and source.

    Args:
        node: the vtkMRMLTableNode; what it held is replaced.
        plans: of one ear or of both.
    """
    sides = [side for side in SIDES if side in plans]
    columns: dict[str, list[str]] = {"Measurement": [], "Unit": []}
    for side in sides:
        columns |= {side.capitalize(): [], f"± {side}": []}
    if len(sides) == 2:
        columns["Left - right"] = []
    columns |= {"Remark": [], "Definition": [], "Source": []}
    rows = [plans[side].measurements for side in sides]
    differences: dict[str, Measurement] = {}
    if len(sides) == 2:
        differences = {item.key: item for item in compare(plans["left"], plans["right"])}
    for items in zip(*rows, strict=True):
        first = items[0]
        columns["Measurement"].append(first.label)
        columns["Unit"].append(first.unit)
        for side, item in zip(sides, items, strict=True):
            columns[side.capitalize()].append(_number(item.value))
            columns[f"± {side}"].append(_number(item.uncertainty))
        if len(sides) == 2:
            difference = differences.get(first.key)
            columns["Left - right"].append(
                _number(None if difference is None else difference.value)
            )
        pairs = zip(sides, items, strict=True)
        columns["Remark"].append(_remarks({s: plans[s].remark_on(item) for s, item in pairs}))
        columns["Definition"].append(first.definition)
        columns["Source"].append(first.source)
    node.SetAndObserveTable(_table(columns))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _remarks(of_each: Mapping[Side, str]) -> str:
    """What is to be said on either ear's value."""
    said = {side: remark for side, remark in of_each.items() if remark}
    if len(set(said.values())) == 1 and len(said) == len(of_each):
        return next(iter(said.values()))
    return "; ".join(f"{side}: {remark}" for side, remark in said.items())


def _table(columns: Mapping[str, list[str]]) -> Any:
    table = vtk.vtkTable()
    for name, values in columns.items():
        array = vtk.vtkStringArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    return table
