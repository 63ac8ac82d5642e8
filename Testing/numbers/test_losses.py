"""The losses by hand, and heatmaps that are read as points."""

import math

import numpy as np
import pytest
import torch

from InnerEarSegLib.segmentation.heatmap import decode_heatmaps
from InnerEarSegLib.training.config import LossConfig, NetworkTraining
from InnerEarSegLib.training.losses import (
    coordinates_loss,
    dice_loss,
    expected_points,
    focal_loss,
    heatmap_loss,
    joint_loss,
    landmark_loss,
    landmark_points,
    squares_loss,
    tversky_loss,
)
from InnerEarSegLib.training.samples import Sample

P = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 1, 2, 2)
T = torch.tensor([1.0, 0, 1, 0]).reshape(1, 1, 1, 2, 2)


def test_dice_and_tversky_by_hand():
    # p = (1, 1, 0, 0), t = (1, 0, 1, 0): (2*1 + 1) / (2 + 2 + 1) = 3/5.
    p, t = P, T
    assert float(dice_loss(p, t)) == pytest.approx(0.4)
    assert float(dice_loss(t, t)) == float(dice_loss(0 * t, 0 * t)) == pytest.approx(0.0)
    # One voxel both, one added, one missed: 2 / (2 + 0.3 + 0.7) after the smoothing voxel.
    assert float(tversky_loss(p, t)) == pytest.approx(1 - 2 / 3)
    # Two missed voxels cost more than two added ones.
    assert float(tversky_loss(0 * t, t)) == pytest.approx(1 - 1 / (1 + 0.7 * 2))
    assert float(tversky_loss(t, 0 * t)) == pytest.approx(1 - 1 / (1 + 0.3 * 2))


def test_focal_by_hand():
    # p = 3/4 where 1 is wanted: (1/4)² * -log(3/4).
    logits = torch.full((1, 1, 1, 1, 2), math.log(3.0))
    loss = focal_loss(logits, torch.ones_like(logits))
    assert float(loss) == pytest.approx(-math.log(0.75) / 16)


def batch(labelled: bool) -> Sample:
    return Sample(
        ct=torch.zeros(1, 1, 4, 4, 4),
        labyrinth=torch.ones(1, 1, 4, 4, 4),
        labelled=torch.tensor([labelled]),
        landmarks=torch.full((1, 1, 3), 1.5),
        present=torch.tensor([[True]]),
        known=torch.tensor([[True]]),
        core=torch.zeros(1, 1, 4, 4, 4),
        septum=torch.zeros(1, 1, 4, 4, 4),
    )


def test_a_specimen_without_labels_teaches_landmarks_only():
    stage = NetworkTraining(0.5, (4, 4, 4), loss=LossConfig(landmarks=2.0))
    outputs = [torch.zeros(1, 1, 4, 4, 4)], [torch.zeros(1, 1, 4, 4, 4)]
    with_labels = joint_loss(*outputs, batch(True), stage)
    without = joint_loss(*outputs, batch(False), stage)
    assert float(with_labels.cross_entropy) == pytest.approx(0.6931, abs=1e-4)  # log 2
    assert float(without.cross_entropy) == float(without.dice) == 0.0
    assert float(without.total) == pytest.approx(2.0 * float(with_labels.landmarks))


def test_each_task_alone_leaves_the_other_head_untouched():
    for tasks, learned, left in (("segmentation", 0, 1), ("landmarks", 1, 0)):
        outputs = (torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
        for output in outputs:
            output.requires_grad_()
        stage = NetworkTraining(0.5, (4, 4, 4), loss=LossConfig(tasks=tasks))
        losses = joint_loss(outputs[:1], outputs[1:], batch(True), stage)
        losses.total.backward()
        assert outputs[learned].grad.abs().sum() > 0 and outputs[left].grad is None
        terms = (losses.dice + losses.cross_entropy, 0.15 * losses.landmarks)
        assert losses.total.item() == pytest.approx(terms[learned].item())


POINT, HERE, GONE = torch.full((1, 1, 3), 8.0), torch.tensor([[True]]), torch.tensor([[False]])


def gaussian(sigma: float) -> torch.Tensor:
    x = torch.exp(-0.5 * ((torch.arange(17) - 8.0) / sigma) ** 2)
    return torch.einsum("k,j,i->kji", x, x, x)[None, None]


def test_squares_cost_nothing_when_right_and_as_much_as_softmax_when_empty():
    target = gaussian(1.5)
    empty = torch.zeros_like(target)
    assert float(squares_loss(target, POINT, HERE, 1.5)) == pytest.approx(0.0, abs=1e-6)
    assert float(squares_loss(empty, POINT, GONE, 1.5)) == 0.0
    even = float(squares_loss(empty, POINT, HERE, 1.5))
    assert even == pytest.approx(math.log(1 + 17**3), rel=1e-3)
    # The softmax's own cost of knowing nothing is less by the entropy of its target.
    assert float(landmark_loss(empty, POINT, HERE, 1.5)) < even


def test_coordinates_by_hand():
    logits = torch.full((1, 1, 1, 1, 4), -50.0)
    logits[..., 1] = logits[..., 3] = 0.0  # half at i = 1 and half at i = 3, mass 2
    assert torch.allclose(expected_points(logits), torch.tensor([[[2.0, 0.0, 0.0]]]))
    point = torch.tensor([[[5.0, 0.0, 4.0]]])  # 5 voxels away
    there = coordinates_loss(logits, point, HERE, 0.4)
    assert float(there) == pytest.approx(5 * 0.4 + math.log(1.5), abs=1e-4)
    assert float(coordinates_loss(logits, point, GONE, 0.4)) == pytest.approx(math.log(3.0))


@pytest.mark.parametrize("heatmaps", ["softmax", "squares", "coordinates"])
def test_a_learned_heatmap_means_its_point(heatmaps):
    torch.manual_seed(0)
    loss = LossConfig(heatmap_sigma_mm=0.6, heatmaps=heatmaps)
    stage = NetworkTraining(0.5, (8, 8, 12), loss=loss)
    output = torch.zeros(1, 1, 8, 8, 12, requires_grad=True)
    point = torch.tensor([[[7.3, 3.2, 4.4]]])
    optimiser = torch.optim.Adam([output], lr=0.1)
    for _ in range(300):
        optimiser.zero_grad()
        heatmap_loss(output, point, HERE, 0.5, stage.loss).sum().backward()
        optimiser.step()
    found = landmark_points(output[0].detach(), stage)
    assert torch.allclose(torch.from_numpy(found[0]).float(), point[0, 0], atol=0.1)


def test_coarser_levels_count_half_and_see_the_same_ear():
    fine, coarse = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 2, 2, 2)
    # The middle of the window is (1.5, 1.5, 1.5) on the fine grid, (0.5, 0.5, 0.5) on the coarse.
    half = batch(True)._replace(
        ct=torch.zeros(1, 1, 2, 2, 2), labyrinth=torch.ones(1, 1, 2, 2, 2),
        landmarks=torch.full((1, 1, 3), 0.5), core=torch.zeros(1, 1, 2, 2, 2),
        septum=torch.zeros(1, 1, 2, 2, 2),
    )  # fmt: skip
    first = joint_loss([fine], [fine], batch(True), NetworkTraining(0.5, (4, 4, 4)))
    second = joint_loss([coarse], [coarse], half, NetworkTraining(1.0, (2, 2, 2)))
    both = joint_loss([fine, coarse], [fine, coarse], batch(True), NetworkTraining(0.5, (4, 4, 4)))
    assert float(both.total) == pytest.approx((float(first.total) + float(second.total) / 2) / 1.5)
    assert float(both.dice) == float(first.dice)


def test_heatmaps_of_the_second_level_count_in_full():
    stage = NetworkTraining(0.5, (4, 4, 4), loss=LossConfig(landmarks=2.0))
    fine, coarse = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 2, 2, 2)
    losses = joint_loss([fine, coarse], [coarse], batch(True), stage)
    # The Gaussian is half a millimetre wide: half of a coarse voxel.
    expected = landmark_loss(coarse, torch.full((1, 1, 3), 0.5), HERE, 0.5)
    assert float(losses.landmarks) == pytest.approx(float(expected))
    drawn = 2 / 3 * (losses.dice + losses.cross_entropy)
    coarser = 1 - (2 * 0.5 * 8 + 1) / (0.25 * 8 + 8 + 1) + math.log(2.0)
    assert float(losses.total) == pytest.approx(float(drawn) + coarser / 3 + 2 * float(expected))


def test_cores_and_septa_have_weights_of_their_own():
    core, septum = torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4)
    core[..., :2, 0], septum[..., 1, 1, :] = 1.0, 1.0  # 8 and 4 voxels
    marked = batch(True)._replace(core=core, septum=septum)
    output = [torch.zeros(1, 1, 4, 4, 4)]  # probability 1/2 everywhere
    none = joint_loss(output, output, marked, NetworkTraining(0.5, (4, 4, 4)))
    how = LossConfig(core=0.5, septum=2.0)
    both = joint_loss(output, output, marked, NetworkTraining(0.5, (4, 4, 4), loss=how))
    assert float(both.core) == pytest.approx(1 - (0.5 * 8 + 1) / (8 + 1))
    assert float(both.septum) == pytest.approx(0.5 * 4 / (4 + 1))
    weighted = 0.5 * float(both.core) + 2.0 * float(both.septum)
    assert float(both.total) == pytest.approx(float(none.total) + weighted)
    unlabelled = marked._replace(labelled=torch.tensor([False]))
    alone = joint_loss(output, output, unlabelled, NetworkTraining(0.5, (4, 4, 4), loss=how))
    assert float(alone.core) == float(alone.septum) == 0.0


SHAPE, SPACING, SIGMA = (20, 24, 28), 0.2, 0.5


def gaussian_logits(*peaks, sigma=SIGMA / SPACING, mass=1e4):
    """Logits of a mixture of Gaussians at (i, j, k, weight); ``mass`` against "not here"."""
    k, j, i = np.indices(SHAPE)
    density = np.zeros(SHAPE)
    for x, y, z, weight in peaks:
        squared = (i - x) ** 2 + (j - y) ** 2 + (k - z) ** 2
        bump = np.exp(-0.5 * squared / sigma**2)
        density += weight * bump / bump.sum()
    return torch.from_numpy(np.log(mass * density + 1e-12))[None]


def test_sub_voxel_position():
    (peak,) = decode_heatmaps(gaussian_logits((13.3, 11.8, 9.6, 1.0)), SPACING, SIGMA)
    assert np.abs(peak.ijk - [13.3, 11.8, 9.6]).max() < 0.02  # voxels: 0.004 mm
    assert peak.presence > 0.999 and peak.confidence > 0.9


def test_weak_split_or_empty_heatmaps_are_less_sure():
    # Mass 1 against the class "not here" of mass 1: presence one half.
    (weak,) = decode_heatmaps(gaussian_logits((13, 11, 9, 1.0), mass=1.0), SPACING, SIGMA)
    assert weak.presence == pytest.approx(0.5, abs=1e-3) and weak.confidence < 0.55
    two = gaussian_logits((6, 11, 9, 0.6), (23, 11, 9, 0.4), sigma=1.5)
    (split,) = decode_heatmaps(two, SPACING, SIGMA)
    assert abs(split.ijk[0] - 6) < 0.1  # not in the middle
    assert split.concentration == pytest.approx(0.6, abs=0.02) and split.confidence < 0.65
    (empty,) = decode_heatmaps(torch.full((1, *SHAPE), -40.0), SPACING, SIGMA)
    assert empty.presence < 1e-9 and empty.confidence < 1e-9


def test_wide_heatmap_is_less_sure():
    wide, narrow = (
        decode_heatmaps(gaussian_logits((13, 11, 9, 1.0), sigma=s), SPACING, SIGMA)[0]
        for s in (5.0, 2.5)
    )
    assert wide.spread_mm > narrow.spread_mm and wide.confidence < 0.75 * narrow.confidence


def test_loss_is_zero_for_a_perfect_heatmap_and_grows_with_distance():
    heatmap = gaussian_logits((13.0, 11.0, 9.0, 1.0), mass=1e6)[None].float()
    present = torch.tensor([[True]])
    losses = [
        float(landmark_loss(heatmap, torch.tensor([[[x, 11.0, 9.0]]]), present, SIGMA / SPACING))
        for x in (13.0, 14.0, 16.0)
    ]
    assert losses[0] == pytest.approx(0.0, abs=1e-3)
    # The divergence of two equal Gaussians is d² / (2 sigma²): 1 / 12.5 for one voxel at 2.5.
    assert losses[1] == pytest.approx(0.08, abs=2e-3)
    assert losses[2] > losses[1]


def test_loss_of_an_absent_landmark_is_the_surprise_of_seeing_nothing():
    heatmap = torch.full((1, 1, 2, 2, 2), float(np.log(1 / 8)))  # eight voxels of mass 1/8
    loss = landmark_loss(heatmap, torch.zeros(1, 1, 3), torch.tensor([[False]]), 1.0)
    assert float(loss) == pytest.approx(np.log(2.0), abs=1e-6)  # "here" and "not here" are even
