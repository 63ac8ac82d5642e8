"""Random appearance does what its parameters say."""

import numpy as np
import torch

from InnerEarSegLib.training.augmentation import anisotropic_blur, another_kernel
from InnerEarSegLib.training.config import AugmentationConfig


def test_blur_has_the_covariance_it_was_asked_for():
    point = torch.zeros(31, 31, 31)
    point[15, 15, 15] = 1.0
    wanted = np.array([[4.0, 0.8, 0.0], [0.8, 1.0, 0.0], [0.0, 0.0, 1.5]])
    spread = anisotropic_blur(point, wanted).double()
    offset = torch.arange(31).double() - 15
    grid = torch.stack(torch.meshgrid(offset, offset, offset, indexing="ij"))
    measured = torch.einsum("akji,bkji,kji->ab", grid, grid, spread)
    assert abs(float(spread.sum()) - 1.0) < 1e-3
    assert np.allclose(measured.numpy(), wanted, atol=0.02)


def test_blur_leaves_a_constant_alone_up_to_the_border():
    flat = torch.full((12, 16, 20), -1000.0)
    assert torch.allclose(anisotropic_blur(flat, 9.0 * np.eye(3)), flat, atol=0.01)


def test_kernels_are_soft_or_sharp():
    edge = torch.zeros(20, 20, 20)
    edge[:, :, 10:] = 1000.0
    how = AugmentationConfig(kernel=1.0)
    contrasts = []
    for seed in range(30):
        seen = another_kernel(edge, 0.4, how, np.random.default_rng(seed))[5:15, 5:15]
        contrasts.append(float(seen.amax() - seen.amin()))
        assert seen.shape == (10, 10, 20)
    assert max(contrasts) > 1010.0  # overshoot of a bone kernel
    steps = [
        float(another_kernel(edge, 0.4, how, np.random.default_rng(s))[10, 10].diff().max())
        for s in range(30)
    ]
    assert min(steps) < 400.0  # a soft kernel takes several voxels from bone to air
