"""What the networks saw, as an ear that a surgeon can use, or as none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

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
    Side,
    apply_affine,
)
from .mask import crop_to_content, fine_grid, labyrinth_mask
from .pose import handedness
from .prediction import EarPrediction
from .quality import Remark, ct_plausibility, judge, uncertainty_features

MIN_VOLUME_MM3 = 90.0
MAX_VOLUME_MM3 = 420.0
"""Outside these, what was drawn is no labyrinth; 144 to 267 in the dataset."""

MIN_CUT_VOLUME_MM3 = 30.0
"""The same for what is left of a labyrinth that the field of view cuts off."""

AT_BORDER = (
    "The labyrinth comes within two voxels of the CT's border: a part of it may lie outside. Check "
    "its canals and the basal turn."
)

MIN_PRESENCE = 0.5
SURE_BORDER_MM = 0.6
SURE_CONFIDENCE = 0.9
MIN_MEAN_CONFIDENCE = 0.8
"""Of the landmarks that are there. Real ears have 0.9 and more, with soft kernels, thick slices and
cut-off parts too; what was mistaken for one had up to 0.75."""

BORDER_MM = 1.0
"""A landmark that is absent but would lie inside the scan by more than this speaks against an
ear."""

FINEST_MM = 0.2
"""Masks are drawn on voxels of this size or less, whatever the CT's."""


def decode_ear(
    seen: EarPrediction, scan: Geometry, bundle: Model, remarks: tuple[Remark, ...] = ()
) -> Ear | None:
    """Mask, landmarks and verdict of one ear.

    None if what was drawn is no cavity in bone, if its size rules an ear out, if landmarks are
    vague or absent where they should be, or if its handedness contradicts the pose: a wrong ear
    is worse than none.

    Args:
        seen: from the network that draws.
        scan: grid of the CT.
        bundle: the model that ran.
        remarks: for the verdict.
    """
    evidence = ct_plausibility(seen, scan)
    if evidence is None or not evidence.is_cavity_in_bone:
        return None
    if _lacks_a_landmark(seen, scan, bundle) or _is_vague(seen):
        return None
    # Only where something was drawn: fewer voxels by far than the turned window's bounding box.
    drawn, window = crop_to_content((seen.labyrinth > 0).numpy(), seen.window)
    if not drawn.any():
        return None
    grid = fine_grid(scan, window, FINEST_MM)
    mask = labyrinth_mask(seen.labyrinth, seen.window, grid)
    volume = float(mask.sum()) * grid.voxel_volume
    least = MIN_CUT_VOLUME_MM3 if evidence.cut else MIN_VOLUME_MM3
    if not least <= volume <= MAX_VOLUME_MM3:
        return None
    mask, grid = crop_to_content(mask, grid)
    landmarks, auxiliary = (
        tuple(_landmark(name, seen, scan, bundle, evidence.cut) for name in names)
        for names in (LANDMARKS, [name for name in AUXILIARY if name in bundle.landmarks])
    )
    if not _side_agrees(seen.pose.side, landmarks, mask, grid):
        return None
    uncertainty = uncertainty_features(seen, bundle.landmarks)
    if evidence.near_border and not evidence.cut:
        remarks = (*remarks, (CHECK, AT_BORDER))
    quality = judge(landmarks, volume, scan, evidence.cut, remarks)
    if bundle.calibration is not None and not (evidence.cut or evidence.near_border):
        quality = replace(quality, expected_dice=bundle.calibration.expected_dice(uncertainty))
    return Ear(
        side=seen.pose.side,
        labyrinth=mask,
        geometry=grid,
        landmarks=landmarks,
        volume_mm3=volume,
        quality=quality,
        auxiliary=auxiliary,
        uncertainty=uncertainty,
    )


def _lacks_a_landmark(seen: EarPrediction, scan: Geometry, bundle: Model) -> bool:
    """Whether a landmark is absent although the pose puts it well inside the scan."""
    for name, peak in zip(bundle.landmarks, seen.peaks, strict=True):
        expected = apply_affine(seen.pose.matrix, bundle.template[name])
        if peak.presence < MIN_PRESENCE and scan.contains(expected, BORDER_MM):
            return True
    return False


def _is_vague(seen: EarPrediction) -> bool:
    """Whether the heatmaps are on the whole too weak, wide or split for an ear."""
    there = [peak.confidence for peak in seen.peaks if peak.presence >= MIN_PRESENCE]
    return float(np.mean(there)) < MIN_MEAN_CONFIDENCE if there else True


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


def _landmark(name: str, seen: EarPrediction, scan: Geometry, bundle: Model, cut: bool) -> Landmark:
    """One landmark; without a position if it is more likely absent, or outside the CT.

    Where the scan ends within the labyrinth, what is seen at its very border, or vaguely near it,
    is taken as lying beyond: networks pull a landmark that is just outside to the inside.
    """
    peak = seen.peaks[bundle.landmarks.index(name)]
    ras = seen.window.to_ras(peak.ijk)
    margin = 0.0
    if cut:
        margin = BORDER_MM if peak.confidence < SURE_CONFIDENCE else SURE_BORDER_MM
    if peak.presence < MIN_PRESENCE or not scan.contains(ras, margin):
        return Landmark(name, None, peak.confidence)
    radius = None
    if bundle.calibration is not None:
        radius = bundle.calibration.radius_mm(name, peak.spread_mm)
    return Landmark(name, (float(ras[0]), float(ras[1]), float(ras[2])), peak.confidence, radius)
