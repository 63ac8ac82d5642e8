"""The U-Net in all its variations, and as TorchScript."""

import dataclasses
import io

import pytest
import torch

from InnerEarSegLib.model.config import NetworkConfig
from InnerEarSegLib.model.unet import AttentionGate, JointUNet, SqueezeExcite

BASE = NetworkConfig(channels=(8, 16))


@pytest.mark.parametrize("change", [
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
    {"attention_gates": True},
    {"squeeze_excite": True},
    {"head_blocks": 1},
    {"decoders": "separate"},
    {"channels": (8, 16, 24), "decoders": "separate", "attention_gates": True},
    {"landmarks_from": "second"},
    {"channels": (8, 16, 24), "landmarks_from": "second", "decoders": "separate"},
    {"mean_ear": True},
    {"channels": (8, 16, 24), "landmarks_from": "second", "mean_ear": True},
], ids=str)  # fmt: skip
def test_each_variation_trains_and_survives_torchscript(change):
    torch.manual_seed(0)
    config = dataclasses.replace(BASE, **change)
    network = JointUNet(config, 5, 8 * 8 * 12, torch.rand(4, 4, 4) if config.mean_ear else None)
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


def test_deep_supervision_gives_each_level_but_the_coarsest_and_costs_the_export_nothing():
    torch.manual_seed(0)
    config = dataclasses.replace(BASE, channels=(8, 16, 24), deep_supervision=True)
    network = JointUNet(config, 5, 16**3)
    x = torch.randn(1, 1, 16, 16, 16)
    labyrinth, landmarks = network.all_scales(x)
    assert [heatmaps.shape[1:] for heatmaps in landmarks] == [(5, 16, 16, 16), (5, 8, 8, 8)]
    finest = labyrinth[0], landmarks[0]
    assert all(torch.equal(a, b) for a, b in zip(finest, network(x), strict=True))
    sum(output.sum() for output in labyrinth + landmarks).backward()
    assert all(p.grad is not None for p in network.parameters())
    plain = JointUNet(dataclasses.replace(config, deep_supervision=False), 5, 16**3)
    loaded = plain.load_state_dict(network.state_dict(), strict=False)
    assert not loaded.missing_keys
    assert all(key.startswith("coarse_") for key in loaded.unexpected_keys)
    assert torch.equal(plain(x)[1], network(x)[1])


def test_decoders_of_their_own_keep_the_tasks_apart():
    torch.manual_seed(0)
    network = JointUNet(dataclasses.replace(BASE, decoders="separate"), 5, 8**3)
    network(torch.randn(1, 1, 8, 8, 8))[0].sum().backward()
    assert all(p.grad is not None for p in network.decoder.parameters())
    assert all(p.grad is None for p in network.landmark_decoder.parameters())


def test_landmarks_of_the_second_level_are_the_patch_s_after_interpolation():
    torch.manual_seed(0)
    config = dataclasses.replace(
        BASE, channels=(8, 16, 24), deep_supervision=True, landmarks_from="second"
    )
    network = JointUNet(config, 3, 16**3).eval()
    x = torch.randn(1, 1, 16, 16, 24)
    labyrinth, landmarks = network.all_scales(x)
    assert [logits.shape[2:] for logits in labyrinth] == [(16, 16, 24), (8, 8, 12)]
    assert [heatmaps.shape[1:] for heatmaps in landmarks] == [(3, 8, 8, 12)]
    # Eight voxels share the probability of one, so that "not in this patch" is as likely as before.
    mass = [torch.logsumexp(each.flatten(2), 2) for each in (network(x)[1], landmarks[0])]
    assert torch.allclose(mass[0], mass[1], atol=0.1)
    landmarks[0].sum().backward()
    assert all(p.grad is None for p in network.decoder[-1].parameters())


def test_the_mean_ear_lies_in_the_middle_of_a_patch_of_any_size():
    mean = torch.zeros(4, 4, 4)
    mean[1:3, 1:3, 1:3] = 1.0
    network = JointUNet(dataclasses.replace(BASE, mean_ear=True), 1, 8**3, mean)
    for size in (8, 12, 4):
        ct = torch.randn(2, 1, size, size, size)
        both = network.inputs(ct)
        assert both.shape == (2, 2, size, size, size) and torch.equal(both[:, :1], ct)
        row = both[1, 1, size // 2, size // 2]
        # On a grid twice as fine: 0 0 1 1 and the way between, of which the middle is seen.
        whole = [0, 0, 0, 0.25, 0.75, 1, 1, 0.75, 0.25, 0, 0, 0]
        start = (12 - size) // 2
        assert row.tolist() == whole[start : start + size]


def test_the_mean_ear_is_seen():
    torch.manual_seed(0)
    config = dataclasses.replace(BASE, mean_ear=True)
    network = JointUNet(config, 1, 8**3, torch.zeros(4, 4, 4)).eval()
    ct = torch.randn(1, 1, 8, 8, 8)
    before = network(ct)[0]
    network.mean_ear[..., 1:3] = 1.0
    assert not torch.allclose(network(ct)[0], before, atol=1e-3)
    assert "mean_ear" in network.state_dict()
    assert "mean_ear" not in dict(network.named_parameters())


def test_attention_gate_by_hand():
    # All weights 0: the gate is sigmoid(0) = 1/2 everywhere.
    gate = AttentionGate(2)
    for parameter in gate.parameters():
        torch.nn.init.zeros_(parameter)
    skip = torch.randn(1, 2, 3, 3, 3)
    assert torch.allclose(gate(skip, skip), skip / 2)


def test_squeeze_and_excite_by_hand():
    # One channel of mean 3: relu(2 * 3 - 1) = 5, then sigmoid(0.4 * 5 - 2) = 1/2.
    layer = SqueezeExcite(1)
    for parameter, value in zip(layer.parameters(), (2.0, -1.0, 0.4, -2.0), strict=True):
        torch.nn.init.constant_(parameter, value)
    x = torch.tensor([2.0, 4.0]).reshape(1, 1, 1, 1, 2)
    assert torch.allclose(layer(x), x / 2)


def test_a_default_network_has_the_keys_of_the_bundled_model():
    """What earlier checkpoints hold is what this code asks for."""
    keys = set(JointUNet(NetworkConfig(channels=(8, 16)), 5, 8**3).state_dict())
    level = {f"layers.{n}.{kind}" for n in (0, 1, 3, 4) for kind in ("weight", "bias")}
    level -= {"layers.0.bias", "layers.3.bias"}
    parts, heads = ("encoder.0", "encoder.1", "decoder.0.level"), ("labyrinth", "landmark")
    expected = {f"{part}.{key}" for part in parts for key in level}
    expected |= {f"{task}_head.{kind}" for task in heads for kind in ("weight", "bias")}
    assert keys == expected | {"decoder.0.up.0.weight"}


def test_untrained_heatmaps_give_here_and_not_here_even_odds():
    torch.manual_seed(0)
    network = JointUNet(BASE, 1, 16**3).eval()
    with torch.no_grad():
        heatmap = network(torch.zeros(1, 1, 16, 16, 16))[1]
    mass = torch.exp(torch.logsumexp(heatmap.flatten(), 0))
    assert 0.2 < float(mass) < 5.0
