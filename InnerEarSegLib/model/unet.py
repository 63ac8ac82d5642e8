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

    def __init__(
        self,
        config: NetworkConfig,
        landmarks: int,
        patch_voxels: int,
        mean_ear: Tensor | None = None,
    ) -> None:
        """Build the network.

        Args:
            config: the architecture.
            landmarks: number of heatmaps.
            patch_voxels: those of a training patch; set the heatmap head's bias so that an
                untrained network gives "here" and "not here" equal odds.
            mean_ear: float32 [k, j, i], 0 to 1, in voxels of twice the patch's spacing: how often
                each place is labyrinth. It lies in the middle of every patch. For
                ``config.mean_ear``.
        """
        super().__init__()
        assert config.mean_ear == (mean_ear is not None)
        widths = config.channels
        self.mean_ear: Tensor | None
        self.register_buffer("mean_ear", None if mean_ear is None else mean_ear[None, None].clone())
        inputs = [2 if config.mean_ear else 1, *widths]
        self.encoder = nn.ModuleList(
            [Level(config, inputs[i], width) for i, width in enumerate(widths)]
        )
        self.dropout = nn.Dropout3d(config.dropout)
        coarsest, finest = len(widths) - 1, int(config.landmarks_from == "second")
        self.decoder = _decoder(config, coarsest)
        separate = config.decoders == "separate"
        self.landmark_decoder = _decoder(config, coarsest - finest) if separate else None
        # None and not an identity: TorchScript leaves out what hangs on a None.
        second = Level(config, widths[1], widths[1]) if finest == 1 else None
        self.landmark_level = second
        self.labyrinth_head = head(config, widths[0], 1)
        self.landmark_head = head(
            config, widths[finest], landmarks, -math.log(patch_voxels / 8**finest)
        )
        # Coarsest last, as they are used; a voxel of level n is 8**n of the patch.
        between = range(1, coarsest) if config.deep_supervision else range(0)
        self.coarse_labyrinth_heads = nn.ModuleList([head(config, widths[n], 1) for n in between])
        self.coarse_landmark_heads = nn.ModuleList(
            [
                head(config, widths[n], landmarks, -math.log(patch_voxels / 8**n))
                for n in (between if finest == 0 else ())
            ]
        )

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        """Return (labyrinth logits, heatmap logits) of a batch of patches."""
        labyrinth, landmarks = self.features(ct)
        heatmaps = self.landmark_head(landmarks[-1])
        if self.landmark_level is not None:
            # A voxel of that level stands for eight of the patch, which share its probability.
            heatmaps = F.interpolate(
                heatmaps, size=ct.shape[2:], mode="trilinear", align_corners=False
            ) - math.log(8.0)
        return self.labyrinth_head(labyrinth[-1]), heatmaps

    def features(self, ct: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return the decoder's features for the labyrinth and for the landmarks.

        Each coarsest level first; the last is the one that the head sees.
        """
        skips = self.encode(ct)
        labyrinth = [self.dropout(skips[-1])]
        landmarks = [labyrinth[0]]
        for index, up in enumerate(self.decoder):
            labyrinth.append(up(labyrinth[-1], skips[-2 - index]))
        if self.landmark_decoder is not None:
            for index, up in enumerate(self.landmark_decoder):
                landmarks.append(up(landmarks[-1], skips[-2 - index]))
        elif self.landmark_level is not None:
            landmarks = labyrinth[:-1]  # a copy, which is changed below
        else:
            landmarks = labyrinth
        if self.landmark_level is not None:
            landmarks[-1] = self.landmark_level(landmarks[-1])
        return labyrinth, landmarks

    def encode(self, ct: Tensor) -> list[Tensor]:
        """Return the features of each level, finest first."""
        skips: list[Tensor] = []
        x = self.inputs(ct)
        for index, level in enumerate(self.encoder):
            if index > 0:
                x = F.max_pool3d(x, 2)
            x = level(x)
            skips.append(x)
        return skips

    def inputs(self, ct: Tensor) -> Tensor:
        """Return the CT, with the mean ear as a second channel where the network has one."""
        mean = self.mean_ear
        if mean is None:
            return ct
        mean = F.interpolate(
            mean.to(ct.dtype), scale_factor=2.0, mode="trilinear", align_corners=False
        )
        # What is too much is cut off, what is missing is no labyrinth.
        edges: list[int] = []
        for axis in (4, 3, 2):
            more = ct.shape[axis] - mean.shape[axis]
            edges += [more // 2, more - more // 2]
        return torch.cat([ct, F.pad(mean, edges).expand_as(ct)], dim=1)

    def all_scales(self, ct: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return labyrinth logits and heatmap logits of each level that has heads, finest first.

        For training alone. The finest heatmaps are not interpolated to the patch's grid.
        """
        labyrinth, landmarks = self.features(ct)
        return (
            _apply(self.labyrinth_head, self.coarse_labyrinth_heads, labyrinth),
            _apply(self.landmark_head, self.coarse_landmark_heads, landmarks),
        )


def _apply(finest: nn.Module, coarser: nn.ModuleList, levels: list[Tensor]) -> list[Tensor]:
    """Return the outputs of heads, finest first, on features, coarsest first."""
    return [each(x) for each, x in zip([finest, *coarser], levels[::-1], strict=False)]


def _decoder(config: NetworkConfig, levels: int) -> nn.ModuleList:
    """Return the coarsest levels of a decoder, coarsest first."""
    widths = config.channels[::-1]
    return nn.ModuleList([Up(config, widths[n], widths[n + 1]) for n in range(levels)])


def count_parameters(network: nn.Module) -> int:
    """Return the number of trained parameters."""
    return sum(p.numel() for p in network.parameters())
