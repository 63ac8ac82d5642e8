"""The synthetic ears: plausible, exactly labelled, and placed where they were asked to be."""

import json
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from InnerEarSegLib.segmentation.pose import handedness
from InnerEarSegLib.synthetic.anatomy import Ellipsoid, Tube, build_anatomy
from InnerEarSegLib.synthetic.distances import (
    ellipsoid_distance,
    labyrinth_distance,
    leave,
    tube_distance,
)
from InnerEarSegLib.synthetic.ear import BASAL_TURN, VESTIBULE, find_windows, make_ear
from InnerEarSegLib.synthetic.files import random_rotation, write_case
from InnerEarSegLib.synthetic.parameters import EarParameters, random_parameters
from InnerEarSegLib.synthetic.scan import occupancy, to_hounsfield
from InnerEarSegLib.types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW

COARSE = {"spacing": (0.4, 0.4, 0.4), "size_mm": (22.0, 22.0, 22.0)}
NAMES = {HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, BASAL_TURN, VESTIBULE}


def labelled_ras(ear):
    """(n, 3) RAS mm of the labelled voxels' centres."""
    return ear.labels.geometry.to_ras(np.argwhere(ear.labels.array)[:, ::-1])


def marks_of(ear):
    return {name: np.array(ras) for name, ras in ear.landmarks.items()}


def hand(ear):
    marks = [marks_of(ear)[name] for name in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)]
    return handedness(*marks, labelled_ras(ear).mean(axis=0))


@pytest.fixture(scope="module", params=range(4))
def coarse_ear(request):
    side = "left" if request.param % 2 == 0 else "right"
    rotation = random_rotation(np.random.default_rng(request.param))
    return make_ear(random_parameters(request.param), side=side, rotation=rotation, **COARSE)


def test_size_and_side_are_those_of_human_ears(coarse_ear):
    ras = labelled_ras(coarse_ear)
    assert 144.0 < len(ras) * coarse_ear.labels.geometry.voxel_volume < 267.0
    short, middle, long = np.ptp(ras @ np.linalg.eigh(np.cov(ras.T))[1], axis=0)
    assert 8.0 < short < 11.0 and 11.5 < middle < 15.5 < long < 20.5
    assert set(coarse_ear.landmarks) == NAMES
    marks = marks_of(coarse_ear)
    assert 2.5 < np.linalg.norm(marks[ROUND_WINDOW] - marks[OVAL_WINDOW]) < 3.3
    assert 5.7 < np.linalg.norm(marks[ROUND_WINDOW] - marks[HELICOTREMA]) < 7.4
    assert 2.0 < np.linalg.norm(marks[HELICOTREMA] - marks[BASAL_TURN]) < 3.3
    assert (hand(coarse_ear) > 0) == (coarse_ear.side == "left")


def test_sides_are_mirror_images():
    left, right = (make_ear(EarParameters(), side=side, **COARSE) for side in ("left", "right"))
    for name in NAMES:
        assert np.array(right.landmarks[name]) * [-1, 1, 1] == pytest.approx(left.landmarks[name])
    assert hand(left) == pytest.approx(-hand(right), rel=0.02)


def test_labels_are_the_sign_of_the_distance_at_every_voxel():
    p = random_parameters(11)
    ear = make_ear(p, side="left", spacing=(0.5, 0.55, 0.6), size_mm=(22, 22, 22))
    anatomy = build_anatomy(p)
    # Two frames from the same landmarks: fit the pose instead of taking the generator's own.
    windows, middle = find_windows(anatomy), anatomy.vestibule.center
    own = [anatomy.helicotrema, windows.oval_window, windows.round_window, np.zeros(3), middle]
    order = [HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, BASAL_TURN, VESTIBULE]
    world = np.c_[np.array([ear.landmarks[name] for name in order]), np.ones(5)]
    pose, *_ = np.linalg.lstsq(world, np.array(own), rcond=None)
    ras = ear.labels.geometry.to_ras(np.argwhere(ear.labels.array > -1)[:, ::-1])
    distance = labyrinth_distance(anatomy, (np.c_[ras, np.ones(len(ras))] @ pose).astype("f4"))
    sure = np.abs(distance) > 1e-4
    assert np.array_equal(ear.labels.array.ravel()[sure], distance[sure] < 0)
    assert sure.mean() > 0.99


def test_septum_between_turns_of_the_centreline():
    p = EarParameters()
    tube = build_anatomy(p).cochlea
    angle = np.unwrap(np.arctan2(-tube.points[:, 1], tube.points[:, 0]))
    low = np.flatnonzero((angle > 0) & (angle < 2 * np.pi * (p.cochlea_turns - 0.55)))
    gap = np.linalg.norm(tube.points[low, None] - tube.points[None, low], axis=-1)
    gap -= tube.radii[low, None] + tube.radii[None, low]
    apart = np.abs(angle[low, None] - angle[None, low]) > np.pi
    assert apart.any()
    assert gap[apart].min() > p.septum - 0.02
    assert angle.max() / (2 * np.pi) == pytest.approx(2.5, abs=0.1)


def test_same_place_in_any_voxel_order():
    turned = np.array([[0, 0, -1], [1, 0, 0], [0, 1, 0]])  # i runs to A, j to S, k to L
    common = {"side": "right", "center": (40.0, -12.0, 7.0), "noise_hu": 0.0}
    grid = {"spacing": (0.5, 0.5, 0.5), "size_mm": (22.0, 22.0, 22.0)}
    plain = make_ear(EarParameters(), **common, **grid)
    other = make_ear(EarParameters(), direction=turned, **common, **grid)
    assert other.landmarks == plain.landmarks
    # (i, j, k) of the turned grid run along (A, S, L), those of the plain one along (R, A, S).
    again = other.labels.array.transpose(1, 2, 0)[:, :, ::-1]
    assert np.array_equal(again, plain.labels.array)
    assert np.linalg.norm(labelled_ras(other).mean(0) - labelled_ras(plain).mean(0)) < 1e-6
    assert other.ct.geometry.center == pytest.approx((40.0, -12.0, 7.0))


@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(
    seed=st.integers(0, 10**6),
    side=st.sampled_from(["left", "right"]),
    shift=st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_any_pose_moves_landmarks_and_labels_together(seed, side, shift):
    rotation = random_rotation(np.random.default_rng(seed))
    still = make_ear(EarParameters(), side=side, **COARSE)
    moved = make_ear(EarParameters(), side=side, rotation=rotation, center=shift, **COARSE)
    for name in NAMES:
        expected = rotation @ still.landmarks[name] + shift
        assert moved.landmarks[name] == pytest.approx(expected, abs=1e-6)
    # About 3000 voxels of 0.4 mm: their centroid scatters by about 0.02 mm with the pose.
    expected = rotation @ labelled_ras(still).mean(axis=0) + shift
    assert labelled_ras(moved).mean(axis=0) == pytest.approx(expected, abs=0.08)
    assert (hand(moved) > 0) == (side == "left")


def test_same_arguments_same_ear():
    p = random_parameters(3)
    assert p == random_parameters(3) != random_parameters(4)
    first, again, other = (
        make_ear(p, seed=seed, side="left", spacing=(0.6, 0.6, 0.6)) for seed in (1, 1, 2)
    )
    assert np.array_equal(first.ct.array, again.ct.array)
    assert not np.array_equal(first.ct.array, other.ct.array)
    assert np.array_equal(first.labels.array, other.labels.array)


@pytest.mark.parametrize(("filling", "low", "high"), [("fluid", -20, 130), ("air", -1024, -900)])
def test_hounsfield_units_of_lumen_and_capsule(filling, low, high):
    p = replace(EarParameters(), capsule_hu=2000.0)
    ear = make_ear(p, side="left", filling=filling, spacing=(0.35, 0.35, 0.35), noise_hu=20.0)
    ras = ear.ct.geometry.to_ras(np.argwhere(np.ones(ear.ct.array.shape))[:, ::-1])
    values = ear.ct.array.ravel()
    core = np.linalg.norm(ras - ear.landmarks[VESTIBULE], axis=1) < 0.7
    assert low < np.median(values[core]) < high
    modiolus = np.linalg.norm(ras - ear.landmarks[BASAL_TURN], axis=1) < 0.5
    assert 1700 < np.median(values[modiolus]) < 2200
    assert ear.ct.array.dtype == np.int16 and ear.labels.array.dtype == np.uint8


def test_windows_open_to_air():
    grid = {"spacing": (0.25, 0.25, 0.25), "size_mm": (20.0, 20.0, 20.0)}
    ear = make_ear(EarParameters(), side="left", noise_hu=0.0, blur_mm=0.0, **grid)
    air = ear.ct.geometry.to_ras(np.argwhere(ear.ct.array < -900)[:, ::-1])
    for name in (ROUND_WINDOW, OVAL_WINDOW):
        assert 0.1 < np.linalg.norm(air - ear.landmarks[name], axis=1).min() < 0.9, name


@pytest.mark.parametrize(("name", "value", "said"), [
    ("rotation", np.diag([-1, 1, 1]), "mirror"), ("direction", 2 * np.eye(3), "orthonormal"),
    ("side", "up", "side"),
])  # fmt: skip
def test_invalid_arguments(name, value, said):
    with pytest.raises(ValueError, match=said):
        make_ear(EarParameters(), **{"side": "left"} | COARSE | {name: value})


def test_distances_by_hand():
    tube = Tube(np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0]]), np.array([1.0, 0.5]))
    points = np.array([[0, 0, 0], [0, 2, 0], [3, 4, 0], [4, 0, 0]], dtype=np.float32)
    assert tube_distance(tube, points) == pytest.approx([-1.0, 1.0, 3.5, 0.5], abs=1e-3)
    ball = Ellipsoid(np.array([1.0, 0.0, 0.0]), np.eye(3), np.array([2.0, 1.0, 4.0]))
    points = np.array([[1, 0, 0], [3, 0, 0], [1, -1, 0], [1, 0, 8]], dtype=np.float32)
    assert ellipsoid_distance(ball, points) == pytest.approx([-1.0, 0.0, 0.0, 1.0], abs=1e-6)
    found = leave(lambda p: tube_distance(tube, p), np.zeros(3), np.array([0.0, 0.6, 0.8]))
    assert found == pytest.approx([0.0, 0.6, 0.8], abs=2e-3)
    with pytest.raises(ValueError, match="inside"):
        leave(lambda p: tube_distance(tube, p), np.array([9.0, 0, 0]), np.array([1.0, 0, 0]))


def test_partial_volume_and_range_of_the_scanner():
    shares = occupancy(np.array([-1.0, -0.1, 0.0, 0.1, 1.0]), 0.4)
    assert shares == pytest.approx([1.0, 0.75, 0.5, 0.25, 0.0])
    assert to_hounsfield(np.array([-3000.0, 10.6, 9000.0])).tolist() == [-1024, 11, 3071]


def test_written_case_is_read_back_in_place(tmp_path):
    turned = np.array([[0, 0, 1], [-1, 0, 0], [0, 1, 0]])
    spacing = (0.5, 0.6, 0.7)
    place = {"center": (30, -20, 5), "direction": turned, "spacing": spacing}
    ear = make_ear(EarParameters(), side="right", **place)
    write_case(ear, tmp_path, "X01")
    description = json.loads((tmp_path / "X01" / "X01_DESC.json").read_text("utf-8"))
    assert set(description["LANDMARKS"]) == {"RW", "OW", "A", "C", "V"}
    assert description["LANDMARKS"]["V"] == pytest.approx(ear.landmarks[VESTIBULE], abs=1e-3)
    folder = tmp_path / "X01" / "CT"
    ct, labels = (sitk.ReadImage(str(folder / f"X01_CT_{x}.nii")) for x in ("RAW", "LABELS"))
    assert ct.GetPixelID() == sitk.sitkInt16 and labels.GetPixelID() == sitk.sitkUInt8
    assert np.array_equal(sitk.GetArrayFromImage(ct), ear.ct.array)
    assert np.array_equal(sitk.GetArrayFromImage(labels), ear.labels.array)
    r, a, s = ct.TransformIndexToPhysicalPoint((3, 5, 7)) * np.array([-1, -1, 1])
    assert (r, a, s) == pytest.approx(ear.ct.geometry.to_ras((3, 5, 7)), abs=1e-3)
    # By hand: i runs to -A (posterior), j to S, k to R.
    step = ear.ct.geometry.to_ras((1, 1, 1)) - ear.ct.geometry.to_ras((0, 0, 0))
    assert step == pytest.approx([0.7, -0.5, 0.6])
