"""A whole result into a scene: all of it, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import slicer

from ..types import CORRECTED, PLACED, Ear, ModelIdentity, Segmentation, Side
from .landmarks import (
    ATTRIBUTE,
    EXPECTED_DICE_ATTRIBUTE,
    VERDICT_ATTRIBUTE,
    WARNINGS_ATTRIBUTE,
    Snapshot,
    add_landmarks,
    landmark_of,
    set_automatic,
    set_auxiliary,
)
from .measurements import (
    MeasurementNodes,
    SavedMeasurements,
    add_measurements,
    find_measurements,
    update_measurements,
)
from .results import Results, find_results, group_results, link_to_ct
from .segments import (
    SEGMENT_NAMES,
    add_segmentation,
    place_under_ct,
    remember_automatic_segment,
    segment_was_edited,
    set_segments,
    volume_attribute,
)
from .transforms import follow_ct, remember_place
from .views import show_ear


@dataclass(frozen=True, eq=False)
class ResultNodes:
    """What ``add_result`` put into the scene.

    Attributes:
        volume: the CT's vtkMRMLScalarVolumeNode.
        segmentation: the vtkMRMLSegmentationNode.
        landmarks: vtkMRMLMarkupsFiducialNode per side.
        folder_item: subject hierarchy folder with the results.
        plan: table and lines with the cochlear measurements.
        kept: what the user had reviewed and was left as it was, in words.
    """

    volume: Any
    segmentation: Any
    landmarks: dict[Side, Any]
    folder_item: int
    plan: MeasurementNodes
    kept: tuple[str, ...] = ()


def add_result(
    scene: Any, volume_node: Any, result: Segmentation, *, keep_reviewed: bool = True
) -> ResultNodes:
    """Puts segments and landmarks of all ears into the scene, with the first ear in view.

    A CT's earlier results are updated; an ear that is not in ``result`` stays as it is.

    Args:
        scene: the vtkMRMLScene.
        volume_node: the CT.
        result: what was found in it, RAS mm of the CT.
        keep_reviewed: leave landmarks that the user confirmed, corrected or placed, and segments
            that she edited, as they are.

    Raises:
        Exception: whatever goes wrong; the scene is then as it was before.
    """
    earlier = find_results(scene, volume_node)
    with _all_or_nothing(scene, volume_node, earlier):
        follow_ct(earlier, volume_node)  # what is kept stays on the anatomy
        kept: list[str] = []
        segmentation = _put_segments(
            scene, volume_node, result, earlier.segmentation, keep_reviewed, kept
        )
        landmarks = dict(earlier.landmarks)
        for ear in result.ears:
            node = landmarks.get(ear.side)
            if node is None:
                node = add_landmarks(scene, volume_node, ear, result.model)
                landmarks[ear.side] = node
            else:
                kept += _update_landmarks(node, ear, result.model, keep_reviewed)
            node.SetAttribute(VERDICT_ATTRIBUTE, ear.quality.verdict)
            dice = ear.quality.expected_dice
            node.SetAttribute(EXPECTED_DICE_ATTRIBUTE, "" if dice is None else f"{dice:.3f}")
            node.SetAttribute(WARNINGS_ATTRIBUTE, "\n".join(ear.quality.reasons))
            set_auxiliary(node, ear)
        for node in (segmentation, *landmarks.values()):
            link_to_ct(node, volume_node)
            remember_place(node, volume_node)
        if not earlier:
            _name_after_ct(scene, volume_node, [segmentation, *landmarks.values()])
        planned = add_measurements(scene, volume_node, landmarks)
        _name_after_ct(scene, volume_node, planned)
        update_measurements(scene, volume_node, Results(segmentation, landmarks))
        plan = find_measurements(scene, volume_node)
        folder = group_results(scene, volume_node, [segmentation, *landmarks.values(), *plan.nodes])
    if result.ears:
        show_ear(scene, volume_node, result.ears[0].geometry.center)
    return ResultNodes(volume_node, segmentation, landmarks, folder, plan, tuple(kept))


def _put_segments(
    scene: Any,
    volume_node: Any,
    result: Segmentation,
    node: Any,
    keep_reviewed: bool,
    kept: list[str],
) -> Any:
    ears = list(result.ears)
    if node is None:
        node = add_segmentation(scene, volume_node, result)
    else:
        place_under_ct(node, volume_node)
        if keep_reviewed:
            edited = [ear for ear in ears if segment_was_edited(node, ear.side)]
            kept += [f"{SEGMENT_NAMES[ear.side]} (edited)" for ear in edited]
            ears = [ear for ear in ears if ear not in edited]
        set_segments(node, ears)
    for ear in ears:
        node.SetAttribute(volume_attribute(ear.side), f"{ear.volume_mm3:.2f}")
        remember_automatic_segment(node, ear.side)
    node.SetAttribute(ATTRIBUTE + "Model", f"{result.model.name} {result.model.version}")
    node.SetAttribute(ATTRIBUTE + "ModelSha256", result.model.sha256)
    node.SetAttribute(WARNINGS_ATTRIBUTE, "\n".join(result.warnings))
    return node


def _update_landmarks(node: Any, ear: Ear, model: ModelIdentity, keep_reviewed: bool) -> list[str]:
    kept = []
    for landmark in ear.landmarks:
        now = landmark_of(node, landmark.name)
        if keep_reviewed and (now.confirmed or now.state in (CORRECTED, PLACED)):
            kept.append(f"{landmark.name} {ear.side} ({now.state})")
        else:
            set_automatic(node, landmark, model)
    node.SetLocked(True)
    return kept


def _name_after_ct(scene: Any, volume_node: Any, nodes: list[Any]) -> None:
    """Tells the results of several CTs apart by name."""
    for node in nodes:
        same = scene.GetNodesByClassByName(node.GetClassName(), node.GetName())
        same.UnRegister(None)
        if same.GetNumberOfItems() > 1:
            node.SetName(f"{node.GetName()} ({volume_node.GetName()})")


@contextmanager
def _all_or_nothing(scene: Any, volume_node: Any, earlier: Results) -> Iterator[None]:
    """Takes every change back if something is raised."""
    before = _all_nodes(scene)
    saved = _Saved(scene, earlier)
    saved_plan = SavedMeasurements(find_measurements(scene, volume_node))
    try:
        yield
    except BaseException:
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)
        for node in _all_nodes(scene).values():
            if node.GetID() in before or node.IsA("vtkMRMLSubjectHierarchyNode"):
                continue
            item = hierarchy.GetItemByDataNode(node)
            if item:
                hierarchy.RemoveItem(item, False, False)
            if scene.IsNodePresent(node):
                scene.RemoveNode(node)
        saved.restore()
        saved_plan.restore()
        raise


def _all_nodes(scene: Any) -> dict[str, Any]:
    nodes = (scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes()))
    return {node.GetID(): node for node in nodes}


class _Saved:
    """The earlier results as they were."""

    def __init__(self, scene: Any, earlier: Results) -> None:
        # A new point list makes itself the one that Slicer places points in.
        self._selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
        self._place = self._selection and (
            self._selection.GetActivePlaceNodeClassName(),
            self._selection.GetActivePlaceNodeID(),
        )
        self._landmarks: list[tuple[Any, Snapshot, str, int]] = [
            (node, Snapshot.of(node), node.GetTransformNodeID(), node.GetNumberOfControlPoints())
            for node in earlier.landmarks.values()
        ]
        self._node = earlier.segmentation
        if self._node is not None:
            self._segments = slicer.vtkSegmentation()
            self._segments.DeepCopy(self._node.GetSegmentation())
            self._attributes = {
                name: self._node.GetAttribute(name) for name in self._node.GetAttributeNames()
            }
            self._transform = self._node.GetTransformNodeID()

    def restore(self) -> None:
        """Makes all as it was, but for nodes that were added."""
        if self._place:
            self._selection.SetActivePlaceNodeClassName(self._place[0])
            self._selection.SetActivePlaceNodeID(self._place[1])
        for node, snapshot, transform, count in self._landmarks:
            node.SetFixedNumberOfControlPoints(False)
            for index in reversed(range(count, node.GetNumberOfControlPoints())):
                node.RemoveNthControlPoint(index)
            node.SetFixedNumberOfControlPoints(True)
            snapshot.restore(node)
            node.SetAndObserveTransformNodeID(transform)
        if self._node is not None:
            self._node.GetSegmentation().DeepCopy(self._segments)
            for name in list(self._node.GetAttributeNames()):
                self._node.RemoveAttribute(name)
            for name, value in self._attributes.items():
                self._node.SetAttribute(name, value)
            self._node.SetAndObserveTransformNodeID(self._transform)
