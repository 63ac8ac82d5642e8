"""The Cochlear view in a real scene: slices turned, kept with the cochlea, and turned back."""

from dataclasses import replace

import numpy as np
import pytest
import vtk
from hypothesis import given, settings
from hypothesis import strategies as st

from InnerEarSegLib.mrml.cochlear_view import (
    PLANE_ATTRIBUTE,
    VIEW_ATTRIBUTE,
    CochlearView,
    fitted_field,
    slice_planes,
)
from InnerEarSegLib.mrml.measurements import find_measurements, update_measurements
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.scene import headless_scene, nodes_of, numpy_matrix
from InnerEarSegLib.types import SIDES
from Testing.scene.test_measurements import ring_result


def turned_to(view, plane):
    """Whether a slice view shows a plane, up to panning and zooming within it."""
    matrix = numpy_matrix(view.GetSliceToRAS())
    distance = abs((matrix[:3, 3] - plane[:3, 3]) @ plane[:3, 2])
    return matrix[:3, 2] @ plane[:3, 2] > 0.9999 and distance < 0.05


@pytest.fixture
def left(scene, volume):
    """Landmarks' node and frame of a left ear."""
    landmarks = add_result(scene, volume, ring_result("left")).landmarks["left"]
    return landmarks, update_measurements(scene, volume, find_results(scene, volume))["left"].frame


@pytest.fixture
def views(scene):
    return nodes_of(scene, "vtkMRMLSliceNode")


def placed(views):
    return [numpy_matrix(view.GetSliceToRAS()) for view in views]


@pytest.mark.parametrize("side", SIDES)
def test_the_cochlear_view_and_back(scene, volume, views, side):
    landmarks = add_result(scene, volume, ring_result(side)).landmarks[side]
    plan = update_measurements(scene, volume, find_results(scene, volume))[side]
    before = [(numpy_matrix(v.GetSliceToRAS()), v.GetFieldOfView()) for v in views]
    turned = CochlearView(scene)
    turned.enter(landmarks, plan.frame, 0.2)
    assert turned.active
    by_name = {view.GetLayoutName(): view for view in views}
    planes = slice_planes(volume, plan.frame)
    for name, plane in zip(("Red", "Yellow", "Green"), planes, strict=True):
        assert turned_to(by_name[name], plane)
        assert np.allclose(numpy_matrix(by_name[name].GetSliceToRAS())[:3, 3], plan.frame.origin)
        assert np.linalg.det(plane[:3, :3]) == pytest.approx(1.0)
    z = plan.frame.axes[2]
    assert planes[0][:3, 2] @ z == pytest.approx(1.0)
    assert planes[1][:3, 1] @ z == pytest.approx(1.0) and planes[2][:3, 1] @ z > 0.999
    assert planes[1][:3, 2] @ planes[2][:3, 2] == pytest.approx(0.0, abs=1e-9)
    # The round window is to the right in a right ear, to the left in a left one.
    assert np.sign(planes[0][:3, 0] @ plan.frame.axes[0]) == (1 if side == "right" else -1)
    turned.enter(landmarks, replace(plan.frame, origin=plan.frame.origin + 1.0), 0.2)
    turned.leave()
    assert not turned.active
    for view, (matrix, field) in zip(views, before, strict=True):
        assert np.allclose(numpy_matrix(view.GetSliceToRAS()), matrix)
        assert view.GetFieldOfView() == field


def test_the_cochlear_view_of_a_ct_under_a_transform(scene, volume):
    add_result(scene, volume, ring_result("left"))
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = vtk.vtkMatrix4x4()
    turn.DeepCopy([0, -1, 0, 10, 1, 0, 0, 20, 0, 0, 1, 30, 0, 0, 0, 1])
    transform.SetMatrixTransformToParent(turn)
    volume.SetAndObserveTransformNodeID(transform.GetID())
    plan = update_measurements(scene, volume, find_results(scene, volume))["left"]
    plane = slice_planes(volume, plan.frame)[0]
    expected = numpy_matrix(turn)[:3, :3] @ plan.frame.axes[2]
    assert np.allclose(plane[:3, 2], expected, atol=1e-6)


def test_it_turns_along_as_far_as_the_cochlea_did(scene, left, views):
    (landmarks, frame), view = left, CochlearView(scene)
    view.enter(landmarks, frame, 0.2)
    assert view.landmarks is landmarks and not view.follow(frame)
    views[0].SetFieldOfView(11.0, 8.0, 0.2)
    views[0].SetXYZOrigin(0.5, -0.25, 0.0)
    cosine, sine = np.cos(0.1), np.sin(0.1)
    turn = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    moved = replace(frame, origin=frame.origin + (0.1, 0.2, 0.3), axes=frame.axes @ turn.T)
    assert view.follow(moved)
    planes = dict(zip(("Red", "Yellow", "Green"), slice_planes(landmarks, moved), strict=True))
    for node in views:
        assert np.allclose(numpy_matrix(node.GetSliceToRAS()), planes[node.GetLayoutName()])
    assert views[0].GetFieldOfView() == (11.0, 8.0, 0.2)
    assert views[0].GetXYZOrigin() == (0.5, -0.25, 0.0)
    # One that the user turned to something else is hers.
    views[1].SetOrientationToAxial()
    axial = numpy_matrix(views[1].GetSliceToRAS())
    assert view.follow(frame)
    assert np.array_equal(numpy_matrix(views[1].GetSliceToRAS()), axial)


def test_what_to_go_back_to_is_in_the_scene(scene, volume, left, views):
    (landmarks, frame), before = left, placed(views)
    lines = find_measurements(scene, volume).lines_of("left")
    lines[0].SetDisplayVisibility(True)
    CochlearView(scene).enter(landmarks, frame, 0.2, lines)
    other = CochlearView(scene)
    assert other.active and other.landmarks is landmarks
    other.leave()
    assert not other.active and other.landmarks is None
    assert np.allclose(placed(views), before)
    assert [bool(line.GetDisplayVisibility()) for line in lines] == [True, False, False]


SIZE = st.tuples(st.integers(60, 2000), st.integers(60, 2000))


def test_the_fitted_field_is_what_slicer_makes_of_a_resized_window():
    with headless_scene() as session:
        logic = session.application_logic.GetSliceLogicByLayoutName("Red")
        node = logic.GetSliceNode()

        @settings(max_examples=50, deadline=None)
        @given(before=SIZE, now=SIZE)
        def check(before, now):
            node.SetDimensions(*before, 1)
            node.SetFieldOfView(30.0, 30.0 * before[1] / before[0], 1.0)
            expected = fitted_field(node.GetFieldOfView(), (*before, 1), (*now, 1))
            logic.ResizeSliceNode(*now)
            assert node.GetFieldOfView() == pytest.approx(expected)
            assert expected[0] / now[0] == pytest.approx(expected[1] / now[1])

        check()


@pytest.mark.parametrize(
    "text", [None, "", "[", "7", '["basal turn", [[1, 0], [0, 1]]]', '["?", 1]']
)
def test_a_view_whose_plane_is_not_noted_stays_and_is_turned_back(scene, left, views, text):
    (landmarks, frame), before, view = left, placed(views), CochlearView(scene)
    view.enter(landmarks, frame, 0.2)
    turned = placed(views)
    views[0].SetAttribute(PLANE_ATTRIBUTE, text)
    assert view.follow(replace(frame, origin=frame.origin + 1.0))
    now = placed(views)
    assert np.array_equal(now[0], turned[0]) and not np.allclose(now[1], turned[1])
    if text == "":
        views[0].SetAttribute(VIEW_ATTRIBUTE, "{")  # cannot be read, and is dropped
        before[0] = turned[0]
    view.leave()
    assert not view.active and np.allclose(placed(views), before)
