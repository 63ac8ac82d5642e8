"""What is measured of a cochlea: definitions, sources, published ranges and formulas.

Lateral wall and organ of Corti are different curves: straight electrodes lie along the first,
frequencies are mapped along the second, which is about a tenth shorter.

Sources: Escudé B et al., Audiol Neurotol 11 Suppl 1 (2006) 27-33; Erixon E, Rask-Andersen H, Acta
Otolaryngol 133 (2013) 1258-1265; Alexiades G et al., Otol Neurotol 36 (2015) 904-907 (its abstract
has the equations); the first two as reprinted in table 1 of PMC6617526 (2018). The basal turn as
half an ellipse and half a circle is that of Schurzig D et al., OTO Open 2 (2018); its text could
not be read: the coefficients are as the team remembers them, and checked by what they describe and
by published means (``Testing/numbers/test_cochlea.py``). Nor could Koch RW et al., Otol Neurotol 38
(2017): its formulas are as the A-Value module for 3D Slicer has them, by the same laboratory
(Auditory Biophysics Laboratory, Western University).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from ..types import (
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    USUAL_APEX_MM,
    USUAL_VOLUME_MM3,
    USUAL_WINDOWS_MM,
)

LAST_ANGLE_DEG = 900.0
"""Two and a half turns, where an ordinary cochlea ends; the logarithm would go on for ever."""

_ESCUDE_FACTOR = 2.62
_ESCUDE_DEGREES = 235.0


def escude_lateral_wall(diameter_mm: float, angle_deg: float) -> float:
    """Length in mm along the lateral wall from the round window to an angle, 0° or more.

    2.62 A ln(1 + angle / 235), with A the diameter in mm (Escudé 2006).
    """
    return _ESCUDE_FACTOR * diameter_mm * math.log1p(angle_deg / _ESCUDE_DEGREES)


def escude_angle(diameter_mm: float, length_mm: float) -> float:
    """Angle in degrees that a length along the lateral wall reaches: the inverse of the above."""
    return _ESCUDE_DEGREES * math.expm1(length_mm / (_ESCUDE_FACTOR * diameter_mm))


def insertion_angle(diameter_mm: float, length_mm: float) -> float | None:
    """``escude_angle``, or None where it lies beyond LAST_ANGLE_DEG: no cochlea goes on there."""
    angle = escude_angle(diameter_mm, length_mm)
    return angle if angle <= LAST_ANGLE_DEG else None


def erixon_lateral_wall(diameter_mm: float) -> float:
    """Whole length of the cochlea along the lateral wall, in mm: 3.08 A + 12.44 (Erixon 2013)."""
    return 3.08 * diameter_mm + 12.44


def elliptic_circular_first_turn(a_mm: float, b_mm: float) -> float:
    """Length along the lateral wall of the first turn, in mm, from both diameters (Schurzig 2018).

    Half an ellipse with the semi-axes A/2 and 0.584 B, and half a circle with the radius 0.416 B
    that closes B: 1.18 A + 2.69 B - sqrt(0.72 A B), with pi (1.5 (p + q) - sqrt(p q)) for the
    ellipse's circumference.
    """
    return 1.18 * a_mm + 2.69 * b_mm - math.sqrt(0.72 * a_mm * b_mm)


def alexiades_organ_of_corti(diameter_mm: float) -> float:
    """Whole length of the organ of Corti, in mm: 4.16 A - 4 (Alexiades 2015)."""
    return 4.16 * diameter_mm - 4.0


def alexiades_two_turns(diameter_mm: float) -> float:
    """Length of two turns of the organ of Corti, in mm: 3.65 (A - 1) (Alexiades 2015)."""
    return 3.65 * (diameter_mm - 1.0)


def koch_organ_of_corti(diameter_mm: float) -> float:
    """Whole length of the organ of Corti, in mm: 4.16 A - 5.05 (Koch 2017)."""
    return 4.16 * diameter_mm - 5.05


def koch_lateral_wall(diameter_mm: float) -> float:
    """Whole length of the cochlea along the lateral wall, in mm: 3.86 A + 4.99 (Koch 2017)."""
    return 3.86 * diameter_mm + 4.99


class Entry(NamedTuple):
    """What there is to know about a measurement before it is taken.

    Attributes:
        label: what to show.
        unit: "mm", "mm³", "°" or "turns".
        definition: one sentence.
        source: publication of the definition or formula; empty for our own.
        low, high: published range; None without one.
        range_source: who published it.
        formula: of ``inputs``, None if it does not reach so far; None if it is measured.
        inputs: keys of the formula's arguments.
    """

    label: str
    unit: str
    definition: str
    source: str = ""
    low: float | None = None
    high: float | None = None
    range_source: str = ""
    formula: Callable[..., float | None] | None = None
    inputs: tuple[str, ...] = ("a_diameter",)

    def range_remark(self, value: float) -> str:
        """Return one sentence where a value lies outside the published range, else empty."""
        if self.low is None or self.high is None or self.low <= value <= self.high:
            return ""
        where = "below" if value < self.low else "above"
        return (
            f"{where} {self.low:g} to {self.high:g} {self.unit}, the range of {self.range_source}"
        )


_ESCUDE = "Escudé et al. 2006"
_ALEXIADES = "Alexiades et al. 2015"
_KOCH = "Koch et al. 2017"
_RUSSIAN = "112 normal ears (doi:10.3791/70055, 2026)"
_REVIEW = "a systematic review of 5791 cochleae (Curtis et al. 2023)"
_ARGENTINIAN = "247 ears (Di Gregorio et al. 2025)"
_DATASET = "the human bony labyrinth dataset, Wimmer et al. 2019"
_STRAIGHT = "Straight distance between the landmarks."

_WALL = "Along the lateral wall in 3D, as the segment has it, from the round window (0°)"
_BEYOND = "beyond what the segment shows, by an average cochlea"

VOLUME = "labyrinth_volume"

DISTANCES = {
    "round_window_to_oval_window": (ROUND_WINDOW, OVAL_WINDOW),
    "round_window_to_helicotrema": (ROUND_WINDOW, HELICOTREMA),
    "oval_window_to_helicotrema": (OVAL_WINDOW, HELICOTREMA),
}

# fmt: off
CATALOGUE: dict[str, Entry] = {
    "a_diameter": Entry("A diameter", "mm",
        "From the round window through the modiolar axis to the opposite lateral wall of the "
        "basal turn, seen along the axis.", _ESCUDE, 8.04, 10.03, _RUSSIAN),
    "b_diameter": Entry("B diameter", "mm",
        "Between the lateral walls of the basal turn, through the modiolar axis and "
        "perpendicular to A, seen along the axis.", _ESCUDE, 5.84, 7.59, _RUSSIAN),
    "cochlear_height": Entry("Cochlear height", "mm",
        "Extent of the cochlea along the modiolar axis, from the lowest point of the basal turn "
        "to the apex.", "", 2.8, 6.9, _REVIEW),
    "round_window_to_lateral_wall": Entry("Round window to lateral wall", "mm",
        "Largest straight distance from the round window to the lateral wall of the basal turn "
        "opposite of it, in any direction."),
    "lateral_wall_first_turn": Entry("Lateral wall, first turn", "mm",
        "Length along the lateral wall to 360° as half an ellipse and half a circle: "
        "1.18 A + 2.69 B - sqrt(0.72 A B).", "after Schurzig et al. 2018",
        formula=elliptic_circular_first_turn, inputs=("a_diameter", "b_diameter")),
    "lateral_wall_two_turns": Entry("Lateral wall, two turns", "mm",
        "Length along the lateral wall to 720°: 2.62 A ln(1 + 720/235).", _ESCUDE,
        formula=partial(escude_lateral_wall, angle_deg=720.0)),
    "lateral_wall_length": Entry("Lateral wall, whole length", "mm",
        "Along the lateral wall: 3.08 A + 12.44.", "Erixon and Rask-Andersen 2013",
        formula=erixon_lateral_wall),
    "lateral_wall_length_koch": Entry("Lateral wall, whole length (Koch)", "mm",
        "Along the lateral wall: 3.86 A + 4.99.", _KOCH, formula=koch_lateral_wall),
    "organ_of_corti_two_turns": Entry("Organ of Corti, two turns", "mm",
        "Cochlear duct length to 720° at the organ of Corti: 3.65 (A - 1).", _ALEXIADES,
        formula=alexiades_two_turns),
    "organ_of_corti_length": Entry("Cochlear duct length (organ of Corti)", "mm",
        "Whole cochlear duct length at the organ of Corti: 4.16 A - 4.", _ALEXIADES,
        24.5, 41.2, _ARGENTINIAN, alexiades_organ_of_corti),
    "organ_of_corti_length_koch": Entry("Cochlear duct length (organ of Corti, Koch)", "mm",
        "Whole cochlear duct length at the organ of Corti: 4.16 A - 5.05.", _KOCH,
        24.5, 41.2, _ARGENTINIAN, koch_organ_of_corti),
    "round_window_to_oval_window": Entry(
        "Round to oval window", "mm", _STRAIGHT, "", *USUAL_WINDOWS_MM, _DATASET),
    "round_window_to_helicotrema": Entry(
        "Round window to helicotrema", "mm", _STRAIGHT, "", *USUAL_APEX_MM, _DATASET),
    "oval_window_to_helicotrema": Entry("Oval window to helicotrema", "mm", _STRAIGHT),
    "duct_lateral_wall_360": Entry("Measured lateral wall to 360°", "mm",
        f"{_WALL} to 360°."),
    "duct_lateral_wall_720": Entry("Measured lateral wall to 720°", "mm",
        f"{_WALL} to 720°."),
    "duct_lateral_wall": Entry("Measured lateral wall, whole", "mm",
        f"{_WALL} to the apex; {_BEYOND}."),
    "duct_centre_line_360": Entry("Measured centre line to 360°", "mm",
        f"Along the middle of the canal's sections in 3D from 0° to 360°; {_BEYOND}."),
    "duct_centre_line": Entry("Measured centre line, whole", "mm",
        f"Along the middle of the canal's sections in 3D from 0° to the apex; {_BEYOND}."),
    "duct_modiolar_wall_360": Entry("Measured modiolar wall to 360°", "mm",
        f"Along the innermost places of the canal in 3D from 0° to 360°; {_BEYOND}."),
    "duct_modiolar_wall": Entry("Measured modiolar wall, whole", "mm",
        f"Along the innermost places of the canal in 3D from 0° to the apex; {_BEYOND}."),
    "duct_turns": Entry("Turns that the segment shows", "turns",
        "Angle from the round window up to which the turns stand out from each other on the "
        "segment's surface, in turns of 360°."),
    "duct_apical_angle": Entry("Angle at the apex", "°",
        "Angle from the round window at which the turns end: 2.6 turns as in an average cochlea, "
        "and as much more or less as this cochlea's turns are ahead or behind.",
        "mean of Erixon et al. 2009"),
    VOLUME: Entry("Labyrinth volume", "mm³", "Voxels of the segment times their volume.", "",
        *USUAL_VOLUME_MM3, _DATASET),
} | {
    f"insertion_angle_at_{length:g}_mm": Entry(f"Insertion angle at {length:g} mm (Escudé)", "°",
        f"Reached by {length:g} mm along the lateral wall: 235 (exp({length:g} / 2.62 A) - 1).",
        _ESCUDE, formula=partial(insertion_angle, length_mm=length))
    for length in (20.0, 24.0, 28.0)
} | {
    f"insertion_length_to_{angle:g}_deg": Entry(f"Insertion length to {angle:g}° (Escudé)", "mm",
        f"Along the lateral wall to {angle:g}°: 2.62 A ln(1 + {angle:g} / 235).",
        _ESCUDE, formula=partial(escude_lateral_wall, angle_deg=angle))
    for angle in (360.0, 540.0)
}
# fmt: on

MEASURED_OF_FORMULA = {
    "lateral_wall_first_turn": "duct_lateral_wall_360",
    "lateral_wall_two_turns": "duct_lateral_wall_720",
    "lateral_wall_length": "duct_lateral_wall",
    "lateral_wall_length_koch": "duct_lateral_wall",
}
"""Of a length that a formula estimates, the one that is measured along the wall."""

EXTRAPOLATED = "an average cochlea extends what the segment shows"
"""What tables remark on a measurement that is extrapolated."""


@dataclass(frozen=True)
class Measurement:
    """One number of an ear, what it means, where it comes from and how sure it is.

    Attributes:
        key: of CATALOGUE; a stable name for tables.
        label: what to show.
        value: in ``unit``; None where it could not be measured.
        unit: "mm", "mm³", "°" or "turns".
        uncertainty: half width of the 90 % interval in ``unit``, carried over from landmarks and
            walls; None where no landmark has a part in it or there is no value.
        definition: one sentence.
        source: publication of the definition or formula.
        remark: one sentence where the value wants a look, else empty.
        extrapolated: whether an average cochlea's course has a part in it, beyond what the segment
            shows; ``text`` then begins with "≈".
    """

    key: str
    label: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    definition: str = ""
    source: str = ""
    remark: str = ""
    extrapolated: bool = False

    @property
    def text(self) -> str:
        """Value and uncertainty to read: "9.1 ± 0.2 mm"; a dash without a value."""
        if self.value is None:
            return "–"
        about = "≈ " if self.extrapolated else ""
        digits = 0 if self.unit in ("°", "mm³") else 1
        unit = self.unit if self.unit == "°" else f" {self.unit}"
        if self.uncertainty is None:
            return f"{about}{self.value:.{digits}f}{unit}"
        # Never "± 0.0" of what is not known exactly.
        least = 10.0**-digits if self.uncertainty > 1e-6 else 0.0
        return f"{about}{self.value:.{digits}f} ± {max(self.uncertainty, least):.{digits}f}{unit}"

    def minus(self, other: Measurement) -> Measurement:
        """Return the difference from the same measurement of the other ear; both have a value.

        Uncertainties add as squares: the ears' landmarks err independently.
        """
        assert self.value is not None and other.value is not None
        spread = None
        if self.uncertainty is not None and other.uncertainty is not None:
            spread = math.hypot(self.uncertainty, other.uncertainty)
        return replace(
            self,
            value=self.value - other.value,
            uncertainty=spread,
            remark="",
            extrapolated=self.extrapolated or other.extrapolated,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values, rounded; also a row of a table."""
        return {
            "key": self.key,
            "label": self.label,
            "value": None if self.value is None else round(self.value, 3),
            "unit": self.unit,
            "uncertainty_90": None if self.uncertainty is None else round(self.uncertainty, 3),
            "definition": self.definition,
            "source": self.source,
            "remark": self.remark,
            "extrapolated": self.extrapolated,
        }
