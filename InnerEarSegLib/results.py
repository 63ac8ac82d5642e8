"""What the library finds, as plain objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry

Side = Literal["left", "right"]

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


@dataclass(frozen=True)
class Landmark:
    """One landmark of one ear.

    Attributes:
        name: one of LANDMARKS.
        ras: position in RAS mm of the input CT, or None where it was not found.
        confidence: 0 (none) to 1; falls when the heatmap is weak, wide or split.
        radius_mm: of the ball around ``ras`` that should hold the true point in 90 % of cases, by
            the model's cross-validation; None without a position or a calibrated model.
    """

    name: str
    ras: tuple[float, float, float] | None
    confidence: float
    radius_mm: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As in ``result.json``."""
        return {
            "name": self.name,
            "ras_mm": None if self.ras is None else [round(value, 4) for value in self.ras],
            "confidence": round(self.confidence, 4),
            "radius_90_mm": None if self.radius_mm is None else round(self.radius_mm, 3),
        }


Verdict = Literal["good", "check", "poor"]
GOOD: Final = "good"
CHECK: Final = "check"
POOR: Final = "poor"


@dataclass(frozen=True)
class Quality:
    """How far one ear's result can be trusted, in words.

    Attributes:
        verdict: "good": nothing stands out. "check": something wants a look before it is used.
            "poor": do not plan on it.
        reasons: one sentence each, for the user; none for "good".
        expected_dice: what the labyrinth's Dice against a reference would probably be, by the
            model's calibration; None without one.
    """

    verdict: Verdict = "good"
    reasons: tuple[str, ...] = ()
    expected_dice: float | None = None


@dataclass(frozen=True, eq=False)
class Ear:
    """One inner ear.

    Attributes:
        side: from the handedness of the anatomy, not from the position in the volume.
        labyrinth: uint8 [k, j, i], 1 inside the bony labyrinth, on ``geometry``.
        geometry: grid of ``labyrinth``, in RAS mm of the input CT.
        landmarks: in the order of LANDMARKS, each exactly once.
        volume_mm3: of the labyrinth.
        quality: how far to trust it.
        auxiliary: further landmarks, not shown as such: BASAL_TURN and VESTIBULE. They fix the
            cochlea's own axes. Empty where a result was made without them.
        signs: of uncertainty, before calibration: "ambiguity" (see ``decoding.certainty``) and the
            spread in mm of each landmark's heatmap by its name.
    """

    side: Side
    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    landmarks: tuple[Landmark, ...]
    volume_mm3: float
    quality: Quality = Quality()
    auxiliary: tuple[Landmark, ...] = ()
    signs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelIdentity:
    """Which network made a result."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Segmentation:
    """All that one run of the library found in one CT.

    Attributes:
        ears: none, one or two.
        model: which network.
        device: where it ran, as torch names it ("cpu", "cuda:0", ...).
        seconds: wall-clock seconds per stage.
        warnings: one sentence each; the reader's and the library's.
    """

    ears: tuple[Ear, ...]
    model: ModelIdentity
    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The content of ``result.json``: plain lists, numbers and strings."""
        return {
            "schema_version": RESULT_SCHEMA_VERSION,
            "ears": [
                {
                    "side": ear.side,
                    "labyrinth_volume_mm3": round(ear.volume_mm3, 2),
                    "landmarks": [landmark.to_json() for landmark in ear.landmarks],
                    "auxiliary_landmarks": [landmark.to_json() for landmark in ear.auxiliary],
                    "quality": {
                        "verdict": ear.quality.verdict,
                        "reasons": list(ear.quality.reasons),
                        "expected_dice": None
                        if ear.quality.expected_dice is None
                        else round(ear.quality.expected_dice, 3),
                    },
                }
                for ear in self.ears
            ],
            "model": {
                "name": self.model.name,
                "version": self.model.version,
                "sha256": self.model.sha256,
            },
            "device": self.device,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "warnings": list(self.warnings),
        }


RESULT_SCHEMA_VERSION = 3
