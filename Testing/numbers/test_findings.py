"""What is found of whole, open and malformed labyrinths, and of metal in them."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from InnerEarSegLib.io.dataset import specimen
from InnerEarSegLib.model.inference import sample_patch
from InnerEarSegLib.segmentation.atypicality import atypicality
from InnerEarSegLib.segmentation.canal_courses import REFERENCE, frame_of
from InnerEarSegLib.segmentation.findings import (
    bone_between_turns,
    close_gaps,
    count_pieces,
    find,
    revise_canals,
)
from InnerEarSegLib.segmentation.pipeline import segment
from InnerEarSegLib.segmentation.pose import Pose, fit_pose
from InnerEarSegLib.segmentation.prediction import EarPrediction
from InnerEarSegLib.segmentation.topology import behind_window, count_canals, whole_part
from InnerEarSegLib.synthetic.ear import make_ear
from InnerEarSegLib.synthetic.parameters import MALFORMATIONS, WIDE_AQUEDUCT, random_parameters
from InnerEarSegLib.synthetic.rescan import AXIAL_NORMAL, ScanProtocol, axes_across, rescan
from InnerEarSegLib.types import Geometry, Volume, apply_affine

from ..electrode import METAL_HU, electrode_array
from .canonical_ear import (
    APEX,
    OVAL,
    PATCH,
    SHAPE,
    VESTIBULE,
    ct_of,
    depth,
    from_middle,
    millimetres,
    tube,
)

POINTS = {"oval window": OVAL, "helicotrema": APEX, "round window": np.array([1.51, 3.69, -1.95])}
SCAN = Geometry(np.array([[0.2, 0, 0, -15], [0, 0.2, 0, -15], [0, 0, 0.2, -15], [0, 0, 0, 1.0]]),
                (150, 150, 150))  # fmt: skip
NETWORK = SimpleNamespace(spacing_mm=0.2)
CANONICAL = Pose(np.eye(4)).patch(0.2, SHAPE)


def prediction(deep, ct):
    logits = torch.from_numpy(8.0 * deep).float()
    pose, frame = Pose(np.eye(4)), np.eye(4)
    return EarPrediction(PATCH, NETWORK, torch.from_numpy(ct), logits, [], [pose], 1.0, frame)


def findings(revision, slice_mm=None):
    mask = (revision.prediction.labyrinth.numpy() > 0).astype(np.uint8)
    return find(revision, mask, PATCH, POINTS, 1800.0, 0.0, slice_mm)


def two_turns(apart=True):
    """A cochlea of two parallel tubes, 0.4 mm of bone between them, or one thick tube."""
    ends = [(2.5, 2.2, -1.0), (5.5, 2.2, -1.0)], [(2.5, 0.0, -1.0), (5.5, 0.0, -1.0)]
    parts = [depth()] + [tube(end, 0.9) for end in ends]
    if not apart:
        parts.append(tube([(2.5, 1.1, -1.0), (5.5, 1.1, -1.0)], 0.9))
    return np.max(parts, axis=0).astype(np.float32)


def test_a_canonical_ear_of_other_axes_gives_the_same_findings():
    """The frame of a model that was trained on other specimens may be turned by half a turn."""
    turn = np.diag([-1.0, 1.0, -1.0, 1.0])
    turn[:3, 3] = [0.3, -0.2, 0.1]
    template = {name: apply_affine(turn, point) for name, point in REFERENCE.items()}
    np.testing.assert_allclose(frame_of(template), turn, atol=1e-9)
    deep = depth("lateral")
    own = prediction(deep, ct_of(depth()))
    other = replace(own, poses=[Pose(np.linalg.inv(turn))], frame=frame_of(template))
    first, second = (revise_canals(each, SCAN, 0.0) for each in (own, other))
    assert first.completed == second.completed == ("lateral",)
    assert findings(first).atypicality == pytest.approx(findings(second).atypicality)


def test_a_whole_labyrinth_is_left_alone():
    before = prediction(two_turns(), ct_of(two_turns()))
    revision = revise_canals(before, SCAN, 0.0)
    assert revision.prediction is before
    found = findings(revision)
    assert (found.closed_canals, found.open_canals, found.completed_canals) == (3, (), ())
    assert found.parts == 1 and found.metal_mm3 == 0.0 and 0.2 < found.edge_width_mm < 0.8
    assert found.bony_canals == () and "helicotrema" not in found.undrawn_landmarks
    assert found.turns_apart and found.even_edges


def test_a_canal_that_the_ct_shows_is_completed():
    revision = revise_canals(prediction(depth("anterior"), ct_of(depth())), SCAN, 0.0)
    found = findings(revision, slice_mm=1.5)
    assert (found.closed_canals, found.completed_canals) == (3, ("anterior",))
    assert found.open_canals == () and found.slice_mm == 1.5


def test_an_ossified_canal_is_drawn_as_far_as_it_is_open():
    from_plug = from_middle("posterior")
    ct = np.where(from_plug < 1.6, 1800.0, ct_of(two_turns())).astype(np.float32)
    revision = revise_canals(prediction(two_turns(), ct), SCAN, 0.0)
    found = findings(revision)
    assert found.bony_canals == found.open_canals == ("posterior",) and found.closed_canals == 2
    drawn = (revision.prediction.labyrinth > 0).numpy()
    assert not drawn[from_plug < 1.2].any() and drawn.sum() > 0.97 * (two_turns() > 0).sum()


def test_a_canal_that_the_network_does_not_see_stays_open():
    deep = np.where(depth("lateral") > 0, depth("lateral"), -2.0).astype(np.float32)
    found = findings(revise_canals(prediction(deep, ct_of(depth())), SCAN, 0.0))
    assert (found.closed_canals, found.open_canals) == (2, ("lateral",))
    assert found.completed_canals == ()


def test_a_false_ring_does_not_stand_in_for_an_open_canal():
    ring = tube([VESTIBULE, (0.0, 2.5, 5.0), (0.0, -1.5, 5.0), VESTIBULE], 0.5)
    deep = np.where(depth("lateral") > 0, depth("lateral"), -2.0)
    deep = np.maximum(deep, ring).astype(np.float32)
    assert count_canals(whole_part(deep > 0), PATCH, OVAL, APEX) == 3
    found = findings(revise_canals(prediction(deep, ct_of(depth())), SCAN, 0.0))
    assert (found.closed_canals, found.open_canals) == (2, ("lateral",))


def test_nothing_is_completed_outside_the_scan():
    low = Geometry(SCAN.ijk_to_ras, (150, 150, 55))  # ends before the lateral canal's bend
    found = findings(revise_canals(prediction(depth("lateral"), ct_of(depth())), low, 0.0))
    assert "lateral" in found.open_canals and found.completed_canals == ()


def test_without_an_oval_window_nothing_is_counted():
    missing = {"helicotrema": APEX}
    revision = revise_canals(prediction(depth("lateral"), ct_of(depth())), SCAN, 0.0)
    mask = (depth("lateral") > 0).astype(np.uint8)
    found = find(revision, mask, PATCH, missing, 1800.0, 0.0, None)
    assert found.closed_canals is None and found.turns_apart is None and found.atypicality is None


def test_a_landmark_beyond_the_drawing():
    revision = revise_canals(prediction(two_turns(), ct_of(two_turns())), SCAN, 0.0)
    far = {**POINTS, "helicotrema": np.array([7.8, 0.0, -1.0])}  # the upper turn ends at 6.4 mm
    found = find(revision, (two_turns() > 0).astype(np.uint8), PATCH, far, 1800.0, 0.0, None)
    assert "helicotrema" in found.undrawn_landmarks and found.turns_apart is None


def test_turns_that_run_together():
    cochlea = ~behind_window(PATCH, OVAL, APEX)
    shares = [
        bone_between_turns(mask, close_gaps(mask, 0.2), cochlea)
        for mask in (two_turns() > 0, two_turns(apart=False) > 0, np.zeros(SHAPE, bool))
    ]
    assert shares[0] > 1.5 * shares[1] and shares[2] == 0.0


def test_a_piece_counts_where_it_is_near_and_no_speck():
    """A canal's severed piece does, an air cell far away and a speck do not."""
    mask = np.zeros((40, 40, 40), bool)
    mask[:20] = True
    mask[22:26, :6, :6] = True  # 1.2 mm³, 0.4 mm beside it
    mask[22, 20, 20] = True
    mask[30:36, 30:36, 30:36] = True
    assert count_pieces(mask, 0.2) == 2
    assert count_pieces(np.zeros((4, 4, 4), bool), 0.2) == 0


def test_metal_is_measured():
    ct = ct_of(depth())
    ball = np.linalg.norm(millimetres() - [4.0, 0.2, -0.8], axis=-1) < 0.8
    ct[ball] = 3071.0
    found = findings(revise_canals(prediction(depth(), ct), SCAN, 0.0))
    assert found.metal and found.metal_mm3 == pytest.approx(ball.sum() * 0.008, rel=0.2)


def test_metal_between_parts_of_a_drawing_is_measured():
    """A network leaves metal out, and so may part an upper turn from the labyrinth."""
    deep = np.maximum(depth(), tube([(5.6, 2.0, -1.1), (3.2, 2.8, -0.7)], 0.5))  # 0.7 mm away
    ct = ct_of(deep)
    ct[(deep <= 0) & (tube([(5.6, 1.0, -1.1), (3.2, 1.8, -0.7)], 0.6) > 0)] = 2450.0
    found = findings(revise_canals(prediction(deep, ct), SCAN, 0.0))
    assert found.parts == 2 and found.metal
    bone = findings(revise_canals(prediction(deep, ct_of(deep)), SCAN, 0.0))
    assert bone.parts == 2 and bone.metal_mm3 == 0.0


def exact(malformation, seed, template):
    """The atypicality of a synthetic ear's exact labyrinth."""
    parameters = replace(random_parameters(seed), malformation=malformation)
    ear = make_ear(parameters, side="left" if seed % 2 else "right", spacing=(0.25,) * 3, seed=seed)
    pose = fit_pose(template, ear.landmarks)
    labels = torch.from_numpy(ear.labels.array.astype(np.float32))
    patch = pose.patch(0.2, SHAPE)
    mask = whole_part(sample_patch(labels, ear.labels.geometry, patch, 0.0).numpy() > 0.5)
    to_canonical = np.linalg.inv(pose.matrix)
    points = {name: apply_affine(to_canonical, ras) for name, ras in ear.landmarks.items()}
    return atypicality(mask, CANONICAL, points)


@pytest.mark.parametrize("malformation", MALFORMATIONS)
def test_malformed_synthetic_ears_are_atypical_but_for_the_aqueduct(malformation, bundle):
    """A wide aqueduct is no part of a drawing: it is looked for in the CT (test_aqueduct.py)."""
    assert (exact(malformation, 201, bundle.template) > 1.0) == (malformation != WIDE_AQUEDUCT)


@pytest.mark.parametrize("seed", [201, 202])
def test_normal_synthetic_ears_are_not(seed, bundle):
    assert exact("", seed, bundle.template) < 1.0


SHEARED = np.array([[1.0, 0, 0, 0], [0, 1, 0.5, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
STRETCHED = np.diag([1.0, 1.0, 1.5, 1.0])


@pytest.mark.parametrize("header", [np.eye(4), SHEARED, STRETCHED], ids=["as is", "tilt", "slices"])
def test_a_specimen_is_not_atypical_unless_its_header_is_wrong(header, specimens, bundle):
    case = specimen(specimens, "T03").read()
    landmarks = {name: apply_affine(header, ras) for name, ras in case.landmarks.items()}
    grid = Geometry(header @ case.label_geometry.ijk_to_ras, case.label_geometry.shape)
    pose = fit_pose(bundle.template, landmarks)
    labels = torch.from_numpy((case.labels > 0).astype(np.float32))
    mask = sample_patch(labels, grid, pose.patch(0.2, SHAPE), 0.0).numpy() > 0.5
    to_canonical = np.linalg.inv(pose.matrix)
    points = {name: apply_affine(to_canonical, ras) for name, ras in landmarks.items()}
    found = atypicality(whole_part(mask), CANONICAL, points)
    assert found < 0.8 if header is not SHEARED and header is not STRETCHED else found > 1.0
    assert atypicality(whole_part(mask), CANONICAL, {}) is None


SOFT = ScanProtocol(0.5, 1.1, 1.0, 1.0, 0.0, 15.0, 0.9)
BONE = ScanProtocol(0.45, 0.7, 0.6, 0.6, 0.4, 60.0, 0.6)


@pytest.mark.parametrize(
    "protocol",
    [None, BONE, pytest.param(SOFT, marks=pytest.mark.slow)],
    ids=["own", "bone", "soft"],
)
def test_an_electrode_array_is_named_and_never_good(specimens, bundle, protocol):
    case = specimen(specimens, "F13").read()
    ct = torch.from_numpy(case.ct.array.astype(np.float32))
    ct[torch.from_numpy(electrode_array(case))] = METAL_HU
    grid, rng = case.ct.geometry, np.random.default_rng(1)
    if protocol is not None:
        pose = fit_pose(bundle.template, case.landmarks)
        axes = axes_across(pose.matrix[:3, :3] @ AXIAL_NORMAL, rng)
        ct, grid = rescan(ct, grid, axes, protocol, rng)
    volume = Volume(ct.clamp(max=3071.0).round().to(torch.int16).numpy(), grid)
    for ear in segment(volume, bundle).ears:
        assert ear.quality.verdict == "poor" and ear.findings.metal
        assert any("metal in or beside the labyrinth" in reason for reason in ear.quality.reasons)
