"""The measurements of an ear as nodes of a real scene, also under transforms."""

import math

import numpy as np
import pytest
import slicer

from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.mrml.landmarks import AUXILIARY_POSITION, format_point, parse_point
from InnerEarSegLib.mrml.measurements import LINE_NAMES, find_measurements, update_measurements
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.review import Review
from InnerEarSegLib.mrml.scene import headless_scene, vtk_matrix
from InnerEarSegLib.mrml.segments import SEGMENT_IDS
from InnerEarSegLib.mrml.transforms import follow_ct
from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.types import (
    AUXILIARY,
    HELICOTREMA,
    LANDMARKS,
    ROUND_WINDOW,
    SIDES,
    Ear,
    Landmark,
    ModelIdentity,
    Segmentation,
    Volume,
    apply_affine,
)
from Testing.numbers.ring import ring_ear
from Testing.numbers.test_cochlea import RING_A, pose
from Testing.panel.test_scene_stories import grid


def ring_result(*sides, shift=0.0):
    """Ears made of rings, 60 mm apart; radii say that all points are known exactly."""
    ears = []
    for side in sides:
        matrix = pose(3, side == "left")
        matrix[:3, 3] = (-30.0 if side == "left" else 30.0, shift, 0.0)
        mask, geometry, points = ring_ear(matrix, 0.25)
        found, auxiliary = (
            tuple(Landmark(name, tuple(map(float, points[name])), 0.9, 0.0) for name in names)
            for names in (LANDMARKS, AUXILIARY)
        )
        size = float(mask.sum()) * geometry.voxel_volume
        ears.append(Ear(side, mask, geometry, found, size, auxiliary=auxiliary))
    return Segmentation(tuple(ears), ModelIdentity("test", "1", "0" * 64), "cpu")


def length(node):
    return math.dist(*(node.GetNthControlPointPosition(index) for index in (0, 1)))


def cell(table, label, column):
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    rows = [table.GetCellText(row, 0) for row in range(table.GetNumberOfRows())]
    return table.GetCellText(rows.index(label), names.index(column))


def text_of(scene):
    scene.SetSaveToXMLString(1)
    scene.Commit()
    return scene.GetSceneXMLString()


@pytest.fixture
def nodes(scene, volume):
    """A left ear's results."""
    return add_result(scene, volume, ring_result("left"))


def measured(scene, volume):
    """What is measured of the left ear now, and shown in the scene."""
    return update_measurements(scene, volume, find_results(scene, volume))["left"]


def rigid(scene, seed, *nodes):
    """Put nodes under a turn and shift."""
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    turn = pose(seed, False)
    turn[:3, 3] = (5.0, 6.0, 7.0)
    transform.SetMatrixTransformToParent(vtk_matrix(turn))
    for node in nodes:
        node.SetAndObserveTransformNodeID(transform.GetID())
    return transform, turn


def move(node, name, by):
    index = node.GetControlPointIndexByLabel(name)
    place = np.array(node.GetNthControlPointPosition(index))
    node.SetNthControlPointPosition(index, *(place + by))


def test_table_and_lines_hold_what_was_measured(scene, volume):
    plan = add_result(scene, volume, ring_result(*SIDES)).measurements
    assert {(side, name) for side in SIDES for name in LINE_NAMES} == set(plan.lines)
    for side in SIDES:
        assert length(plan.lines[side, "A"]) == pytest.approx(RING_A, abs=0.12)
        assert length(plan.lines[side, "B"]) == pytest.approx(7.0, abs=0.15)
        shown = float(cell(plan.table, "A diameter", side.capitalize()))
        assert shown == pytest.approx(length(plan.lines[side, "A"]), abs=0.006)
        # Its landmarks are known exactly; what is left is the wall's 1.645 * 0.06 mm.
        assert 0.13 < float(cell(plan.table, "A diameter", f"± {side}")) < 0.25
    assert float(cell(plan.table, "A diameter", "Left - right")) == pytest.approx(0.0, abs=0.1)
    assert cell(plan.table, "A diameter", "Source") == "Escudé et al. 2006"
    assert "range of" in cell(plan.table, "Labyrinth volume", "Remark")


def test_lines_are_locked_and_hidden(scene, nodes):
    for node in nodes.measurements.lines.values():
        assert node.GetLocked() and node.GetFixedNumberOfControlPoints()
        assert not node.GetDisplayNode().GetVisibility()
    selection = scene.GetFirstNodeByClass("vtkMRMLSelectionNode")
    assert selection.GetActivePlaceNodeClassName() != "vtkMRMLMarkupsLineNode"


def test_a_second_run_finds_its_nodes_again_and_another_ct_has_its_own(made, scene, volume, nodes):
    first, count = nodes.measurements, scene.GetNumberOfNodes()
    second = add_result(scene, volume, ring_result("left", shift=2.0)).measurements
    assert scene.GetNumberOfNodes() == count
    assert second.table is first.table and second.lines == first.lines
    both = add_result(scene, volume, ring_result("right")).measurements
    assert both.table is first.table and len(both.lines) == 6
    assert cell(both.table, "B diameter", "Left - right") != ""
    other = add_result(scene, add_volume(scene, made.ct), ring_result("left")).measurements
    assert other.table is not first.table and not set(other.nodes) & set(both.nodes)
    assert other.table.GetName() != first.table.GetName()
    assert find_measurements(scene, volume).table is first.table


def test_a_corrected_landmark_moves_the_line_and_nothing_else_does(scene, volume, nodes):
    text = text_of(scene)
    assert measured(scene, volume) is measured(scene, volume) and text_of(scene) == text
    before, line = measured(scene, volume), nodes.measurements.lines["left", "A"]
    move(nodes.landmarks["left"], ROUND_WINDOW, 0.8 * before.frame.axes[0])  # outwards
    after = measured(scene, volume)
    diameter = after["a_diameter"].value
    assert diameter - before["a_diameter"].value == pytest.approx(0.8, abs=0.1)
    assert length(line) == pytest.approx(diameter)
    shown = float(cell(nodes.measurements.table, "A diameter", "Left"))
    assert shown == pytest.approx(diameter, abs=0.006)
    # What the user placed is less sure than a point that is known exactly.
    assert after["a_diameter"].uncertainty > 0.05
    review = Review(scene, nodes.landmarks)
    review.reset(("left", ROUND_WINDOW))
    review.close()
    again = measured(scene, volume)["a_diameter"].value
    assert again == pytest.approx(before["a_diameter"].value, abs=0.01)


def test_an_edited_segment_changes_the_numbers(scene, volume, nodes):
    before = measured(scene, volume)
    array = slicer.util.arrayFromSegmentInternalBinaryLabelmap
    array(nodes.segmentation, SEGMENT_IDS["left"])[:] = 0
    nodes.segmentation.GetSegmentation().GetSegment(SEGMENT_IDS["left"]).Modified()
    assert before["a_diameter"].value is not None
    assert measured(scene, volume)["a_diameter"].value is None
    line = nodes.measurements.lines["left", "A"]
    assert line.GetNthControlPointPositionStatus(0) == line.PositionMissing
    assert cell(nodes.measurements.table, "A diameter", "Left") == ""


def test_deleted_nodes_stay_away_until_the_next_run(scene, volume, nodes):
    scene.RemoveNode(nodes.measurements.lines["left", "B"])
    scene.RemoveNode(nodes.measurements.table)
    measured(scene, volume)
    found = find_measurements(scene, volume)
    assert found.table is None and ("left", "B") not in found.lines
    assert len(add_result(scene, volume, ring_result("left")).measurements.nodes) == 4


def test_it_follows_the_ct(scene, volume, nodes):
    transform, turn = rigid(scene, 8, volume)
    results, line = find_results(scene, volume), nodes.measurements.lines["left", "A"]
    follow_ct(results, volume)
    before, local = length(line), line.GetNthControlPointPosition(0)
    axis = measured(scene, volume).frame.axes[2]
    assert line.GetTransformNodeID() == transform.GetID() and length(line) == pytest.approx(before)
    world = np.array(line.GetNthControlPointPositionWorld(0))
    assert np.allclose(world, apply_affine(turn, local), atol=1e-4)
    # Hardened, the numbers change with the CT, and so do those of the auxiliary landmarks.
    volume.HardenTransform()
    follow_ct(results, volume)
    hardened = measured(scene, volume)
    assert np.allclose(line.GetNthControlPointPositionWorld(0), world, atol=0.02)
    assert np.allclose(hardened.frame.axes[2], turn[:3, :3] @ axis, atol=1e-3)


def test_saved_and_loaded_it_is_found_and_updated(tmp_path, made):
    result = ring_result("left")
    write_scene(Volume(made.ct.array, made.ct.geometry), result, tmp_path)
    with headless_scene() as session:
        scene = session.scene
        assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
        volume = scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        found = find_measurements(scene, volume)
        assert found.table is not None and len(found.lines) == 3
        shown = float(cell(found.table, "A diameter", "Left"))
        assert shown == pytest.approx(RING_A, abs=0.12)
        assert length(found.lines["left", "A"]) == pytest.approx(shown, abs=0.006)
        # The auxiliary landmarks and radii came along: nothing is drawn to the average ear.
        diameter = measured(scene, volume)["a_diameter"]
        assert diameter.value == pytest.approx(shown, abs=0.006)
        assert diameter.uncertainty < 0.25  # the wall's alone, times WIDER


def test_lines_stay_in_the_folder_that_was_put_under_a_transform(scene, volume, nodes):
    landmarks, lines = nodes.landmarks["left"], nodes.measurements.lines
    # As the transform of the folder in Data does.
    transform, turn = rigid(scene, 8, nodes.segmentation, landmarks, *lines.values())
    move(landmarks, HELICOTREMA, (0.3, 0.0, 0.0))
    ends = measured(scene, volume).lines
    for (_, name), line in lines.items():
        assert line.GetTransformNodeID() == transform.GetID(), name
        for index in (0, 1):
            world = line.GetNthControlPointPositionWorld(index)
            np.testing.assert_allclose(world, apply_affine(turn, ends[name][index]), atol=1e-4)


def test_a_segment_under_another_transform_is_measured_where_it_is_seen(scene, volume, nodes):
    before, landmarks = measured(scene, volume), nodes.landmarks["left"]
    transform, turn = rigid(scene, 4)
    # Other numbers under a transform, the same places in the world; the segment stays as it is.
    back = np.linalg.inv(turn)
    landmarks.ApplyTransformMatrix(vtk_matrix(back))
    for name in landmarks.GetAttributeNames():
        if name.startswith(AUXILIARY_POSITION):
            place = parse_point(landmarks.GetAttribute(name))
            landmarks.SetAttribute(name, format_point(apply_affine(back, place)))
    landmarks.SetAndObserveTransformNodeID(transform.GetID())
    after = measured(scene, volume)
    for key in ("a_diameter", "b_diameter", "cochlear_height"):
        assert after[key].value == pytest.approx(before[key].value, abs=0.02), key
    world = nodes.measurements.lines["left", "B"].GetNthControlPointPositionWorld(0)
    np.testing.assert_allclose(world, before.lines["B"][0], atol=0.05)


def test_between_transforms_that_bend_the_segment_counts_as_absent(scene, volume, nodes):
    bent = grid(scene).GetID()
    nodes.segmentation.SetAndObserveTransformNodeID(bent)
    assert measured(scene, volume)["a_diameter"].value is None
    nodes.landmarks["left"].SetAndObserveTransformNodeID(bent)  # both: nothing between
    assert measured(scene, volume)["a_diameter"].value is not None
    assert nodes.measurements.lines["left", "A"].GetTransformNodeID() == bent
