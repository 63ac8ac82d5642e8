"""What an ear's measurements were made of: found automatically, or gone over by somebody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..results import Ear, Side
from .subject import AUTOMATIC, ReviewedEar, ReviewedLandmark

REVIEWED = "reviewed"
_UNTOUCHED = (AUTOMATIC, "not found")


@dataclass(frozen=True)
class EarState:
    """The landmarks and the segment that one ear was measured with.

    Attributes:
        landmarks: in the order of LANDMARKS, in RAS mm of the CT.
        segment: AUTOMATIC, EDITED or REMOVED.
    """

    landmarks: tuple[ReviewedLandmark, ...]
    segment: str = AUTOMATIC

    @property
    def reviewed(self) -> bool:
        """Whether somebody changed, placed or confirmed anything of it."""
        return self.segment != AUTOMATIC or any(
            x.settled or x.state not in _UNTOUCHED for x in self.landmarks
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, named as in ``result.json``."""
        return {
            "segment": self.segment,
            "landmarks": [
                {
                    "name": x.name,
                    "ras_mm": None if x.ras is None else [round(value, 4) for value in x.ras],
                    "state": x.state,
                    "confirmed": x.settled,
                    "moved_mm": None if x.moved_mm is None else round(x.moved_mm, 3),
                    "radius_90_mm": None if x.radius_mm is None else round(x.radius_mm, 3),
                }
                for x in self.landmarks
            ],
        }


States = Mapping[Side, EarState]


def state_found(ear: Ear) -> EarState:
    """Of an ear as it was found."""
    return EarState(
        tuple(
            ReviewedLandmark(
                x.name,
                x.ras,
                "not found" if x.ras is None else AUTOMATIC,
                None if x.ras is None else 0.0,
                False,
                x.confidence,
                x.radius_mm,
            )
            for x in ear.landmarks
        )
    )


def state_reviewed(ear: ReviewedEar) -> EarState:
    """Of an ear as a scene has it."""
    return EarState(ear.landmarks, ear.segment)


def made_of(states: States) -> str:
    """AUTOMATIC, or REVIEWED as soon as one ear is."""
    return REVIEWED if any(state.reviewed for state in states.values()) else AUTOMATIC
