"""What an ear's plan is made from, as the scene holds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import slicer
import vtk
from numpy.typing import NDArray

from .. import __version__
from ..geometry import Geometry
from ..planning.plan import EarPlan, plan_ear
from ..results import AUXILIARY, LANDMARKS, Landmark, Side
from .find_results import Results
from .landmark_memory import parse_point, position_of, radius_of, row_of
from .landmark_state import BY_HAND, Point
from .landmarks_node import auxiliary_attribute, set_radius
from .matrices import numpy_matrix
from .segment_content import segment_content

HAND_RADIUS_MM = 0.2
"""90 % radius that a landmark counts with once the user has moved or placed it. An assumption: who
corrects a point means it, so it counts more than the network's 0.5 mm, and clicks still scatter."""


@dataclass(frozen=True, eq=False)
class PlanInput:
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

    def plan(self) -> EarPlan:
        """Measures the ear."""
        return plan_ear(
            self.side, self.labyrinth, self.geometry, self.landmarks, self.radii, self.auxiliary
        )


def remember_for_planning(node: Any, landmarks: tuple[Landmark, ...]) -> None:
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


def plan_input(results: Results, side: Side) -> PlanInput | None:
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
    return PlanInput(side, inside.astype(np.uint8), geometry, landmarks, radii, auxiliary)


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
