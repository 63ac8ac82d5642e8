"""What a report is about, out of a scene: the results of one CT as they are now."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..process import quiet
from ..report.subject import Subject, ct_around
from ..types import LANDMARKS, Ear, Segmentation, common_model
from .landmarks import MODEL, model_text
from .results import CT_ROLE, Results, find_results, read_ear, run_warnings
from .scene import nodes_of
from .segments import SEGMENT_IDS, segment_content
from .volumes import geometry_of, voxels


def open_scene(scene: Any, path: Path) -> None:
    """Read an .mrb or .mrml that Slicer or ``innerearseg segment`` saved into an empty scene.

    Raises:
        UnusableInput: it is no scene.
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
    found = [read_ear(results, side) for side in sorted(results.landmarks)]
    corners = {ear.side: places for ear in found if ear and len(places := _corners(ear))}
    ears = tuple(ear for ear in found if ear and ear.side in corners)
    segments = results.segmentation
    left_out = [
        f"The landmarks of the {side} ear were removed, and it is left out: segment the CT again "
        "to have them back."
        for side in SEGMENT_IDS
        if segments is not None
        and side not in results.landmarks
        and segment_content(segments, side)
    ]
    if not ears:
        raise UnusableInput(
            " ".join(left_out) or "There is no ear to report on: segment the CT first."
        )
    warnings = run_warnings(results)
    warnings += [sentence for ear in ears for sentence in _of_other_models(results, ear)]
    if any(x.GetTransformNodeID() != volume_node.GetTransformNodeID() for x in results.nodes):
        warnings.append(
            "Results lie under another transform than the CT: this report shows them where they "
            "are in the CT without any transform."
        )
    i, j, k = (float(value) for value in grid.spacing)
    return Subject(
        Segmentation(ears, common_model(ears), "", warnings=tuple(warnings)),
        {side: ct_around(array, grid, places) for side, places in corners.items()},
        (i, j, k),
        tuple(left_out),
    )


def _corners(ear: Ear) -> NDArray[np.float64]:
    """(n, 3) RAS mm of what a picture of the ear is to show; none where nothing is left."""
    places = [ear.points[name] for name in LANDMARKS if name in ear.points]
    box = ear.geometry.corners if ear.labyrinth.any() else np.empty((0, 3))
    return np.concatenate([box, np.reshape(places, (-1, 3))])


def _of_other_models(results: Results, ear: Ear) -> list[str]:
    """A sentence for each model that found landmarks of an ear and did not draw its segment."""
    node, own = results.landmarks[ear.side], model_text(ear.model)
    others: dict[str, list[str]] = {}
    for name in LANDMARKS:
        text = node.GetAttribute(MODEL + name) or ""
        if text not in ("", own):
            others.setdefault(text, []).append(name)
    return [
        f"Of the {ear.side} ear, the segment is by model {own.strip()}, {' and '.join(names)} by "
        f"{text.strip()}."
        for text, names in others.items()
    ]
