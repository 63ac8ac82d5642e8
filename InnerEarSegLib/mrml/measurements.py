"""The measurements of one CT's ears in the scene: a table for both ears, three lines for each."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from slicer.util import NodeModify
from vtkmodules.vtkCommonCore import vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable, vtkVector3d

from ..cochlea.measurements import CochlearMeasurements, compare, measure_steps, signature
from ..progress import run_steps
from ..report.figures import AXIS, LINE_A, LINE_B, rgb
from ..types import SIDES, Ear, Side
from .landmarks import ATTRIBUTE, SIDE_ATTRIBUTE, follow_landmarks, side_of, style_markups
from .results import Results, link_to_ct, linked_nodes, read_ear
from .scene import keep_place_node

LINE_ATTRIBUTE = ATTRIBUTE + "Line"  # what a line shows: "A", "B" or "axis"
MADE_FROM_ATTRIBUTE = ATTRIBUTE + "PlannedFrom"  # signatures of what the table was made from

TABLE_NAME = "Cochlear measurements"
LINE_NAMES = {"A": "A diameter", "B": "B diameter", "axis": "Modiolar axis"}

LINE_COLORS = {
    name: (red / 255.0, green / 255.0, blue / 255.0)
    for name, (red, green, blue) in (("A", rgb(LINE_A)), ("B", rgb(LINE_B)), ("axis", rgb(AXIS)))
}
"""RGB from 0 to 1, as in the report; unlike those of ears and landmarks."""

_LABELLED_END = {"left": {"A": 1, "B": 0}, "right": {"A": 0, "B": 0}}
"""Labels go to the right of a point: in the Cochlear view, away from the cochlea at these ends. The
axis needs none."""
_DEFINITIONS = {
    "A": "Round window through the modiolar axis to the opposite lateral wall.",
    "B": "Between the lateral walls, perpendicular to A.",
    "axis": "The modiolus, from the base of the cochlea to its apex.",
}


@dataclass(frozen=True, eq=False)
class MeasurementNodes:
    """What the scene holds of the measurements of one CT."""

    table: Any = None  # the vtkMRMLTableNode
    lines: dict[tuple[Side, str], Any] = field(default_factory=dict)  # by side and LINE_NAMES' key

    @property
    def nodes(self) -> list[Any]:
        """All nodes."""
        return [node for node in (self.table, *self.lines.values()) if node is not None]

    def lines_of(self, side: Side) -> list[Any]:
        """The lines of one ear."""
        return [node for (own, _), node in self.lines.items() if own == side]


def find_measurements(scene: Any, volume_node: Any) -> MeasurementNodes:
    """Find the measurements of a CT; empty if it has none."""
    tables = linked_nodes(scene, "vtkMRMLTableNode", volume_node)
    lines: dict[tuple[Side, str], Any] = {}
    for node in linked_nodes(scene, "vtkMRMLMarkupsLineNode", volume_node):
        side, name = side_of(node), node.GetAttribute(LINE_ATTRIBUTE)
        if side is not None and name in LINE_NAMES:
            lines.setdefault((side, name), node)
    return MeasurementNodes(next(iter(tables), None), lines)


def add_measurement_steps(
    scene: Any, volume_node: Any, sides: Iterable[Side]
) -> Generator[None, None, list[Any]]:
    """Add the missing nodes of the ears' measurements, still empty, one a step.

    Returns:
        What was added.
    """
    found = find_measurements(scene, volume_node)
    restore_place_node = keep_place_node(scene)
    added = []
    if found.table is None:
        added.append(scene.AddNewNodeByClass("vtkMRMLTableNode", TABLE_NAME))
        added[0].SetUseColumnTitleAsColumnHeader(True)
    for side in sides:
        for name in LINE_NAMES:
            if (side, name) not in found.lines:
                added.append(_add_line(scene, volume_node, side, name))
                restore_place_node()
                yield
    for node in added:
        link_to_ct(node, volume_node)
    return added


def update_measurements(
    scene: Any, volume_node: Any, results: Results
) -> dict[Side, CochlearMeasurements]:
    """Measure the ears, show that in the scene, and return each ear's measurements.

    Nodes that the user deleted stay away; lines of an ear without landmarks become empty.
    """
    return run_steps(update_steps(scene, volume_node, results))


def update_steps(
    scene: Any, volume_node: Any, results: Results
) -> Generator[None, None, dict[Side, CochlearMeasurements]]:
    """``update_measurements`` in short steps; the scene changes in the last ones."""
    ears = _ears(results)
    measured = {}
    for side, ear in ears.items():
        measured[side] = yield from measure_steps(ear)
    nodes = find_measurements(scene, volume_node)
    for (side, _), node in nodes.lines.items():
        _place_line(node, results.landmarks.get(side), measured.get(side))
        yield
    signatures = _signatures(ears)
    if nodes.table is not None and nodes.table.GetAttribute(MADE_FROM_ATTRIBUTE) != signatures:
        _fill_table(nodes.table, measured)
        nodes.table.SetAttribute(MADE_FROM_ATTRIBUTE, signatures)
    return measured


def table_is_current(scene: Any, volume_node: Any, results: Results) -> bool:
    """Whether there is a table, made from the ears as they are now."""
    table = find_measurements(scene, volume_node).table
    return table is not None and table.GetAttribute(MADE_FROM_ATTRIBUTE) == _signatures(
        _ears(results)
    )


def _ears(results: Results) -> dict[Side, Ear]:
    return {side: ear for side in results.landmarks if (ear := read_ear(results, side))}


def _signatures(ears: Mapping[Side, Ear]) -> str:
    return " ".join(f"{side}:{signature(ears[side])}" for side in sorted(ears))


def _add_line(scene: Any, volume_node: Any, side: Side, name: str) -> Any:
    """Add a line without a place, locked, not shown, under the CT's parent transform."""
    node = scene.AddNewNodeByClass("vtkMRMLMarkupsLineNode", f"{LINE_NAMES[name]} {side}")
    node.CreateDefaultDisplayNodes()
    node.SetAttribute(SIDE_ATTRIBUTE, side)
    node.SetAttribute(LINE_ATTRIBUTE, name)
    node.SetDescription(_DEFINITIONS[name])
    node.SetControlPointLabelFormat("")
    for _ in range(2):
        index = node.AddControlPoint(vtkVector3d(0.0, 0.0, 0.0), " ")
        if index < 0:
            raise RuntimeError(f"Slicer did not accept the line {node.GetName()}")
        node.SetNthControlPointPositionMissing(index)
    node.SetFixedNumberOfControlPoints(True)
    node.SetLocked(True)
    node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    # At an end: name and length in the middle of each would lie upon each other at the axis.
    display = style_markups(node, LINE_COLORS[name], glyph_mm=0.35, text_scale=2.2)
    display.SetCurveLineSizeMode(display.UseLineDiameter)
    display.SetLineDiameter(0.12)
    # The landmarks are checked first; lines through them would be in the way.
    display.SetVisibility(False)
    return node


def _place_line(node: Any, landmarks: Any, measured: CochlearMeasurements | None) -> None:
    """Put a line where it was measured, under the landmarks' parent transform.

    Not under the CT's: the user may have put the results' folder under a transform of its own.
    """
    name = node.GetAttribute(LINE_ATTRIBUTE)
    ends = None if measured is None else measured.lines.get(name)
    with NodeModify(node):
        follow_landmarks(node, landmarks)
        for index in range(min(2, node.GetNumberOfControlPoints())):
            text = " "
            if measured is None or ends is None:
                node.SetNthControlPointPositionMissing(index)
            else:
                node.SetNthControlPointPosition(index, *map(float, ends[index]))
                if index == _LABELLED_END[measured.side].get(name):
                    text = f"{name} {math.dist(*ends):.1f} mm"
                    if measured.side == "right" and name == "A":
                        text += "\n "  # above the name of the round window
            node.SetNthControlPointLabel(index, text)


def _fill_table(node: Any, measured: Mapping[Side, CochlearMeasurements]) -> None:
    """Write the measurements of the ears that are there, a row each, in place of earlier ones.

    Each ear has its value and the half width of its 90 % interval; two ears have a difference.
    """
    ears = [measured[side] for side in SIDES if side in measured]
    keys = [item.key for item in ears[0].measurements] if ears else []
    columns = {
        "Measurement": [ears[0][key].label for key in keys],
        "Unit": [ears[0][key].unit for key in keys],
    }
    for ear in ears:
        columns[ear.side.capitalize()] = [_number(ear[key].value) for key in keys]
        columns[f"± {ear.side}"] = [_number(ear[key].uncertainty) for key in keys]
    if len(ears) == 2:
        differences = {item.key: item.value for item in compare(*ears)}
        columns["Left - right"] = [_number(differences.get(key)) for key in keys]
    columns["Remark"] = [
        _remarks({ear.side: ear.remark_on(ear[key]) for ear in ears}) for key in keys
    ]
    columns["Definition"] = [ears[0][key].definition for key in keys]
    columns["Source"] = [ears[0][key].source for key in keys]
    table = vtkTable()
    for name, values in columns.items():
        array = vtkStringArray()
        array.SetName(name)
        for value in values:
            array.InsertNextValue(value)
        table.AddColumn(array)
    node.SetAndObserveTable(table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _remarks(of_each: Mapping[Side, str]) -> str:
    """Remarks on either ear's value; said once if both have the same."""
    if len(set(of_each.values())) == 1:
        return next(iter(of_each.values()))
    return "; ".join(f"{side}: {remark}" for side, remark in of_each.items() if remark)
