"""Calibrate the spread of heatmaps to millimetres, by cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEVEL = 0.9
"""Share of cases in which the radius in results should contain the true point."""

LARGEST_STRETCH = 3.0
"""Heatmaps wider than this times the usual do not enlarge the radius further."""


@dataclass(frozen=True)
class Calibration:
    """Errors and uncertainty as related in cross-validation.

    A landmark's radius is ``factor * scale * spread / usual spread``: the usual error of this
    landmark, wider if its heatmap is wider, times a factor for the level
    (normalised conformal prediction: Lei et al. 2018, doi:10.1080/01621459.2017.1307116).

    Attributes:
        scale_mm: root mean square error by landmark.
        spread_mm: mean spread of its heatmap by landmark.
        factors: by level, 0 to 1.
    """

    scale_mm: Mapping[str, float]
    spread_mm: Mapping[str, float]
    factors: Mapping[float, float]

    def radius_mm(self, name: str, spread_mm: float, level: float = LEVEL) -> float | None:
        """Return the radius around a landmark that contains the true point in a share of cases.

        ``spread_mm`` is of its heatmap. None for an uncalibrated landmark or level.
        """
        if name not in self.scale_mm or level not in self.factors:
            return None
        stretch = min(max(spread_mm / self.spread_mm[name], 1.0 / LARGEST_STRETCH), LARGEST_STRETCH)
        return self.factors[level] * self.scale_mm[name] * stretch

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as on a model's card."""
        return {
            "scale_mm": dict(self.scale_mm),
            "spread_mm": dict(self.spread_mm),
            "factors": {str(level): factor for level, factor in self.factors.items()},
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Calibration:
        """Read ``to_json``; KeyError, TypeError or ValueError if incomplete or impossible."""
        scale = {str(name): float(value) for name, value in content["scale_mm"].items()}
        spread = {str(name): float(value) for name, value in content["spread_mm"].items()}
        factors = {float(level): float(value) for level, value in content["factors"].items()}
        numbers = [*scale.values(), *spread.values(), *factors.values()]
        if set(scale) != set(spread) or not all(0.0 < number < 100.0 for number in numbers):
            raise ValueError("a calibration with positive numbers for the same landmarks")
        return cls(scale, spread, factors)
