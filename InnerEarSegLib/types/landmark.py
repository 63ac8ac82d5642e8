"""Landmarks of an ear, and what the user made of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

HELICOTREMA = "helicotrema"
OVAL_WINDOW = "oval window"
ROUND_WINDOW = "round window"
LANDMARKS = (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)
"""The three landmarks of the product, in the order in which they are shown."""

BASAL_TURN = "basal turn centre"
VESTIBULE = "vestibule centre"
AUXILIARY = (BASAL_TURN, VESTIBULE)
"""Auxiliary landmarks: they help to find the pose, fix the cochlea's axes, and are not shown."""

LANDMARK_DEFINITIONS = {
    HELICOTREMA: "Apex of the cochlea, where scala vestibuli and scala tympani meet.",
    OVAL_WINDOW: "Centre of the oval window, the footplate's opening into the vestibule.",
    ROUND_WINDOW: "Centre of the round window, at the base of the scala tympani.",
}


Point = tuple[float, float, float]
"""RAS mm."""

AUTOMATIC: Final = "automatic"
CONFIRMED: Final = "confirmed"
CORRECTED: Final = "corrected"
PLACED: Final = "placed by hand"
REMOVED: Final = "removed by hand"
NOT_FOUND: Final = "not found"

BY_HAND = (CORRECTED, PLACED, REMOVED)
"""States of a landmark whose automatic position and radius no longer count."""

POINT_DECIMALS, RADIUS_DECIMALS = 4, 3
"""With how many decimals positions and radii in mm are stored."""

SAME_MM = 0.005
"""Positions that are closer are the same: they are stored rounded."""

LOW_CONFIDENCE = 0.5

_AS_FOUND: Any = object()


@dataclass(frozen=True)
class Landmark:
    """One landmark of one ear, with what the user made of it.

    Its state is derived from the positions, never stored, so that the two cannot disagree.

    Attributes:
        name: one of LANDMARKS or AUXILIARY.
        ras: present position in RAS mm of the input CT; None where there is none.
        confidence: of the automatic position, 0 (none) to 1; falls when the heatmap is weak, wide
            or split.
        radius_mm: of the ball around the automatic position that should hold the true point in
            90 % of cases, by the model's cross-validation; None without a position or a calibrated
            model.
        automatic_ras: where the network found it; None where it did not. By default ``ras``.
        confirmed: whether the user confirmed what is there now, also that nothing is.
    """

    name: str
    ras: Point | None
    confidence: float
    radius_mm: float | None = None
    automatic_ras: Point | None = _AS_FOUND
    confirmed: bool = False

    def __post_init__(self) -> None:
        """Take a landmark as found automatically unless told otherwise."""
        if self.automatic_ras is _AS_FOUND:
            object.__setattr__(self, "automatic_ras", self.ras)

    @property
    def state(self) -> str:
        """AUTOMATIC, CONFIRMED, CORRECTED, PLACED, REMOVED or NOT_FOUND."""
        if self.ras is None:
            return NOT_FOUND if self.automatic_ras is None else REMOVED
        if self.automatic_ras is None:
            return PLACED
        if math.dist(self.ras, self.automatic_ras) > SAME_MM:
            return CORRECTED
        return CONFIRMED if self.confirmed else AUTOMATIC

    @property
    def moved_mm(self) -> float | None:
        """Distance from the automatic position; None where one of the two is missing."""
        if self.ras is None or self.automatic_ras is None:
            return None
        return math.dist(self.ras, self.automatic_ras)

    @property
    def doubtful(self) -> bool:
        """Whether the user should look here first."""
        return not self.reviewed and (self.ras is None or self.confidence < LOW_CONFIDENCE)

    @property
    def reviewed(self) -> bool:
        """Whether the user confirmed, moved, placed or removed it."""
        return self.confirmed or self.state in BY_HAND

    def to_json(self) -> dict[str, Any]:
        """As in ``result.json``, which holds what was found automatically."""
        return {
            "name": self.name,
            "ras_mm": rounded(self.ras, POINT_DECIMALS),
            "confidence": round(self.confidence, 4),
            "radius_90_mm": rounded(self.radius_mm, RADIUS_DECIMALS),
        }

    def review_to_json(self) -> dict[str, Any]:
        """As in ``measurements.json``, which says what was measured; the radius is of ``ras``."""
        by_hand = {"radius_90_mm": None} if self.state in BY_HAND else {}
        return {
            **self.to_json(),
            **by_hand,
            "automatic_ras_mm": rounded(self.automatic_ras, POINT_DECIMALS),
            "state": self.state,
            "confirmed": self.confirmed,
            "moved_mm": rounded(self.moved_mm, 3),
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> Landmark:
        """Read either form."""
        now, found = (item.get(key, item["ras_mm"]) for key in ("ras_mm", "automatic_ras_mm"))
        ras, automatic = (None if place is None else tuple(place) for place in (now, found))
        name, confidence, radius = item["name"], item["confidence"], item["radius_90_mm"]
        return cls(name, ras, confidence, radius, automatic, item.get("confirmed", False))


def rounded(value: Any, digits: int) -> Any:
    """A number, or those in lists and dicts, with so many decimals; None stays None."""
    if isinstance(value, dict):
        return {key: rounded(each, digits) for key, each in value.items()}
    if isinstance(value, (tuple, list)):
        return [rounded(each, digits) for each in value]
    return None if value is None else round(value, digits)
