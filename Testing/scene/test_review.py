"""Reviewing landmarks on real markups nodes, without Qt."""

import numpy as np
import pytest

from InnerEarSegLib.mrml.landmarks import Snapshot, index_of, landmark_of, set_automatic
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.review import Review, next_key, review_order
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.types import (
    AUTOMATIC,
    CONFIRMED,
    CORRECTED,
    HELICOTREMA,
    NOT_FOUND,
    OVAL_WINDOW,
    PLACED,
    REMOVED,
    ROUND_WINDOW,
    Landmark,
    ModelIdentity,
)

HELIX, OVAL, ROUND = ("left", HELICOTREMA), ("left", OVAL_WINDOW), ("left", ROUND_WINDOW)
MISSING = ("right", OVAL_WINDOW)


@pytest.fixture
def review(made, scene, volume):
    review = Review(scene, add_result(scene, volume, made.two).landmarks)
    yield review
    review.close()


def position(review, key):
    node = review.node(key)
    return np.array(node.GetNthControlPointPosition(node.GetControlPointIndexByLabel(key[1])))


def place(review, key, point):
    node = review.node(key)
    node.SetNthControlPointPosition(node.GetControlPointIndexByLabel(key[1]), *point)


def test_rows_say_what_was_found(review):
    rows = review.landmarks
    assert len(rows) == 6 and next(iter(rows)) == HELIX
    assert rows[HELIX].state == AUTOMATIC and rows[HELIX].moved_mm == pytest.approx(0, abs=1e-3)
    assert rows[MISSING].state == NOT_FOUND and rows[MISSING].moved_mm is None
    assert rows[MISSING].doubtful and not rows[HELIX].doubtful


def test_radius_goes_with_its_landmark(review):
    node = review.node(HELIX)
    before = Snapshot.of(node)
    found = Landmark("helicotrema", (1.0, 2.0, 3.0), 0.9, radius_mm=0.417)
    set_automatic(node, found, ModelIdentity("m", "1", "0" * 64))
    assert landmark_of(node, "helicotrema").radius_mm == 0.417
    assert landmark_of(node, "oval window").radius_mm is None
    description = node.GetNthControlPointDescription(index_of(node, "helicotrema"))
    assert "within 0.42 mm in 9 of 10 cases" in description
    assert not Snapshot.of(node).found_as(before)


def test_doubtful_landmarks_come_first():
    here = (0, 0, 0)
    marks = zip("abcde", (here, here, None, here, here), (0.9, 0.3, 0.4, 0.1, 0.2), strict=True)
    rows = {("left", x): Landmark(x, *how, confirmed=x == "e") for x, *how in marks}
    assert [name for _, name in review_order(rows)] == ["c", "d", "b", "a"]
    assert next_key(rows, None) == ("left", "c")
    assert next_key(rows, ("left", "b")) == ("left", "a")
    assert next_key(rows, ("left", "a")) == ("left", "c")
    assert next_key({("left", "e"): rows["left", "e"]}, None) is None


def test_confirm_then_reset_or_move(review):
    review.confirm(HELIX)
    place(review, HELIX, position(review, HELIX) + (1, 0, 0))  # which wants a look again
    assert review.landmarks[HELIX].state == CORRECTED and not review.landmarks[HELIX].confirmed
    assert HELIX in review_order(review.landmarks)
    review.reset(HELIX)
    review.confirm(HELIX)
    assert review.landmarks[HELIX].state == CONFIRMED
    assert "Confirmed" in review.node(HELIX).GetNthControlPointDescription(0)
    review.reset(HELIX)
    assert review.landmarks[HELIX].state == AUTOMATIC
    review.confirm(MISSING)  # absence can be confirmed
    assert review.landmarks[MISSING].state == NOT_FOUND and review.landmarks[MISSING].confirmed
    assert MISSING not in review_order(review.landmarks)


def test_move_confirm_undo_redo(review):
    before = position(review, ROUND)
    place(review, ROUND, before + (0.6, 0, 0.8))  # as Python or another module would
    assert review.landmarks[ROUND].state == CORRECTED
    assert review.landmarks[ROUND].moved_mm == pytest.approx(1.0, abs=1e-3)
    assert not review.landmarks[ROUND].confirmed
    review.confirm(ROUND)
    assert review.landmarks[ROUND].state == CORRECTED and review.landmarks[ROUND].confirmed
    assert review.undo() == ROUND and not review.landmarks[ROUND].confirmed
    assert review.undo() == ROUND and review.landmarks[ROUND].state == AUTOMATIC
    np.testing.assert_allclose(position(review, ROUND), before, atol=1e-6)
    assert review.undo() is None and not review.can_undo
    review.redo()
    review.redo()
    assert review.landmarks[ROUND].state == CORRECTED and review.landmarks[ROUND].confirmed
    review.reset(ROUND)
    np.testing.assert_allclose(position(review, ROUND), before, atol=1e-4)
    assert not review.can_redo
    review.undo()
    assert review.landmarks[ROUND].confirmed
    assert review.landmarks[ROUND].moved_mm == pytest.approx(1, abs=1e-3)


def test_only_the_edited_point_is_unlocked(review):
    node = review.node(HELIX)
    review.edit(HELIX)
    assert [bool(node.GetNthControlPointLocked(i)) for i in range(3)] == [False, True, True]
    assert not node.GetLocked() and review.editing == HELIX
    review.edit(OVAL)
    assert review.editing == OVAL and node.GetNthControlPointLocked(0)
    review.confirm(OVAL)
    assert node.GetLocked() and review.editing is None


def test_place_a_missing_landmark_and_take_it_back(review, scene):
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    review.place(MISSING)
    assert review.placing == MISSING
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    place(review, MISSING, (1, 2, 3))  # what a click does
    assert review.placing is None and review.landmarks[MISSING].state == PLACED
    review.confirm(MISSING)
    assert review.landmarks[MISSING].confirmed
    review.reset(MISSING)
    assert review.landmarks[MISSING].state == NOT_FOUND
    review.undo()
    assert review.landmarks[MISSING].state == PLACED


@pytest.mark.parametrize("key", [HELIX, MISSING])
def test_placing_that_is_given_up_changes_nothing(review, scene, key):
    before = review.landmarks[key]
    interaction = scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    review.place(key)
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)  # Esc
    assert review.landmarks[key] == before and not review.can_undo and review.placing is None
    assert review.node(key).GetLocked()
    review.place(key)
    review.close()
    assert review.landmarks[key] == before
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_a_bundle_shows_the_same_table(made, review, scene, tmp_path):
    review.confirm(HELIX)
    place(review, ROUND, position(review, ROUND) + (0.3, 0, 0))
    review.place(MISSING)
    place(review, MISSING, (5, 5, 5))
    review.lock()
    before = review.landmarks
    model = review.node(HELIX).GetAttribute("InnerEarSeg.Model.helicotrema")
    assert scene.WriteToMRB(str(tmp_path / "a.mrb"))
    with headless_scene() as other:
        assert other.scene.ReadFromMRB(str(tmp_path / "a.mrb"), True)
        volume = other.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        again = Review(other.scene, find_results(other.scene, volume).landmarks)
        assert list(again.landmarks) == list(before)
        for key, one in before.items():
            two = again.landmarks[key]
            assert (one.state, one.confirmed) == (two.state, two.confirmed)
            assert one.confidence == two.confidence
            assert (one.moved_mm or 0) == pytest.approx(two.moved_mm or 0, abs=1e-3)
        assert again.node(HELIX).GetAttribute("InnerEarSeg.Model.helicotrema") == model
        again.reset(ROUND)
        np.testing.assert_allclose(position(again, ROUND), made.left.landmarks[2].ras, atol=1e-3)
        again.close()


def test_a_landmark_that_is_taken_away_says_so_and_comes_back(review):
    found = position(review, HELIX)
    node = review.node(HELIX)
    node.SetNthControlPointPositionMissing(index_of(node, HELIX[1]))
    row = review.landmarks[HELIX]
    assert row.state == REMOVED and row.moved_mm is None and not row.confirmed
    assert not row.doubtful and HELIX in review_order(review.landmarks)
    review.confirm(HELIX)
    assert review.landmarks[HELIX].state == REMOVED and review.landmarks[HELIX].confirmed
    review.reset(HELIX)
    assert review.landmarks[HELIX].state == AUTOMATIC
    assert position(review, HELIX) == pytest.approx(found)
