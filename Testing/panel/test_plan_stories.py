"""Planning an insertion in the panel: arrays, scene, views, files, corrections."""

import json
import time
from dataclasses import replace

import numpy as np
import pytest

from InnerEarSegLib.cochlea.arrays import ChosenArray, choose, chosen_to_text, read_arrays
from InnerEarSegLib.cochlea.insertion import insert
from InnerEarSegLib.cochlea.way_in import way_in
from InnerEarSegLib.mrml.cochlear_view import way_in_planes
from InnerEarSegLib.mrml.plan import ARRAY_ATTRIBUTE, find_plan
from InnerEarSegLib.mrml.plan_parts import find_parts
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.report.plan import mismatch_text
from InnerEarSegLib.report.views import can_render
from InnerEarSegLib.types import HELICOTREMA, ROUND_WINDOW
from Testing.panel.test_cochlear_view_stories import assert_slices, slice_nodes, slices
from Testing.scene.test_cochlear_view import turned_to

FLEX24, SLIM = choose(["FLEX24", "CI632"], read_arrays())


def choose_array(story, number, name):
    combo = getattr(story.ui, f"array{number}ComboBox")
    combo.setCurrentIndex(combo.findText(name))


def cochlea(story):
    return story.measuring.cochleae[story.side]


def nodes(story):
    return find_plan(story.volume)


def contacts(story, number=1):
    node = nodes(story)[story.side, f"array {number}"]
    places = [node.GetNthControlPointPosition(i) for i in range(node.GetNumberOfControlPoints())]
    return np.array(places)


def move(story, name, by):
    node = find_results(story.scene, story.volume).landmarks[story.side]
    index = node.GetControlPointIndexByLabel(name)
    node.SetNthControlPointPosition(index, *(np.array(node.GetNthControlPointPosition(index)) + by))


def open_section(story):
    """Nothing is computed before the user opens it."""
    ui = story.ui
    assert ui.planCollapsibleButton.visible and ui.planLabel.text == ""
    assert nodes(story) == {} and story.panel.planning.chosen() == []
    ui.planCollapsibleButton.collapsed = False
    assert "Choose an array" in ui.planLabel.text
    assert "facial nerve" in ui.wayInLabel.text and "±" in ui.wayInLabel.text
    labels = [ui.array1ComboBox.itemText(index) for index in range(ui.array1ComboBox.count)]
    assert labels == ["No array", *(each.label for each in read_arrays())]
    assert not ui.depth1SpinBox.visible and not ui.array2ComboBox.visible
    choose_array(story, 1, FLEX24.label)
    assert ui.depth1SpinBox.visible and ui.array2ComboBox.visible
    assert not ui.array3ComboBox.visible


def test_arrays_in_panel_and_scene(planned, tmp_path):
    ui = planned.ui
    open_section(planned)
    choose_array(planned, 2, SLIM.label)
    for array in (FLEX24, SLIM):
        laid = insert(cochlea(planned).duct, array)
        assert f"{laid.reach_deg:.0f} ±" in ui.planLabel.text
        assert f"{laid.coverage_deg:.0f}° ({laid.coverage_mm:.1f} mm)" in ui.planLabel.text
    assert "no recommendation" in ui.planLabel.text
    before = planned.scene.GetNumberOfNodes()
    ui.showPlanButton.click()
    laid = insert(cochlea(planned).duct, FLEX24)
    np.testing.assert_allclose(contacts(planned), [c.ras for c in laid.contacts], atol=1e-6)
    ui.depth1SpinBox.setValue(12.0)
    shallow = insert(cochlea(planned).duct, FLEX24, 12.0)
    assert len(contacts(planned)) == len(shallow.inside) < 12
    assert shallow.remarks[0] in ui.planLabel.text
    ui.contactNumbersCheckBox.click()
    assert nodes(planned)[planned.side, "array 1"].GetDisplayNode().GetPointLabelsVisibility()
    choose_array(planned, 2, "No array")
    assert (planned.side, "array 2") not in nodes(planned)
    # Only if asked: default filter bands, and an array of the user's own, whose are not known.
    assert "octaves" not in ui.planLabel.text
    ui.bandsCheckBox.click()
    assert mismatch_text(shallow) in ui.planLabel.text
    said = nodes(planned)[planned.side, "array 1"].GetNthControlPointDescription(0)
    assert "default filter band" in said
    mine = tmp_path / "mine.json"
    item = {"maker": "Own", "name": "Short", "kind": "lateral wall", "contacts": 2,
            "first_contact_mm": 2, "last_contact_mm": 15, "tip_mm": 16}  # fmt: skip
    mine.write_text(json.dumps({"arrays": [item]}))
    planned.app.dialogs.answer(str(mine), __file__)
    ui.ownArraysButton.click()
    choose_array(planned, 2, "Own Short")
    assert len(contacts(planned, 2)) == 2 and "Filter bands not known" in ui.planLabel.text
    ui.ownArraysButton.click()
    assert "is no JSON text" in ui.statusLabel.text
    # Surfaces of the labyrinth and its parts.
    out = tmp_path / "surfaces"
    out.mkdir()
    planned.app.dialogs.answer(str(out))
    ui.surfacesComboBox.setCurrentIndex(1)
    ui.surfacesButton.click()
    assert not ui.surfacesButton.enabled, "a second click would write into the same folder"
    planned.wait(lambda: ui.surfacesButton.enabled, what="surfaces")
    assert "6 surfaces in" in ui.statusLabel.text
    assert (out / f"lateral_canal_{planned.side}.obj").stat().st_size > 0
    ui.showPlanButton.click()
    assert planned.scene.GetNumberOfNodes() == before and not ui.showPlanButton.checked


def test_a_correction_changes_what_follows_and_a_saved_plan_comes_back(planned):
    ui = planned.ui
    open_section(planned)
    ui.depth1SpinBox.setValue(20.0)
    choose_array(planned, 3, SLIM.label)
    before = slices(planned)
    ui.cochlearViewButton.click()
    ui.wayInButton.click()  # from one to the other
    assert ui.wayInButton.checked and not ui.cochlearViewButton.checked
    way = way_in(cochlea(planned))
    planes = way_in_planes(planned.volume, way)
    assert all(map(turned_to, slice_nodes(planned), planes))
    # Seen from outside, superior up.
    np.testing.assert_allclose(planes[0][:3, 2], -way.direction, atol=1e-9)
    assert planes[0][2, 1] > 0.0 and np.linalg.det(planes[0][:3, :3]) == pytest.approx(1.0)
    ui.showPlanButton.click()
    ui.partsCheckBox.click()
    old, old_text = contacts(planned), ui.planLabel.text
    begun = time.process_time()
    move(planned, ROUND_WINDOW, 0.8 * cochlea(planned).frame.axes[0])
    planned.wait(lambda: not np.allclose(contacts(planned), old), what="contacts elsewhere")
    assert time.process_time() - begun < 0.7  # of this process, as tests share the machine
    laid = insert(cochlea(planned).duct, FLEX24, 20.0)
    np.testing.assert_allclose(contacts(planned), [c.ras for c in laid.inside], atol=1e-6)
    assert ui.planLabel.text != old_text
    way = way_in(cochlea(planned))
    name = nodes(planned)[planned.side, "way in"].GetName()
    assert name == f"Way in {planned.side} (± {way.plus_minus_deg:.0f}°)"
    assert all(map(turned_to, slice_nodes(planned), way_in_planes(planned.volume, way)))
    ui.undoButton.click()
    planned.wait(lambda: np.allclose(contacts(planned), old, atol=0.02), what="contacts back")
    ui.wayInButton.click()
    assert_slices(planned, before, 1e-6)
    planned.reopen()
    planned.volume = planned.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
    ui.inputSelector.setCurrentNode(planned.volume)
    assert not planned.measuring.cochleae and len(contacts(planned))  # it stays until measured
    planned.measured()
    assert ui.showPlanButton.checked and ui.partsCheckBox.checked
    assert ui.array1ComboBox.currentText == FLEX24.label and ui.depth1SpinBox.value == 20.0
    assert ui.array2ComboBox.currentText == SLIM.label
    np.testing.assert_allclose(contacts(planned), old, atol=0.02)
    if can_render():
        for section in ("run", "review", "measure"):
            getattr(ui, f"{section}CollapsibleButton").collapsed = True
        planned.show_ct()
        assert planned.picture("15_plan").stat().st_size > 0
    # Without these two there are no axes, so no plan.
    node = find_results(planned.scene, planned.volume).landmarks[planned.side]
    for name in (ROUND_WINDOW, HELICOTREMA):
        node.SetNthControlPointPositionMissing(node.GetControlPointIndexByLabel(name))
    planned.wait(lambda: not len(contacts(planned)), what="an empty plan")
    (parts,) = find_parts(planned.volume).values()
    planned.wait(lambda: not parts.GetSegmentation().GetNumberOfSegments(), what="no parts")
    assert "could not be measured" in ui.planLabel.text


def test_what_is_chosen_is_for_one_ct_and_a_scenes_array_replaces_none(planned):
    ui, planning = planned.ui, planned.panel.planning
    open_section(planned)
    ui.depth1SpinBox.setValue(17.5)
    choose_array(planned, 1, SLIM.label)  # is inserted to its own full length
    assert planning.chosen() == [ChosenArray(SLIM)]
    ui.depth1SpinBox.setValue(12.0)
    ui.showPlanButton.click()
    # As in a scene whose array of that name has another tip.
    longer = ChosenArray(replace(SLIM, tip_mm=28.0), 12.0)
    node = nodes(planned)[planned.side, "array 1"]
    node.SetAttribute(ARRAY_ATTRIBUTE, chosen_to_text([longer]))
    ui.inputSelector.setCurrentNode(planned.add_volume())  # another patient's, perhaps
    assert planning.chosen() == [] and ui.depth1SpinBox.value == 0.0
    ui.inputSelector.setCurrentNode(planned.volume)
    planned.measured()
    name = f"{SLIM.label} (from the scene)"
    assert ui.array1ComboBox.currentText == name and name in ui.planLabel.text
    [chosen] = planning.chosen()
    assert (chosen.array.tip_mm, chosen.depth_mm) == (28.0, 12.0)
    choose_array(planned, 1, SLIM.label)
    assert planning.chosen() == [ChosenArray(SLIM)], "the listed array is what it was"
    ui.showPlanButton.click()
    # A new scene's first CT has the ID of the old one's.
    volume_id = planned.volume.GetID()
    planned.scene.Clear(False)
    assert planned.add_volume().GetID() == volume_id
    planned.process()
    assert planning.chosen() == [] and ui.array1ComboBox.findText(name) == -1
