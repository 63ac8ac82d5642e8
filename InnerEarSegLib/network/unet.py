"""The joint network: one encoder-decoder, a labyrinth head and a landmark head."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Level, Up
from .config import NetworkConfig


class JointUNet(nn.Module):
    """3D U-Net with two heads on shared features (after Stebani et al. 2023).

    Input: [batch, 1, k, j, i] normalised CT, each edge a multiple of
    ``config.window_multiple``. Outputs on the same grid:

    - labyrinth logits [batch, 1, k, j, i]; sigmoid gives the probability of each voxel;
    - heatmap logits [batch, landmark, k, j, i]. For one landmark, a softmax over all voxels
      *and* one more class of logit 0, "not in this window", is the distribution of where the
      landmark lies. So a window without an ear can say so.
    """

    def __init__(self, config: NetworkConfig, landmarks: int, window_voxels: int) -> None:
        """
        Args:
            config: the architecture.
            landmarks: number of heatmaps.
            window_voxels: voxels of a training window; sets the heatmap head's bias so that
                an untrained network gives "here" and "not here" equal odds.
        """
        super().__init__()
        widths = config.channels
        self.encoder = nn.ModuleList(
            [Level(config, 1 if i == 0 else widths[i - 1], w) for i, w in enumerate(widths)]
        )
        self.dropout = nn.Dropout3d(config.dropout)
        self.decoder = nn.ModuleList(
            [Up(config, widths[i + 1], widths[i]) for i in reversed(range(len(widths) - 1))]
        )
        self.labyrinth_head = nn.Conv3d(widths[0], 1, 1)
        self.landmark_head = nn.Conv3d(widths[0], landmarks, 1)
        assert self.landmark_head.bias is not None
        nn.init.constant_(self.landmark_head.bias, -math.log(window_voxels))

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        """(labyrinth logits, heatmap logits) of a batch of windows."""
        skips = []
        x = ct
        for index, level in enumerate(self.encoder):
            if index > 0:
                x = F.max_pool3d(x, 2)
            x = level(x)
            skips.append(x)
        x = self.dropout(x)
        for index, up in enumerate(self.decoder):
            x = up(x, skips[-2 - index])
        return self.labyrinth_head(x), self.landmark_head(x)


def count_parameters(network: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(p.numel() for p in network.parameters())
