"""A whole result into a scene: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vtkmodules.vtkCommonCore import vtkObject

from ..progress import run_steps
from ..types import Ear, Segmentation
from .landmarks import (
    FOUND_PLACE_ATTRIBUTE,
    PLACE_ATTRIBUTE,
    add_landmarks,
    index_of,
    landmark_of,
    set_automatic,
    set_ear_attributes,
    set_model,
)
from .measurements import (
    MeasurementNodes,
    add_measurement_steps,
    find_measurements,
    update_steps,
)
from .results import (
    Results,
    find_results,
    group_results,
    link_to_ct,
    model_of,
    remove_from_hierarchy,
)
from .scene import keep_place_node
from .segments import (
    SEGMENT_NAMES,
    add_segmentation,
    place_under_ct,
    remember_automatic_segment,
    segment_was_edited,
    set_segments,
)
from .transforms import follow_ct, place_of, put_under_ct
from .views import show_ear


@dataclass(frozen=True, eq=False)
class ResultNodes(Results):
    """What ``add_result`` put into the scene."""

    folder_item: int = 0  # of the subject hierarchy
    measurements: MeasurementNodes = field(default_factory=MeasurementNodes)
    kept: tuple[str, ...] = ()  # what the user had reviewed and was left as it was, in words


def add_result(
    scene: Any, volume_node: Any, result: Segmentation, *, keep_reviewed: bool = True
) -> ResultNodes:
    """Put segments and landmarks of all ears into the scene, with the first ear in view.

    A CT's earlier results are updated; an ear that is not in ``result`` stays as it is. With
    ``keep_reviewed``, so do landmarks that the user reviewed, removed ones too, and segments that
    the user edited.

    Raises:
        Exception: whatever goes wrong; the scene is then as it was before.
    """
    return run_steps(result_steps(scene, volume_node, result, keep_reviewed=keep_reviewed))


def result_steps(
    scene: Any, volume_node: Any, result: Segmentation, *, keep_reviewed: bool = True
) -> Generator[None, None, ResultNodes]:
    """``add_result`` in steps short enough for a panel that must not freeze.

    Closed before its end, it makes the scene as it was before.
    """
    earlier = find_results(scene, volume_node)
    measured = find_measurements(scene, volume_node).nodes
    added: set[str] = set()
    with _all_or_nothing(scene, [*earlier.nodes, *measured], added):
        steps = _put_result(scene, volume_node, result, earlier, keep_reviewed)
        nodes = None
        while nodes is None:
            before = _ids(scene)
            try:
                next(steps)
            except StopIteration as end:
                nodes = end.value
            finally:  # not what the user adds between two steps
                added |= _ids(scene) - before
            yield
    if result.ears:
        show_ear(scene, volume_node, result.ears[0].geometry.center)
    return nodes


def _put_result(
    scene: Any, volume_node: Any, result: Segmentation, earlier: Results, keep_reviewed: bool
) -> Generator[None, None, ResultNodes]:
    """Put all of a result into the scene, in steps."""
    follow_ct(earlier, volume_node)  # what is kept stays on the anatomy
    if earlier.segmentation is not None:  # scenes of earlier versions have one model for all ears
        for side in earlier.landmarks:
            set_model(earlier.segmentation, side, model_of(earlier, side))
    segmentation, kept = _put_segments(
        scene, volume_node, result, earlier.segmentation, keep_reviewed
    )
    yield
    segmentation.CreateClosedSurfaceRepresentation()
    yield
    landmarks = dict(earlier.landmarks)
    for ear in result.ears:
        if ear.side not in landmarks:
            landmarks[ear.side] = add_landmarks(scene, volume_node, ear.side)
        kept += _put_landmarks(landmarks[ear.side], ear, keep_reviewed)
        set_ear_attributes(landmarks[ear.side], ear, result.warnings)
        yield
    results = Results(segmentation, landmarks)
    for node in results.nodes:
        link_to_ct(node, volume_node)
        put_under_ct(node, volume_node)
        for attribute in (PLACE_ATTRIBUTE, FOUND_PLACE_ATTRIBUTE):
            node.SetAttribute(attribute, place_of(volume_node))
    added = [] if earlier else results.nodes
    added += yield from add_measurement_steps(scene, volume_node, landmarks)
    _name_after_ct(scene, volume_node, added)
    yield from update_steps(scene, volume_node, results)
    yield
    measurements = find_measurements(scene, volume_node)
    folder = group_results(scene, volume_node, [*results.nodes, *measurements.nodes])
    return ResultNodes(segmentation, landmarks, folder, measurements, tuple(kept))


def _put_segments(
    scene: Any, volume_node: Any, result: Segmentation, node: Any, keep_reviewed: bool
) -> tuple[Any, list[str]]:
    """Add or update the segmentation; return it and what was kept."""
    node = add_segmentation(scene) if node is None else node
    place_under_ct(node, volume_node)
    edited = [ear for ear in result.ears if keep_reviewed and segment_was_edited(node, ear.side)]
    kept = [f"{SEGMENT_NAMES[ear.side]} (edited)" for ear in edited]
    ears = [ear for ear in result.ears if ear not in edited]
    set_segments(node, [ear for ear in ears if ear.labyrinth.any()])
    for ear in ears:
        remember_automatic_segment(node, ear.side)
        set_model(node, ear.side, ear.model)
    return node, kept


def _put_landmarks(node: Any, ear: Ear, keep_reviewed: bool) -> list[str]:
    """Add or update the landmarks; return what was kept."""
    kept = []
    for landmark in ear.landmarks:
        now = landmark_of(node, landmark.name)
        deleted = index_of(node, landmark.name) < 0  # the point itself, by a script: it comes back
        if keep_reviewed and now.reviewed and not deleted:
            kept.append(f"{landmark.name} {ear.side} ({now.state})")
        else:
            set_automatic(node, landmark, ear.model, ear.geometry.center.tolist())
    # Locked as a list too: a middle-drag would otherwise move all points (Slicer#9303).
    node.SetLocked(True)
    return kept


def _name_after_ct(scene: Any, volume_node: Any, nodes: list[Any]) -> None:
    """Tell the results of several CTs apart by name."""
    for node in nodes:
        same = scene.GetNodesByClassByName(node.GetClassName(), node.GetName())
        same.UnRegister(None)
        if same.GetNumberOfItems() > 1:
            node.SetName(f"{node.GetName()} ({volume_node.GetName()})")


@contextmanager
def _all_or_nothing(scene: Any, nodes: list[Any], added: set[str]) -> Iterator[None]:
    """If something is raised, restore these nodes, and remove those whose IDs are in ``added``."""
    copies = [(node, _copy_of(scene, node)) for node in nodes]
    restore_place_node = keep_place_node(scene)
    try:
        yield
    except BaseException:
        new = [node for node in map(scene.GetNodeByID, sorted(added)) if node is not None]
        # Nodes before their display nodes: Slicer's widgets follow the former.
        for node in sorted(new, key=lambda node: node.IsA("vtkMRMLDisplayNode")):
            if scene.IsNodePresent(node) and not node.IsA("vtkMRMLSubjectHierarchyNode"):
                remove_from_hierarchy(scene, node)
        # ``Copy`` drops references for a moment: Slicer's tree would look for a display node then.
        scene.StartState(scene.BatchProcessState)
        try:
            for node, copy in copies:
                node.Copy(copy)
        finally:
            scene.EndState(scene.BatchProcessState)
        restore_place_node()
        raise


def _ids(scene: Any) -> set[str]:
    """IDs of all nodes."""
    nodes = scene.GetNodes()
    return {nodes.GetItemAsObject(index).GetID() for index in range(nodes.GetNumberOfItems())}


def _copy_of(scene: Any, node: Any) -> Any:
    """Return a copy that is not in the scene."""
    copy = scene.CreateNodeByClass(node.GetClassName())
    copy.UnRegister(None)
    # A line outside of a scene warns that it finds no unit of length.
    shown = vtkObject.GetGlobalWarningDisplay()
    vtkObject.SetGlobalWarningDisplay(False)
    try:
        copy.Copy(node)
    finally:
        vtkObject.SetGlobalWarningDisplay(shown)
    return copy
