"""What the user made of a result, put back into a scene: a review that an archive kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..types import EDITED, Ear, Segmentation
from .landmarks import confirm, describe, set_position
from .results import Results
from .segments import AUTOMATIC_SEGMENT

_UNKNOWN = "unknown"
"""In place of the key of an automatic segment that was edited before it came here."""


def restore_review(results: Results, ears: Iterable[Ear]) -> None:
    """Bring landmarks and segments, put into the scene as found, into their reviewed states."""
    for ear in ears:
        node = results.landmarks[ear.side]
        for landmark in ear.landmarks:
            if landmark.reviewed:
                set_position(node, landmark.name, landmark.ras)
                if landmark.confirmed:
                    confirm(node, landmark.name)
                describe(node, landmark.name)
        if ear.segment == EDITED:
            results.segmentation.SetAttribute(AUTOMATIC_SEGMENT + ear.side, _UNKNOWN)


def as_found(result: Segmentation) -> Segmentation:
    """Return a result with its landmarks where they were found, without any review."""
    return replace(
        result,
        ears=tuple(
            replace(
                ear,
                landmarks=tuple(
                    replace(mark, ras=mark.automatic_ras, confirmed=False) for mark in ear.landmarks
                ),
            )
            for ear in result.ears
        ),
    )
