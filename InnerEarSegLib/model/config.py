"""The typed config of the network. Every field is one thing an ablation can vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture of the joint network."""

    # feature channels of each level, finest first; its length is the depth
    channels: tuple[int, ...] = (16, 32, 64, 128)
    blocks_per_level: int = 2  # convolution blocks in each encoder and each decoder level
    kernel_size: int = 3  # edge of the cubic convolution kernels, odd
    # layer after each convolution. ``group`` uses groups of ``group_size``
    normalisation: Literal["group", "instance", "batch", "none"] = "group"
    group_size: int = 8  # channels in one group of ``group`` normalisation
    # non-linearity after each normalisation
    activation: Literal["leaky_relu", "relu", "silu", "gelu"] = "leaky_relu"
    # add a level's input to its output (1 x 1 x 1 projection where widths differ)
    residual: bool = False
    # how the decoder doubles the resolution
    upsampling: Literal["trilinear", "transposed"] = "trilinear"
    dropout: float = 0.0  # channel dropout at the coarsest level, 0 to switch off
    # coarser decoder levels have heads while training (Lee et al. 2015)
    deep_supervision: bool = False
    # skip connections are weighted voxel by voxel (Oktay et al. 2018)
    attention_gates: bool = False
    squeeze_excite: bool = False  # each level weights its channels by their means (Hu et al. 2018)
    head_blocks: int = 0  # convolution blocks of each head before its last 1 x 1 x 1 convolution
    # whether both heads share one decoder or the landmarks have their own
    decoders: Literal["shared", "separate"] = "shared"
    # decoder level on which the heatmaps are computed. ``second``, half as fine as the patch, has
    # blocks of its own for them, and costs next to nothing
    landmarks_from: Literal["finest", "second"] = "finest"
    # a second input channel shows where the training specimens have their labyrinth
    mean_ear: bool = False

    @property
    def patch_multiple(self) -> int:
        """Each edge of an input patch must be a multiple of this many voxels."""
        return 1 << (len(self.channels) - 1)


@dataclass(frozen=True)
class Intensity:
    """Clip HU to a range and scale it to about -1 ... 1.

    Attributes:
        low: HU that becomes -1, also outside the field of view (air).
        high: HU that becomes +1; above it, dense bone and metal look alike.
    """

    low: float = -1000.0
    high: float = 3000.0

    def __call__(self, hu: Tensor) -> Tensor:
        """Return normalised values, of any shape."""
        half = (self.high - self.low) / 2.0
        return (hu.clamp(self.low, self.high) - self.low) / half - 1.0
