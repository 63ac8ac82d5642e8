"""Reviewing landmarks on real markups nodes, without Qt."""

from __future__ import annotations

import numpy as np
import pytest

from InnerEarSegLib.mrml.landmark_state import (
    AUTOMATIC,
    CONFIRMED,
    CORRECTED,
    LOW_CONFIDENCE,
    NOT_FOUND,
    PLACED,
    REMOVED,
    Row,
    certainty_words,
    confidence_words,
    next_key,
    plain_certainty,
    review_order,
)
from InnerEarSegLib.mrml.landmarks import index_of, memory_of, row_of, set_automatic
from InnerEarSegLib.mrml.populate import add_result
from InnerEarSegLib.mrml.results import find_results
from InnerEarSegLib.mrml.review import Review
from InnerEarSegLib.mrml.scene import headless_scene
from InnerEarSegLib.mrml.volumes import add_volume
from InnerEarSegLib.types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, Landmark, ModelIdentity

HELIX, OVAL, ROUND = ("left", HELICOTREMA), ("left", OVAL_WINDOW), ("left", ROUND_WINDOW)
MISSING = ("right", OVAL_WINDOW)


@pytest.fixture
def session():
    with headless_scene() as session:
        yield session


@pytest.fixture
def review(made, session):
    volume = add_volume(session.scene, made.ct)
    nodes = add_result(session.scene, volume, made.two).landmarks
    review = Review(session.scene, nodes)
    yield review
    review.close()


def position(review, key):
    node = review.node(key)
    return np.array(node.GetNthControlPointPosition(node.GetControlPointIndexByLabel(key[1])))


def place(review, key, point):
    node = review.node(key)
    node.SetNthControlPointPosition(node.GetControlPointIndexByLabel(key[1]), *point)


def test_rows_say_what_was_found(review):
    rows = {row.key: row for row in review.rows()}
    assert len(rows) == 6 and next(iter(rows)) == HELIX
    assert rows[HELIX].state == AUTOMATIC and rows[HELIX].moved_mm == pytest.approx(0, abs=1e-3)
    assert rows[MISSING].state == NOT_FOUND and rows[MISSING].moved_mm is None
    assert rows[MISSING].doubtful and not rows[HELIX].doubtful


def test_certainty_in_words():
    assert certainty_words(0.95, 0.42) == "± 0.4 mm"
    assert certainty_words(0.3, 0.42) == "± 0.4 mm (low)"
    assert certainty_words(0.95, None) == "high (0.95)"
    assert plain_certainty(0.95, 0.42) == "within 0.42 mm in 9 of 10 cases"
    assert plain_certainty(0.95, None) == "confidence 0.95"


def test_radius_goes_with_its_landmark(review):
    node = review.node(HELIX)
    before = memory_of(node)
    found = Landmark("helicotrema", (1.0, 2.0, 3.0), 0.9, radius_mm=0.417)
    set_automatic(node, found, ModelIdentity("m", "1", "0" * 64))
    assert row_of(node, "helicotrema").radius_mm == 0.417
    assert row_of(node, "oval window").radius_mm is None
    description = node.GetNthControlPointDescription(index_of(node, "helicotrema"))
    assert "within 0.42 mm in 9 of 10 cases" in description
    assert not memory_of(node).found_as(before)


def test_confidence_in_words():
    assert [confidence_words(c) for c in (0.95, 0.6, 0.2)] == [
        "high (0.95)", "fair (0.60)", "low (0.20)",
    ]  # fmt: skip


def test_the_table_and_the_workers_remarks_agree_on_what_is_low():
    from InnerEarSegLib.segmentation import quality

    assert quality.LOW_CONFIDENCE == LOW_CONFIDENCE


def test_doubtful_landmarks_come_first():
    def row(name, state, confidence, settled=False):
        return Row("left", name, state, confidence, 0.0, settled)

    rows = [row("a", AUTOMATIC, 0.9), row("b", AUTOMATIC, 0.3), row("c", NOT_FOUND, 0.4),
            row("d", AUTOMATIC, 0.1), row("e", CONFIRMED, 0.2, True)]  # fmt: skip
    assert [name for _, name in review_order(rows)] == ["c", "d", "b", "a"]
    assert next_key(rows, None) == ("left", "c")
    assert next_key(rows, ("left", "b")) == ("left", "a")
    assert next_key(rows, ("left", "a")) == ("left", "c")
    assert next_key([rows[-1]], None) is None


def test_confirm_then_reset(review):
    review.confirm(HELIX)
    assert review.row(HELIX).state == CONFIRMED and review.row(HELIX).settled
    assert "Confirmed" in review.node(HELIX).GetNthControlPointDescription(0)
    review.reset(HELIX)
    assert review.row(HELIX).state == AUTOMATIC and not review.row(HELIX).settled


def test_move_confirm_undo_redo(review):
    before = position(review, ROUND)
    place(review, ROUND, before + (0.6, 0, 0.8))  # as Python or another module would
    assert review.row(ROUND).state == CORRECTED
    assert review.row(ROUND).moved_mm == pytest.approx(1.0, abs=1e-3)
    assert not review.row(ROUND).settled
    review.confirm(ROUND)
    assert review.row(ROUND).state == CORRECTED and review.row(ROUND).settled
    assert review.undo() == ROUND and not review.row(ROUND).settled
    assert review.undo() == ROUND and review.row(ROUND).state == AUTOMATIC
    np.testing.assert_allclose(position(review, ROUND), before, atol=1e-6)
    assert review.undo() is None and not review.can_undo
    review.redo()
    review.redo()
    assert review.row(ROUND).state == CORRECTED and review.row(ROUND).settled
    review.reset(ROUND)
    np.testing.assert_allclose(position(review, ROUND), before, atol=1e-4)
    assert not review.can_redo
    review.undo()
    assert review.row(ROUND).settled and review.row(ROUND).moved_mm == pytest.approx(1, abs=1e-3)


def test_a_confirmed_landmark_that_is_moved_wants_a_look_again(review):
    review.confirm(HELIX)
    place(review, HELIX, position(review, HELIX) + (1, 0, 0))
    assert review.row(HELIX).state == CORRECTED and not review.row(HELIX).settled
    assert HELIX in review_order(review.rows())


def test_only_the_edited_point_is_unlocked(review):
    node = review.node(HELIX)
    review.edit(HELIX)
    assert [bool(node.GetNthControlPointLocked(i)) for i in range(3)] == [False, True, True]
    assert not node.GetLocked() and review.editing == HELIX
    review.edit(OVAL)
    assert review.editing == OVAL and node.GetNthControlPointLocked(0)
    review.confirm(OVAL)
    assert node.GetLocked() and review.editing is None


def test_place_a_missing_landmark_and_take_it_back(review, session):
    interaction = session.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    review.place(MISSING)
    assert review.placing == MISSING
    assert interaction.GetCurrentInteractionMode() == interaction.Place
    place(review, MISSING, (1, 2, 3))  # what a click does
    assert review.placing is None and review.row(MISSING).state == PLACED
    review.confirm(MISSING)
    assert review.row(MISSING).settled
    review.reset(MISSING)
    assert review.row(MISSING).state == NOT_FOUND
    review.undo()
    assert review.row(MISSING).state == PLACED


@pytest.mark.parametrize("key", [HELIX, MISSING])
def test_placing_that_is_given_up_changes_nothing(review, session, key):
    before = review.row(key)
    interaction = session.scene.GetFirstNodeByClass("vtkMRMLInteractionNode")
    review.place(key)
    interaction.SetCurrentInteractionMode(interaction.ViewTransform)  # Esc
    assert review.row(key) == before and not review.can_undo and review.placing is None
    assert review.node(key).GetLocked()
    review.place(key)
    review.close()
    assert review.row(key) == before
    assert interaction.GetCurrentInteractionMode() == interaction.ViewTransform


def test_absence_can_be_confirmed(review):
    review.confirm(MISSING)
    assert review.row(MISSING).state == NOT_FOUND and review.row(MISSING).settled
    assert MISSING not in review_order(review.rows())


def test_a_bundle_shows_the_same_table(made, review, session, tmp_path):
    review.confirm(HELIX)
    place(review, ROUND, position(review, ROUND) + (0.3, 0, 0))
    review.place(MISSING)
    place(review, MISSING, (5, 5, 5))
    review.lock()
    rows = review.rows()
    model = review.node(HELIX).GetAttribute("InnerEarSeg.Model.helicotrema")
    assert session.scene.WriteToMRB(str(tmp_path / "a.mrb"))
    with headless_scene() as other:
        assert other.scene.ReadFromMRB(str(tmp_path / "a.mrb"), True)
        volume = other.scene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        again = Review(other.scene, find_results(other.scene, volume).landmarks)
        for one, two in zip(rows, again.rows(), strict=True):
            assert (one.key, one.state, one.settled, one.confidence) == (
                two.key, two.state, two.settled, two.confidence,
            )  # fmt: skip
            assert (one.moved_mm or 0) == pytest.approx(two.moved_mm or 0, abs=1e-3)
        assert again.node(HELIX).GetAttribute("InnerEarSeg.Model.helicotrema") == model
        again.reset(ROUND)
        np.testing.assert_allclose(position(again, ROUND), made.left.landmarks[2].ras, atol=1e-3)
        again.close()


def test_landmark_of_low_confidence_is_marked(made, session):
    volume = add_volume(session.scene, made.ct)
    name, ras = made.left.landmarks[0].name, made.left.landmarks[0].ras
    unsure = (Landmark(name, ras, 0.2), *made.left.landmarks[1:])
    ear = type(made.left)("left", made.left.labyrinth, made.left.geometry, unsure, 1.0)
    review = Review(session.scene, add_result(session.scene, volume, made.result(ear)).landmarks)
    assert review.row(HELIX).doubtful
    review.confirm(HELIX)
    assert not review.row(HELIX).doubtful
    review.close()


def test_a_landmark_that_is_taken_away_says_so_and_comes_back(review):
    """ "Not found" is what the network says; this is what a person did."""
    found = position(review, HELIX)
    node = review.node(HELIX)
    node.SetNthControlPointPositionMissing(index_of(node, HELIX[1]))
    row = review.row(HELIX)
    assert row.state == REMOVED and row.moved_mm is None and not row.settled
    assert not row.doubtful and HELIX in review_order(review.rows())
    review.confirm(HELIX)
    assert review.row(HELIX).state == REMOVED and review.row(HELIX).settled
    review.reset(HELIX)
    assert review.row(HELIX).state == AUTOMATIC and position(review, HELIX) == pytest.approx(found)
