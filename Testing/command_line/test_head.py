"""Whole heads: a real one where it is at hand, and synthetic ones."""

import numpy as np
import pytest
import SimpleITK as sitk

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.evaluation.perturbations import regridded, roll, soft, thicker
from InnerEarSegLib.io.region import region_of
from InnerEarSegLib.io.volume import read_ct
from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.synthetic.head import random_head
from InnerEarSegLib.synthetic.scan import random_scan
from InnerEarSegLib.types import Geometry, Volume

from ..conftest import SHARED
from ..negatives import NEGATIVE_KINDS, random_negative

HEAD = SHARED / "data" / "head-ct" / "head.nii.gz"
CENTRES = {"right": (43.9, -8.3, 14.4), "left": (-30.3, -4.4, 15.0)}
"""Read off by eye by whoever shared it, good to about 5 mm."""


@pytest.fixture(scope="module")
def head():
    if not HEAD.is_file():
        pytest.skip("needs the head CT in ../shared/data/head-ct")
    return read_ct(HEAD)


@pytest.fixture(scope="module")
def found(head, bundle):
    return segment(head, bundle)


def ears_by_side(result):
    return {ear.side: ear for ear in result.ears}


def points(ear):
    return np.array([landmark.ras for landmark in ear.landmarks])


def test_both_ears_of_a_real_head(found):
    ears = ears_by_side(found)
    assert set(ears) == {"left", "right"}
    for side, ear in ears.items():
        # Where the landmarks are, as the given centres lie nearer to the cochlea than the
        # labyrinth's centroid does.
        assert np.linalg.norm(points(ear).mean(axis=0) - CENTRES[side]) < 4.5
        assert 140 < ear.volume_mm3 < 270
        assert ear.quality.verdict == "good", ear.quality


def part_of(head, low, high):
    """The voxels between two RAS corners."""
    corners = np.array([head.geometry.to_ijk(low), head.geometry.to_ijk(high)])
    first = np.maximum(np.ceil(corners.min(axis=0)), 0).astype(int)
    last = np.minimum(corners.max(axis=0), np.array(head.geometry.shape[::-1]) - 1).astype(int)
    array = head.array[tuple(slice(a, b + 1) for a, b in zip(first[::-1], last[::-1], strict=True))]
    shift = np.eye(4)
    shift[:3, 3] = first
    return Volume(array, Geometry(head.geometry.ijk_to_ras @ shift, array.shape))


def cut(head, center, size):
    """The part of a head within a box around a point, edges in mm along R, A, S."""
    half = np.divide(size, 2.0)
    return part_of(head, np.subtract(center, half), np.add(center, half))


@pytest.mark.parametrize(("center", "size", "sides"), [
    (np.mean(list(CENTRES.values()), axis=0), (100, 40, 40), {"left", "right"}),
    (CENTRES["right"], (70, 40, 40), {"right"}),
], ids=["100 mm with both", "70 mm with one"])  # fmt: skip
def test_a_scan_smaller_than_a_head_may_show_one_ear_or_both(head, bundle, center, size, sides):
    assert set(ears_by_side(segment(cut(head, center, size), bundle))) == sides


@pytest.mark.parametrize("behind_mm", [pytest.param(0.9, marks=pytest.mark.slow), 1.9])
def test_an_ear_that_lacks_a_piece_of_a_canal_is_not_called_good(head, found, bundle, behind_mm):
    """Up to 3.5 % of its labyrinth lies behind the scan's last slice; it was called good before."""
    ear = ears_by_side(found)["left"]
    low = ear.geometry.to_ras(np.argwhere(ear.labyrinth)[:, ::-1]).min(axis=0)
    center = np.array(CENTRES["left"], float)
    size = np.array([44.0, 44.0, 44.0])
    center[1] = low[1] + behind_mm + size[1] / 2  # the crop begins within the posterior canal
    (seen,) = segment(cut(head, center, size), bundle).ears
    assert seen.quality.verdict != "good"
    assert any("border" in reason or "cut off" in reason for reason in seen.quality.reasons)


@pytest.mark.parametrize(("change", "tolerance"), [
    pytest.param(soft, 0.7, marks=pytest.mark.slow),
    (thicker(3), 1.0),
    pytest.param(lambda image: thicker(2)(soft(image)), 0.7, marks=pytest.mark.slow),
    pytest.param(regridded, 0.3, marks=pytest.mark.slow),
], ids=["soft kernel", "1.9 mm slices", "soft kernel, 1.25 mm slices", "turned grid"])  # fmt: skip
def test_the_same_head_scanned_in_another_way(head, found, bundle, change, tolerance):
    image = sitk.Clamp(head.to_sitk(), sitk.sitkInt16, -1024, 3071)
    changed = change(image)
    volume = Volume(sitk.GetArrayFromImage(changed), Geometry.of_image(changed))
    expected = ears_by_side(found)
    ears = ears_by_side(segment(volume, bundle))
    assert set(ears) == {"left", "right"}
    for side, ear in ears.items():
        distances = np.linalg.norm(points(ear) - points(expected[side]), axis=1)
        assert distances.max() < tolerance, (side, distances)


@pytest.mark.slow
def test_a_rolled_and_tilted_patient(head, found, bundle):
    turn = np.eye(4)
    turn[:3, :3] = roll()
    rolled = Geometry(turn @ head.geometry.ijk_to_ras, head.geometry.shape)
    ears = ears_by_side(segment(Volume(head.array, rolled), bundle))
    assert set(ears) == {"left", "right"}
    for side, ear in ears_by_side(found).items():
        moved = points(ears[side]) - points(ear) @ turn[:3, :3].T
        assert np.linalg.norm(moved, axis=1).max() < 0.3


def test_a_given_centre_finds_that_ear_alone(head, found, bundle):
    result = segment(head, bundle, region=region_of(",".join(map(str, CENTRES["left"])), None))
    (ear,) = result.ears
    assert ear.side == "left"
    assert np.allclose(points(ear), points(ears_by_side(found)["left"]), atol=0.3)


def test_elsewhere_in_the_head_there_is_no_ear(head, bundle):
    box = region_of(None, "7,40,30,60,70,60")  # the face
    assert segment(head, bundle, region=box).ears == ()


@pytest.mark.parametrize(("axis", "end", "offset", "missing"), [
    (1, "high", -1.5, {"helicotrema"}),  # ends 1.5 mm behind the helicotrema
    pytest.param(  # begins 1 mm above it
        2, "low", 1.0, {"helicotrema", "round window"}, marks=pytest.mark.slow
    ),
    (2, "high", 5.0, set()),  # ends 5 mm above it: canals are cut off
])  # fmt: skip
def test_what_lies_outside_the_scan_is_missing(head, found, bundle, axis, end, offset, missing):
    whole = ears_by_side(found)["left"]
    apex = points(whole)[0]
    low, high = whole.geometry.center - 20.0, whole.geometry.center + 20.0
    (low if end == "low" else high)[axis] = apex[axis] + offset
    (ear,) = segment(part_of(head, low, high), bundle).ears
    assert ear.side == "left" and ear.quality.verdict == "poor"
    assert {landmark.name for landmark in ear.landmarks if landmark.ras is None} == missing
    assert any("cut off by the CT" in reason for reason in ear.quality.reasons)
    for landmark, expected in zip(ear.landmarks, points(whole), strict=True):
        if landmark.ras is not None:
            assert np.linalg.norm(np.subtract(landmark.ras, expected)) < 0.5


def test_the_canals_alone_are_no_ear(head, found, bundle):
    whole = ears_by_side(found)["left"]
    low, high = whole.geometry.center - 20.0, whole.geometry.center + 20.0
    low[2] = points(whole)[1][2] + 3.0  # begins 3 mm above the oval window
    assert segment(part_of(head, low, high), bundle).ears == ()


@pytest.mark.slow
def test_a_head_that_begins_within_the_ears(head, found, bundle):
    """Its first slice lies just above the helicotremata: no ear at a wrong place or side."""
    whole = ears_by_side(found)
    low, high = head.geometry.corners.min(axis=0), head.geometry.corners.max(axis=0)
    low[2] = 15.5
    for ear in segment(part_of(head, low, high), bundle).ears:
        assert ear.quality.verdict == "poor"
        for landmark, expected in zip(ear.landmarks, points(whole[ear.side]), strict=True):
            if landmark.ras is not None:
                assert np.linalg.norm(np.subtract(landmark.ras, expected)) < 0.5


def test_a_place_outside_the_scan_is_said(head, bundle):
    with pytest.raises(UnusableInput, match="outside the CT"):
        segment(head, bundle, region=region_of("500,500,500", None))


def test_a_mirrored_header_is_noticed(head, found, bundle):
    """Upside down in storage: the ears' handedness contradicts their places."""
    flipped = np.diag([1.0, 1.0, -1.0, 1.0]) @ head.geometry.ijk_to_ras
    result = segment(Volume(head.array, Geometry(flipped, head.geometry.shape)), bundle)
    assert len(result.ears) == 2
    for ear in result.ears:
        assert ear.quality.verdict == "poor"
        assert "orientation is probably stored wrongly" in ear.quality.reasons[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 7))
def test_both_ears_of_a_synthetic_head(seed, bundle):
    head = random_head(seed, scan=random_scan(seed, spacing=0.6))
    found = ears_by_side(segment(head.ct, bundle))
    assert set(found) == {"left", "right"}
    for side, ear in found.items():
        for landmark in ear.landmarks:
            truth = head.ears[side].landmarks[landmark.name]
            assert np.linalg.norm(np.subtract(landmark.ras, truth)) < 1.0, (side, landmark)


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEGATIVE_KINDS)
@pytest.mark.parametrize("seed", range(1, 4))
def test_no_ear_where_there_is_none(kind, seed, bundle):
    assert segment(random_negative(seed, kind), bundle).ears == ()
