"""The scene changes under the panel; several CTs; CTs that were moved."""

import sys

import numpy as np
import pytest
import slicer
import vtk

from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import numpy_matrix, to_world, vtk_matrix
from Testing.panel.helpers import MODULE, alive, start_and_hang


def assert_stopped(story):
    assert not story.panel.running.active
    assert not alive(story.folder / "worker.pid") and story.left_over() == []


@pytest.mark.parametrize("closed", [True, False, None])
def test_ct_gone_or_module_unloaded_while_running(story, closed):
    start_and_hang(story)
    if closed is None:
        story.widget.cleanup()
        assert_stopped(story)
        return
    if closed:
        story.scene.Clear(False)
    else:
        story.scene.RemoveNode(story.volume)
    story.process()
    assert_stopped(story)
    gone = "The scene was closed" if closed else "The CT was removed from the scene"
    assert story.ui.statusLabel.text == f"{gone}; the run was stopped."
    assert not story.ui.segmentButton.enabled
    assert story.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0
    assert story.widget.logic.getParameterNode().inputVolume is None
    story.volume = story.add_volume()
    story.process()
    story.mode = "ok"
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")


def test_a_ct_that_is_loaded_while_the_module_is_open_is_chosen(story):
    start_and_hang(story)
    story.scene.Clear(False)
    story.process()
    assert "the run was stopped" in story.ui.statusLabel.text
    story.scene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Labels")
    story.process()
    assert story.ui.inputSelector.currentNode() is None
    first = story.add_volume()
    story.process()
    assert story.ui.inputSelector.currentNode() is first and story.ui.segmentButton.enabled
    assert story.ui.statusLabel.text == "Ready: press Segment."
    story.add_volume()
    story.process()
    assert story.ui.inputSelector.currentNode() is first  # what was chosen stays


def test_a_ct_that_is_loaded_while_the_user_is_elsewhere_is_chosen_on_return(story):
    story.segment()
    story.scene.Clear(False)
    story.process()
    assert story.panel.reviewing.review is None and story.ui.warningsBrowser.plainText == ""
    assert not story.ui.segmentButton.enabled
    slicer.util.selectModule("Welcome")
    volume = story.add_volume()
    story.process()
    slicer.util.selectModule("InnerEarSeg")
    assert story.ui.inputSelector.currentNode() is volume


@pytest.fixture
def library_kept():
    """Reload imports the library anew; other tests go on with what they imported."""
    kept = {n: m for n, m in sys.modules.items() if n.split(".")[0] == "InnerEarSegLib"}
    yield
    for name in [n for n in sys.modules if n.split(".")[0] == "InnerEarSegLib"]:
        del sys.modules[name]
    sys.modules.update(kept)


@pytest.mark.parametrize("opened", [True, False])
def test_the_panel_is_alive_after_reload(story, library_kept, opened):
    story.segment()
    if not opened:
        slicer.util.selectModule("Welcome")
    old = story.widget
    old.ui.landmarksTable.selectRow(2)
    old.onReload()
    story.process()
    widget = slicer.modules.InnerEarSegWidget
    assert widget is not old
    if not opened:
        assert widget.ui.inputSelector.currentNode() is None
        slicer.util.selectModule("InnerEarSeg")
    assert widget.ui.inputSelector.currentNode() is story.volume
    assert widget.ui.segmentButton.enabled and widget.ui.landmarksTable.rowCount == 3
    assert widget.ui.landmarksTable.currentRow() == 2, "another row is selected than before"
    widget.ui.confirmButton.click()


def test_leaving_the_module_while_running(story):
    story.mode = "slow:0.05"
    story.ui.segmentButton.click()
    slicer.util.selectModule("Welcome")
    before = story.xml()
    story.wait(lambda: not story.panel.running.active, 10)
    story.process()
    assert story.xml() == before  # nothing changes while the user works elsewhere
    assert not find_results(story.scene, story.volume)
    slicer.util.selectModule("InnerEarSeg")
    story.wait(lambda: not story.panel.running.active, what="the result in the scene")
    assert story.ui.statusLabel.text.startswith("Found")
    assert find_results(story.scene, story.volume)


def test_ct_removed_while_its_result_waits(story):
    story.ui.segmentButton.click()
    slicer.util.selectModule("Welcome")
    story.wait(lambda: not story.panel.running.active, 10)
    story.scene.RemoveNode(story.volume)
    slicer.util.selectModule("InnerEarSeg")
    assert "The CT was removed" in story.ui.logTextEdit.plainText
    assert story.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_results_removed_by_hand(story):
    story.segment()
    results = find_results(story.scene, story.volume)
    story.scene.RemoveNode(results.landmarks[story.ear.side])
    story.process()
    assert story.ui.landmarksTable.rowCount == 0
    story.scene.RemoveNode(results.segmentation)
    story.process()
    assert story.panel.reviewing.review is None
    story.segment()
    assert story.ui.landmarksTable.rowCount == 3


def test_two_cts_in_one_scene(story):
    story.segment()
    story.ui.confirmButton.click()
    second = story.add_volume()
    second.SetName("Second")
    story.ui.inputSelector.setCurrentNode(second)
    assert story.panel.reviewing.review is None and story.ui.landmarksTable.rowCount == 0
    story.segment()
    assert not any("confirmed" in state for state in story.states())
    story.ui.inputSelector.setCurrentNode(story.volume)
    assert [s for s in story.states() if "confirmed" in s] == ["✓ confirmed"]
    assert story.ui.statusLabel.text.startswith("This CT has results.")  # not what was found before
    assert story.ui.undoButton.enabled  # also after another CT was looked at
    one, two = (find_results(story.scene, v) for v in (story.volume, second))
    assert not {n.GetID() for n in one.nodes} & {n.GetID() for n in two.nodes}


def linear(scene):
    node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = np.array([[0, -1, 0, 20], [1, 0, 0, -30], [0, 0, 1, 7], [0, 0, 0, 1.0]])
    node.SetMatrixTransformToParent(vtk_matrix(turn))
    return node


def grid(scene):
    """A shift of (5, -3, 2) mm that grows along x, as a displacement field."""
    image = vtk.vtkImageData()
    image.SetDimensions(5, 5, 5)
    image.AllocateScalars(vtk.VTK_DOUBLE, 3)
    for index in range(125):
        i = index % 5
        image.GetPointData().GetScalars().SetTuple3(index, 5 + 0.5 * i, -3, 2)
    shift = slicer.vtkOrientedGridTransform()
    shift.SetDisplacementGridData(image)
    shift.SetGridDirectionMatrix(vtk.vtkMatrix4x4())
    image.SetOrigin(-200, -200, -200)
    image.SetSpacing(100, 100, 100)
    node = scene.AddNewNodeByClass("vtkMRMLGridTransformNode")
    node.SetAndObserveTransformToParent(shift)
    return node


@pytest.mark.parametrize("kind", [linear, grid])
def test_ct_under_a_transform(story, kind):
    transform = kind(story.scene)
    story.volume.SetAndObserveTransformNodeID(transform.GetID())
    story.segment()
    results = find_results(story.scene, story.volume)
    node = results.landmarks[story.ear.side]
    for result in results.nodes:
        assert result.GetParentTransformNode() is transform
    for index in range(3):
        name = node.GetNthControlPointLabel(index)
        place = node.GetNthControlPointPosition(index)
        assert place == pytest.approx(story.ear.found[name], abs=1e-3)
        world = to_world(story.volume, story.ear.found[name])
        assert np.linalg.norm(world - story.ear.found[name]) > 5
        np.testing.assert_allclose(node.GetNthControlPointPositionWorld(index), world, atol=1e-3)
    story.ui.landmarksTable.selectRow(0)
    helicotrema = to_world(story.volume, story.ear.found["helicotrema"])
    red = numpy_matrix(story.scene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS())
    np.testing.assert_allclose(red[:3, 3], helicotrema, atol=1e-3)


def test_results_follow_a_ct_that_is_moved_later(story):
    story.segment()
    node = find_results(story.scene, story.volume).landmarks[story.ear.side]
    transform = linear(story.scene)
    story.volume.SetAndObserveTransformNodeID(transform.GetID())
    world = to_world(story.volume, story.ear.found["helicotrema"])
    for step in (lambda: None, story.volume.HardenTransform,
                 lambda: story.scene.RemoveNode(transform)):  # fmt: skip
        step()
        np.testing.assert_allclose(node.GetNthControlPointPositionWorld(0), world, atol=1e-3)


def test_the_module_is_found_without_the_library_on_the_path(story):
    text = MODULE.read_text()
    top = text[: text.index("class InnerEarSeg(")]
    assert "import numpy" not in top and "torch" not in top and "InnerEarSegLib." not in top


def test_a_script_can_wait_for_a_result(story):
    from InnerEarSegLib.errors import InnerEarSegError

    added = story.widget.logic.process(story.volume)
    assert find_results(story.scene, story.volume).segmentation is added.segmentation
    story.mode = "unusable"
    with pytest.raises(InnerEarSegError, match="far more than one ear"):
        story.widget.logic.process(story.volume)
    story.mode = "no_ear"
    assert story.widget.logic.process(story.volume) is None


def test_the_self_test_runs(story):
    """Its prepared result is the truth of the very ear that the self-test makes."""
    slicer.selfTests["InnerEarSeg"](msec=1)


def test_a_new_point_is_placed_at_once(story):
    node = story.ui.regionSelector.addNode()
    interaction = story.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    selection = story.scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    assert node.GetName() == "Ear is here"
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    assert selection.GetActivePlaceNodeID() == node.GetID()
    assert not story.ui.segmentButton.enabled
    node.AddControlPoint(vtk.vtkVector3d(*story.ear.truth["helicotrema"]))
    assert story.ui.segmentButton.enabled
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")


def test_scene_saved_while_a_point_is_edited(story, tmp_path):
    story.segment()
    story.ui.landmarksTable.selectRow(0)
    story.ui.editButton.click()
    story.process()
    path = str(tmp_path / "scene.mrb")
    assert slicer.util.saveScene(path)
    story.scene.Clear(False)
    slicer.util.loadScene(path)
    story.process()
    node = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")[0]
    assert node.GetLocked() and node.GetNthControlPointLocked(0)
    assert node.GetNthControlPointPositionStatus(0) == node.PositionDefined


def test_scene_saved_while_a_click_is_waited_for(story):
    story.segment()
    story.ui.landmarksTable.selectRow(0)
    story.ui.confirmButton.click()
    story.ui.placeButton.click()
    assert story.panel.reviewing.review.placing is not None
    count = story.scene.GetNumberOfNodesByClass("vtkMRMLMarkupsFiducialNode")
    assert count == 2  # the landmarks, and what the click goes to
    story.reopen()
    [node] = slicer.util.getNodesByClass("vtkMRMLMarkupsFiducialNode")
    place = node.GetNthControlPointPosition(0)
    assert place == pytest.approx(story.ear.found["helicotrema"], abs=1e-3)
    assert node.GetNthControlPointPositionStatus(0) == node.PositionDefined
    assert story.states()[0] == "✓ confirmed"


def test_scene_closed_while_a_script_waits(story):
    import qt

    from InnerEarSegLib.errors import InnerEarSegError

    story.mode = "hang:infer"
    timer = qt.QTimer()
    timer.setSingleShot(True)
    timer.connect("timeout()", lambda: story.scene.Clear(False))
    timer.start(700)
    with pytest.raises(InnerEarSegError, match="removed"):
        story.widget.logic.process(story.volume)
    assert story.left_over() == []
    assert story.scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_run_again_after_changes_by_hand(story):
    story.segment()
    results = find_results(story.scene, story.volume)
    node, segments = results.landmarks[story.ear.side], results.segmentation.GetSegmentation()
    node.SetNthControlPointLabel(0, "HC")
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")
    assert node.GetNumberOfControlPoints() == 3
    node.SetNthControlPointLabel(0, "helicotrema")
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(1)
    segments.RemoveSegment(segments.GetNthSegmentID(0))
    story.process()
    story.segment()
    assert story.ui.statusLabel.text.startswith("Found")
    assert "Kept" not in story.ui.statusLabel.text
    assert node.GetNumberOfControlPoints() == 3 and segments.GetNumberOfSegments() == 1
    node.SetNthControlPointLabel(node.GetControlPointIndexByLabel("helicotrema"), "HC")
    node.SetFixedNumberOfControlPoints(False)
    node.RemoveNthControlPoint(node.GetControlPointIndexByLabel("round window"))
    story.process()
    story.segment()
    labels = {node.GetNthControlPointLabel(n) for n in range(node.GetNumberOfControlPoints())}
    assert labels == {"HC", "oval window", "round window"}
    assert story.ui.landmarksTable.rowCount == 3
    assert story.states() == ["automatic", "automatic", "⚠ automatic"]
