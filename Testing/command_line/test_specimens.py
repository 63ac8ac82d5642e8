"""The whole journey on real ears. The bundled model was trained on them: a test of the code around
the networks and not of accuracy, which docs/accuracy.md measures by cross-validation.
"""

import time

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from InnerEarSegLib.errors import Cancelled
from InnerEarSegLib.evaluation.evaluate import row_of
from InnerEarSegLib.evaluation.simulated_scans import in_scan
from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.progress import Progress
from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.types import LANDMARKS, Geometry, Volume

SPECIMENS = ("F06", "T03", "F13")


@pytest.fixture(scope="module")
def results(specimens, bundle):
    found = {}
    for name in SPECIMENS:
        case = specimen(specimens, name).read()
        found[name] = (case, segment(case.ct, bundle))
    return found


@pytest.mark.parametrize("name", SPECIMENS)
def test_labyrinth_landmarks_and_side(results, name):
    case, result = results[name]
    (ear,) = result.ears
    row = row_of(case, result)
    assert row["side_right"]
    assert row["dice"] > 0.97
    assert row["assd_mm"] < 0.035
    for landmark in ear.landmarks:
        error = row[f"{landmark.name} mm"]
        assert error < 0.5 and error < 1.5 * landmark.radius_mm, (landmark.name, error)
    assert ear.quality.reasons == () and ear.findings.closed_canals == 3


def test_a_soft_kernel_costs_little_of_the_landmarks(specimens, bundle):
    case = in_scan(specimen(specimens, "F06").read(), "soft kernel", bundle.template)
    row = row_of(case, segment(case.ct, bundle), "soft kernel")
    assert row["side_right"] and row["dice"] > 0.92 and row["closed_canals"] == 3
    assert all(row[f"{name} mm"] < 0.6 for name in LANDMARKS)


def positions(result):
    (ear,) = result.ears
    return ear.side, np.array([landmark.ras for landmark in ear.landmarks])


@pytest.mark.parametrize(("order", "flips"), [
    ((2, 0, 1), (True, False, True)),
    pytest.param((1, 0, 2), (False, False, True), marks=pytest.mark.slow),
])  # fmt: skip
def test_storage_order_does_not_matter(results, bundle, order, flips):
    case, result = results["F06"]
    image = case.ct.to_sitk()
    stored = sitk.Flip(sitk.PermuteAxes(image, order), flips)
    volume = Volume(sitk.GetArrayFromImage(stored), Geometry.of_image(stored))
    side, points = positions(segment(volume, bundle))
    expected_side, expected = positions(result)
    assert side == expected_side
    assert np.linalg.norm(points - expected, axis=1).max() < 0.05


def test_two_runs_are_identical(results, bundle):
    case, result = results["F06"]
    again = segment(case.ct, bundle)
    assert np.array_equal(again.ears[0].labyrinth, result.ears[0].labyrinth)
    assert positions(again)[1].tolist() == positions(result)[1].tolist()


def test_mirrored_ear_is_the_other_side(results, bundle):
    case, result = results["T03"]
    mirrored = np.diag([-1.0, 1.0, 1.0, 1.0]) @ case.ct.geometry.ijk_to_ras
    volume = Volume(case.ct.array, type(case.ct.geometry)(mirrored, case.ct.geometry.shape))
    side, points = positions(segment(volume, bundle))
    assert {side, result.ears[0].side} == {"left", "right"}
    expected = positions(result)[1] * [-1, 1, 1]
    assert np.linalg.norm(points - expected, axis=1).max() < 0.3


def test_cancel_takes_effect_within_a_second(results, bundle):
    """A second of computing in all threads, which a loaded machine does not prolong."""
    case, _ = results["F06"]
    for stage in ("find", "infer", "decode"):
        asked: list[float] = []

        def report(name, fraction, message, stage=stage, asked=asked):
            if name == stage and not asked:
                asked.append(time.process_time())

        with pytest.raises(Cancelled):
            progress = Progress(report, is_cancelled=lambda asked=asked: bool(asked))
            segment(case.ct, bundle, progress=progress)
        assert time.process_time() - asked[0] < 1.0 * torch.get_num_threads()
