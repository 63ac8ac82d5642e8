"""The U-Net in all its variations, and as TorchScript."""

import dataclasses
import io

import pytest
import torch

from InnerEarSegLib.network.config import NetworkConfig
from InnerEarSegLib.network.unet import JointUNet, count_parameters

BASE = NetworkConfig(channels=(8, 16))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"channels": (8, 16, 24)},
        {"blocks_per_level": 1},
        {"kernel_size": 5},
        {"normalisation": "instance"},
        {"normalisation": "batch"},
        {"normalisation": "none"},
        {"activation": "gelu"},
        {"activation": "silu"},
        {"residual": True},
        {"upsampling": "transposed"},
        {"dropout": 0.2},
    ],
    ids=str,
)
def test_each_variation_trains_and_survives_torchscript(change):
    torch.manual_seed(0)
    network = JointUNet(dataclasses.replace(BASE, **change), 5, 8 * 8 * 12)
    x = torch.randn(2, 1, 8, 8, 12)
    logits, heatmaps = network(x)
    assert logits.shape == (2, 1, 8, 8, 12) and heatmaps.shape == (2, 5, 8, 8, 12)
    (logits.sum() + heatmaps.sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    network.eval()
    file = io.BytesIO()
    torch.jit.save(torch.jit.script(network), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    for mine, theirs in zip(network(x), loaded(x), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_untrained_heatmaps_give_here_and_not_here_even_odds():
    torch.manual_seed(0)
    network = JointUNet(BASE, 1, 16**3).eval()
    with torch.no_grad():
        heatmap = network(torch.zeros(1, 1, 16, 16, 16))[1]
    mass = torch.exp(torch.logsumexp(heatmap.flatten(), 0))
    assert 0.2 < float(mass) < 5.0


def test_parameters_by_hand():
    # One level of one block: convolution 27 * 8, group norm 2 * 8, heads 8 + 1 and 8 * 5 + 5.
    config = NetworkConfig(channels=(8,), blocks_per_level=1)
    assert count_parameters(JointUNet(config, 5, 8)) == 216 + 16 + 9 + 45
