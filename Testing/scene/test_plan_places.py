"""Where the plan's lines lie when results and CT are under different transforms."""

from __future__ import annotations

import numpy as np
import pytest

from InnerEarSegLib.mrml.measurements import update_measurements
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import numpy_matrix, vtk_matrix
from InnerEarSegLib.types import HELICOTREMA
from Testing.numbers.test_planning import pose
from Testing.panel.test_scene_stories import grid
from Testing.scene.test_measurements import ring_result


@pytest.fixture
def nodes(scene, volume):
    """A left ear's results."""
    return add_result(scene, volume, ring_result("left"))


def rigid(scene, seed):
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = pose(seed, False)
    turn[:3, 3] = (5.0, 6.0, 7.0)
    transform.SetMatrixTransformToParent(vtk_matrix(turn))
    return transform


def move(node, name, by):
    index = node.GetControlPointIndexByLabel(name)
    place = np.array(node.GetNthControlPointPosition(index))
    node.SetNthControlPointPosition(index, *(place + by))


def test_lines_stay_in_the_folder_that_was_put_under_a_transform(scene, volume, nodes):
    transform = rigid(scene, 8)
    landmarks, lines = nodes.landmarks["left"], nodes.measurements.lines
    for node in (nodes.segmentation, landmarks, *lines.values()):  # as its transform in Data does
        node.SetAndObserveTransformNodeID(transform.GetID())
    move(landmarks, HELICOTREMA, (0.3, 0.0, 0.0))
    plan = update_measurements(scene, volume, find_results(scene, volume))["left"]
    turn = numpy_matrix(transform.GetMatrixTransformToParent())
    for (_, name), line in lines.items():
        assert line.GetTransformNodeID() == transform.GetID(), name
        for index in (0, 1):
            expected = turn[:3, :3] @ plan.lines[name][index] + turn[:3, 3]
            world = line.GetNthControlPointPositionWorld(index)
            np.testing.assert_allclose(world, expected, atol=1e-4, err_msg=name)


def test_a_segment_under_another_transform_is_measured_where_it_is_seen(scene, volume, nodes):
    results = find_results(scene, volume)
    before = update_measurements(scene, volume, results)["left"]
    landmarks, transform = nodes.landmarks["left"], rigid(scene, 4)
    # Other numbers under a transform, the same places in the world; the segment stays as it is.
    back = np.linalg.inv(numpy_matrix(transform.GetMatrixTransformToParent()))
    landmarks.ApplyTransformMatrix(vtk_matrix(back))
    for name in landmarks.GetAttributeNames():
        if ".Auxiliary." in name:
            place = np.array(landmarks.GetAttribute(name).split(), float)
            moved = back[:3, :3] @ place + back[:3, 3]
            landmarks.SetAttribute(name, " ".join(map(str, moved)))
    landmarks.SetAndObserveTransformNodeID(transform.GetID())
    after = update_measurements(scene, volume, results)["left"]
    for key in ("a_diameter", "b_diameter", "cochlear_height"):
        assert after[key].value == pytest.approx(before[key].value, abs=0.02), key
    line = nodes.measurements.lines["left", "B"]
    np.testing.assert_allclose(
        line.GetNthControlPointPositionWorld(0), before.lines["B"][0], atol=0.05
    )


def test_between_transforms_that_bend_the_segment_counts_as_absent(scene, volume, nodes):
    bent = grid(scene)
    nodes.segmentation.SetAndObserveTransformNodeID(bent.GetID())
    results = find_results(scene, volume)
    assert update_measurements(scene, volume, results)["left"]["a_diameter"].value is None
    nodes.landmarks["left"].SetAndObserveTransformNodeID(bent.GetID())  # both: nothing between
    assert update_measurements(scene, volume, results)["left"]["a_diameter"].value is not None
    assert nodes.measurements.lines["left", "A"].GetTransformNodeID() == bent.GetID()
