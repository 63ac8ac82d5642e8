"""The synthetic heads: two right ears in place, exactly labelled; and volumes without any."""

import json
from functools import lru_cache

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.cli.main import main
from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.segmentation.pose import handedness
from InnerEarSegLib.synthetic.files import write_head
from InnerEarSegLib.synthetic.head import random_head
from InnerEarSegLib.synthetic.scan import HeadScan, head_pose, random_scan, store
from InnerEarSegLib.types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Geometry,
    Volume,
)

from ..negatives import NEGATIVE_KINDS, random_negative

SIDES = ("left", "right")
COARSE = {"spacing": (1.6, 1.6, 1.6), "table": False}


@lru_cache
def head(seed=1, **scan):
    return random_head(seed, 0, HeadScan(**(COARSE | scan)))


@lru_cache
def crop(side, **scan):
    """A crop of one ear, at head resolution unless said otherwise."""
    return random_head(2, 0, HeadScan(view=f"{side} ear", size_mm=(26.0, 26.0, 26.0), **scan))


def labelled_ras(ear):
    """(n, 3) RAS mm of the labelled voxels' centres."""
    return ear.labels.geometry.to_ras(np.argwhere(ear.labels.array)[:, ::-1])


def marks_of(ear):
    return {name: np.array(ras) for name, ras in ear.landmarks.items()}


def value_at(ct, ras):
    """HU of the voxel nearest to a point."""
    i, j, k = np.rint(ct.geometry.to_ijk(ras)).astype(int)
    return float(ct.array[k, j, i])


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("turn", [{}, {"tilt": 20.0, "roll": -15.0, "yaw": 25.0}])
def test_each_side_has_its_handedness(side, turn):
    ear = head(**turn).ears[side]
    marks = [ear.landmarks[name] for name in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)]
    ras = labelled_ras(ear)
    assert (handedness(*marks, ras.mean(axis=0)) > 0) == (side == "left")
    assert 144.0 < len(ras) * ear.labels.geometry.voxel_volume < 267.0


@pytest.mark.parametrize("seed", range(4))
def test_ears_lie_where_ears_lie(seed):
    # A tight crop elsewhere: the truth is that of the whole head, and quickly made.
    shown = random_head(seed, 0, HeadScan(view="left ear", size_mm=(4.0, 4.0, 4.0)))
    left, right = (np.array(shown.ears[side].center) for side in SIDES)
    assert -43.0 < left[0] < -33.0 < 33.0 < right[0] < 43.0
    assert np.abs(left + right)[1:].max() < 4.0
    for side in SIDES:
        out = 1.0 if side == "right" else -1.0
        marks = marks_of(shown.ears[side])
        # Cochlea in front of the vestibule and medial of it, its apex forward and outwards.
        toward_cochlea = marks[BASAL_TURN] - marks[VESTIBULE]
        assert toward_cochlea[1] > 2.0 and out * toward_cochlea[0] < 0.0
        assert np.all((marks[HELICOTREMA] - marks[BASAL_TURN])[:2] * [out, 1] > 0.0)
        # The oval window looks outwards and lies above the round one.
        assert out * (marks[OVAL_WINDOW] - marks[VESTIBULE])[0] > 0.5
        assert marks[OVAL_WINDOW][2] > marks[ROUND_WINDOW][2]
        assert labelled_ras(shown.ears[side])[:, 2].max() - marks[VESTIBULE][2] > 5.0


@pytest.mark.parametrize("side", SIDES)
def test_landmarks_are_where_the_picture_shows_them(side):
    shown = crop(side, spacing=(0.4, 0.4, 0.4), noise_hu=0.0, blur_mm=0.1)
    ear, ct = shown.ears[side], shown.ct
    assert -50.0 < value_at(ct, ear.landmarks[VESTIBULE]) < 120.0
    assert value_at(ct, ear.landmarks[HELICOTREMA]) < 900.0
    assert value_at(ct, ear.landmarks[BASAL_TURN]) > 1100.0
    ras = labelled_ras(ear)
    for name in (OVAL_WINDOW, ROUND_WINDOW):
        assert np.linalg.norm(ras - ear.landmarks[name], axis=1).min() < 0.3
    # Fluid in the middle of the labyrinth, dense bone around it.
    ijk = np.rint(ct.geometry.to_ijk(ras)).astype(int)
    lumen = np.zeros(ct.array.shape, dtype=bool)
    lumen[ijk[:, 2], ijk[:, 1], ijk[:, 0]] = True
    assert np.median(ct.array[lumen]) < 500.0
    around = np.zeros_like(lumen)
    around[1:-1, 1:-1, 1:-1] = lumen[2:, 1:-1, 1:-1] | lumen[:-2, 1:-1, 1:-1]
    assert np.median(ct.array[around & ~lumen]) > 900.0


def test_a_head_has_what_heads_have():
    shown = head()
    ct = shown.ct
    hu, voxel = ct.array, ct.geometry.voxel_volume / 1000.0
    assert hu.dtype == np.int16
    assert -200.0 < value_at(ct, (0.0, 0.0, 50.0)) < 300.0  # brain
    assert value_at(ct, (0.0, -110.0, 60.0)) < -800.0  # behind the head
    assert 400.0 < (hu > 400).sum() * voxel < 1500.0  # cm3 of bone
    assert (hu > 2200).sum() * voxel > 1.0  # teeth
    r, a, s = np.moveaxis(ct.geometry.to_ras(np.argwhere(hu < -600)[:, ::-1]), -1, 0)
    inside = (np.abs(r) < 40) & (a > 20) & (a < 90) & (s > -40) & (s < 10)
    assert 20.0 < inside.sum() * voxel < 150.0  # sinuses and nose
    mastoid = (np.abs(r) > 45) & (np.abs(r) < 70) & (a < 10) & (a > -35) & (np.abs(s + 10) < 15)
    assert mastoid.sum() * voxel > 1.0


@pytest.mark.slow
def test_the_pose_turns_the_head_as_it_says():
    # Nose up, right ear down, nose to the left.
    assert head_pose(HeadScan(tilt=10.0))[2, 1] > 0.1
    assert head_pose(HeadScan(roll=10.0))[2, 0] < -0.1
    assert head_pose(HeadScan(yaw=10.0))[0, 1] < -0.1
    turned = HeadScan(tilt=12.0, roll=-7.0, yaw=20.0, isocentre=(9.0, -30.0, 55.0), **COARSE)
    plain, moved, pose = head(), random_head(1, 0, turned), head_pose(turned)
    for side in SIDES:
        for name, ras in plain.ears[side].landmarks.items():
            expected = pose[:3, :3] @ ras + pose[:3, 3]
            assert moved.ears[side].landmarks[name] == pytest.approx(expected, abs=1e-6)
    dense = moved.ct.geometry.to_ras(np.argwhere(moved.ct.array > 2200)[:, ::-1]).mean(axis=0)
    assert (np.linalg.inv(pose) @ [*dense, 1.0])[1] > 30.0  # The teeth came along.


def test_storage_order_by_hand():
    array = np.arange(24).reshape(2, 3, 4)
    volume = Volume(array, Geometry(np.diag([1.0, 2.0, 3.0, 1.0]), (2, 3, 4)))
    turned = store(volume, (1, 2, 0), (False, True, False))
    assert turned.array.shape == (4, 2, 3)
    # i runs to A, j down, k to R; the first voxel is the topmost.
    assert turned.geometry.to_ras((0, 0, 0)) == pytest.approx([0.0, 0.0, 3.0])
    assert turned.geometry.to_ras((1, 1, 1)) == pytest.approx([1.0, 2.0, 0.0])
    assert turned.array[1, 1, 1] == array[0, 1, 1]


@pytest.mark.slow
def test_thick_slices_are_averages_of_thin_ones():
    common = {"noise_hu": 0.0, "blur_mm": 0.0, "flips": (False, False, False)}
    thin = crop("left", spacing=(0.5, 0.5, 0.5), **common).ct.array
    thick = crop("left", spacing=(0.5, 0.5, 2.0), **common).ct.array
    mean = thin.reshape(13, 4, 52, 52).mean(axis=1)
    assert np.abs(mean - thick).mean() < 60.0  # The grain differs with the grid.
    assert np.corrcoef(mean.ravel(), thick.ravel())[0, 1] > 0.99


@pytest.mark.slow
def test_same_arguments_same_head():
    first, again = (random_head(5, 1, HeadScan(**COARSE)) for _ in range(2))
    assert np.array_equal(first.ct.array, again.ct.array)
    assert first.ears["left"].landmarks == again.ears["left"].landmarks
    other = random_head(5, 2, HeadScan(**COARSE))
    assert first.parameters != other.parameters
    assert first.ears["left"].landmarks != other.ears["left"].landmarks
    assert random_scan(3, 1) == random_scan(3, 1) != random_scan(3, 2)


def test_scans_that_make_no_sense():
    for scan, word in (
        (HeadScan(spacing=(0.0, 1.0, 1.0)), "spacing"),
        (HeadScan(view="nose"), "view"),  # type: ignore[arg-type]
        (HeadScan(axes=(0, 0, 1)), "axes"),
    ):
        with pytest.raises(ValueError, match=word):
            random_head(0, 0, scan)


@pytest.mark.parametrize("kind", NEGATIVE_KINDS)
def test_negatives_are_volumes_in_any_order(kind):
    small = {"spacing": 2.0}
    first, again, other = (random_negative(seed, kind, **small) for seed in (1, 1, 2))
    assert first.array.dtype == np.int16
    assert np.array_equal(first.array, again.array)
    assert first.geometry.spacing == pytest.approx(2.0)
    assert first.array.shape != other.array.shape or not np.array_equal(first.array, other.array)
    if kind in ("chest", "phantom", "vertebrae", "jaw"):
        assert (first.array > 700).sum() > 200
    if kind == "empty air":
        assert first.array.max() < -500
    if kind == "mr_like":
        assert first.array.min() > 0


@pytest.mark.slow
@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES)
def test_the_model_finds_an_ear_at_head_resolution(side, bundle):
    shown = crop(side)
    (ear,) = segment(shown.ct, bundle).ears
    assert ear.side == side
    for landmark in ear.landmarks:
        truth = shown.ears[side].landmarks[landmark.name]
        assert np.linalg.norm(np.subtract(landmark.ras, truth)) < 1.0


def test_written_head_is_read_back_in_place(tmp_path):
    shown = head(axes=(1, 2, 0), flips=(True, False, True))
    write_head(shown, tmp_path, "H01")
    image = sitk.ReadImage(str(tmp_path / "H01" / "H01_CT.nrrd"))
    assert np.array_equal(sitk.GetArrayFromImage(image), shown.ct.array)
    assert Geometry.of_image(image).ijk_to_ras == pytest.approx(shown.ct.geometry.ijk_to_ras)
    description = json.loads((tmp_path / "H01" / "H01_DESC.json").read_text("utf-8"))
    for side in SIDES:
        labels = sitk.ReadImage(str(tmp_path / "H01" / f"H01_{side.upper()}_LABELS.nrrd"))
        assert np.array_equal(sitk.GetArrayFromImage(labels), shown.ears[side].labels.array)
        marks = description["EARS"][side.upper()]["LANDMARKS"]
        assert set(marks) == {"RW", "OW", "A", "C", "V"}
        assert marks["A"] == pytest.approx(shown.ears[side].landmarks[HELICOTREMA], abs=1e-3)
    assert description["SCAN"]["view"] == "head"


def test_the_command_writes_heads_and_refuses_another_kind_into_the_same_folder(tmp_path):
    folder = str(tmp_path / "heads")
    assert main(["synthesize", "--head", "--spacing", "2", "--output", folder]) == 0
    assert (tmp_path / "heads" / "H01" / "H01_CT.nrrd").is_file()
    assert main(["synthesize", "--spacing", "2", "--output", folder]) == 2
    assert main(["synthesize", "--head", "--spacing", "0.1", "--output", folder]) == 2
