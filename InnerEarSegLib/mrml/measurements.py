"""The measurements of one CT's ears as nodes: a table for both ears, three lines for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import vtk

from ..cochlea.measurements import CochlearMeasurements, measure, signature
from ..types import Side
from .arrays import numpy_matrix, vtk_matrix
from .landmarks import ATTRIBUTE, side_of
from .measurement_nodes import (
    LINE_ATTRIBUTE,
    LINE_NAMES,
    TABLE_NAME,
    add_line,
    empty_line,
    fill_table,
    place_line,
)
from .results import Results, link_to_ct, linked_nodes, read_ear

MADE_FROM_ATTRIBUTE = ATTRIBUTE + "PlannedFrom"
"""Attribute of the table with the signatures of what it was made from."""


@dataclass(frozen=True, eq=False)
class MeasurementNodes:
    """What the scene holds of the plans of one CT.

    Attributes:
        table: the vtkMRMLTableNode, or None.
        lines: the vtkMRMLMarkupsLineNode by side and "A", "B" or "axis".
    """

    table: Any = None
    lines: dict[tuple[Side, str], Any] = field(default_factory=dict)

    @property
    def nodes(self) -> list[Any]:
        """All nodes."""
        first = [] if self.table is None else [self.table]
        return [*first, *self.lines.values()]

    def lines_of(self, side: Side) -> list[Any]:
        """The lines of one ear."""
        return [node for (own, _), node in self.lines.items() if own == side]


def find_measurements(scene: Any, volume_node: Any) -> MeasurementNodes:
    """The plan nodes of a CT; empty if it has none."""
    if volume_node is None or volume_node.GetID() is None:
        return MeasurementNodes()
    tables = linked_nodes(scene, "vtkMRMLTableNode", volume_node)
    lines: dict[tuple[Side, str], Any] = {}
    for node in linked_nodes(scene, "vtkMRMLMarkupsLineNode", volume_node):
        side, name = side_of(node), node.GetAttribute(LINE_ATTRIBUTE)
        if side is not None and name in LINE_NAMES:
            lines.setdefault((side, name), node)
    return MeasurementNodes(tables[0] if tables else None, lines)


def add_measurements(scene: Any, volume_node: Any, sides: Iterable[Side]) -> list[Any]:
    """Adds those nodes of the ears' plans that are not there yet, still empty.

    Returns:
        The nodes that were added.
    """
    found = find_measurements(scene, volume_node)
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    place = selection and (
        selection.GetActivePlaceNodeClassName(),
        selection.GetActivePlaceNodeID(),
    )
    added = []
    if found.table is None:
        added.append(scene.AddNewNodeByClass("vtkMRMLTableNode", TABLE_NAME))
        added[0].SetUseColumnTitleAsColumnHeader(True)
    for side in sides:
        for name in LINE_NAMES:
            if (side, name) not in found.lines:
                added.append(add_line(scene, volume_node, side, name))
    for node in added:
        link_to_ct(node, volume_node)
    if place:  # a new line makes itself the one that Slicer places points in
        selection.SetActivePlaceNodeClassName(place[0])
        selection.SetActivePlaceNodeID(place[1])
    return added


def update_measurements(
    scene: Any, volume_node: Any, results: Results
) -> dict[Side, CochlearMeasurements]:
    """Measure the ears where something has changed, and show that in the scene.

    Nodes that the user deleted stay away; lines of an ear without landmarks become empty.

    Args:
        scene: the vtkMRMLScene.
        volume_node: the CT.
        results: of the CT.

    Returns:
        Each ear's measurements.
    """
    ears = {side: ear for side in results.landmarks if (ear := read_ear(results, side))}
    measured = {side: measure(ear) for side, ear in ears.items()}
    nodes = find_measurements(scene, volume_node)
    for (side, _), node in nodes.lines.items():
        if side in measured:
            place_line(node, results.landmarks[side], measured[side])
        else:
            empty_line(node)
    signatures = " ".join(f"{side}:{signature(ears[side])}" for side in sorted(ears))
    if nodes.table is not None and nodes.table.GetAttribute(MADE_FROM_ATTRIBUTE) != signatures:
        fill_table(nodes.table, measured)
        nodes.table.SetAttribute(MADE_FROM_ATTRIBUTE, signatures)
    return measured


class SavedMeasurements:
    """The plan nodes of a CT as they were.

    Args:
        nodes: those that are there.
    """

    def __init__(self, nodes: MeasurementNodes) -> None:
        self._nodes = nodes
        if nodes.table is not None:
            self._table = vtk.vtkTable()
            self._table.DeepCopy(nodes.table.GetTable())
            self._made_from = nodes.table.GetAttribute(MADE_FROM_ATTRIBUTE)
        self._lines = [
            (
                node,
                node.GetTransformNodeID(),
                [(_end(node, index), node.GetNthControlPointLabel(index)) for index in (0, 1)],
                numpy_matrix(node.GetInteractionHandleToWorldMatrix()),
            )
            for node in nodes.lines.values()
            if node.GetNumberOfControlPoints() == 2
        ]

    def restore(self) -> None:
        """Makes them as they were."""
        if self._nodes.table is not None:
            self._nodes.table.SetAndObserveTable(self._table)
            self._nodes.table.SetAttribute(MADE_FROM_ATTRIBUTE, self._made_from)
        for node, transform, ends, handle in self._lines:
            node.SetAndObserveTransformNodeID(transform)
            for index, (end, label) in enumerate(ends):
                node.SetNthControlPointLabel(index, label)
                if end is None:
                    node.SetNthControlPointPositionMissing(index)
                else:
                    node.SetNthControlPointPosition(index, *end)
            # Slicer turns it along the line, by a way that depends on where the line was.
            node.GetInteractionHandleToWorldMatrix().DeepCopy(vtk_matrix(handle))


def _end(node: Any, index: int) -> tuple[float, ...] | None:
    if node.GetNthControlPointPositionStatus(index) != node.PositionDefined:
        return None
    return tuple(node.GetNthControlPointPosition(index))
