"""All that one run found in one CT."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .ear import UNKNOWN_MODEL, Ear, ModelIdentity

RESULT_SCHEMA_VERSION = 4


@dataclass(frozen=True)
class Segmentation:
    """All that one run of the library found in one CT.

    Attributes:
        ears: none, one or two.
        model: which the run used.
        device: where it ran, as torch names it ("cpu", "cuda:0", ...).
        seconds: wall-clock seconds per stage.
        warnings: one sentence each; the reader's and the library's.
    """

    ears: tuple[Ear, ...]
    model: ModelIdentity
    device: str
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Take ears for found by this run's model unless told otherwise."""
        ears = (
            replace(ear, model=self.model) if ear.model == UNKNOWN_MODEL else ear
            for ear in self.ears
        )
        object.__setattr__(self, "ears", tuple(ears))

    def to_json(self) -> dict[str, Any]:
        """The content of ``result.json``: plain lists, numbers and strings."""
        return {
            "schema_version": RESULT_SCHEMA_VERSION,
            "ears": [
                {
                    "side": ear.side,
                    "model": asdict(ear.model),
                    "labyrinth_volume_mm3": round(ear.volume_mm3, 2),
                    "landmarks": [landmark.to_json() for landmark in ear.landmarks],
                    "auxiliary_landmarks": [landmark.to_json() for landmark in ear.auxiliary],
                    "quality": ear.quality.to_json(),
                    "findings": ear.findings and ear.findings.to_json(),
                }
                for ear in self.ears
            ],
            "model": asdict(self.model),
            "device": self.device,
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "warnings": list(self.warnings),
        }

    def review_to_json(self) -> dict[str, Any]:
        """``to_json`` with what the user made of each ear; ``io.result_files`` reads both."""
        content = self.to_json()
        for item, ear in zip(content["ears"], self.ears, strict=True):
            item |= ear.review_to_json()
        return content
