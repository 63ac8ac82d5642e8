"""From what the network saw to an ear and a verdict on it, or to none."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from InnerEarSegLib.model.calibration import Calibration
from InnerEarSegLib.segmentation.ear import decode_ear
from InnerEarSegLib.segmentation.heatmap import Peak
from InnerEarSegLib.segmentation.pose import Pose
from InnerEarSegLib.segmentation.prediction import EarPrediction, blend
from InnerEarSegLib.segmentation.quality import judge
from InnerEarSegLib.types import LANDMARKS, Findings, Geometry, Landmark

POINTS = {
    "round window": (0.0, 0.0, 0.0),
    "oval window": (0.0, 2.8, 0.0),
    "helicotrema": (-6.0, 1.0, 0.5),
}
"""A right ear, as the labyrinth's centroid lies above the windows."""

MODEL = SimpleNamespace(
    landmarks=LANDMARKS,
    template={name: np.array(point) for name, point in POINTS.items()},
    calibration=None,
)
"""All that decoding asks of a model."""

CT = Geometry(np.array([[0.2, 0, 0, -10], [0, 0.2, 0, -10], [0, 0, 0.2, -10], [0, 0, 0, 1]]),
              (100, 100, 100))  # fmt: skip


def prediction(side="right", radius=3.6, present=LANDMARKS, bone=1500.0, lumen=0.0):
    """A ball-shaped labyrinth around (-2, 1, 2) in bone, and the points above."""
    pose = Pose(np.diag([1.0 if side == "right" else -1.0, 1, 1, 1]))
    patch = pose.patch(0.2, (72, 88, 120))
    k, j, i = np.indices(patch.shape)
    distance = np.linalg.norm(patch.to_ras(np.stack([i, j, k], -1)) - [-2, 1, 2], axis=-1)
    there = {name: 1.0 if name in present else 0.1 for name in LANDMARKS}
    peaks = [Peak(patch.to_ijk(POINTS[name]), there[name], 1.0, 0.5, 0.5) for name in LANDMARKS]
    logits = torch.from_numpy(8.0 * (radius - distance)).float()
    ct = torch.where(logits > 0, lumen, bone)
    network = SimpleNamespace(spacing_mm=0.2)
    return EarPrediction(patch, network, ct, logits, peaks, [pose], 1.0, np.eye(4))


def test_a_plausible_ear():
    ear = decode_ear(prediction(), CT, MODEL)
    assert ear.side == "right"
    # A ball has no canals and no turns, so it is not called good.
    assert ear.findings.closed_canals == 0 and ear.quality.verdict == "poor"
    assert ear.volume_mm3 == pytest.approx(4 / 3 * np.pi * 3.6**3, rel=0.01)  # 195 mm³
    for landmark in ear.landmarks:
        assert landmark.ras == pytest.approx(POINTS[landmark.name], abs=1e-6)


def test_a_ct_that_cannot_show_metal_is_remarked_on():
    seen = prediction()  # all bone has 1500 HU
    ear = decode_ear(seen, CT, MODEL)
    assert any("end at 1500 HU: metal" in reason for reason in ear.quality.reasons)
    seen.ct[0, 0, 0] = 1501.0
    ear = decode_ear(seen, CT, MODEL)
    assert not any("metal" in reason for reason in ear.quality.reasons)


def test_a_calibrated_model_gives_radii():
    calibration = Calibration(
        scale_mm=dict.fromkeys(LANDMARKS, 0.3), spread_mm=dict.fromkeys(LANDMARKS, 0.4),
        factors={0.9: 1.6},
    )  # fmt: skip
    model = SimpleNamespace(**{**vars(MODEL), "calibration": calibration})
    ear = decode_ear(prediction(), CT, model)
    # The heatmaps of these patches spread 0.5 mm.
    assert all(x.radius_mm == pytest.approx(1.6 * 0.3 * 0.5 / 0.4) for x in ear.landmarks)
    assert all(x.radius_mm is None for x in decode_ear(prediction(), CT, MODEL).landmarks)


@pytest.mark.parametrize(
    "changes",
    [
        {"side": "left"},
        {"radius": 2.0},
        {"radius": 5.5},
        {"present": LANDMARKS[1:]},
        {"bone": 300.0, "lumen": 0.0},
        {"bone": 600.0, "lumen": 500.0},
        {"bone": 0.0, "lumen": 1500.0},
    ],
    ids=["side against anatomy", "34 mm³", "697 mm³", "absent landmark", "soft tissue",
         "hardly a contrast", "bright fluid in dark bone"],
)  # fmt: skip
def test_no_ear(changes):
    assert decode_ear(prediction(**changes), CT, MODEL) is None


def test_an_unusual_size_is_remarked_on_and_whatever_fills_the_labyrinth_is_fine():
    reasons = decode_ear(prediction(radius=2.8), CT, MODEL).quality.reasons  # 92 mm³
    (reason,) = [each for each in reasons if "volume" in each]
    assert "volume is 9" in reason and "144 to 267 mm³" in reason
    for lumen in (-1000.0, 0.0, 700.0):
        assert decode_ear(prediction(lumen=lumen), CT, MODEL) is not None


def test_a_landmark_outside_the_scan_is_missing():
    cut = Geometry(CT.ijk_to_ras @ np.array(
        [[1, 0, 0, 30], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]), (100, 100, 70))  # fmt: skip
    # Starts at R = -4: the helicotrema lies at -6.
    ear = decode_ear(prediction(present=LANDMARKS[1:]), cut, MODEL)
    assert ear.quality.verdict == "poor"
    assert any("cut off by the CT" in reason for reason in ear.quality.reasons)
    assert any("helicotrema was not found: it lies outside" in r for r in ear.quality.reasons)
    assert {landmark.name for landmark in ear.landmarks if landmark.ras is None} == {"helicotrema"}


WHOLE = Findings(3, (), (), 1, True, 0.4, 0.2, 0.0, 0.96, 0.4)


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


@pytest.mark.parametrize(("changes", "verdict", "reason"), [
    ({"scan": grid(0.9)}, "check", "up to 0.90 mm"),
    ({"scan": grid(1.5)}, "poor", "up to 1.50 mm"),
    ({"volume_mm3": 120.0}, "check", "volume is 120.0 mm³, usual are 144 to 267"),
    ({"volume_mm3": 80.0}, "poor", "volume is 80.0"),
    ({"landmarks": landmarks(apex=8.6)}, "check", "to helicotrema is 8.6 mm"),
    ({"landmarks": landmarks(window=5.0)}, "poor", "to oval window is 5.0 mm"),
    ({"landmarks": landmarks(confidence=0.4)}, "check", "uncertain (confidence 0.40)"),
    ({"landmarks": landmarks(missing=("oval window",))}, "poor", "oval window was not found."),
    ({"cut": True}, "poor", "cut off by the CT's field of view"),
    ({"reasons": (("check", "Because."),)}, "check", "Because."),
    ({"findings": Findings(2, ("lateral",))}, "check", "The lateral semicircular canal is open"),
    ({"findings": Findings(2)}, "check", "A semicircular canal is open"),
    ({"findings": Findings(4)}, "check", "Parts of the labyrinth touch"),
    ({"findings": Findings(3, (), ("anterior",))}, "check", "canal was completed where"),
    (
        {"findings": Findings(2, open_canals=("lateral",), bony_canals=("lateral",))},
        "check", "bone where the lateral",
    ),
    ({"findings": Findings(3, undrawn_landmarks=("helicotrema",))}, "poor", "lies outside the lab"),
    ({"findings": Findings(3, turns_apart=False)}, "check", "turns of the cochlea run together"),
    ({"findings": Findings(3, parts=2)}, "check", "drawn in 2 parts"),
    ({"findings": Findings(3, agreement=0.85)}, "check", "differently (Dice 0.85)"),
    ({"findings": Findings(3, atypicality=1.2)}, "check", "unlike those that the model knows"),
    ({"findings": Findings(3, atypicality=2.2)}, "poor", "unlike those that the model knows"),
    ({"findings": Findings(3, aqueduct_mm=1.0)}, "check", "a tube 1.0 mm wide from the vestibule"),
    ({"findings": Findings(3, metal_mm3=1.0)}, "poor", "metal in or beside the labyrinth"),
    ({"findings": Findings(3, edge_width_mm=1.04)}, "check", "edges 1.0 mm wide"),
    ({"findings": Findings(3, even_edges=False)}, "check", "the patient may have moved"),
    ({"findings": Findings(3, slice_mm=1.5), "scan": grid(0.7)}, "check", "are 1.5 mm thick"),
    ({"findings": Findings(3, slice_mm=2.5), "scan": grid(0.7)}, "poor", "are 2.5 mm thick"),
])  # fmt: skip
def test_what_stands_out_is_said(changes, verdict, reason):
    usual = {"landmarks": landmarks(), "volume_mm3": 200.0, "scan": grid(0.2), "cut": False}
    usual["findings"] = WHOLE
    quality = judge(**{**usual, **changes})
    assert quality.verdict == verdict
    assert any(reason in sentence for sentence in quality.reasons)


def test_the_worst_reason_decides():
    for findings in (WHOLE, replace(WHOLE, slice_mm=0.6)):
        quality = judge(landmarks(), 200.0, grid(0.6), False, findings)
        assert quality.verdict == "good" and quality.reasons == ()
    quality = judge(landmarks(confidence=0.4), 60.0, grid(0.9), False, WHOLE)
    assert quality.verdict == "poor" and len(quality.reasons) == 5


@pytest.mark.parametrize("name", ["closed_canals", "turns_apart", "edge_width_mm", "atypicality"])
def test_what_could_not_be_measured_is_not_good(name):
    findings = replace(WHOLE, **{name: None})
    quality = judge(landmarks(), 200.0, grid(0.6), False, findings)
    assert quality.verdict == "check" and "Not measured" in quality.reasons[0]


def test_every_open_canal_counts():
    findings = replace(WHOLE, closed_canals=1, open_canals=("lateral",), bony_canals=("lateral",))
    reasons = judge(landmarks(), 200.0, grid(0.6), False, findings).reasons
    assert "bone where the lateral" in reasons[0] and "Another semicircular" in reasons[2]


@pytest.mark.parametrize(
    ("width_mm", "logit"),
    # 2 from the finer network and -4 from the coarser one; a third of the way is 0.
    [(None, 2.0), (0.4, 2.2), (0.525, 2.1), (0.6, 2.0), (0.675, 1.0), (0.75, 0.0), (1.2, 0.0)],
)
def test_the_sharpness_of_the_ct_decides_how_logits_are_combined(width_mm, logit):
    combined = blend(torch.tensor([2.0]), torch.tensor([-4.0]), width_mm)
    assert combined.item() == pytest.approx(logit, abs=1e-6)
