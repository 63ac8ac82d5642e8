"""What was reviewed stays on the anatomy when the CT is hardened and segmented again."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk

from InnerEarSegLib.mrml.landmarks import automatic_of
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import numpy_matrix, to_world
from InnerEarSegLib.mrml.segments import SEGMENT_IDS, segment_content, segment_volume
from InnerEarSegLib.types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW
from Testing.panel.helpers import result_with, write_prepared
from Testing.panel.test_scene_stories import grid, linear


def erase_half(node, side):
    """What the Segment Editor's eraser does."""
    name = SEGMENT_IDS[side]
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap(node, name)
    array[: array.shape[0] // 2] = 0
    node.GetSegmentation().GetSegment(name).Modified()


def world_points(node, side):
    """World RAS mm of a segment's voxels."""
    inside, geometry = segment_content(node, side)
    return to_world(node, geometry.to_ras(np.argwhere(inside)[:, ::-1]))


@pytest.fixture
def under(story, request):
    """A CT under a transform with an edited segment, a confirmed and a corrected landmark."""
    story.transform = request.param(story.scene)
    story.volume.SetAndObserveTransformNodeID(story.transform.GetID())
    story.segment()
    results = find_results(story.scene, story.volume)
    story.side, story.segmentation = story.ear.side, results.segmentation
    story.node = results.landmarks[story.side]
    erase_half(story.segmentation, story.side)
    story.ui.landmarksTable.selectRow(0)
    story.ui.confirmButton.click()
    place = np.add(story.ear.found[OVAL_WINDOW], (0.7, 0.0, 0.0))
    story.node.SetNthControlPointPosition(1, *place)
    story.at = lambda name: np.array(story.node.GetNthControlPointPositionWorld(
        story.node.GetControlPointIndexByLabel(name)))  # fmt: skip
    story.before = {name: story.at(name) for name in (HELICOTREMA, OVAL_WINDOW)}
    story.points = world_points(story.segmentation, story.side)
    story.size = segment_volume(story.segmentation, story.side)
    return story


def find_off(story, at, **changes):
    """The worker's next result, as a CT with other coordinates would give it: all 1 mm off."""
    marks = tuple(
        replace(mark, ras=tuple(np.add(at(mark), 1.0).tolist()), **changes)
        for mark in story.ear.ear.landmarks
    )
    write_prepared(result_with(story.ear.result, landmarks=marks), story.prepared)


def assert_kept(story, tolerance):
    for name, world in story.before.items():
        np.testing.assert_allclose(story.at(name), world, atol=1e-3)
    assert story.states()[:2] == ["✓ confirmed", "corrected"]
    for node in (story.node, story.segmentation):
        assert node.GetTransformNodeID() == story.volume.GetTransformNodeID()
    after = world_points(story.segmentation, story.side)
    np.testing.assert_allclose(after.mean(axis=0), story.points.mean(axis=0), atol=tolerance)
    ends = (np.percentile(points, (2, 98), axis=0) for points in (after, story.points))
    np.testing.assert_allclose(*ends, atol=4 * tolerance)


# Slicer resamples the segments under a grid transform to the nearest voxel: half of 0.25 mm.
@pytest.mark.parametrize(("under", "tolerance"), [(linear, 0.01), (grid, 0.2)], indirect=["under"])
@pytest.mark.parametrize("chosen", [True, False])
def test_hardened_and_segmented_again(under, tolerance, chosen):
    story = under
    find_off(story, lambda mark: story.at(mark.name))
    if not chosen:  # it happens while another CT is chosen
        story.ui.inputSelector.setCurrentNode(story.add_volume())
    story.volume.HardenTransform()
    assert story.volume.GetTransformNodeID() is None
    story.ui.inputSelector.setCurrentNode(story.volume)
    story.process()
    assert_kept(story, tolerance)
    moved = story.at(OVAL_WINDOW) - story.before[OVAL_WINDOW]
    assert np.abs(moved).max() < 1e-3
    automatic = automatic_of(story.node, OVAL_WINDOW)
    assert np.linalg.norm(automatic - story.at(OVAL_WINDOW)) == pytest.approx(0.7, abs=0.05)
    round_window = story.at(ROUND_WINDOW)
    story.segment()
    assert "Kept as you left them" in story.ui.statusLabel.text
    assert "(edited)" in story.ui.statusLabel.text
    assert_kept(story, tolerance)
    np.testing.assert_allclose(story.at(ROUND_WINDOW), round_window + 1.0, atol=1e-3)
    assert segment_volume(story.segmentation, story.side) == pytest.approx(story.size, rel=0.05)


@pytest.mark.parametrize("under", [linear], indirect=True)
def test_undo_across_hardening(under):
    story = under
    story.volume.HardenTransform()
    story.process()
    story.ui.undoButton.click()  # the correction
    assert story.states()[:2] == ["✓ confirmed", "automatic"]
    np.testing.assert_allclose(story.at(HELICOTREMA), story.before[HELICOTREMA], atol=1e-3)
    story.ui.redoButton.click()
    assert_kept(story, 0.01)


@pytest.mark.parametrize("under", [linear], indirect=True)
def test_hardened_and_put_under_another_transform_while_another_is_chosen(under):
    story = under
    ijk = np.linalg.inv(ijk_to_world(story.volume)) @ [*story.before[HELICOTREMA], 1.0]
    story.ui.inputSelector.setCurrentNode(story.add_volume())
    story.volume.HardenTransform()
    story.volume.SetAndObserveTransformNodeID(linear(story.scene).GetID())
    story.ui.inputSelector.setCurrentNode(story.volume)
    again = np.linalg.inv(ijk_to_world(story.volume)) @ [*story.at(HELICOTREMA), 1.0]
    for node in (story.node, story.segmentation):
        assert node.GetTransformNodeID() == story.volume.GetTransformNodeID()
    np.testing.assert_allclose(again, ijk, atol=1e-3)


def ijk_to_world(volume):
    matrix, parent = vtk.vtkMatrix4x4(), vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    if volume.GetParentTransformNode() is not None:
        volume.GetParentTransformNode().GetMatrixTransformToWorld(parent)
    return numpy_matrix(parent) @ numpy_matrix(matrix)


def test_a_centred_ct_takes_its_results_along(story):
    """The Volumes module's Center Volume changes the CT's own origin."""
    story.segment()
    node = find_results(story.scene, story.volume).landmarks[story.ear.side]
    origin = np.array(story.volume.GetOrigin())
    story.volume.SetOrigin(*(origin + (10.0, -20.0, 30.0)))
    story.process()
    expected = np.add(story.ear.found[HELICOTREMA], (10.0, -20.0, 30.0))
    np.testing.assert_allclose(node.GetNthControlPointPosition(0), expected, atol=1e-3)
    assert story.states()[0] == "automatic"
    assert not story.ui.undoButton.enabled


def test_a_ct_that_was_cropped_in_place_still_takes_its_results_along(story):
    story.segment()
    node = find_results(story.scene, story.volume).landmarks[story.ear.side]
    image = vtk.vtkImageData()
    image.SetDimensions(10, 10, 10)
    image.AllocateScalars(vtk.VTK_SHORT, 1)
    origin = np.array(story.volume.GetOrigin())
    story.volume.SetAndObserveImageData(image)
    story.volume.SetOrigin(*(origin + 2.0))
    story.process()
    place = node.GetNthControlPointPositionWorld(0)
    np.testing.assert_allclose(place, story.ear.found[HELICOTREMA], atol=1e-3)
    transform = linear(story.scene)
    story.volume.SetAndObserveTransformNodeID(transform.GetID())
    story.process()
    assert node.GetTransformNodeID() == transform.GetID()
    place = node.GetNthControlPointPosition(0)
    np.testing.assert_allclose(place, story.ear.found[HELICOTREMA], atol=1e-3)


@pytest.mark.parametrize("shift", [0.0, 0.01])
def test_a_scene_that_was_saved_and_opened_holds_the_same_place(story, shift):
    """Files round matrices; what is left of it must not look like a CT that was moved."""
    rotation = vtk.vtkTransform()
    rotation.RotateWXYZ(37.0, 0.1, 0.7, -0.3)
    transform = story.scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(rotation.GetMatrix())
    story.volume.SetAndObserveTransformNodeID(transform.GetID())
    story.volume.HardenTransform()
    story.segment()
    story.reopen()
    volume = story.ui.inputSelector.currentNode()
    node = find_results(story.scene, volume).landmarks[story.ear.side]
    before = np.array(node.GetNthControlPointPosition(0))
    kept = node.GetAttribute("InnerEarSeg.CtPlace")
    volume.SetOrigin(*(np.array(volume.GetOrigin()) + shift))
    story.process()
    moved = np.array(node.GetNthControlPointPosition(0)) - before
    np.testing.assert_allclose(moved, shift, atol=1e-5)
    assert (node.GetAttribute("InnerEarSeg.CtPlace") == kept) == (shift == 0)


def test_results_under_a_transform_of_their_own_stay_there(story):
    story.segment()
    own = linear(story.scene)
    for node in find_results(story.scene, story.volume).nodes:  # as their folder's in Data does
        node.SetAndObserveTransformNodeID(own.GetID())

    def parents():
        nodes = find_results(story.scene, story.volume).nodes
        return [node.GetParentTransformNode() for node in nodes]

    story.ui.inputSelector.setCurrentNode(story.add_volume())
    story.ui.inputSelector.setCurrentNode(story.volume)
    story.volume.Modified()
    story.process()
    assert parents() == [own] * 2
    other = linear(story.scene)
    story.volume.SetAndObserveTransformNodeID(other.GetID())
    story.process()
    assert parents() == [other] * 2
    for node in find_results(story.scene, story.volume).nodes:
        node.SetAndObserveTransformNodeID(own.GetID())
    story.segment()
    assert parents() == [other] * 2


def test_a_ct_that_is_changed_while_it_is_segmented(story):
    story.mode = "slow:0.05"
    before = len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    story.ui.segmentButton.click()
    story.volume.SetOrigin(1.0, 2.0, 3.0)
    story.wait(lambda: not story.panel.running.active, 10)
    assert "was changed while it was segmented" in story.ui.statusLabel.text
    assert len(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) == before


def test_a_move_made_while_another_ct_was_chosen_is_a_step_of_its_own(story):
    story.segment()
    node = find_results(story.scene, story.volume).landmarks[story.ear.side]
    story.ui.landmarksTable.selectRow(0)
    story.ui.confirmButton.click()
    story.ui.inputSelector.setCurrentNode(story.add_volume())
    foreign = np.add(story.ear.found[ROUND_WINDOW], (1.0, 0.0, 0.0))
    node.SetNthControlPointPosition(2, *foreign)
    story.ui.inputSelector.setCurrentNode(story.volume)
    assert story.states()[::2] == ["✓ confirmed", "corrected"]
    story.ui.undoButton.click()
    assert story.states()[::2] == ["✓ confirmed", "⚠ automatic"]
    story.ui.undoButton.click()
    assert story.states()[::2] == ["automatic", "⚠ automatic"]
    story.ui.redoButton.click()
    story.ui.redoButton.click()
    np.testing.assert_allclose(node.GetNthControlPointPosition(2), foreign, atol=1e-3)


def test_a_script_that_segments_again_ends_the_steps(story):
    story.segment()
    story.ui.confirmButton.click()
    assert story.ui.undoButton.enabled
    find_off(story, lambda mark: mark.ras, confidence=0.9)
    story.widget.logic.process(story.volume, keepReviewed=False)
    assert not story.ui.undoButton.enabled
    assert story.states() == ["automatic"] * 3


def test_a_segment_without_landmarks_goes_along(story, capfd):
    story.segment()
    results = find_results(story.scene, story.volume)
    story.scene.RemoveNode(results.landmarks[story.ear.side])
    story.process()
    transform = linear(story.scene)
    story.volume.SetAndObserveTransformNodeID(transform.GetID())
    story.process()
    assert results.segmentation.GetTransformNodeID() == transform.GetID()
    assert "Traceback" not in capfd.readouterr().err
