"""Judge how far an ear's result can be trusted: a verdict with reasons."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ..io.checks import COARSE_MM
from ..types import (
    CHECK,
    GOOD,
    HELICOTREMA,
    OVAL_WINDOW,
    POOR,
    ROUND_WINDOW,
    SOFT_MM,
    USUAL_APEX_MM,
    USUAL_VOLUME_MM3,
    USUAL_WINDOWS_MM,
    WHOLE_CANALS,
    Findings,
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
BEYOND_MM = 0.25
"""A labyrinth this near to the scan's border may continue beyond it. F13's whole one comes nearer
than 0.8 mm."""

NEAR_VOXELS = 1.75
"""A labyrinth that is cut off by up to 2 mm is drawn to 1.1 to 1.6 of the scan's voxels before the
border (measured on the real head at 0.5 and 0.6 mm), and so is a whole one that just fits."""


class CtPlausibility(NamedTuple):
    """Whether a predicted labyrinth is one by the CT's values and borders.

    ``is_cavity_in_bone``: it has ``lumen_hu`` and is softer than the bone around it, which has
    ``capsule_hu``; noise and MR have no such cavity. ``cut``: it reaches the border of the scan.
    ``near_border``: so near that it may be cut off.
    """

    is_cavity_in_bone: bool
    cut: bool
    near_border: bool
    capsule_hu: float
    lumen_hu: float


def ct_plausibility(prediction: EarPrediction, scan: Geometry) -> CtPlausibility | None:
    """Measure a predicted labyrinth in the CT of grid ``scan``; None if it is empty."""
    inside = (prediction.labyrinth > 0).float()
    if not inside.any():
        return None
    spacing = prediction.network.spacing_mm
    shell = dilated(inside, SHELL_MM[1] / spacing) - dilated(inside, SHELL_MM[0] / spacing)
    near = torch.nonzero(dilated(inside, BEYOND_MM / spacing)).numpy()[:, ::-1]
    in_scan = scan.contains(prediction.patch.to_ras(near))
    drawn = scan.to_ijk(prediction.patch.to_ras(torch.nonzero(inside).numpy()[:, ::-1]))
    last = np.array(scan.shape[::-1]) - 0.5
    ijk = torch.nonzero(shell > 0).numpy()
    kept = scan.contains(prediction.patch.to_ras(ijk[:, ::-1]))
    around = prediction.ct[tuple(torch.from_numpy(np.ascontiguousarray(ijk[kept])).T)]
    core = 1.0 - dilated(1.0 - inside, CORE_MM / spacing)
    # Well inside, away from bone.
    lumen = float(prediction.ct[core > 0 if core.any() else inside > 0].median())
    # Not the median: some voxels lie in the middle ear and in the internal auditory canal.
    capsule = float(around.quantile(0.75)) if len(around) else float("-inf")
    return CtPlausibility(
        capsule >= MIN_CAPSULE_HU and capsule - lumen >= MIN_CONTRAST_HU,
        cut=not bool(in_scan.all()),
        near_border=bool(np.minimum(drawn + 0.5, last - drawn).min() < NEAR_VOXELS),
        capsule_hu=capsule,
        lumen_hu=lumen,
    )


SLACK = 0.15
FAR_SLACK = 0.4
"""Share of a usual range's limit by which a measure may lie outside before a reason, and before
the verdict "poor"."""

VERY_COARSE_MM = 1.3
VERY_THICK_MM = 2.0
"""Thickest slices that the drawing network was trained for."""

MIN_AGREEMENT = 0.9
"""Dice of two networks below which they disagree: nine specimens in up to four kinds of scan and
two heads have 0.926 to 0.961, synthetic ears 0.916 and more."""

FAR_ATYPICAL = 2.0
CUT_OFF = "The CT's values end at {:.0f} HU: metal in the ear would not stand out. Check for it."
METAL = "There is metal in or beside the labyrinth: what it hides is not measured."
ATYPICAL = (
    "The ear is unlike those that the model knows: a malformation, an operation, a CT with wrong "
    "distances or a tilt that was not corrected, or a failure of the model. Check it."
)
AQUEDUCT = (
    "A wide vestibular aqueduct is possible: the CT shows a tube {:.1f} mm wide from the vestibule "
    "towards the posterior fossa. Check it."
)

_RANK: dict[Verdict, int] = {GOOD: 0, CHECK: 1, POOR: 2}

Reason = tuple[Verdict, str]


def judge(
    landmarks: tuple[Landmark, ...],
    volume_mm3: float,
    scan: Geometry,
    cut: bool,
    findings: Findings,
    reasons: tuple[Reason, ...] = (),
) -> Quality:
    """Return the verdict on one ear, the worst of all reasons, and their sentences.

    ``scan`` is the grid of the whole CT; ``cut`` tells whether the labyrinth reaches its border;
    ``reasons`` are further ones. An ear with an open canal, with turns of the cochlea that run
    together or with metal is never good.
    """
    found: list[Reason] = [*reasons]
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
    elif unknown := _not_measured(findings):
        found.append((CHECK, f"Not measured, and so not judged: {', '.join(unknown)}. Check it."))
    found += _on_measures(landmarks, volume_mm3, cut)
    found += [*_on_wholeness(findings), *_on_ct(findings, largest)]
    verdict: Verdict = max((grade for grade, _ in found), key=_RANK.__getitem__, default=GOOD)
    return Quality(verdict, tuple(sentence for _, sentence in found))


def _not_measured(findings: Findings) -> list[str]:
    """Return what no finding tells: a verdict may not be good for want of it."""
    grounds = {
        "the canals": findings.closed_canals,
        "the turns of the cochlea": findings.turns_apart,
        "the CT's sharpness at the ear": findings.edge_width_mm,
        "how normal the ear is": findings.atypicality,
    }
    return [what for what, value in grounds.items() if value is None]


def _on_wholeness(findings: Findings) -> list[Reason]:
    """Return reasons for what a drawing lacks of a labyrinth, or has and an ear has not."""
    sentences = [
        f"The {canal} semicircular canal was completed where the CT hardly shows it: check it."
        for canal in findings.completed_canals
    ]
    sentences += [
        f"The CT shows bone where the {canal} semicircular canal runs: check for ossification."
        for canal in findings.bony_canals
    ]
    names = [f"The {canal}" for canal in findings.open_canals]
    closed = WHOLE_CANALS if findings.closed_canals is None else findings.closed_canals
    if closed < WHOLE_CANALS - len(findings.open_canals):
        names.append("Another" if findings.open_canals else "A")
    sentences += [f"{name} semicircular canal is open in the drawing: check it." for name in names]
    if closed > WHOLE_CANALS:
        sentences.append(
            "Parts of the labyrinth touch in the drawing that are apart in an ear: check its "
            "canals."
        )
    if findings.turns_apart is False:
        sentences.append("The turns of the cochlea run together in the drawing: check it.")
    if findings.parts > 1:
        sentences.append(
            f"The labyrinth was drawn in {findings.parts} parts; the largest was kept: check it."
        )
    if findings.agreement is not None and findings.agreement < MIN_AGREEMENT:
        sentences.append(
            f"The two networks draw the ear differently (Dice {findings.agreement:.2f}): check it."
        )
    reasons: list[Reason] = [(CHECK, sentence) for sentence in sentences]
    reasons += [
        (POOR, f"The {name} lies outside the labyrinth as drawn: a part of it is missing there.")
        for name in findings.undrawn_landmarks
    ]
    if findings.atypicality is not None and findings.atypicality > 1.0:
        far = findings.atypicality > FAR_ATYPICAL
        reasons.append((POOR if far else CHECK, ATYPICAL))
    if findings.wide_aqueduct:
        reasons.append((CHECK, AQUEDUCT.format(findings.aqueduct_mm)))
    return reasons


def _on_ct(findings: Findings, largest_mm: float) -> list[Reason]:
    """Return reasons for what the CT is like at the ear; ``largest_mm`` is its largest spacing."""
    if findings.metal:
        return [(POOR, METAL)]
    reasons: list[Reason] = []
    if findings.cut_off_hu is not None:
        reasons.append((CHECK, CUT_OFF.format(findings.cut_off_hu)))
    width, thickness = findings.edge_width_mm, findings.slice_mm
    if width is not None and width > SOFT_MM:
        sentence = f"The CT is soft at the ear, its edges {width:.1f} mm wide: thin parts are drawn"
        reasons.append((CHECK, f"{sentence} as the model knows them from other ears."))
    if findings.even_edges is False:
        sentence = "The CT's edges are much wider in one direction than in others: the patient may"
        reasons.append((CHECK, f"{sentence} have moved, or slices are thick. Check thin parts."))
    if thickness is not None and thickness > max(COARSE_MM, largest_mm + 0.01):
        sentence = f"The CT's slices are {thickness:.1f} mm thick, though closer together"
        far = thickness > VERY_THICK_MM
        reasons.append((POOR if far else CHECK, f"{sentence}: check thin parts."))
    return reasons


def _on_measures(landmarks: tuple[Landmark, ...], volume_mm3: float, cut: bool) -> list[Reason]:
    """Return reasons for each measure far outside its usual range."""
    at = {landmark.name: landmark.ras for landmark in landmarks}
    measures = [] if cut else [("The labyrinth's volume", volume_mm3, "mm³", USUAL_VOLUME_MM3)]
    for other, usual in ((OVAL_WINDOW, USUAL_WINDOWS_MM), (HELICOTREMA, USUAL_APEX_MM)):
        here, there = at[ROUND_WINDOW], at[other]
        if here is not None and there is not None:
            distance = float(np.linalg.norm(np.subtract(here, there)))
            measures.append((f"The distance from round window to {other}", distance, "mm", usual))
    reasons: list[Reason] = []
    for what, value, unit, (low, high) in measures:
        if low * (1.0 - SLACK) <= value <= high * (1.0 + SLACK):
            continue
        far = not low * (1.0 - FAR_SLACK) <= value <= high * (1.0 + FAR_SLACK)
        usual_range = f"usual are {low:g} to {high:g} {unit}"
        sentence = f"{what} is {value:.1f} {unit}, {usual_range}: check it."
        reasons.append((POOR if far else CHECK, sentence))
    return reasons
