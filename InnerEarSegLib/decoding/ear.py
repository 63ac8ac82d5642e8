"""What the network saw, as an ear that a surgeon can use, or as none."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..finding.pose import handedness
from ..finding.refine import Refined
from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..results import (
    HELICOTREMA,
    LANDMARKS,
    OVAL_WINDOW,
    ROUND_WINDOW,
    Ear,
    Landmark,
    Quality,
    Side,
)
from .labyrinth import crop_to_content, fine_grid, labyrinth_mask

USUAL_VOLUME_MM3 = (144.0, 267.0)
USUAL_WINDOWS_MM = (2.5, 3.3)
USUAL_APEX_MM = (5.7, 7.4)
"""Ranges in the human bony labyrinth dataset: volume, round to oval window, round window to
helicotrema."""

MIN_VOLUME_MM3 = 60.0
MAX_VOLUME_MM3 = 500.0
"""Outside these, what was drawn is no labyrinth."""

LOW_CONFIDENCE = 0.5
SLACK = 0.15
"""How far outside the usual range, relative to it, a measure is before it is remarked on."""


def decode_ear(refined: Refined, ct: Geometry, bundle: Bundle) -> Ear | None:
    """Mask, landmarks and remarks of one ear.

    None if the labyrinth's size rules an ear out, or if its handedness contradicts the pose: a
    wrong side is worse than none.

    Args:
        refined: from the high-resolution network.
        ct: grid of the CT.
        bundle: the model that ran.
    """
    grid = fine_grid(ct, refined.window, bundle.refine.spacing_mm)
    mask = labyrinth_mask(refined.labyrinth, refined.window, grid)
    volume = float(mask.sum()) * grid.voxel_volume
    if not MIN_VOLUME_MM3 <= volume <= MAX_VOLUME_MM3:
        return None
    mask, grid = crop_to_content(mask, grid)
    landmarks = tuple(_landmark(name, refined, ct, bundle) for name in LANDMARKS)
    if not _side_agrees(refined.pose.side, landmarks, mask, grid):
        return None
    remarks = (*_remarks_on_geometry(landmarks, volume), *_remarks_on_landmarks(landmarks))
    return Ear(
        side=refined.pose.side,
        labyrinth=mask,
        geometry=grid,
        landmarks=landmarks,
        volume_mm3=volume,
        quality=Quality("check" if remarks else "good", remarks),
    )


def _side_agrees(
    side: Side, landmarks: tuple[Landmark, ...], mask: NDArray[np.uint8], grid: Geometry
) -> bool:
    """Whether the triple product of landmarks and labyrinth tells the same side as the pose."""
    at = {landmark.name: landmark.ras for landmark in landmarks}
    apex, oval, round_ = (at[name] for name in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW))
    if apex is None or oval is None or round_ is None:
        return True
    centroid = grid.to_ras(np.argwhere(mask)[:, ::-1].mean(axis=0))
    product = handedness(np.array(apex), np.array(oval), np.array(round_), centroid)
    return (product > 0) == (side == "left")


def _landmark(name: str, refined: Refined, ct: Geometry, bundle: Bundle) -> Landmark:
    """One landmark; without a position if it is more likely absent, or outside the CT."""
    peak = refined.peaks[bundle.landmarks.index(name)]
    ras = refined.window.to_ras(peak.ijk)
    if peak.presence < 0.5 or not ct.contains(ras):
        return Landmark(name, None, peak.confidence)
    return Landmark(name, (float(ras[0]), float(ras[1]), float(ras[2])), peak.confidence)


def _remarks_on_geometry(landmarks: tuple[Landmark, ...], volume: float) -> tuple[str, ...]:
    """One sentence for each measure far outside its usual range."""
    at = {landmark.name: landmark.ras for landmark in landmarks}
    measures = [("The labyrinth's volume", volume, "mm³", USUAL_VOLUME_MM3)]
    for other, usual in ((OVAL_WINDOW, USUAL_WINDOWS_MM), (HELICOTREMA, USUAL_APEX_MM)):
        here, there = at[ROUND_WINDOW], at[other]
        if here is not None and there is not None:
            distance = float(np.linalg.norm(np.subtract(here, there)))
            measures.append((f"The distance from round window to {other}", distance, "mm", usual))
    return tuple(
        f"{what} is {value:.1f} {unit}, usual are {low:g} to {high:g} {unit}: check it."
        for what, value, unit, (low, high) in measures
        if not low * (1.0 - SLACK) <= value <= high * (1.0 + SLACK)
    )


def _remarks_on_landmarks(landmarks: tuple[Landmark, ...]) -> tuple[str, ...]:
    """One sentence for each landmark that is missing or uncertain."""
    return tuple(
        f"The {landmark.name} was not found."
        if landmark.ras is None
        else f"The {landmark.name} is uncertain (confidence {landmark.confidence:.2f}): check it."
        for landmark in landmarks
        if landmark.ras is None or landmark.confidence < LOW_CONFIDENCE
    )
