"""Codes and names that the DICOM objects are written and read back with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ..types import (
    AUTOMATIC,
    CONFIRMED,
    CORRECTED,
    EDITED,
    HELICOTREMA,
    NOT_FOUND,
    OVAL_WINDOW,
    PLACED,
    REMOVED,
    ROUND_WINDOW,
    SEGMENT_REMOVED,
    Side,
)

MANUFACTURER: Final = "InnerEarSeg"
"""Manufacturer of all objects; by it, they are known again."""

SCHEME: Final = "99INNEREARSEG"
"""Private coding scheme: its meanings are defined in the objects themselves, as comments."""

SEGMENTATION_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.66.4"
REPORT_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.88.34"
"""SOP classes of Segmentation and of Comprehensive 3D SR."""

SHA256_PARAMETER: Final = "model_sha256="
"""Begins the algorithm parameter with the model's SHA-256."""


@dataclass(frozen=True)
class Concept:
    """A coded concept: DICOM's Code Value, Coding Scheme Designator and Code Meaning.

    The meaning is for the reader alone: concepts with the same code are equal.
    """

    value: str
    scheme: str
    meaning: str = field(compare=False)


def private(value: str, meaning: str = "") -> Concept:
    """Return a concept of the private scheme; by default, its meaning is its value."""
    return Concept(value, SCHEME, meaning or value)


INNER_EAR = Concept("22945000", "SCT", "Inner ear")
"""DICOM CID 4028 has no code for the bony labyrinth."""

LATERALITY: dict[Side, Concept] = {
    "left": Concept("7771000", "SCT", "Left"),
    "right": Concept("24028007", "SCT", "Right"),
}
"""DICOM CID 244."""

ANATOMICAL_STRUCTURE = Concept("91723000", "SCT", "Anatomical Structure")
VOLUME = Concept("118565006", "SCT", "Volume")
UNCERTAINTY = Concept("371884006", "SCT", "+/-, range of measurement uncertainty")
"""DICOM CID 225."""
YES, NO = Concept("373066001", "SCT", "Yes"), Concept("373067005", "SCT", "No")
COMMENT = Concept("121106", "DCM", "Comment")

UNITS = {
    "mm": Concept("mm", "UCUM", "mm"),
    "mm³": Concept("mm3", "UCUM", "cubic millimeter"),
    "°": Concept("deg", "UCUM", "Degree"),
    "turns": Concept("1", "UCUM", "no units"),
    "": Concept("1", "UCUM", "no units"),
}

LANDMARK_CONCEPTS = {
    HELICOTREMA: Concept("10584009", "SCT", "Helicotrema"),
    OVAL_WINDOW: private("oval window"),
    ROUND_WINDOW: Concept("279785002", "SCT", "Entire cochlear window"),
}
"""SNOMED CT where its public browser was seen to have the concept; others are private."""

LANDMARK = private("landmark")
AUTOMATIC_POSITION = private("automatic pos", "automatic position of a landmark")
"""Categories of measurement groups."""

STATE = private("landmark state")
STATES = {
    state: private(state) for state in (AUTOMATIC, CONFIRMED, CORRECTED, PLACED, REMOVED, NOT_FOUND)
}
CONFIRMED_BY_USER = private("confirmed", "confirmed by the user")
SEGMENT_STATE = private("segment state")
SEGMENT_STATES = {state: private(state) for state in (AUTOMATIC, EDITED, SEGMENT_REMOVED)}
VERDICT = private("verdict", "automatic verdict on the quality")
VERDICTS = {verdict: private(verdict) for verdict in ("good", "check", "poor")}
REASON = private("reason", "reason of the verdict")
CONFIDENCE = private("confidence")
RADIUS = private("radius 90", "90 % radius")
FINDINGS = private("findings", "what the verdict rests on, as JSON")

DEFINITIONS = {
    CONFIDENCE: "Confidence of the automatic position, from 0 (none) to 1. Not a probability.",
    RADIUS: "Radius of the ball around the automatic position that should hold the true point in "
    "90 % of cases, by the model's cross-validation.",
}
