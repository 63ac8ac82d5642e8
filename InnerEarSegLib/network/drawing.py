"""The network that draws any CT in canonical pose: a U-Net whose landmarks branch off early."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Level, Up, head
from .config import NetworkConfig


class DrawingUNet(nn.Module):
    """3D U-Net with the finest decoder level for the labyrinth alone.

    Input and outputs are those of ``JointUNet``. Three things differ. The landmarks have blocks of
    their own from the second finest level on, where their heatmaps are computed before they are
    interpolated, which costs next to nothing. The mean ear of the training specimens is a second
    input channel, so that the network knows where canals should run that a soft CT hardly shows.
    And coarser levels have labyrinth heads for training.
    """

    def __init__(
        self, config: NetworkConfig, landmarks: int, window_voxels: int, mean_ear: Tensor
    ) -> None:
        """
        Args:
            config: the architecture.
            landmarks: number of heatmaps.
            window_voxels: voxels of a window; sets the heatmaps' bias as in ``JointUNet``.
            mean_ear: [k, j, i] how often each place in the window is labyrinth, 0 to 1; on a
                coarser grid than the window, which it spans.
        """
        super().__init__()
        widths = config.channels
        self.mean_ear: Tensor
        self.register_buffer("mean_ear", mean_ear[None, None].clone())
        self.encoder = nn.ModuleList(
            [Level(config, 2 if i == 0 else widths[i - 1], w) for i, w in enumerate(widths)]
        )
        self.decoder = nn.ModuleList(
            [Up(config, widths[i + 1], widths[i]) for i in reversed(range(len(widths) - 1))]
        )
        self.landmark_level = Level(config, widths[1], widths[1])
        self.labyrinth_head = head(config, widths[0], 1)
        self.landmark_head = head(config, widths[1], landmarks, -math.log(window_voxels / 8))
        self.coarse_labyrinth_heads = nn.ModuleList(
            [head(config, widths[n], 1) for n in range(1, len(widths) - 1)]
        )

    def features(self, ct: Tensor) -> list[Tensor]:
        """Features of each decoder level, coarsest first."""
        size = [ct.shape[2], ct.shape[3], ct.shape[4]]
        mean = F.interpolate(
            self.mean_ear.to(ct.dtype), size=size, mode="trilinear", align_corners=False
        )
        x = torch.cat([ct, mean.expand(ct.shape[0], 1, size[0], size[1], size[2])], dim=1)
        skips: list[Tensor] = []
        for index, level in enumerate(self.encoder):
            if index > 0:
                x = F.max_pool3d(x, 2)
            x = level(x)
            skips.append(x)
        levels = [x]
        for index, up in enumerate(self.decoder):
            x = up(x, skips[-2 - index])
            levels.append(x)
        return levels

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        """(labyrinth logits, heatmap logits) of a batch of windows."""
        levels = self.features(ct)
        coarse = self.landmark_head(self.landmark_level(levels[-2]))
        # A voxel of the coarser level stands for eight, which share its probability.
        heatmaps = F.interpolate(
            coarse, size=ct.shape[2:], mode="trilinear", align_corners=False
        ) - math.log(8.0)
        return self.labyrinth_head(levels[-1]), heatmaps

    def all_scales(self, ct: Tensor) -> tuple[list[Tensor], Tensor]:
        """For training: labyrinth logits, finest first, and heatmap logits of half as many voxels
        along each edge as the window has.
        """
        levels = self.features(ct)
        labyrinth = [self.labyrinth_head(levels[-1])]
        for n, coarse_head in enumerate(self.coarse_labyrinth_heads, start=2):
            labyrinth.append(coarse_head(levels[-n]))
        return labyrinth, self.landmark_head(self.landmark_level(levels[-2]))


def start_from(network: DrawingUNet, joint: dict[str, Tensor]) -> None:
    """Take over the weights of a ``JointUNet`` of the same config, with a shared decoder.

    The mean ear's weights start at zero, the labyrinth's output is that of the joint network then.
    The landmarks' blocks and the coarser heads stay untrained.

    Args:
        network: whose weights are set.
        joint: a state dictionary.
    """
    state = network.state_dict()
    for name, values in joint.items():
        if name not in state or name.startswith("landmark_head"):
            continue
        if name == "encoder.0.layers.0.weight":
            values = torch.cat([values, torch.zeros_like(values)], dim=1)
        state[name] = values.to(state[name].dtype)
    network.load_state_dict(state)
