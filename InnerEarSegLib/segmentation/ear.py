"""Turn a network's prediction into an ear with mask, landmarks and quality, or reject it."""

from __future__ import annotations

import numpy as np

from ..model.bundle import Model
from ..types import (
    AUXILIARY,
    CHECK,
    HELICOTREMA,
    LANDMARKS,
    OVAL_WINDOW,
    ROUND_WINDOW,
    Ear,
    Geometry,
    Landmark,
    apply_affine,
)
from .findings import find, revise_canals
from .mask import crop_to_content, labyrinth_mask, mask_grid
from .pose import handedness
from .prediction import EarPrediction
from .quality import Reason, ct_plausibility, judge

MIN_VOLUME_MM3 = 90.0
MAX_VOLUME_MM3 = 420.0
"""Limits of a labyrinth's volume; 144 to 267 in the dataset."""

MIN_CUT_VOLUME_MM3 = 30.0
"""Least volume of a labyrinth that the field of view cuts off."""

AT_BORDER = (
    "The labyrinth comes within two voxels of the CT's border: a part of it may lie outside. Check "
    "its canals and the basal turn."
)

MIN_PRESENCE = 0.5
SURE_BORDER_MM = 0.6
SURE_CONFIDENCE = 0.9
MIN_MEAN_CONFIDENCE = 0.8
"""Of the landmarks that are present. Ears have 0.9 and more, also with soft kernels, thick slices
and cut-off parts; other anatomy taken for ears up to 0.75."""

BORDER_MM = 1.0
"""An ear is rejected if a landmark is absent that should lie inside the scan by more than this."""


def decode_ear(
    prediction: EarPrediction,
    scan: Geometry,
    model: Model,
    reasons: tuple[Reason, ...] = (),
    slice_mm: float | None = None,
) -> Ear | None:
    """Return mask, landmarks, findings and quality of one ear in a CT of grid ``scan``.

    ``slice_mm`` is the thickness of its slices by its header.

    None if the labyrinth is no cavity in bone or of a wrong size, if landmarks are vague or absent
    inside the scan, or if their handedness contradicts the pose: a wrong ear is worse than none.
    """
    plausibility = ct_plausibility(prediction, scan)
    if plausibility is None or not plausibility.is_cavity_in_bone:
        return None
    for name, peak in zip(model.landmarks, prediction.peaks, strict=True):
        # The pose puts it well inside the scan.
        expected = apply_affine(prediction.pose.matrix, model.template[name])
        if peak.presence < MIN_PRESENCE and scan.contains(expected, BORDER_MM):
            return None
    present = {
        name: peak
        for name, peak in zip(model.landmarks, prediction.peaks, strict=True)
        if peak.presence >= MIN_PRESENCE
    }
    confidences = [peak.confidence for peak in present.values()]
    if not present or float(np.mean(confidences)) < MIN_MEAN_CONFIDENCE:
        return None
    seen_at = {name: prediction.patch.to_ras(peak.ijk) for name, peak in present.items()}
    revision = revise_canals(prediction, scan, plausibility.lumen_hu)
    prediction = revision.prediction
    # The labyrinth alone has far fewer voxels than the bounding box of the turned patch.
    _, drawn = crop_to_content((prediction.labyrinth > 0).numpy(), prediction.patch)
    grid = mask_grid(scan, drawn)
    mask = labyrinth_mask(prediction.labyrinth, prediction.patch, grid)
    volume = float(mask.sum()) * grid.voxel_volume
    least = MIN_CUT_VOLUME_MM3 if plausibility.cut else MIN_VOLUME_MM3
    if not least <= volume <= MAX_VOLUME_MM3:
        return None
    mask, grid = crop_to_content(mask, grid)
    landmarks, auxiliary = (
        tuple(_landmark(name, prediction, scan, model, plausibility.cut) for name in names)
        for names in (LANDMARKS, [name for name in AUXILIARY if name in model.landmarks])
    )
    side = prediction.pose.side
    at = {x.name: np.array(x.ras) for x in landmarks if x.ras is not None}
    if len(at) == len(LANDMARKS):
        centroid = grid.to_ras(np.argwhere(mask)[:, ::-1].mean(axis=0))
        sense = handedness(at[HELICOTREMA], at[OVAL_WINDOW], at[ROUND_WINDOW], centroid)
        if (sense > 0) != (side == "left"):
            return None
    spreads = [peak.spread_mm for peak in prediction.peaks]
    uncertainty = dict(zip(model.landmarks, spreads, strict=True))
    if plausibility.near_border and not plausibility.cut:
        reasons = (*reasons, (CHECK, AT_BORDER))
    bone, lumen = plausibility.capsule_hu, plausibility.lumen_hu
    findings = find(revision, mask, grid, seen_at, bone, lumen, slice_mm)
    quality = judge(landmarks, volume, scan, plausibility.cut, findings, reasons)
    return Ear(
        side, mask, grid, landmarks, volume, quality, auxiliary, uncertainty, findings=findings
    )


def _landmark(
    name: str, prediction: EarPrediction, scan: Geometry, model: Model, cut: bool
) -> Landmark:
    """Return one landmark; without a position if it is more likely absent, or outside the CT.

    If the scan cuts the labyrinth off, a landmark at its very border, or vague and near it, counts
    as outside: networks pull landmarks from just outside to the inside.
    """
    peak = prediction.peaks[model.landmarks.index(name)]
    ras = prediction.patch.to_ras(peak.ijk)
    margin = 0.0
    if cut:
        margin = BORDER_MM if peak.confidence < SURE_CONFIDENCE else SURE_BORDER_MM
    if peak.presence < MIN_PRESENCE or not scan.contains(ras, margin):
        return Landmark(name, None, peak.confidence)
    radius = None
    if model.calibration is not None:
        radius = model.calibration.radius_mm(name, peak.spread_mm)
    return Landmark(name, (float(ras[0]), float(ras[1]), float(ras[2])), peak.confidence, radius)
