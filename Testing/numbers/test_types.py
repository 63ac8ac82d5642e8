"""Grids in RAS millimetres, and landmarks with what the user made of them."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from InnerEarSegLib.io.result_files import segmentation_from_json, write_plain
from InnerEarSegLib.types import (
    AUTOMATIC,
    CONFIRMED,
    CORRECTED,
    NOT_FOUND,
    PLACED,
    REMOVED,
    Ear,
    Findings,
    Geometry,
    Landmark,
    ModelIdentity,
    Quality,
    Segmentation,
    Volume,
    apply_affine,
)


def grid() -> Geometry:
    """Spacing 2, 3, 4 mm along i, j, k; i runs to the left, origin (10, 20, 30)."""
    return Geometry(
        np.array([[-2.0, 0, 0, 10], [0, 3, 0, 20], [0, 0, 4, 30], [0, 0, 0, 1]]), (5, 6, 7)
    )


def test_index_to_ras_by_hand():
    assert grid().to_ras([1, 2, 3]).tolist() == [8, 26, 42]
    assert grid().to_ijk([8, 26, 42]).tolist() == [1, 2, 3]
    assert grid().center.tolist() == [10 - 6, 20 + 7.5, 30 + 8]
    assert grid().spacing.tolist() == [2, 3, 4] and grid().voxel_volume == pytest.approx(24)
    part = grid().part([1, 2, 3], (1, 2, 3))
    assert part.shape == (1, 2, 3) and part.to_ras([0, 0, 0]).tolist() == [8, 26, 42]


def test_field_of_view_ends_half_a_voxel_beyond_the_last_centre():
    first, beyond = [10 + 0.9, 20, 30], [10 + 1.1, 20, 30]
    assert grid().contains(first) and not grid().contains(beyond)
    assert not grid().contains(first, margin=0.5)
    assert grid().corners[:, 0].max() == 11 and grid().corners[:, 0].min() == 10 - 12 - 1


@given(st.lists(st.floats(-500, 500), min_size=3, max_size=3))
def test_there_and_back(ras):
    assert np.allclose(grid().to_ras(grid().to_ijk(ras)), ras, atol=1e-9)


def test_image_round_trip_keeps_a_mirrored_turned_grid():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([0.2, 0.3, -0.4])
    matrix[:3, 3] = [5, -6, 7]
    image = Volume(np.zeros((3, 4, 5), np.uint8), Geometry(matrix, (3, 4, 5))).to_sitk()
    assert np.allclose(Geometry.of_image(image).ijk_to_ras, matrix, atol=1e-12)
    point = image.TransformContinuousIndexToPhysicalPoint([1.0, 2.0, 3.0])
    assert np.allclose(apply_affine(matrix, [1, 2, 3]) * [-1, -1, 1], point)


HERE, THERE, NEAR = (1.0, 2.0, 3.0), (1.0, 2.0, 4.5), (1.0, 2.0, 3.004)


@pytest.mark.parametrize(("now", "found", "confirmed", "state", "moved", "reviewed"), [
    (HERE, HERE, False, AUTOMATIC, 0.0, False),
    (NEAR, HERE, False, AUTOMATIC, 0.004, False),
    (HERE, HERE, True, CONFIRMED, 0.0, True),
    (THERE, HERE, False, CORRECTED, 1.5, True),
    (THERE, HERE, True, CORRECTED, 1.5, True),
    (HERE, None, False, PLACED, None, True),
    (None, HERE, False, REMOVED, None, True),
    (None, None, False, NOT_FOUND, None, False),
    (None, None, True, NOT_FOUND, None, True),
])  # fmt: skip
def test_the_state_follows_from_positions(now, found, confirmed, state, moved, reviewed):
    mark = Landmark("helicotrema", now, 0.3, 0.5, found, confirmed)
    assert (mark.state, mark.moved_mm, mark.reviewed) == (state, pytest.approx(moved), reviewed)
    assert mark.doubtful == (not reviewed)  # a confidence of 0.3 is low
    assert not Landmark("helicotrema", HERE, 0.9).doubtful
    content = mark.review_to_json()
    assert Landmark.from_json(content).state == state and content["state"] == state
    assert (content["radius_90_mm"] is None) == (state in (CORRECTED, PLACED, REMOVED))
    assert set(mark.to_json()) == {"name", "ras_mm", "confidence", "radius_90_mm"}
    assert Landmark.from_json(mark.to_json()).automatic_ras == now  # as the network gives it


def test_findings_survive_the_plain_files_and_older_results_have_none(tmp_path):
    found = Findings(2, ("lateral",), (), 2, False, 0.95, 1.5, 3.25, 0.9, 1.2)
    ear = Ear("left", np.ones((2, 2, 2), np.uint8), grid(), (), 192.0, Quality(), findings=found)
    result = Segmentation((ear,), ModelIdentity("name", "1", "0" * 64), "cpu")
    write_plain(result, tmp_path)
    content = json.loads(json.dumps(result.to_json()))
    assert segmentation_from_json(content, tmp_path).ears[0].findings == found
    assert segmentation_from_json(content, tmp_path).ears[0].model == result.model
    assert content["schema_version"] == 4
    assert content["ears"][0]["findings"]["open_canals"] == ["lateral"]
    del content["ears"][0]["findings"], content["ears"][0]["model"]
    content["ears"][0]["quality"]["expected_dice"] = 0.97
    older = segmentation_from_json(content, tmp_path).ears[0]
    assert older.findings is None and older.model == result.model
