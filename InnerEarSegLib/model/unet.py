"""Building blocks of the U-Net. All tensors are [batch, channel, k, j, i]."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NetworkConfig


def normalisation(config: NetworkConfig, channels: int) -> nn.Module:
    """Return the configured normalisation layer for this many channels."""
    if config.normalisation == "batch":
        return nn.BatchNorm3d(channels)
    if config.normalisation == "none":
        return nn.Identity()
    # Instance norm is group norm with one channel a group; torch's group norm keeps the
    # channels-last memory layout on the CPU, its instance norm does not and is much slower.
    size = 1 if config.normalisation == "instance" else min(config.group_size, channels)
    return nn.GroupNorm(channels // size, channels)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "leaky_relu": partial(nn.LeakyReLU, 0.01, inplace=True),
    "relu": partial(nn.ReLU, inplace=True),
    "silu": partial(nn.SiLU, inplace=True),
    "gelu": nn.GELU,
}


def convolutions(config: NetworkConfig, blocks: int, inputs: int, outputs: int) -> list[nn.Module]:
    """Return the layers of some blocks: convolution, normalisation, activation."""
    layers: list[nn.Module] = []
    size, bias = config.kernel_size, config.normalisation == "none"
    for _ in range(blocks):
        layers += [
            nn.Conv3d(inputs, outputs, size, padding=size // 2, bias=bias),
            normalisation(config, outputs),
            ACTIVATIONS[config.activation](),
        ]
        inputs = outputs
    return layers


class Level(nn.Module):
    """The convolution blocks of one resolution, on one side of the U."""

    def __init__(self, config: NetworkConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        layers = convolutions(config, config.blocks_per_level, inputs, outputs)
        if config.squeeze_excite:
            layers.append(SqueezeExcite(outputs))
        self.layers = nn.Sequential(*layers)
        self.residual = config.residual
        self.shortcut: nn.Module = nn.Identity()
        if config.residual and inputs != outputs:
            self.shortcut = nn.Conv3d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        if self.residual:
            y = y + self.shortcut(x)
        return y


class Up(nn.Module):
    """Doubles the resolution and joins the encoder's features of that level."""

    def __init__(self, config: NetworkConfig, inputs: int, skip: int) -> None:
        super().__init__()
        if config.upsampling == "transposed":
            self.up: nn.Module = nn.ConvTranspose3d(inputs, skip, 2, stride=2)
        else:
            # Fewer channels first: interpolation then works on the narrow tensor.
            self.up = nn.Sequential(
                nn.Conv3d(inputs, skip, 1, bias=False),
                nn.Upsample(scale_factor=2.0, mode="trilinear", align_corners=False),
            )
        self.level = Level(config, 2 * skip, skip)
        # None and not an identity: TorchScript leaves out what hangs on a None.
        self.gate = AttentionGate(skip) if config.attention_gates else None

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = self.up(x)
        if self.gate is not None:
            skip = self.gate(skip, x)
        joined: Tensor = self.level(torch.cat([x, skip], dim=1))
        return joined


class AttentionGate(nn.Module):
    """Additive attention on a skip connection, one weight a voxel (Oktay et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // 2)
        self.of_skip = nn.Conv3d(channels, inner, 1, bias=False)
        self.of_decoder = nn.Conv3d(channels, inner, 1)
        self.weight = nn.Conv3d(inner, 1, 1)

    def forward(self, skip: Tensor, decoder: Tensor) -> Tensor:
        joined = torch.relu(self.of_skip(skip) + self.of_decoder(decoder))
        return skip * torch.sigmoid(self.weight(joined))


class SqueezeExcite(nn.Module):
    """Channels weighted by their means, through a quarter as many units (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, max(1, channels // 4))
        self.excite = nn.Linear(max(1, channels // 4), channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3, 4))))))
        return x * weights[:, :, None, None, None]


def head(config: NetworkConfig, inputs: int, outputs: int, bias: float | None = None) -> nn.Module:
    """Return a head: ``config.head_blocks`` blocks and a 1 x 1 x 1 convolution.

    ``bias`` is the initial one of the outputs; torch's default if None.
    """
    last = nn.Conv3d(inputs, outputs, 1)
    if bias is not None:
        assert last.bias is not None
        nn.init.constant_(last.bias, bias)
    if config.head_blocks == 0:
        return last
    return nn.Sequential(*convolutions(config, config.head_blocks, inputs, inputs), last)


class JointUNet(nn.Module):
    """3D U-Net with two heads on shared features (after Stebani et al. 2023).

    Input: [batch, 1, k, j, i] normalised CT, each edge a multiple of
    ``config.patch_multiple``. Outputs on the same grid:

    - labyrinth logits [batch, 1, k, j, i]; sigmoid gives the probability of each voxel;
    - heatmap logits [batch, landmark, k, j, i]. For one landmark, a softmax over all voxels
      *and* one more class of logit 0, "not in this patch", is the distribution of the landmark's
      position. So the network can tell that a patch shows no ear.
    """

    def __init__(self, config: NetworkConfig, landmarks: int, patch_voxels: int) -> None:
        """Build the network.

        ``patch_voxels``, those of a training patch, set the heatmap head's bias so that an
        untrained network gives "here" and "not here" equal odds.
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
        self.landmark_head = head(config, widths[0], landmarks, -math.log(patch_voxels))
        # Coarsest last, as they are used; a voxel of level n is 8**n of the patch.
        between = range(1, len(widths) - 1) if config.deep_supervision else ()
        self.coarse_labyrinth_heads = nn.ModuleList([head(config, widths[n], 1) for n in between])
        self.coarse_landmark_heads = nn.ModuleList(
            [head(config, widths[n], landmarks, -math.log(patch_voxels / 8**n)) for n in between]
        )

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        """Return (labyrinth logits, heatmap logits) of a batch of patches."""
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
        """Return the features of each level, finest first."""
        skips: list[Tensor] = []
        x = ct
        for index, level in enumerate(self.encoder):
            if index > 0:
                x = F.max_pool3d(x, 2)
            x = level(x)
            skips.append(x)
        return skips

    def all_scales(self, ct: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the outputs of ``forward``, then of each coarser level that has heads.

        For training alone. Each level has half the voxels of the one before along each edge.
        """
        skips = self.encode(ct)
        coarsest = self.dropout(skips[-1])
        labyrinth = _levels(self.decoder, coarsest, skips)
        landmarks = labyrinth
        if self.landmark_decoder is not None:
            landmarks = _levels(self.landmark_decoder, coarsest, skips)
        heads = [(self.labyrinth_head, self.landmark_head)]
        heads += zip(self.coarse_labyrinth_heads, self.coarse_landmark_heads, strict=True)
        levels = zip(heads, labyrinth, landmarks, strict=False)
        return [(one(x), other(y)) for (one, other), x, y in levels]


def _decoder(config: NetworkConfig) -> nn.ModuleList:
    """Return the decoder, coarsest level first."""
    widths = config.channels
    return nn.ModuleList(
        [Up(config, widths[i + 1], widths[i]) for i in reversed(range(len(widths) - 1))]
    )


def _levels(decoder: nn.ModuleList, x: Tensor, skips: list[Tensor]) -> list[Tensor]:
    """Return the features of each decoder level, finest first."""
    features = [x]
    for index, up in enumerate(decoder):
        features.append(up(features[-1], skips[-2 - index]))
    return features[::-1]


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained parameters."""
    return sum(p.numel() for p in network.parameters())
