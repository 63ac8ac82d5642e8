"""Hounsfield units to what the network sees."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Intensity:
    """Clip HU to a range and scale it to about -1 ... 1.

    Attributes:
        low: HU that becomes -1; also stands for everything outside the field of view (air).
        high: HU that becomes +1 (dense bone and metal are alike above it).
    """

    low: float = -1000.0
    high: float = 3000.0

    def __call__(self, hu: Tensor) -> Tensor:
        """Normalised values, any shape."""
        half = (self.high - self.low) / 2.0
        return (hu.clamp(self.low, self.high) - self.low) / half - 1.0
