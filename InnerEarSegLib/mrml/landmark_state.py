"""What is known of one landmark, and how it is put into words. Plain Python.

The state is never stored: it follows from the point's position, the automatic position and the
position that was confirmed, all three of which the markups node keeps. So it cannot disagree with
what the scene shows, and a point moved from anywhere else shows up as corrected by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..types import Side

AUTOMATIC = "automatic"
CONFIRMED = "confirmed"
CORRECTED = "corrected"
PLACED = "placed by hand"
NOT_FOUND = "not found"
REMOVED = "removed by hand"

LOW_CONFIDENCE = 0.5
HIGH_CONFIDENCE = 0.8

SAME_MM = 0.005
"""Positions are stored with four decimals; anything closer than this is the same place."""

BY_HAND = (CORRECTED, PLACED, REMOVED)
"""States that say what somebody did: the automatic position and its radius count no more."""

MISSING = (NOT_FOUND, REMOVED)
"""States without a position."""

Point = tuple[float, float, float]
Key = tuple[Side, str]
"""Which landmark: side and name."""


@dataclass(frozen=True)
class Row:
    """One landmark of one ear, as the table shows it.

    Attributes:
        side: of the ear.
        name: one of LANDMARKS.
        state: AUTOMATIC, CONFIRMED, CORRECTED, PLACED, NOT_FOUND or REMOVED.
        confidence: of the automatic position, 0 to 1.
        moved_mm: distance from the automatic position; None where one of the two is missing.
        settled: the user has confirmed exactly what is there now (also that it is not there).
        editing: it is unlocked.
        radius_mm: around the automatic position; holds the true point in 9 of 10 cases. None where
            the model was not calibrated.
    """

    side: Side
    name: str
    state: str
    confidence: float
    moved_mm: float | None
    settled: bool
    editing: bool = False
    radius_mm: float | None = None

    @property
    def key(self) -> Key:
        """Which landmark this is."""
        return self.side, self.name

    @property
    def doubtful(self) -> bool:
        """Whether the user should look here first."""
        if self.settled or self.state in BY_HAND:
            return False
        return self.state == NOT_FOUND or self.confidence < LOW_CONFIDENCE


def certainty_words(confidence: float, radius_mm: float | None) -> str:
    """How sure an automatic position is, for people: its radius, or else its confidence."""
    if radius_mm is None:
        return confidence_words(confidence)
    doubt = " (low)" if confidence < LOW_CONFIDENCE else ""
    return f"± {radius_mm:.1f} mm{doubt}"


def plain_certainty(confidence: float, radius_mm: float | None) -> str:
    """The same as part of a sentence."""
    if radius_mm is None:
        return f"confidence {confidence:.2f}"
    return f"within {radius_mm:.2f} mm in 9 of 10 cases"


def confidence_words(confidence: float) -> str:
    """A confidence for people: a word and the number."""
    word = "low"
    if confidence >= HIGH_CONFIDENCE:
        word = "high"
    elif confidence >= LOW_CONFIDENCE:
        word = "fair"
    return f"{word} ({confidence:.2f})"


def distance(one: Point, other: Point) -> float:
    """Between two points, in mm."""
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5


def state_of(position: Point | None, automatic: Point | None, confirmed: Point | None) -> str:
    """The state that follows from where the point is, was found, and was confirmed."""
    if position is None:
        return NOT_FOUND if automatic is None else REMOVED
    if automatic is None:
        return PLACED
    if distance(position, automatic) > SAME_MM:
        return CORRECTED
    if confirmed is not None and distance(position, confirmed) <= SAME_MM:
        return CONFIRMED
    return AUTOMATIC


def review_order(rows: list[Row]) -> list[Key]:
    """Landmarks that still want a look: doubtful ones first, the least certain of them first."""
    open_rows = [row for row in rows if not row.settled]
    doubtful = sorted(
        (row for row in open_rows if row.doubtful),
        key=lambda row: (row.state != NOT_FOUND, row.confidence),
    )
    return [row.key for row in (*doubtful, *(row for row in open_rows if not row.doubtful))]


def next_key(rows: list[Row], current: Key | None) -> Key | None:
    """The landmark to look at after ``current``, or None if all have been settled."""
    order = review_order(rows)
    if not order:
        return None
    if current in order:
        return order[(order.index(current) + 1) % len(order)]
    return order[0]
