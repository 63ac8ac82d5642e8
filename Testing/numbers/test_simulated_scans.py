"""Simulated scans of cases: repeatable, of their protocol, and where the specimen lies."""

import dataclasses

import numpy as np
import pytest

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation.simulated_scans import AS_SCANNED, PROTOCOLS, SCANS, in_scan
from InnerEarSegLib.io.case import Case
from InnerEarSegLib.synthetic.rescan import AXIAL_NORMAL
from InnerEarSegLib.types import Geometry, Volume, apply_affine

TEMPLATE = {
    "helicotrema": np.array([4.0, 1.0, -2.0]),
    "oval window": np.array([0.0, 1.0, 1.0]),
    "round window": np.array([1.0, -1.0, 1.0]),
}
GRID = Geometry(np.diag([0.2, 0.2, 0.2, 1.0]), (70, 80, 90))


def case(name="P", side="right", lacking=(), turn=None):
    """Bone with a ball of air of 2 mm around the middle; an ear that lies as the template."""
    turn = np.eye(4) if turn is None else turn
    k, j, i = np.indices(GRID.shape)
    ball = sum((x - (n - 1) / 2) ** 2 for x, n in zip((k, j, i), GRID.shape, strict=True))
    array = np.where(ball < 10.0**2, -1000, 1500).astype(np.int16)
    points = {key: apply_affine(turn, at) for key, at in TEMPLATE.items() if key not in lacking}
    return Case(name, Volume(array, GRID), None, GRID, points, side)


def test_a_scan_is_the_same_in_every_call_and_another_for_each_ct():
    first, again = (in_scan(case(name), "bone kernel", TEMPLATE).ct for name in ("P", "Q"))
    assert np.array_equal(first.array, again.array) and first.array.dtype == np.int16
    assert np.array_equal(first.geometry.ijk_to_ras, again.geometry.ijk_to_ras)
    brighter = Volume(case().ct.array + 1, GRID)
    other = in_scan(dataclasses.replace(case(), ct=brighter), "bone kernel", TEMPLATE).ct
    assert not np.allclose(first.geometry.ijk_to_ras, other.geometry.ijk_to_ras)
    whole = case()
    assert in_scan(whole, AS_SCANNED, TEMPLATE) is whole


@pytest.mark.parametrize("scan", PROTOCOLS)
def test_the_grid_is_the_protocol_s_and_the_specimen_stays_where_it_is(scan):
    spacing = {"cone beam": [0.3] * 3, "bone kernel": [0.45, 0.45, 0.6],
               "soft kernel": [0.5, 0.5, 1.0]}  # fmt: skip
    ct = in_scan(case(), scan, TEMPLATE).ct
    assert np.allclose(ct.geometry.spacing, spacing[scan])
    where = np.argwhere(ct.array < 0)[:, ::-1]
    inside = np.linalg.norm(ct.geometry.to_ras(where) - GRID.center, axis=1) < 4.0
    assert inside.sum() > 50
    middle = ct.geometry.to_ras(where[inside]).mean(axis=0)
    assert np.linalg.norm(middle - GRID.center) < 0.15


def test_slices_lie_as_in_a_patient_however_the_specimen_lies():
    """Over many cases the mean normal is that of a patient's slices, in the frame of the ear."""
    turn = np.diag([1.0, -1.0, -1.0, 1.0])  # half a turn about x
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0])
    for matrix, side in ((np.eye(4), "right"), (turn, "right"), (mirrored, "left")):
        normals = []
        for n in range(12):
            seen = in_scan(case(f"P{n}", side, turn=matrix), "soft kernel", TEMPLATE)
            across = seen.ct.geometry.ijk_to_ras[:3, 2]
            normals.append(matrix[:3, :3].T @ across / np.linalg.norm(across))
        mean = np.mean(normals, axis=0)
        straight = AXIAL_NORMAL / np.linalg.norm(AXIAL_NORMAL)
        # 9 degrees of scatter in two directions, over 12 cases: 4 degrees.
        angle = np.degrees(np.arccos(mean @ straight / np.linalg.norm(mean)))
        assert angle < 10.0


def test_a_reference_that_does_not_say_how_the_ear_lies_is_refused():
    assert SCANS == ("as scanned", "cone beam", "bone kernel", "soft kernel")
    with pytest.raises(UnusableInput, match="lacks the landmarks that tell how the ear lies"):
        in_scan(case(lacking=("oval window",)), "cone beam", TEMPLATE)
    with pytest.raises(UnusableInput, match="left or right"):
        in_scan(case(side=None), "cone beam", TEMPLATE)
