"""Building blocks of the U-Net. All tensors are [batch, channel, k, j, i]."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import NetworkConfig


def normalisation(config: NetworkConfig, channels: int) -> nn.Module:
    """The configured normalisation layer for this many channels."""
    if config.normalisation == "batch":
        return nn.BatchNorm3d(channels)
    if config.normalisation == "none":
        return nn.Identity()
    # Instance norm is group norm with one channel a group; torch's group norm keeps the
    # channels-last memory layout on the CPU, its instance norm does not and is much slower.
    size = 1 if config.normalisation == "instance" else min(config.group_size, channels)
    return nn.GroupNorm(channels // size, channels)


def activation(config: NetworkConfig) -> nn.Module:
    """The configured non-linearity."""
    return {
        "leaky_relu": lambda: nn.LeakyReLU(0.01, inplace=True),
        "relu": lambda: nn.ReLU(inplace=True),
        "silu": lambda: nn.SiLU(inplace=True),
        "gelu": nn.GELU,
    }[config.activation]()


def convolutions(config: NetworkConfig, blocks: int, inputs: int, outputs: int) -> list[nn.Module]:
    """Layers of this many blocks: convolution, normalisation, activation."""
    layers: list[nn.Module] = []
    for index in range(blocks):
        layers += [
            nn.Conv3d(
                inputs if index == 0 else outputs,
                outputs,
                config.kernel_size,
                padding=config.kernel_size // 2,
                bias=config.normalisation == "none",
            ),
            normalisation(config, outputs),
            activation(config),
        ]
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
        self.shortcut = (
            nn.Conv3d(inputs, outputs, 1, bias=False)
            if config.residual and inputs != outputs
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x)
        return y + self.shortcut(x) if self.residual else y


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
        return self.level(torch.cat([x, skip], dim=1))


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
    """Channels weighed by all channels' means (Hu et al. 2018), a quarter of them between."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Linear(channels, max(1, channels // 4))
        self.excite = nn.Linear(max(1, channels // 4), channels)

    def forward(self, x: Tensor) -> Tensor:
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean(dim=(2, 3, 4))))))
        return x * weights[:, :, None, None, None]


def head(config: NetworkConfig, inputs: int, outputs: int, bias: float | None = None) -> nn.Module:
    """From features to outputs, voxel by voxel after the head's own blocks.

    Args:
        config: the architecture.
        inputs: feature channels.
        outputs: output channels.
        bias: what the outputs' bias starts with; torch's own choice if None.
    """
    last = nn.Conv3d(inputs, outputs, 1)
    if bias is not None:
        assert last.bias is not None
        nn.init.constant_(last.bias, bias)
    if config.head_blocks == 0:
        return last
    return nn.Sequential(*convolutions(config, config.head_blocks, inputs, inputs), last)
