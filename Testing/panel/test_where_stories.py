"""A point or an ROI says where to look; the worker is told in the CT's own coordinates."""

import numpy as np
import pytest
import vtk

from InnerEarSegLib.cli.main import build_parser, main
from InnerEarSegLib.io.region import region_of
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.mrml.scene import to_world, vtk_matrix
from InnerEarSegLib.mrml.volumes import export_steps
from InnerEarSegLib.panel.worker_process import segment_command
from Testing.panel.test_scene_stories import grid, linear


def arguments_of(story):
    """What the worker would be given for the last run."""
    return segment_command(story.folder, "cpu", None, story.region)[1:]


def numbers(arguments):
    [text] = [a.partition("=")[2] for a in arguments if a.startswith("--roi=")]
    return [float(part) for part in text.split(",")]


def parsed(arguments):
    """The region that the command line makes of it."""
    options = build_parser().parse_args(arguments[2:])
    return region_of(options.center, options.roi)


def test_nowhere_in_particular(story):
    story.segment()
    assert story.region is None
    assert not any(a.startswith(("--center", "--roi")) for a in arguments_of(story))


@pytest.fixture(params=[None, linear, grid], ids=["as it is", "linear", "grid"])
def kind(story, request):
    """The CT is as it is, or under a transform."""
    if request.param is not None:
        story.volume.SetAndObserveTransformNodeID(request.param(story.scene).GetID())
    return request.param


def test_a_point(story, kind, tmp_path):
    point = story.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Here")
    story.ui.regionSelector.setCurrentNode(point)
    assert not story.ui.segmentButton.enabled
    assert story.ui.statusLabel.text == "Place a point in Here, or choose Whole CT."
    local = story.ear.ct.geometry.center + (1.5, -2.0, 0.5)
    point.AddControlPointWorld(vtk.vtkVector3d(*to_world(story.volume, local)))
    story.segment()
    arguments = arguments_of(story)
    np.testing.assert_allclose(parsed(arguments).center, local, atol=2e-3)
    point = region_of(parsed(arguments).center, None)  # as with --center
    np.testing.assert_array_equal(parsed(arguments).half_mm, point.half_mm)
    # The whole CT, in its own coordinates, with what only DICOM says of its slices.
    list(export_steps(story.volume, tmp_path / "ct.nrrd", 1.5))
    written = read_ct(tmp_path / "ct.nrrd")
    assert written.slice_mm == 1.5
    np.testing.assert_array_equal(written.array, story.ear.ct.array)
    np.testing.assert_allclose(written.geometry.ijk_to_ras, story.ear.ct.geometry.ijk_to_ras)


def test_a_box(story, kind):
    roi = story.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    center = story.ear.ct.geometry.center
    story.ui.regionSelector.setCurrentNode(roi)
    assert not story.ui.segmentButton.enabled  # it has no size yet
    roi.SetCenterWorld(*to_world(story.volume, center))
    roi.SetSizeWorld(10.0, 20.0, 30.0)
    story.segment()
    found = numbers(arguments_of(story))
    region = parsed(arguments_of(story))
    np.testing.assert_allclose([*region.center, *(2 * region.half_mm)], found)
    # linear() turns by 90 degrees about S; grid() stretches R by half a millimetre in 100.
    size = {None: (10, 20, 30), linear: (20, 10, 30), grid: (10, 20, 30)}[kind]
    np.testing.assert_allclose(found[:3], center, atol=0.05)
    np.testing.assert_allclose(found[3:], size, atol=0.06)


def test_a_turned_box_is_covered(story):
    roi = story.scene.AddNewNodeByClass("vtkMRMLMarkupsROINode", "Box")
    half = np.sqrt(0.5)
    turn = np.eye(4)
    turn[:2, :2] = [[half, -half], [half, half]]
    turn[:3, 3] = story.ear.ct.geometry.center
    roi.SetSize(10.0, 10.0, 10.0)
    roi.SetAndObserveObjectToNodeMatrix(vtk_matrix(turn))
    story.ui.regionSelector.setCurrentNode(roi)
    story.segment()
    found = numbers(arguments_of(story))
    np.testing.assert_allclose(found[3:], [10 * np.sqrt(2), 10 * np.sqrt(2), 10], atol=1e-3)


def test_a_place_outside_the_ct(story):
    before = story.xml()
    point = story.scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "Here")
    point.AddControlPoint(vtk.vtkVector3d(500.0, 0.0, 0.0))
    story.ui.regionSelector.setCurrentNode(point)
    story.segment()
    assert story.ui.statusLabel.text == "The place to look lies outside the CT."
    assert story.ui.segmentButton.enabled and not list(story.temporary.iterdir())
    story.ui.regionSelector.setCurrentNode(None)
    story.scene.RemoveNode(point)
    assert "Labyrinth" not in story.xml() and "Labyrinth" not in before


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--center=1,2", "'1,2' is not R,A,S"),
        ("--center=a,b,c", "'a,b,c' is not R,A,S"),
        ("--center=1,2,nan", "is not R,A,S"),
        ("--roi=1,2,3", "is not R,A,S,dR,dA,dS"),
        ("--roi=1,2,3,4,0,6", "not longer than 0 mm"),
    ],
)
def test_wrong_places_are_one_sentence(option, sentence, capsys):
    assert main(["segment", "ct.nrrd", "--output", "out", option]) == 2
    text = capsys.readouterr().err
    assert sentence in text and text.count("\n") == 1
