"""The plan of two ears as nodes of a real scene: where they lie, under transforms, saved."""

from dataclasses import replace

import numpy as np
import pytest
import slicer
from vtkmodules.util.numpy_support import vtk_to_numpy

from InnerEarSegLib.cochlea.arrays import ChosenArray, choose, read_arrays
from InnerEarSegLib.cochlea.duct import CENTRE, LATERAL
from InnerEarSegLib.cochlea.frequencies import OrganOfCorti
from InnerEarSegLib.cochlea.parts import PARTS
from InnerEarSegLib.mrml.files import write_bundle
from InnerEarSegLib.mrml.measurements import update_measurements
from InnerEarSegLib.mrml.plan import (
    EXTENSION,
    FIXED,
    WAY_IN,
    arrays_in_scene,
    find_plan,
    show_plan,
    update_plan,
)
from InnerEarSegLib.mrml.plan_frequencies import FREQUENCIES, HERTZ
from InnerEarSegLib.mrml.plan_parts import find_parts, show_parts, update_parts
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results, remove_from_hierarchy
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.segments import SEGMENT_IDS, segment_content
from InnerEarSegLib.mrml.subject import cts_with_results, open_scene
from InnerEarSegLib.mrml.transforms import follow_ct
from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.progress import run_steps
from InnerEarSegLib.types import SIDES, Landmark, apply_affine
from Testing.panel.helpers import mirror, other_ear
from Testing.scene.report.subjects import truth_of
from Testing.scene.test_measurements import rigid, text_of

CHOSEN = [ChosenArray(array) for array in choose(["FLEX24", "CI632"], read_arrays())]


@pytest.fixture(scope="module")
def result(synthetic_ear):
    """Both ears, one the mirror image of the other."""
    found = truth_of(synthetic_ear)
    (ear,) = found.ears
    flip = mirror(ear.geometry)
    landmarks, auxiliary = (
        tuple(Landmark(x.name, tuple(apply_affine(flip, x.ras)), 0.9, 0.5) for x in marks)
        for marks in (ear.landmarks, ear.auxiliary)
    )
    other = replace(other_ear(ear), landmarks=landmarks, auxiliary=auxiliary)
    return replace(found, ears=tuple(sorted((ear, other), key=lambda each: each.side)))


@pytest.fixture
def planned(scene, synthetic_ear, result):
    """CT, results, measurements and nodes of a plan."""
    volume = add_volume(scene, synthetic_ear.ct)
    add_result(scene, volume, result)
    results = find_results(scene, volume)
    cochleae = update_measurements(scene, volume, results)
    show_plan(volume, cochleae, True)
    update_plan(volume, cochleae, CHOSEN, new_arrays=True)
    return volume, results, cochleae, find_plan(volume)


def places(node, world=False):
    get = node.GetNthControlPointPositionWorld if world else node.GetNthControlPointPosition
    points = [get(index) for index in range(node.GetNumberOfControlPoints())]
    return np.array(points).reshape(-1, 3)


def test_what_it_shows_and_that_it_is_no_result(scene, planned):
    volume, results, cochleae, nodes = planned
    assert set(nodes) == {
        (side, kind) for side in SIDES for kind in (*FIXED, "array 1", "array 2")}  # fmt: skip
    for side, cochlea in cochleae.items():
        duct = cochlea.duct
        # Measured and extended part of a curve meet, and are together as long as it is.
        shown = [places(nodes[side, f"{CENTRE}{part}"]) for part in ("", EXTENSION)]
        assert np.allclose(shown[0][-1], shown[1][0])
        whole = sum(nodes[side, f"{CENTRE}{x}"].GetCurveLengthWorld() for x in ("", EXTENSION))
        assert whole == pytest.approx(duct.curves[CENTRE].lengths[-1], rel=0.003)
        thick, thin = (
            nodes[side, f"{CENTRE}{part}"].GetDisplayNode().GetLineDiameter()
            for part in ("", EXTENSION)
        )
        assert thin < thick
        contacts = nodes[side, "array 2"]
        assert contacts.GetLocked() and contacts.GetNumberOfControlPoints() == 22
        assert contacts.GetNthControlPointLabel(21) == "E22"
        said = contacts.GetNthControlPointDescription(0)
        assert "°" in said and "organ of Corti" in said and "spiral ganglion" in said
        way = nodes[side, WAY_IN]
        assert "±" in way.GetName() and "facial nerve" in way.GetNthControlPointDescription(0)
        data = nodes[side, FREQUENCIES].GetPolyData().GetPointData().GetArray(HERTZ)
        hertz = vtk_to_numpy(data)
        corti = OrganOfCorti.of(duct)
        assert np.nanmax(hertz) == pytest.approx(corti.frequency(0.0), rel=1e-5)
        assert np.isnan(hertz).any()  # beyond the organ of Corti
        tube = vtk_to_numpy(nodes[side, FREQUENCIES].GetPolyData().GetPoints().GetData())
        away = np.linalg.norm(tube[:, None] - duct.curves[LATERAL].points[None], axis=-1)
        assert away.min(axis=1).max() < 0.2
    text = text_of(scene)
    update_plan(volume, cochleae, CHOSEN)
    assert text_of(scene) == text  # nothing changed, so nothing is touched
    for node in results.nodes:
        scene.RemoveNode(node)
    assert not find_results(scene, volume) and cts_with_results(scene) == []
    show_plan(volume, cochleae, False)
    assert find_plan(volume) == {}


def test_it_follows_the_ct(scene, planned):
    volume, results, cochleae, nodes = planned
    before = {key: places(node) for key, node in nodes.items() if key[1] != FREQUENCIES}
    _, turn = rigid(scene, 8, volume)
    follow_ct(results, volume)
    update_plan(volume, update_measurements(scene, volume, results), CHOSEN)
    for key, points in before.items():
        np.testing.assert_allclose(places(nodes[key], True), apply_affine(turn, points), atol=1e-3)
    volume.HardenTransform()
    follow_ct(results, volume)
    update_plan(volume, update_measurements(scene, volume, results), CHOSEN)
    curve = nodes["left", CENTRE]
    assert curve.GetTransformNodeID() is None
    expected = apply_affine(turn, before["left", CENTRE])
    np.testing.assert_allclose(places(curve), expected, atol=0.1)  # ± 0.02 mm of walls
    # Deleted nodes stay away, and an ear without a duct has an empty plan.
    scene.RemoveNode(nodes["left", WAY_IN])
    alone = {"right": cochleae["right"]}
    update_plan(volume, alone, CHOSEN)
    assert ("left", WAY_IN) not in find_plan(volume)
    assert curve.GetNumberOfControlPoints() == 0
    assert nodes["left", FREQUENCIES].GetPolyData().GetNumberOfPoints() == 0


def test_saved_with_its_parts_and_loaded(planned, scene, tmp_path):
    volume, results, cochleae, nodes = planned
    show_parts(volume, cochleae, True)
    run_steps(update_parts(volume, cochleae))
    display = results.segmentation.GetDisplayNode()
    assert not any(seen(display, segment) for segment in SEGMENT_IDS.values())
    for node in find_parts(volume).values():
        assert node.GetSegmentation().ContainsRepresentation("Closed surface")  # seen in 3D
    contacts = places(nodes["left", "array 1"])
    write_bundle(scene, tmp_path / "scene.mrb")
    with headless_scene() as session:
        open_scene(session.scene, tmp_path / "scene.mrb")
        (ct,) = cts_with_results(session.scene)
        assert arrays_in_scene(ct) == CHOSEN
        loaded = find_plan(ct)
        np.testing.assert_allclose(places(loaded["left", "array 1"]), contacts, atol=1e-4)
        parts = find_parts(ct)
        assert set(parts) == set(SIDES)
        segments = parts["left"].GetSegmentation()
        assert list(segments.GetSegmentIDs()) == list(PARTS)
        term = segments.GetSegment("cochlea").GetTerminology()
        assert "80169004" in term and "Left" in term
        assert "22945000" in segments.GetSegment("vestibule").GetTerminology()
        # Together they are the labyrinth, voxel by voxel.
        inside = segment_content(find_results(session.scene, ct).segmentation, "left")[0].sum()
        counts = [
            np.count_nonzero(vtk_to_numpy(
                segments.GetSegment(name).GetRepresentation("Binary labelmap")
                .GetPointData().GetScalars()) == segments.GetSegment(name).GetLabelValue())
            for name in PARTS
        ]  # fmt: skip
        assert sum(counts) == inside
    nodes, items = find_parts(volume).values(), []
    find = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene).GetItemByDataNode

    def look(*_):  # as 3D Slicer does for each segmentation, with an error where one has no item
        items.extend(find(n) for n in nodes if scene.IsNodePresent(n))

    tag = scene.AddObserver(scene.NodeRemovedEvent, look)
    show_parts(volume, cochleae, False)
    scene.RemoveObserver(tag)
    assert items and all(items)
    assert not any(map(find, nodes))
    assert all(seen(display, segment) for segment in SEGMENT_IDS.values())
    assert find_parts(volume) == {}


def test_a_labyrinth_without_parts_stays_in_the_views(planned, scene):
    volume, results, cochleae, _ = planned
    display = results.segmentation.GetDisplayNode()
    show_parts(volume, {"right": cochleae["right"]}, True)
    assert seen(display, SEGMENT_IDS["left"]) and not seen(display, SEGMENT_IDS["right"])
    remove_from_hierarchy(scene, find_parts(volume)["right"])  # in the Data module
    run_steps(update_parts(volume, cochleae))
    assert seen(display, SEGMENT_IDS["right"])


def seen(display, segment):
    """Whether a segment is seen in 3D and in slices."""
    views = {display.GetSegmentVisibility3D(segment), display.GetSegmentVisibility2DFill(segment),
             display.GetSegmentVisibility2DOutline(segment)}  # fmt: skip
    (visible,) = views
    return visible
