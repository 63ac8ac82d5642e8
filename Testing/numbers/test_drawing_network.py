"""The network that draws any CT."""

import dataclasses

import numpy as np
import torch

from InnerEarSegLib.network.config import NetworkConfig
from InnerEarSegLib.network.drawing import DrawingUNet, start_from
from InnerEarSegLib.network.unet import JointUNet
from InnerEarSegLib.training.drawing import bundled_config, drawing_loss, new_network

CONFIG = NetworkConfig(channels=(8, 16, 32), group_size=4)


def test_it_starts_as_the_network_it_comes_from():
    torch.manual_seed(0)
    joint = JointUNet(CONFIG, 5, 1000).eval()
    network = DrawingUNet(CONFIG, 5, 16**3, torch.rand(8, 8, 8)).eval()
    start_from(network, joint.state_dict())
    ct = torch.randn(2, 1, 16, 16, 16)
    with torch.no_grad():
        assert torch.allclose(network(ct)[0], joint(ct)[0], atol=1e-5)


def test_script_and_shapes():
    network = DrawingUNet(CONFIG, 5, 16**3, torch.rand(8, 8, 8)).eval()
    ct = torch.randn(2, 1, 16, 24, 16)
    labyrinth, heatmaps = torch.jit.script(network)(ct)
    assert labyrinth.shape == (2, 1, 16, 24, 16) and heatmaps.shape == (2, 5, 16, 24, 16)
    scales, coarse = network.all_scales(ct)
    assert [tuple(x.shape[2:]) for x in scales] == [(16, 24, 16), (8, 12, 8)]
    # A coarse voxel's probability is shared by its eight voxels.
    mass = [torch.logsumexp(x.flatten(2), 2) for x in (coarse, heatmaps)]
    assert torch.allclose(*mass, atol=0.3)


def test_a_step_lowers_the_loss(specimens):
    from InnerEarSegLib.reading.dataset import read_case
    from InnerEarSegLib.training.cases import training_case
    from InnerEarSegLib.training.drawing import DrawingSamples

    from .canonical_ear import APEX, OVAL

    torch.manual_seed(0)
    config = bundled_config(10, 1e-3)
    stage = dataclasses.replace(
        config.stage, spacing_mm=0.8, window=(16, 24, 32),
        network=dataclasses.replace(CONFIG, deep_supervision=True),
    )  # fmt: skip
    case = training_case(read_case(specimens, "F06"))
    names = ("helicotrema", "oval window", "round window", "vestibule centre")
    config = dataclasses.replace(config, stage=stage, landmarks=names, held_out=())
    template = {
        names[0]: APEX, names[1]: OVAL, names[2]: np.array([1.5, 3.7, -1.95]),
        names[3]: np.array([-0.36, 0.91, -0.46]),
    }  # fmt: skip
    from InnerEarSegLib.network.normalise import Intensity

    sample = DrawingSamples([case], template, config, Intensity())[1]
    assert sample.ct.shape == sample.core.shape == (1, 1, 16, 24, 32)
    network = new_network(config, torch.zeros(8, 12, 16))
    optimiser = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(8):
        loss, terms = drawing_loss(network, sample, config)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert set(terms) >= {"dice", "core", "septum", "landmarks"}
    assert losses[-1] < 0.8 * losses[0]
