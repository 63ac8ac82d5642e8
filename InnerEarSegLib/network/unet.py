"""The joint network: one encoder-decoder, a labyrinth head and a landmark head."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import Level, Up, head
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
        self.decoder = _decoder(config)
        self.landmark_decoder = _decoder(config) if config.decoders == "separate" else None
        self.labyrinth_head = head(config, widths[0], 1)
        self.landmark_head = head(config, widths[0], landmarks, -math.log(window_voxels))
        # Coarsest last, as they are used; a voxel of level n is 8**n of the window.
        between = range(1, len(widths) - 1) if config.deep_supervision else ()
        self.coarse_labyrinth_heads = nn.ModuleList([head(config, widths[n], 1) for n in between])
        self.coarse_landmark_heads = nn.ModuleList(
            [head(config, widths[n], landmarks, -math.log(window_voxels / 8**n)) for n in between]
        )

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        """(labyrinth logits, heatmap logits) of a batch of windows."""
        skips = self.encode(ct)
        x = y = self.dropout(skips[-1])
        for index, up in enumerate(self.decoder):
            x = up(x, skips[-2 - index])
        if self.landmark_decoder is None:
            y = x
        else:
            for index, up in enumerate(self.landmark_decoder):
                y = up(y, skips[-2 - index])
        return self.labyrinth_head(x), self.landmark_head(y)

    def encode(self, ct: Tensor) -> list[Tensor]:
        """Features of each level, finest first."""
        skips: list[Tensor] = []
        x = ct
        for index, level in enumerate(self.encoder):
            if index > 0:
                x = F.max_pool3d(x, 2)
            x = level(x)
            skips.append(x)
        return skips

    def all_scales(self, ct: Tensor) -> list[tuple[Tensor, Tensor]]:
        """What ``forward`` gives, then the same of each coarser level that has heads.

        For training alone. Each level's edges are half as many voxels as those before.
        """
        skips = self.encode(ct)
        coarsest = self.dropout(skips[-1])
        labyrinth = _levels(self.decoder, coarsest, skips)
        landmarks = labyrinth
        if self.landmark_decoder is not None:
            landmarks = _levels(self.landmark_decoder, coarsest, skips)
        labyrinth_heads = [self.labyrinth_head, *self.coarse_labyrinth_heads]
        landmark_heads = [self.landmark_head, *self.coarse_landmark_heads]
        return [
            (labyrinth_head(x), landmark_head(y))
            for labyrinth_head, landmark_head, x, y in zip(
                labyrinth_heads, landmark_heads, labyrinth, landmarks, strict=False
            )
        ]


def _decoder(config: NetworkConfig) -> nn.ModuleList:
    """Up from the coarsest level to the finest."""
    widths = config.channels
    return nn.ModuleList(
        [Up(config, widths[i + 1], widths[i]) for i in reversed(range(len(widths) - 1))]
    )


def _levels(decoder: nn.ModuleList, x: Tensor, skips: list[Tensor]) -> list[Tensor]:
    """Features of each decoder level, finest first."""
    features = [x]
    for index, up in enumerate(decoder):
        features.append(up(features[-1], skips[-2 - index]))
    return features[::-1]


def count_parameters(network: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(p.numel() for p in network.parameters())
