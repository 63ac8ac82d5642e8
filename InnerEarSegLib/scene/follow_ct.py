"""Results that follow their CT when it is put under another transform.

Unless the CT itself was changed: hardening a transform changes the CT's own matrix and takes the
transform away, and the results are then right where they are.
"""

from __future__ import annotations

from typing import Any

import vtk

from .find_results import Results
from .landmarks_node import ATTRIBUTE

_PLACE = ATTRIBUTE + "CtPlace"


def remember_place(node: Any, volume_node: Any) -> None:
    """Notes with a result where its CT's voxels lie in the CT's own coordinates."""
    node.SetAttribute(_PLACE, _place(volume_node))


def follow_ct(results: Results, volume_node: Any) -> bool:
    """Puts the results under the CT's present parent transform; whether any was moved."""
    transform, place = volume_node.GetTransformNodeID(), _place(volume_node)
    moved = False
    for node in results.nodes:
        if node.GetTransformNodeID() != transform and node.GetAttribute(_PLACE) == place:
            node.SetAndObserveTransformNodeID(transform)
            moved = True
    return moved


def _place(volume_node: Any) -> str:
    matrix = vtk.vtkMatrix4x4()
    volume_node.GetIJKToRASMatrix(matrix)
    values = (matrix.GetElement(row, column) for row in range(3) for column in range(4))
    return " ".join(f"{value:.4f}" for value in values)
