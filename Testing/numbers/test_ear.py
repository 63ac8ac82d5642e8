"""From what the network saw to an ear, or to none."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from InnerEarSegLib.decoding.ear import decode_ear
from InnerEarSegLib.decoding.heatmap import Peak
from InnerEarSegLib.finding.pose import Pose
from InnerEarSegLib.finding.refine import Refined
from InnerEarSegLib.geometry import Geometry
from InnerEarSegLib.results import LANDMARKS

BUNDLE = SimpleNamespace(landmarks=LANDMARKS, refine=SimpleNamespace(spacing_mm=0.2))
"""All that decoding asks of a bundle."""

CT = Geometry(np.array([[0.2, 0, 0, -10], [0, 0.2, 0, -10], [0, 0, 0.2, -10], [0, 0, 0, 1]]),
              (100, 100, 100))  # fmt: skip

POINTS = {
    "round window": (0.0, 0.0, 0.0),
    "oval window": (0.0, 2.8, 0.0),
    "helicotrema": (-6.0, 1.0, 0.5),
}
"""With the labyrinth's centroid at +S of the windows this is a right ear: the product is
-6 * (2.8 * c_S - 0) + ... < 0."""


def refined(side="right", radius=3.6, presence=1.0):
    """A ball-shaped labyrinth around (-2, 1, 2) and the points above."""
    window = Pose(np.diag([1.0 if side == "right" else -1.0, 1, 1, 1])).window(0.2, (72, 88, 120))
    k, j, i = np.indices(window.shape)
    distance = np.linalg.norm(window.to_ras(np.stack([i, j, k], -1)) - [-2, 1, 2], axis=-1)
    peaks = [Peak(window.to_ijk(POINTS[name]), presence, 1.0, 0.5, 0.5) for name in LANDMARKS]
    pose = Pose(np.diag([1.0 if side == "right" else -1.0, 1, 1, 1]))
    return Refined(window, torch.from_numpy(radius - distance).float(), peaks, pose)


def test_a_plausible_ear():
    ear = decode_ear(refined(), CT, BUNDLE)
    assert ear.side == "right" and ear.quality.verdict == "good"
    assert ear.volume_mm3 == pytest.approx(4 / 3 * np.pi * 3.6**3, rel=0.01)  # 195 mm³
    for landmark in ear.landmarks:
        assert landmark.ras == pytest.approx(POINTS[landmark.name], abs=1e-6)


def test_a_side_that_contradicts_the_anatomy_is_no_ear():
    assert decode_ear(refined(side="left"), CT, BUNDLE) is None


@pytest.mark.parametrize("radius", [2.0, 5.5])
def test_an_impossible_size_is_no_ear(radius):
    assert decode_ear(refined(radius=radius), CT, BUNDLE) is None  # 34 and 697 mm³


def test_an_unusual_size_is_remarked_on():
    (remark,) = decode_ear(refined(radius=2.8), CT, BUNDLE).quality.reasons  # 92 mm³
    assert "volume is 9" in remark and "144 to 267 mm³" in remark


def test_landmarks_that_are_not_there_have_no_position():
    ear = decode_ear(refined(presence=0.4), CT, BUNDLE)
    assert [landmark.ras for landmark in ear.landmarks] == [None] * 3
    assert [w for w in ear.quality.reasons if "was not found" in w] == list(ear.quality.reasons)


def test_a_landmark_outside_the_scan_is_missing():
    cut = Geometry(CT.ijk_to_ras @ np.array(
        [[1, 0, 0, 30], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), (100, 100, 70))  # fmt: skip
    ear = decode_ear(refined(), cut, BUNDLE)  # starts at R = -4: the helicotrema lies at -6
    assert {landmark.name for landmark in ear.landmarks if landmark.ras is None} == {"helicotrema"}
