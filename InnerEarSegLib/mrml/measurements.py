"""The measurements of one CT's ears as nodes: a table for both ears, three lines for each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from .. import __version__
from ..cochlea.measurements import CochlearMeasurements, measure_cochlea
from ..types import AUXILIARY, LANDMARKS, Geometry, Landmark, Side
from .arrays import numpy_matrix, vtk_matrix
from .landmark_state import BY_HAND, Point
from .landmarks import (
    ATTRIBUTE,
    auxiliary_attribute,
    parse_point,
    position_of,
    radius_of,
    row_of,
    set_radius,
    side_of,
)
from .measurement_nodes import (
    LINE_ATTRIBUTE,
    LINE_NAMES,
    TABLE_NAME,
    add_line,
    empty_line,
    fill_table,
    place_line,
)
from .results import Results, link_to_ct, linked_nodes
from .segments import segment_content

HAND_RADIUS_MM = 0.2
"""90 % radius that a landmark counts with once the user has moved or placed it. An assumption: who
corrects a point means it, so it counts more than the network's 0.5 mm, and clicks still scatter."""


@dataclass(frozen=True, eq=False)
class MeasurementInput:
    """One ear, in its landmarks' own RAS mm, which are those of its CT.

    Attributes:
        side: of the ear.
        labyrinth: uint8 [k, j, i]; a single 0 where there is no segment.
        geometry: its grid.
        landmarks: by name, those that are there.
        radii: 90 % radius in mm by name, as far as known.
        auxiliary: by name, those that are known.
    """

    side: Side
    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    landmarks: dict[str, Point]
    radii: dict[str, float]
    auxiliary: dict[str, Point]

    @property
    def signature(self) -> str:
        """The same for the same input."""
        digest = hashlib.sha256(np.packbits(self.labyrinth).tobytes())
        # With the version: another one may measure in another way.
        digest.update(str((__version__, self.side, self.geometry.shape)).encode())
        digest.update(np.round(self.geometry.ijk_to_ras, 4).tobytes())
        for points in (self.landmarks, self.auxiliary):
            rounded = {name: np.round(ras, 3).tolist() for name, ras in points.items()}
            digest.update(str(sorted(rounded.items())).encode())
        digest.update(str(sorted(self.radii.items())).encode())
        return digest.hexdigest()[:32]

    def plan(self) -> CochlearMeasurements:
        """Measures the ear."""
        return measure_cochlea(
            self.side, self.labyrinth, self.geometry, self.landmarks, self.radii, self.auxiliary
        )


def remember_for_measuring(node: Any, landmarks: tuple[Landmark, ...]) -> None:
    """Notes auxiliary landmarks' positions, and all landmarks' radii, with an ear's landmarks.

    Args:
        node: the ear's vtkMRMLMarkupsFiducialNode.
        landmarks: of the three, and auxiliary ones; what is not among them is left as it is.
    """
    for landmark in landmarks:
        set_radius(node, landmark)
        if landmark.name in AUXILIARY:
            place = "" if landmark.ras is None else " ".join(f"{v:.4f}" for v in landmark.ras)
            node.SetAttribute(auxiliary_attribute(landmark.name), place)


def measurement_input(results: Results, side: Side) -> MeasurementInput | None:
    """What there is to plan with in one ear; None without its landmarks' node.

    Segment and landmarks are taken together as the scene shows them: where they lie under
    different transforms, the segment is brought to the landmarks' coordinates. Between transforms
    that differ by more than a matrix it cannot, and then counts as absent.
    """
    node = results.landmarks.get(side)
    if node is None:
        return None
    content = between = None
    if results.segmentation is not None:
        between = _between(results.segmentation, node)
        content = None if between is None else segment_content(results.segmentation, side)
    inside, matrix = np.zeros((1, 1, 1), bool), np.eye(4)
    if content is not None and between is not None:
        inside, matrix = content[0], between @ content[1]
    k, j, i = inside.shape
    landmarks, radii, auxiliary = {}, {}, {}
    for name in LANDMARKS:
        place = position_of(node, name)
        if place is not None:
            landmarks[name] = place
            radius = radius_of(node, name)
            if row_of(node, name).state in BY_HAND:
                radius = HAND_RADIUS_MM
            if radius is not None:
                radii[name] = radius
    for name in AUXILIARY:
        place = parse_point(node.GetAttribute(auxiliary_attribute(name)))
        if place is not None:
            auxiliary[name] = place
            radius = radius_of(node, name)
            if radius is not None:
                radii[name] = radius
    geometry = Geometry(matrix, (k, j, i))
    return MeasurementInput(side, inside.astype(np.uint8), geometry, landmarks, radii, auxiliary)


def _between(source: Any, target: Any) -> NDArray[np.float64] | None:
    """4 x 4 matrix from one node's own RAS mm to another's; None if no matrix says it."""
    ours, its = source.GetParentTransformNode(), target.GetParentTransformNode()
    if ours is its:
        return np.eye(4)
    one, other = (ours, its) if ours is not None else (its, ours)
    if not one.IsTransformToNodeLinear(other):
        return None
    matrix = vtk.vtkMatrix4x4()
    slicer.vtkMRMLTransformNode.GetMatrixTransformBetweenNodes(ours, its, matrix)
    return numpy_matrix(matrix)


MADE_FROM_ATTRIBUTE = ATTRIBUTE + "PlannedFrom"
"""Attribute of the table with the signatures of what it was made from."""

Plans = MutableMapping[Side, tuple[str, CochlearMeasurements]]
"""Each ear's plan with the signature of what it was made from."""


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
    scene: Any, volume_node: Any, results: Results, known: Plans | None = None
) -> dict[Side, CochlearMeasurements]:
    """Measures the ears anew where something has changed, and shows that in the plan nodes.

    Nodes that the user deleted stay away; lines of an ear without landmarks become empty.

    Args:
        scene: the vtkMRMLScene.
        volume_node: the CT.
        results: of the CT.
        known: plans made before, brought up to date; saves the time for what has not changed.

    Returns:
        Each ear's plan.
    """
    known = {} if known is None else known
    for side in set(known) - set(results.landmarks):
        del known[side]
    for side in results.landmarks:
        given = measurement_input(results, side)
        if given is not None and (side not in known or known[side][0] != given.signature):
            known[side] = (given.signature, given.plan())
    plans = {side: plan for side, (_, plan) in known.items()}
    nodes = find_measurements(scene, volume_node)
    for (side, _), node in nodes.lines.items():
        if side in plans:
            place_line(node, results.landmarks[side], plans[side])
        else:
            empty_line(node)
    signatures = " ".join(f"{side}:{known[side][0]}" for side in sorted(known))
    if nodes.table is not None and nodes.table.GetAttribute(MADE_FROM_ATTRIBUTE) != signatures:
        fill_table(nodes.table, plans)
        nodes.table.SetAttribute(MADE_FROM_ATTRIBUTE, signatures)
    return plans


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
