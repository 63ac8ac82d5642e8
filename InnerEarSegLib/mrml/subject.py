"""What a report is about, out of a scene: the results of one CT as they are now."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import UnusableInput
from ..process import quiet
from ..report.subject import (
    AUTOMATIC,
    EDITED,
    REMOVED,
    ReviewedEar,
    ReviewedLandmark,
    Subject,
    ct_around,
)
from ..types import CHECK, GOOD, LANDMARKS, POOR, ModelIdentity, Quality, Side
from .landmark_state import BY_HAND
from .landmarks import (
    ATTRIBUTE,
    EXPECTED_DICE_ATTRIBUTE,
    VERDICT_ATTRIBUTE,
    number_of,
    position_of,
    row_of,
)
from .measurements import measurement_input
from .results import CT_ROLE, Results, find_results
from .segments import SEGMENT_IDS, segment_content, segment_was_edited
from .views import nodes_of
from .volumes import geometry_of, voxels


def open_scene(scene: Any, path: Path) -> None:
    """Reads a scene that Slicer or ``innerearseg segment`` saved.

    Args:
        scene: an empty vtkMRMLScene.
        path: .mrb or .mrml.

    Raises:
        UnusableInput: it is none.
    """
    path = path.resolve()
    if not path.is_file():
        raise UnusableInput(f"There is no file {path}.")
    with quiet():  # MRML's own messages; a sentence follows
        if path.suffix.lower() == ".mrml":
            scene.SetURL(str(path))
            scene.SetRootDirectory(str(path.parent))
            read = bool(scene.Import())
        else:
            # Slicer's reader loses its working directory over a file that is no archive.
            read = zipfile.is_zipfile(path) and bool(scene.ReadFromMRB(str(path), False))
    if not read:
        raise UnusableInput(
            f"{path} cannot be opened as a Slicer scene: it is damaged or something else. Save the "
            "scene again from 3D Slicer, or give the folder that `innerearseg segment` wrote."
        )


def cts_with_results(scene: Any) -> list[Any]:
    """The vtkMRMLScalarVolumeNodes that have results."""
    found: dict[str, Any] = {}
    for name in ("vtkMRMLSegmentationNode", "vtkMRMLMarkupsFiducialNode"):
        for node in nodes_of(scene, name):
            volume = node.GetNodeReference(CT_ROLE)
            if volume is not None:
                found.setdefault(volume.GetID(), volume)
    return list(found.values())


def subject_of(scene: Any, volume_node: Any) -> Subject:
    """The ears of a CT with their present landmarks and segments, in the CT's own RAS mm.

    Names of nodes, files and patients stay behind.

    Raises:
        UnusableInput: the CT has no ear with landmarks, or no voxels.
    """
    results = find_results(scene, volume_node)
    array, grid = voxels(volume_node), geometry_of(volume_node)
    ears = tuple(
        ear
        for side in sorted(results.landmarks)
        if (ear := _ear(results, side, array, grid)) is not None
    )
    left_out = _ears_without_landmarks(results)
    if not ears:
        why = " ".join(left_out) or "There is no ear to report on: segment the CT first."
        raise UnusableInput(why)
    node = results.segmentation or next(iter(results.landmarks.values()))
    warnings = (node.GetAttribute(ATTRIBUTE + "Warnings") or "").splitlines()
    if any(x.GetTransformNodeID() != volume_node.GetTransformNodeID() for x in results.nodes):
        warnings.append(
            "Results lie under another transform than the CT: this report shows them where they "
            "are in the CT without any transform."
        )
    i, j, k = (float(value) for value in grid.spacing)
    return Subject(ears, _model(results), tuple(warnings), (i, j, k), tuple(left_out))


def _ears_without_landmarks(results: Results) -> list[str]:
    """A sentence for each ear whose segment is there and whose landmarks' node is not."""
    if results.segmentation is None:
        return []
    return [
        f"The landmarks of the {side} ear were removed, and it is left out: segment the CT again "
        "to have them back."
        for side in SEGMENT_IDS
        if side not in results.landmarks and segment_content(results.segmentation, side)
    ]


def _ear(results: Results, side: Side, array: Any, grid: Any) -> ReviewedEar | None:
    node, given = results.landmarks[side], measurement_input(results, side)
    if given is None:
        return None
    marks = []
    for name in LANDMARKS:
        row = row_of(node, name)
        by_hand = row.state in BY_HAND
        marks.append(
            ReviewedLandmark(
                name,
                position_of(node, name),
                row.state,
                row.moved_mm,
                row.settled,
                row.confidence,
                None if by_hand else given.radii.get(name),
            )
        )
    corners = np.array([*given.landmarks.values()])
    if given.labyrinth.any():
        corners = np.vstack([given.geometry.corners, *([corners] if len(corners) else [])])
    if not len(corners):
        return None
    low, high = corners.min(axis=0), corners.max(axis=0)
    verdict = node.GetAttribute(VERDICT_ATTRIBUTE)
    reasons = (node.GetAttribute(ATTRIBUTE + "Warnings") or "").splitlines()
    segment = AUTOMATIC
    if results.segmentation is None or segment_content(results.segmentation, side) is None:
        segment = REMOVED  # no ear is found without one
    elif segment_was_edited(results.segmentation, side):
        segment = EDITED
    return ReviewedEar(
        side=side,
        ct=ct_around(array, grid, (low + high) / 2, (high - low) / 2),
        labyrinth=given.labyrinth,
        geometry=given.geometry,
        landmarks=tuple(marks),
        auxiliary=given.auxiliary,
        radii=given.radii,
        quality=Quality(
            verdict if verdict in (GOOD, CHECK, POOR) else CHECK,
            tuple(reasons),
            None if segment != AUTOMATIC else number_of(node, EXPECTED_DICE_ATTRIBUTE),
        ),
        segment=segment,
    )


def _model(results: Results) -> ModelIdentity:
    node = results.segmentation
    text = "" if node is None else node.GetAttribute(ATTRIBUTE + "Model") or ""
    name, _, version = text.rpartition(" ")
    sha256 = "" if node is None else node.GetAttribute(ATTRIBUTE + "ModelSha256") or ""
    return ModelIdentity(name or "unknown", version, sha256)
