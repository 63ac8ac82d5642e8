"""The way in: the axis along which an array enters the basal turn through the round window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ..types import ROUND_WINDOW
from .duct import CENTRE
from .frame import RADIUS_MM, SIGMAS_IN_RADIUS, Vector
from .measurements import DRAWS, CochlearMeasurements
from .turns import ENTRY_DEG
from .walls import WALL_MM

REACH_MM = 5.0
"""How far into the basal turn the axis is taken: farther on the turn bends away from it."""

NO_DRILL_PATH = "No drill path: facial nerve and chorda tympani are not segmented; see the CT."

_CT_AXES = ("left-right", "posterior-anterior", "inferior-superior")


@dataclass(frozen=True, eq=False)
class WayIn:
    """The axis of insertion.

    Attributes:
        start: (3,) RAS mm, the round window's centre.
        direction: (3,) unit vector in RAS, into the cochlea.
        plus_minus_deg: an axis lies within so many degrees of it in 90 % of cases.
        to_modiolus_deg: angle to the modiolar axis, which points to the apex.
        to_ct_deg: smaller angle to the CT's axes, left-right, posterior-anterior and
            inferior-superior.
    """

    start: Vector
    direction: Vector
    plus_minus_deg: float
    to_modiolus_deg: float
    to_ct_deg: tuple[float, float, float]

    @property
    def angles_text(self) -> str:
        """The angles in a line."""
        axes = ", ".join(
            f"{angle:.0f}° to {name}" for angle, name in zip(self.to_ct_deg, _CT_AXES, strict=True)
        )
        return (
            f"Way in at the round window (± {self.plus_minus_deg:.0f}°): "
            f"{self.to_modiolus_deg:.0f}° to the modiolus; {axes}."
        )

    @property
    def sentence(self) -> str:
        """The angles, and that this is no drill path."""
        return f"{self.angles_text} {NO_DRILL_PATH}"

    def to_json(self) -> dict[str, Any]:
        """Plain values, degrees and RAS mm."""
        return {
            "start_ras_mm": np.round(self.start, 2).tolist(),
            "direction_ras": np.round(self.direction, 4).tolist(),
            "uncertainty_90_deg": round(self.plus_minus_deg, 1),
            "to_modiolus_deg": round(self.to_modiolus_deg, 1),
            "to_ct_axes_deg": {
                name: round(angle, 1) for name, angle in zip(_CT_AXES, self.to_ct_deg, strict=True)
            },
            "note": NO_DRILL_PATH,
        }


@lru_cache(maxsize=4)  # measurements are compared by identity and never change
def way_in(cochlea: CochlearMeasurements) -> WayIn:
    """Fit a line from the round window through the middle of the basal turn's first millimetres.

    From a round window that is farther off, the line goes to the nearest place of the duct. ± is
    that of the round window and of the walls. Raise ValueError without a duct.
    """
    if cochlea.duct is None or cochlea.frame is None:
        raise ValueError("no duct")
    start = np.asarray(cochlea.points[ROUND_WINDOW], np.float64)
    places = cochlea.duct.curves[CENTRE].points[cochlea.duct.angles >= ENTRY_DEG]
    distances = np.linalg.norm(places - start, axis=1)
    middle = places[distances <= max(REACH_MM, distances.min())]
    direction = _direction(start, middle)
    generator = np.random.default_rng(20100801)  # the same for the same ear, always
    sigma = cochlea.radii.get(ROUND_WINDOW, RADIUS_MM) / SIGMAS_IN_RADIUS
    cosines = [
        direction
        @ _direction(
            start + generator.normal(0.0, sigma, 3), middle + generator.normal(0.0, WALL_MM, 3)
        )
        for _ in range(8 * DRAWS)
    ]
    off = np.degrees(np.arccos(np.clip(cosines, -1.0, 1.0)))
    return WayIn(
        start,
        direction,
        float(np.percentile(off, 90.0)),
        _angle(direction @ cochlea.frame.axes[2]),
        (_angle(abs(direction[0])), _angle(abs(direction[1])), _angle(abs(direction[2]))),
    )


def _direction(start: Vector, middle: Vector) -> Vector:
    """Direction (3,) of the line from ``start`` that is nearest to points (n, 3)."""
    arms = middle - start
    axis = np.linalg.svd(arms, full_matrices=False)[2][0]
    return np.asarray(axis * np.sign(arms.sum(axis=0) @ axis), np.float64)


def _angle(cosine: float) -> float:
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
