"""Judge how far an ear's result can be trusted: a verdict with reasons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..types import (
    CHECK,
    GOOD,
    HELICOTREMA,
    OVAL_WINDOW,
    POOR,
    ROUND_WINDOW,
    Geometry,
    Landmark,
    Quality,
    Verdict,
)
from .candidates import dilated
from .prediction import EarPrediction

SHELL_MM = (0.8, 2.0)
"""Distances from the labyrinth between which its bony capsule is measured."""

MIN_CAPSULE_HU = 900.0
MIN_CONTRAST_HU = 500.0
"""Measured on specimens and on a head with kernels from sharp to soft and slices up to 1.9 mm: the
capsule has 1500 to 1900 HU, the lumen at most 400."""

CORE_MM = 0.4
BORDER_MM = 0.25
"""A labyrinth this near to the scan's border may continue beyond it. F13's whole one comes nearer
than 0.8 mm."""

NEAR_VOXELS = 1.75
"""A labyrinth that is cut off by up to 2 mm is drawn to 1.1 to 1.6 of the scan's voxels before the
border (measured on the real head at 0.5 and 0.6 mm), and so is a whole one that just fits."""


class CtPlausibility(NamedTuple):
    """Whether a predicted labyrinth is one by the CT's values and borders.

    ``is_cavity_in_bone``: it is softer than the bone around it; noise and MR have no such cavity.
    ``cut``: it reaches the border of the scan. ``near_border``: so near that it may be cut off.
    """

    is_cavity_in_bone: bool
    cut: bool
    near_border: bool


def ct_plausibility(prediction: EarPrediction, scan: Geometry) -> CtPlausibility | None:
    """Measure a predicted labyrinth in the CT of grid ``scan``; None if it is empty."""
    inside = (prediction.labyrinth > 0).float()
    if not inside.any():
        return None
    spacing = prediction.network.spacing_mm
    shell = _grown(inside, SHELL_MM[1] / spacing) - _grown(inside, SHELL_MM[0] / spacing)
    near = torch.nonzero(_grown(inside, BORDER_MM / spacing)).numpy()[:, ::-1]
    in_scan = scan.contains(prediction.patch.to_ras(near))
    drawn = scan.to_ijk(prediction.patch.to_ras(torch.nonzero(inside).numpy()[:, ::-1]))
    last = np.array(scan.shape[::-1]) - 0.5
    ijk = torch.nonzero(shell > 0).numpy()
    kept = scan.contains(prediction.patch.to_ras(ijk[:, ::-1]))
    around = prediction.ct[tuple(torch.from_numpy(np.ascontiguousarray(ijk[kept])).T)]
    core = 1.0 - _grown(1.0 - inside, CORE_MM / spacing)
    # Well inside, away from bone.
    lumen = float(prediction.ct[core > 0 if core.any() else inside > 0].median())
    # Not the median: some voxels lie in the middle ear and in the internal auditory canal.
    capsule = float(around.quantile(0.75)) if len(around) else float("-inf")
    return CtPlausibility(
        capsule >= MIN_CAPSULE_HU and capsule - lumen >= MIN_CONTRAST_HU,
        cut=not bool(in_scan.all()),
        near_border=bool(np.minimum(drawn + 0.5, last - drawn).min() < NEAR_VOXELS),
    )


def _grown(mask: Tensor, radius: float) -> Tensor:
    """Return a mask [k, j, i] grown by about this many voxels, with a cube."""
    for axis in range(3):  # one axis after the other costs far less than the whole cube
        mask = dilated(mask, axis, radius)
    return mask


USUAL_VOLUME_MM3 = (144.0, 267.0)
USUAL_WINDOWS_MM = (2.5, 3.3)
USUAL_APEX_MM = (5.7, 7.4)
"""Ranges in the human bony labyrinth dataset: volume, round to oval window, round window to
helicotrema."""

SLACK = 0.15
FAR_SLACK = 0.4
"""Share of a usual range's limit by which a measure may lie outside before a remark, and before
the verdict "poor"."""

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
    """Return the verdict on one ear, the worst of all remarks, and their sentences.

    ``scan`` is the grid of the whole CT; ``cut`` tells whether the labyrinth reaches its border;
    ``remarks`` are further ones.
    """
    found: list[Remark] = [*remarks]
    largest = float(scan.spacing.max())
    if largest > COARSE_MM:
        sentence = f"The CT's voxels are up to {largest:.2f} mm: landmarks may be off by more."
        found.append((POOR if largest > VERY_COARSE_MM else CHECK, sentence))
    for landmark in landmarks:
        if landmark.ras is None:
            why = ": it lies outside the CT or at its border" if cut else ""
            found.append((POOR, f"The {landmark.name} was not found{why}."))
        elif landmark.doubtful:
            sentence = f"The {landmark.name} is uncertain (confidence {landmark.confidence:.2f})"
            found.append((CHECK, f"{sentence}: check it."))
    if cut:
        found.append((POOR, "The labyrinth is cut off by the CT's field of view."))
    found += _on_measures(landmarks, volume_mm3, cut)
    verdict: Verdict = max((grade for grade, _ in found), key=_RANK.__getitem__, default=GOOD)
    return Quality(verdict, tuple(sentence for _, sentence in found))


def _on_measures(landmarks: tuple[Landmark, ...], volume_mm3: float, cut: bool) -> list[Remark]:
    """Remark on each measure far outside its usual range."""
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
