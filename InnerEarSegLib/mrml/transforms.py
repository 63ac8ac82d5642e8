"""Results that stay on the anatomy, whatever is done to their CT.

Results are kept in the CT's own coordinates, under the CT's parent transform. Two things can be
done to a CT with results:

- It is put under another transform: its results go with it, their numbers stay.
- Its own matrix is changed, above all by hardening its transform: the numbers of the results have
  to change with it. A matrix that was only replaced takes the voxels along, so results keep their
  place among the voxels. A grid transform that is hardened resamples the voxels; results then
  keep their place in the world.

So each result remembers where its CT's voxels were, and under which transform, when the two last
agreed. A result that the user puts under a transform of its own stays there until the CT's changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.vtkCommonTransforms import vtkTransform

from ..types import Side
from .landmarks import FOUND_PLACE_ATTRIBUTE, PLACE_ATTRIBUTE, PointMapping, map_landmarks, side_of
from .results import Results, matrix_between
from .scene import (
    configure,
    grid_text,
    matrix_from,
    parse_grid,
    same_grid,
    transform_between,
    vtk_matrix,
)
from .segments import SEGMENT_IDS, remember_automatic_segment, segment_was_edited

_CT_PARENT_ROLE = "InnerEarSeg.CtParent"
"""Reference from a result to the transform that its CT was under when the two last agreed, or to
the CT where it was under none. Scenes of earlier versions have none."""


@dataclass
class Followed:
    """What was done to the results."""

    moved: bool = False  # whether any was put elsewhere or under another transform
    landmarks: dict[Side, PointMapping] = field(default_factory=dict)  # how numbers were changed


def place_of(volume_node: Any) -> str:
    """Where a CT's voxels lie in its own coordinates: matrix and dimensions, as text."""
    image = volume_node.GetImageData()
    dimensions = (0, 0, 0) if image is None else image.GetDimensions()
    return grid_text(matrix_from(volume_node.GetIJKToRASMatrix), dimensions)


def moved_since_found(node: Any, volume_node: Any) -> bool:
    """Whether a result's numbers have changed with its CT since they were found.

    False in scenes of earlier versions, which do not tell.
    """
    new = place_of(volume_node)
    return not same_grid(node.GetAttribute(FOUND_PLACE_ATTRIBUTE) or new, new)


def ct_has_moved(results: Results, volume_node: Any) -> bool:
    """Whether ``follow_ct`` has something to do."""
    place, parent = place_of(volume_node), _parent_id(volume_node)
    return any(
        node.GetNodeReferenceID(_CT_PARENT_ROLE) != parent or _change(node, volume_node, place)
        for node in results.nodes
    )


def _parent_id(volume_node: Any) -> str:
    """ID of a CT's transform, or its own."""
    return str(volume_node.GetTransformNodeID() or volume_node.GetID())


def put_under_ct(node: Any, volume_node: Any) -> None:
    """Put a result under its CT's transform, and note which that is."""
    if node.GetTransformNodeID() != volume_node.GetTransformNodeID():
        node.SetAndObserveTransformNodeID(volume_node.GetTransformNodeID())
    node.SetNodeReferenceID(_CT_PARENT_ROLE, _parent_id(volume_node))


def follow_ct(results: Results, volume_node: Any) -> Followed:
    """Bring results to where the CT is now and, if it is another, under its parent transform."""
    followed = Followed()
    place, parent = place_of(volume_node), _parent_id(volume_node)
    for node in results.nodes:
        change = _change(node, volume_node, place)
        if change is not None:
            side = side_of(node)
            if side is None:
                _map_segments(node, change)
            else:
                followed.landmarks[side] = _mapping(change)
                map_landmarks(node, followed.landmarks[side])
            node.SetAttribute(PLACE_ATTRIBUTE, place)
            followed.moved = True
        if node.GetNodeReferenceID(_CT_PARENT_ROLE) != parent:
            followed.moved |= node.GetTransformNodeID() != volume_node.GetTransformNodeID()
            put_under_ct(node, volume_node)
    return followed


def _change(node: Any, volume_node: Any, new: str) -> Any:
    """vtkAbstractTransform from a result's numbers to those that fit the CT now; None: the same.

    While a transform is being hardened the CT already has its new matrix and still its old
    parent; for a grid transform nothing can be said before that has gone too.
    """
    old = node.GetAttribute(PLACE_ATTRIBUTE) or new
    if same_grid(old, new):
        return None
    parent, ct_parent = node.GetParentTransformNode(), volume_node.GetParentTransformNode()
    straight = parent is None or parent.IsTransformToWorldLinear()
    (before, size_before), (after, size_after) = parse_grid(old), parse_grid(new)
    if size_before == size_after and straight:
        matrix: NDArray[np.float64] | None = after @ np.linalg.inv(before)
    elif parent is ct_parent and not straight:
        return None
    else:  # cropped or resampled in place, under the same parent: this is the identity
        matrix = matrix_between(node, volume_node)
    if matrix is None:
        return transform_between(parent, ct_parent)
    return configure(vtkTransform(), Matrix=vtk_matrix(matrix))


def _mapping(change: Any) -> PointMapping:
    return lambda point: change.TransformPoint(*point)


def _map_segments(node: Any, change: Any) -> None:
    """Move all segments; linear changes touch no voxel, others resample."""
    untouched = [side for side in SEGMENT_IDS if not segment_was_edited(node, side)]
    node.ApplyTransform(change)
    for side in untouched:
        if node.GetSegmentation().GetSegment(SEGMENT_IDS[side]) is not None:
            remember_automatic_segment(node, side)
    node.CreateClosedSurfaceRepresentation()
