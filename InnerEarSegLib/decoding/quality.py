"""How far an ear's result can be trusted, in words with reasons."""

from __future__ import annotations

import numpy as np

from ..geometry import Geometry
from ..results import (
    CHECK,
    GOOD,
    HELICOTREMA,
    OVAL_WINDOW,
    POOR,
    ROUND_WINDOW,
    Landmark,
    Quality,
    Verdict,
)

USUAL_VOLUME_MM3 = (144.0, 267.0)
USUAL_WINDOWS_MM = (2.5, 3.3)
USUAL_APEX_MM = (5.7, 7.4)
"""Ranges in the human bony labyrinth dataset: volume, round to oval window, round window to
helicotrema."""

SLACK = 0.15
FAR_SLACK = 0.4
"""How far outside the usual range, relative to it, a measure is before it is remarked on, and
before the result is called poor."""

LOW_CONFIDENCE = 0.5
COARSE_MM = 0.8
VERY_COARSE_MM = 1.3
_RANK: dict[Verdict, int] = {GOOD: 0, CHECK: 1, POOR: 2}

Remark = tuple[Verdict, str]


def judge(
    landmarks: tuple[Landmark, ...],
    volume_mm3: float,
    scan: Geometry,
    cut: bool,
    remarks: tuple[Remark, ...] = (),
) -> Quality:
    """The verdict on one ear: the worst of all remarks, and their sentences.

    Args:
        landmarks: of the ear.
        volume_mm3: of the labyrinth.
        scan: grid of the whole CT.
        cut: whether the labyrinth reaches the border of the scan.
        remarks: what is known from elsewhere.
    """
    found: list[Remark] = [*remarks, *_on_resolution(scan), *_on_landmarks(landmarks, cut)]
    if cut:
        found.append((POOR, "The labyrinth is cut off by the CT's field of view."))
    found += _on_measures(landmarks, volume_mm3, cut)
    verdict: Verdict = max((grade for grade, _ in found), key=_RANK.__getitem__, default=GOOD)
    return Quality(verdict, tuple(sentence for _, sentence in found))


def _on_resolution(scan: Geometry) -> list[Remark]:
    """One sentence if voxels are so large that landmarks scatter."""
    largest = float(scan.spacing.max())
    if largest <= COARSE_MM:
        return []
    grade: Verdict = POOR if largest > VERY_COARSE_MM else CHECK
    return [(grade, f"The CT's voxels are up to {largest:.2f} mm: landmarks may be off by more.")]


def _on_landmarks(landmarks: tuple[Landmark, ...], cut: bool) -> list[Remark]:
    """One sentence for each landmark that is missing or uncertain."""
    remarks: list[Remark] = []
    for landmark in landmarks:
        if landmark.ras is None:
            why = ": it lies outside the CT or at its border" if cut else ""
            remarks.append((POOR, f"The {landmark.name} was not found{why}."))
        elif landmark.confidence < LOW_CONFIDENCE:
            sentence = f"The {landmark.name} is uncertain (confidence {landmark.confidence:.2f})"
            remarks.append((CHECK, f"{sentence}: check it."))
    return remarks


def _on_measures(landmarks: tuple[Landmark, ...], volume_mm3: float, cut: bool) -> list[Remark]:
    """One sentence for each measure far outside its usual range."""
    at = {landmark.name: landmark.ras for landmark in landmarks}
    measures = [] if cut else [("The labyrinth's volume", volume_mm3, "mm³", USUAL_VOLUME_MM3)]
    for other, usual in ((OVAL_WINDOW, USUAL_WINDOWS_MM), (HELICOTREMA, USUAL_APEX_MM)):
        here, there = at[ROUND_WINDOW], at[other]
        if here is not None and there is not None:
            distance = float(np.linalg.norm(np.subtract(here, there)))
            measures.append((f"The distance from round window to {other}", distance, "mm", usual))
    remarks: list[Remark] = []
    for what, value, unit, (low, high) in measures:
        if low * (1.0 - SLACK) <= value <= high * (1.0 + SLACK):
            continue
        far = not low * (1.0 - FAR_SLACK) <= value <= high * (1.0 + FAR_SLACK)
        usual_range = f"usual are {low:g} to {high:g} {unit}"
        sentence = f"{what} is {value:.1f} {unit}, {usual_range}: check it."
        remarks.append((POOR if far else CHECK, sentence))
    return remarks
