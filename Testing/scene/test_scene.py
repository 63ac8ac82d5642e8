"""The scene as 3D Slicer gets it."""

import tempfile
from dataclasses import replace

import numpy as np
import pytest
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from InnerEarSegLib.mrml.files import write_scene
from InnerEarSegLib.mrml.landmarks import node_landmarks
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.scene import headless_scene, nodes_of, numpy_matrix, to_world, vtk_matrix
from InnerEarSegLib.mrml.segments import resample_mask
from InnerEarSegLib.types import apply_affine


@pytest.fixture(scope="module")
def reopened(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    write_scene(made.ct, made.two, folder)
    with headless_scene() as session:
        assert session.scene.ReadFromMRB(str(folder / "scene.mrb"), True)
        yield session.scene


def test_boot_can_be_repeated_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with headless_scene() as first, headless_scene() as second:
        assert first.scene is not second.scene
        first.scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        assert second.scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
        assert len(list(tmp_path.glob("ies-*"))) == 2
    assert list(tmp_path.iterdir()) == []


def test_reopened_volume(made, reopened):
    (volume,) = nodes_of(reopened, "vtkMRMLScalarVolumeNode")
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    np.testing.assert_allclose(numpy_matrix(matrix), made.ct.geometry.ijk_to_ras, atol=1e-5)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(volume), made.ct.array)
    display = volume.GetDisplayNode()
    assert (display.GetWindow(), display.GetLevel()) == (4000, 1000)
    assert not display.GetAutoWindowLevel()


def test_reopened_results(made, reopened):
    (segmentation,) = nodes_of(reopened, "vtkMRMLSegmentationNode")
    inner = segmentation.GetSegmentation()
    segments = {x.GetName(): x for x in map(inner.GetSegment, inner.GetSegmentIDs())}
    assert list(segments) == ["Labyrinth left", "Labyrinth right"]
    for side, code in (("left", "SCT^7771000^Left"), ("right", "SCT^24028007^Right")):
        parts = segments[f"Labyrinth {side}"].GetTerminology().split("~")
        wanted = ["SCT^123037004^Anatomical Structure", "SCT^22945000^Inner ear", code]
        assert len(parts) == 7 and parts[1:4] == wanted
    assert len({segment.GetColor() for segment in segments.values()}) == 2
    assert segmentation.GetSegmentation().ContainsRepresentation("Closed surface")
    assert segmentation.GetAttribute("InnerEarSeg.Model.right") == f"test 1.0 {'0' * 64}"
    lists = nodes_of(reopened, "vtkMRMLMarkupsFiducialNode")
    assert [n.GetName() for n in lists] == ["Landmarks left", "Landmarks right"]
    for node, ear in zip(lists, made.two.ears, strict=True):
        assert node.GetFixedNumberOfControlPoints() and node.GetLocked()
        assert node.GetAttribute("InnerEarSeg.Confidence.helicotrema") == "0.8000"
        automatic = node.GetAttribute("InnerEarSeg.Automatic.helicotrema").split()
        np.testing.assert_allclose([float(v) for v in automatic], ear.landmarks[0].ras, atol=1e-3)
    assert lists[1].GetAttribute("InnerEarSeg.Automatic.oval window") in ("", None)
    missing = lists[1].GetNthControlPointPositionStatus(1)
    assert missing == slicer.vtkMRMLMarkupsNode.PositionMissing


def test_reopened_views_show_the_first_ear(made, reopened):
    (volume,) = nodes_of(reopened, "vtkMRMLScalarVolumeNode")
    slices = nodes_of(reopened, "vtkMRMLSliceNode")
    orientations = {n.GetName(): n.GetOrientation() for n in slices}
    assert orientations == {"Red": "Axial", "Green": "Coronal", "Yellow": "Sagittal"}
    center = made.left.geometry.center
    for node in slices:
        position = numpy_matrix(node.GetSliceToRAS())[:3, 3]
        np.testing.assert_allclose(position, center, atol=1e-3)
        assert min(node.GetFieldOfView()[:2]) == pytest.approx(30)
    composites = nodes_of(reopened, "vtkMRMLSliceCompositeNode")
    assert len(composites) == 3
    assert {n.GetBackgroundVolumeID() for n in composites} == {volume.GetID()}
    (camera,) = nodes_of(reopened, "vtkMRMLCameraNode")
    np.testing.assert_allclose(camera.GetFocalPoint(), center, atol=1e-3)
    assert camera.GetLayoutName() == "1"
    (layout,) = nodes_of(reopened, "vtkMRMLLayoutNode")
    assert layout.GetViewArrangement() == layout.SlicerLayoutFourUpView
    (selection,) = nodes_of(reopened, "vtkMRMLSelectionNode")
    assert selection.GetActiveVolumeID() == volume.GetID()


def test_reopened_hierarchy(reopened):
    hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(reopened)
    folder = hierarchy.GetItemByName("InnerEarSeg results")
    children = vtk.vtkIdList()
    hierarchy.GetItemChildren(folder, children)
    names = {hierarchy.GetItemName(children.GetId(i)) for i in range(children.GetNumberOfIds())}
    assert names == {
        "Labyrinth", "Landmarks left", "Landmarks right", "Cochlear measurements",
        "A diameter left", "B diameter left", "Modiolar axis left",
        "A diameter right", "B diameter right", "Modiolar axis right",
    }  # fmt: skip


def test_a_moved_ct_takes_its_results_along(made, scene, volume):
    turn = np.array([[0, -1, 0, 20], [1, 0, 0, -30], [0, 0, 1, 7], [0, 0, 0, 1.0]])
    transform = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    transform.SetMatrixTransformToParent(vtk_matrix(turn))
    volume.SetAndObserveTransformNodeID(transform.GetID())
    added = add_result(scene, volume, made.one)
    landmarks = added.landmarks["left"]
    for node in (added.segmentation, landmarks):
        assert node.GetParentTransformNode() is transform
    surface = vtk.vtkPolyData()
    added.segmentation.GetClosedSurfaceRepresentation("Labyrinth_left", surface)
    shown = to_world(added.segmentation, vtk_to_numpy(surface.GetPoints().GetData()))
    world = apply_affine(turn, made.points(made.left.labyrinth, made.left.geometry))
    np.testing.assert_allclose(shown.min(axis=0), world.min(axis=0), atol=0.5)
    np.testing.assert_allclose(shown.max(axis=0), world.max(axis=0), atol=0.5)
    # Own coordinates stay those of the CT.
    found = made.left.landmarks[0].ras
    np.testing.assert_allclose(node_landmarks(landmarks)["helicotrema"], found, atol=1e-6)
    point = landmarks.GetNthControlPointPositionWorld(0)
    np.testing.assert_allclose(point, apply_affine(turn, found))
    position = numpy_matrix(scene.GetNodeByID("vtkMRMLSliceNodeRed").GetSliceToRAS())[:3, 3]
    np.testing.assert_allclose(position, apply_affine(turn, made.left.geometry.center))


def test_segment_editor_gets_the_ear_grid_and_the_ct(made, scene, volume):
    node = add_result(scene, volume, made.one).segmentation
    role = node.GetReferenceImageGeometryReferenceRole()
    assert node.GetNodeReferenceID(role) == volume.GetID()
    text = node.GetSegmentation().GetConversionParameter(
        slicer.vtkSegmentationConverter.GetReferenceImageGeometryParameterName()
    )
    image = slicer.vtkOrientedImageData()
    slicer.vtkSegmentationConverter.DeserializeImageGeometry(text, image)
    np.testing.assert_allclose(image.GetSpacing(), made.left.geometry.spacing, atol=1e-6)


def test_wrong_shape_is_refused_and_the_same_grid_changes_nothing(made, scene, volume):
    ear = replace(made.left, labyrinth=made.left.labyrinth[1:])
    with pytest.raises(ValueError, match="geometry"):
        add_result(scene, volume, made.result(ear))
    mask, first = resample_mask(made.left.labyrinth, made.left.geometry, made.left.geometry)
    shape = made.left.geometry.shape
    skip = tuple(slice(-f, -f + n) for f, n in zip(first[::-1], shape, strict=True))
    np.testing.assert_array_equal(mask[skip], made.left.labyrinth)
    assert mask.sum() == made.left.labyrinth.sum()
