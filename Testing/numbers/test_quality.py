"""The verdict on an ear, and its reasons."""

import numpy as np
import pytest

from InnerEarSegLib.segmentation.quality import judge
from InnerEarSegLib.types import Geometry, Landmark


def grid(spacing):
    return Geometry(np.diag([spacing, spacing, spacing, 1.0]), (100, 100, 100))


def landmarks(apex=6.5, window=2.9, confidence=0.9, missing=()):
    places = {
        "helicotrema": (apex, 0.0, 0.0),
        "oval window": (0.0, window, 0.0),
        "round window": (0.0, 0.0, 0.0),
    }
    return tuple(
        Landmark(name, None if name in missing else place, confidence)
        for name, place in places.items()
    )


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"scan": grid(0.9)}, "check", "up to 0.90 mm"),
        ({"scan": grid(1.5)}, "poor", "up to 1.50 mm"),
        ({"volume_mm3": 120.0}, "check", "volume is 120.0 mm³, usual are 144 to 267"),
        ({"volume_mm3": 80.0}, "poor", "volume is 80.0"),
        ({"landmarks": landmarks(apex=8.6)}, "check", "to helicotrema is 8.6 mm"),
        ({"landmarks": landmarks(window=5.0)}, "poor", "to oval window is 5.0 mm"),
        ({"landmarks": landmarks(confidence=0.4)}, "check", "uncertain (confidence 0.40)"),
        ({"landmarks": landmarks(missing=("oval window",))}, "poor", "oval window was not found."),
        ({"cut": True}, "poor", "cut off by the CT's field of view"),
        ({"remarks": (("check", "Because."),)}, "check", "Because."),
    ],
)
def test_what_stands_out_is_said(changes, verdict, reason):
    usual = {"landmarks": landmarks(), "volume_mm3": 200.0, "scan": grid(0.2), "cut": False}
    quality = judge(**{**usual, **changes})
    assert quality.verdict == verdict
    assert any(reason in sentence for sentence in quality.reasons)


def test_the_worst_remark_decides():
    quality = judge(landmarks(), 200.0, grid(0.2), cut=False)
    assert quality.verdict == "good" and quality.reasons == ()
    quality = judge(landmarks(confidence=0.4), 60.0, grid(0.9), cut=False)
    assert quality.verdict == "poor" and len(quality.reasons) == 5
