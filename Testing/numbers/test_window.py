"""Looking at a CT through a window."""

import numpy as np
import torch

from InnerEarSegLib.model.inference import sample_patch
from InnerEarSegLib.segmentation.pose import Pose
from InnerEarSegLib.types import Geometry


def ramp() -> tuple[torch.Tensor, Geometry]:
    """A CT whose HU are R + 10 A + 100 S: linear, so that interpolation is exact."""
    matrix = np.array([[0, 0, 0.5, -3], [-0.4, 0, 0, 4], [0, 0.3, 0, -2], [0, 0, 0, 1.0]])
    geometry = Geometry(matrix, (14, 15, 16))
    k, j, i = np.indices(geometry.shape)
    ras = geometry.to_ras(np.stack([i, j, k], axis=-1))
    return torch.from_numpy(ras @ [1.0, 10.0, 100.0]).float(), geometry


def test_permuted_axes_and_turned_window_are_exact_on_a_linear_ct():
    ct, geometry = ramp()
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = turn, geometry.center
    window = Pose(matrix).patch(0.2, (5, 6, 7))
    seen = sample_patch(ct, geometry, window, -1000.0).numpy()
    k, j, i = np.indices(window.shape)
    expected = window.to_ras(np.stack([i, j, k], axis=-1)) @ [1.0, 10.0, 100.0]
    assert np.abs(seen - expected).max() < 1e-3


def test_outside_is_what_is_asked_for():
    ct, geometry = ramp()
    far = np.eye(4)
    far[:3, 3] = 1000.0
    window = Pose(far).patch(0.2, (4, 4, 4))
    assert (sample_patch(ct, geometry, window, -1000.0) == -1000.0).all()
