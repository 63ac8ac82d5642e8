"""The labyrinth's losses, by hand."""

import pytest
import torch

from InnerEarSegLib.training.config import LossConfig, StageConfig
from InnerEarSegLib.training.losses import dice_loss, joint_loss
from InnerEarSegLib.training.samples import Sample


def test_dice_by_hand():
    # p = (1, 1, 0, 0), t = (1, 0, 1, 0): (2*1 + 1) / (2 + 2 + 1) = 3/5.
    p = torch.tensor([1.0, 1, 0, 0]).reshape(1, 1, 1, 2, 2)
    t = torch.tensor([1.0, 0, 1, 0]).reshape(1, 1, 1, 2, 2)
    assert float(dice_loss(p, t)) == pytest.approx(0.4)
    assert float(dice_loss(t, t)) == pytest.approx(0.0)
    assert float(dice_loss(0 * t, 0 * t)) == pytest.approx(0.0)


def batch(labelled: bool) -> Sample:
    return Sample(
        ct=torch.zeros(1, 1, 4, 4, 4),
        labyrinth=torch.ones(1, 1, 4, 4, 4),
        labelled=torch.tensor([labelled]),
        landmarks=torch.full((1, 1, 3), 1.5),
        present=torch.tensor([[True]]),
        known=torch.tensor([[True]]),
    )


def test_a_specimen_without_labels_teaches_landmarks_only():
    stage = StageConfig(0.5, (4, 4, 4), loss=LossConfig(landmarks=2.0))
    outputs = (torch.zeros(1, 1, 4, 4, 4), torch.zeros(1, 1, 4, 4, 4))
    with_labels = joint_loss(outputs, batch(True), stage)
    without = joint_loss(outputs, batch(False), stage)
    assert float(with_labels.cross_entropy) == pytest.approx(0.6931, abs=1e-4)  # log 2
    assert float(without.cross_entropy) == float(without.dice) == 0.0
    assert float(without.total) == pytest.approx(2.0 * float(with_labels.landmarks))
