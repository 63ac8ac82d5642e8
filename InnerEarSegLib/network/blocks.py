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


class Level(nn.Module):
    """The convolution blocks of one resolution, on one side of the U."""

    def __init__(self, config: NetworkConfig, inputs: int, outputs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(config.blocks_per_level):
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

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.level(torch.cat([self.up(x), skip], dim=1))
