"""One number, what it means, where it comes from, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from ..types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW


@dataclass(frozen=True)
class Measurement:
    """A number of one ear.

    Attributes:
        key: stable name for tables, such as "a_diameter".
        label: what to show.
        value: in ``unit``; None where it could not be measured.
        unit: "mm", "mm³" or "°".
        uncertainty: half width of the 90 % interval in ``unit``, carried over from landmarks and
            walls; None where no landmark has a part in it or there is no value.
        definition: one sentence.
        source: publication of the definition or formula.
        remark: one sentence where the value wants a look, else empty.
    """

    key: str
    label: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    definition: str = ""
    source: str = ""
    remark: str = ""

    @property
    def text(self) -> str:
        """Value and uncertainty for a person: "9.1 ± 0.2 mm"; a dash without a value."""
        if self.value is None:
            return "–"
        digits = 0 if self.unit in ("°", "mm³") else 1
        unit = self.unit if self.unit == "°" else f" {self.unit}"
        if self.uncertainty is None:
            return f"{self.value:.{digits}f}{unit}"
        # Never "± 0.0" of what is not known exactly.
        least = 10.0**-digits if self.uncertainty > 1e-6 else 0.0
        return f"{self.value:.{digits}f} ± {max(self.uncertainty, least):.{digits}f}{unit}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; also a row of a table."""
        return {
            "key": self.key,
            "label": self.label,
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.unit,
            "uncertainty_90": None if self.uncertainty is None else round(self.uncertainty, 3),
            "definition": self.definition,
            "source": self.source,
            "remark": self.remark,
        }


ESCUDE = "Escudé et al. 2006"
ERIXON = "Erixon and Rask-Andersen 2013"
SCHURZIG = "after Schurzig et al. 2018"
ALEXIADES = "Alexiades et al. 2015"
VERBIST = "Verbist et al. 2010"
REVIEW = "a systematic review of 5791 cochleae (Curtis et al. 2023)"
RUSSIAN = "112 normal ears (doi:10.3791/70055, 2026)"
ARGENTINIAN = "247 ears (Di Gregorio et al. 2025)"
DATASET = "the human bony labyrinth dataset, Wimmer et al. 2019"


class Entry(NamedTuple):
    """What there is to know about a measurement before it is taken.

    Attributes:
        label: what to show.
        unit: "mm", "mm³" or "°".
        definition: one sentence.
        source: publication of the definition or formula; empty for our own.
        low, high: range published; None without one.
        range_source: who published it.
    """

    label: str
    unit: str
    definition: str
    source: str = ""
    low: float | None = None
    high: float | None = None
    range_source: str = ""


VOLUME = "labyrinth_volume"

CATALOGUE: dict[str, Entry] = {
    "a_diameter": Entry(
        "A diameter",
        "mm",
        "From the round window through the modiolar axis to the opposite lateral wall of the "
        "basal turn, seen along the axis.",
        ESCUDE,
        8.04,
        10.03,
        RUSSIAN,
    ),
    "b_diameter": Entry(
        "B diameter",
        "mm",
        "Between the lateral walls of the basal turn, through the modiolar axis and "
        "perpendicular to A, seen along the axis.",
        ESCUDE,
        5.84,
        7.59,
        RUSSIAN,
    ),
    "cochlear_height": Entry(
        "Cochlear height",
        "mm",
        "Extent of the cochlea along the modiolar axis, from the lowest point of the basal turn "
        "to the apex.",
        "",
        2.8,
        6.9,
        REVIEW,
    ),
    "round_window_to_lateral_wall": Entry(
        "Round window to lateral wall",
        "mm",
        "Largest straight distance from the round window to the lateral wall of the basal turn "
        "opposite of it, in any direction.",
    ),
    "lateral_wall_first_turn": Entry(
        "Lateral wall, first turn",
        "mm",
        "Length along the lateral wall to 360° as half an ellipse and half a circle: "
        "1.18 A + 2.69 B - sqrt(0.72 A B).",
        SCHURZIG,
    ),
    "lateral_wall_two_turns": Entry(
        "Lateral wall, two turns",
        "mm",
        "Length along the lateral wall to 720°: 2.62 A ln(1 + 720/235).",
        ESCUDE,
    ),
    "lateral_wall_length": Entry(
        "Lateral wall, whole length", "mm", "Along the lateral wall: 3.08 A + 12.44.", ERIXON
    ),
    "organ_of_corti_two_turns": Entry(
        "Organ of Corti, two turns",
        "mm",
        "Cochlear duct length to 720° at the organ of Corti: 3.65 (A - 1).",
        ALEXIADES,
    ),
    "organ_of_corti_length": Entry(
        "Cochlear duct length (organ of Corti)",
        "mm",
        "Whole cochlear duct length at the organ of Corti: 4.16 A - 4.",
        ALEXIADES,
        24.5,
        41.2,
        ARGENTINIAN,
    ),
    "round_window_to_oval_window": Entry(
        "Round to oval window",
        "mm",
        "Straight distance between the landmarks.",
        "",
        2.5,
        3.3,
        DATASET,
    ),
    "round_window_to_helicotrema": Entry(
        "Round window to helicotrema",
        "mm",
        "Straight distance between the landmarks.",
        "",
        5.7,
        7.4,
        DATASET,
    ),
    "oval_window_to_helicotrema": Entry(
        "Oval window to helicotrema", "mm", "Straight distance between the landmarks."
    ),
    VOLUME: Entry(
        "Labyrinth volume",
        "mm³",
        "Voxels of the segment times their volume.",
        "",
        144.0,
        267.0,
        DATASET,
    ),
}

DISTANCES = {
    "round_window_to_oval_window": (ROUND_WINDOW, OVAL_WINDOW),
    "round_window_to_helicotrema": (ROUND_WINDOW, HELICOTREMA),
    "oval_window_to_helicotrema": (OVAL_WINDOW, HELICOTREMA),
}


def insertion_angle_key(length_mm: float) -> str:
    """Key of the angle that a length reaches."""
    return f"insertion_angle_at_{length_mm:g}_mm"


def insertion_length_key(angle_deg: float) -> str:
    """Key of the length that an angle takes."""
    return f"insertion_length_to_{angle_deg:g}_deg"


INSERTION_LENGTHS_MM = (20.0, 24.0, 28.0)
INSERTION_ANGLES_DEG = (360.0, 540.0)

CATALOGUE |= {
    insertion_angle_key(x): Entry(
        f"Insertion angle at {x:g} mm",
        "°",
        f"Reached by {x:g} mm along the lateral wall: 235 (exp({x:g} / 2.62 A) - 1).",
        ESCUDE,
    )
    for x in INSERTION_LENGTHS_MM
} | {
    insertion_length_key(x): Entry(
        f"Insertion length to {x:g}°",
        "mm",
        f"Along the lateral wall to {x:g}°: 2.62 A ln(1 + {x:g} / 235).",
        ESCUDE,
    )
    for x in INSERTION_ANGLES_DEG
}


def is_made_of_a(key: str) -> bool:
    """Whether a formula derives the value from the diameter A."""
    return key.startswith(("lateral_wall_", "organ_of_corti_", "insertion_"))


def range_remark(found: Entry, value: float) -> str:
    """One sentence where a value lies outside the published range, else empty."""
    if found.low is None or found.high is None or found.low <= value <= found.high:
        return ""
    where = "below" if value < found.low else "above"
    return (
        f"{where} {found.low:g} to {found.high:g} {found.unit}, the range of {found.range_source}"
    )
