"""Predict an ear in its canonical pose: its side, landmarks and labyrinth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from ..model.bundle import Model, PatchNetwork
from ..model.inference import look, run_patches
from ..progress import Progress
from ..types import Geometry
from .heatmap import Peak, decode_heatmaps
from .localization import candidate_from
from .pose import Pose

MAX_RESIDUAL_MM = 0.7
"""Misfit of the landmarks above which they make up no ear; reference landmarks of the dataset have
0.2 to 0.55, what the networks see in real ears 0.1 to 0.35."""


@dataclass(frozen=True, eq=False)
class EarPrediction:
    """What a network says about one ear in its canonical pose.

    Attributes:
        window: the grid on which it looked; mirrored (determinant < 0) for a left ear.
        stage: the network that looked.
        ct: what it saw, float32 [k, j, i] in HU.
        labyrinth: logits, float32 [k, j, i].
        peaks: one for each of the bundle's landmarks.
        pose: fitted to the peaks.
        presence: of the least certain landmark that the pose was fitted to.
    """

    window: Geometry
    stage: PatchNetwork
    ct: Tensor
    labyrinth: Tensor
    peaks: list[Peak]
    pose: Pose
    presence: float


def predict_ear(
    ct: Tensor,
    geometry: Geometry,
    pose: Pose,
    stage: PatchNetwork,
    bundle: Model,
    progress: Progress,
) -> EarPrediction | None:
    """Look at an ear in a pose.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        pose: about how the ear lies.
        stage: the network that looks.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        None if the landmarks are absent, make up no ear, or one of the other side.
    """
    window = pose.window(stage.spacing_mm, stage.window)
    view = look(ct, geometry, window, bundle.intensity.low)
    logits, heatmaps = run_patches(stage, view[None], bundle.intensity, progress)
    peaks = decode_heatmaps(heatmaps[0], stage.spacing_mm, stage.heatmap_sigma_mm)
    sighting = candidate_from(peaks, window, bundle)
    if sighting is None or sighting.pose.residual > MAX_RESIDUAL_MM:
        return None
    if sighting.pose.side != pose.side:
        return None
    return EarPrediction(window, stage, view, logits[0], peaks, sighting.pose, sighting.presence)


PASSES = 2
"""The second pass starts from the first one's pose, so it hardly depends on the search's."""


def orient(
    ct: Tensor, geometry: Geometry, poses: list[Pose], bundle: Model, progress: Progress
) -> EarPrediction | None:
    """Look at an ear in each of some poses, and again in the one that fits best.

    The side in whose pose the landmarks make up a real ear is the right one.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        poses: about where the ear is, of one or both sides.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        The last look, or None if what is there turns out to be no ear.
    """
    tries = [predict_ear(ct, geometry, pose, bundle.orient, bundle, progress) for pose in poses]
    seen = min(
        (found for found in tries if found is not None),
        key=lambda found: found.pose.residual,
        default=None,
    )
    for _ in range(1, PASSES):
        if seen is not None:
            seen = predict_ear(ct, geometry, seen.pose, bundle.orient, bundle, progress)
    return seen


FINE_MM = 0.45
"""Mean voxel edge up to which a CT shows more than the coarser network sees."""

MAX_SHIFT_MM = 1.5
"""If the networks put a landmark further apart than this, the finer one is not believed: it was
trained on sharp CT, and a soft kernel leads it astray before it leads the coarser one."""


def is_fine(geometry: Geometry) -> bool:
    """Whether a CT has the resolution that the high-resolution network needs."""
    return float(np.cbrt(geometry.voxel_volume)) <= FINE_MM


def refine(
    ct: Tensor, geometry: Geometry, oriented: EarPrediction, bundle: Model, progress: Progress
) -> EarPrediction | None:
    """Look at an ear at high resolution.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        oriented: from ``orient``.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        The look, its landmarks halfway between what the two networks say, as their errors differ;
        or None if it does not bear out what the coarser network saw.
    """
    seen = predict_ear(ct, geometry, oriented.pose, bundle.refine, bundle, progress)
    if seen is None:
        return None
    peaks = []
    for fine, coarse in zip(seen.peaks, oriented.peaks, strict=True):
        if min(fine.presence, coarse.presence) < 0.5:
            peaks.append(replace(fine, presence=min(fine.presence, coarse.presence)))
            continue
        there = seen.window.to_ijk(oriented.window.to_ras(coarse.ijk))
        if np.linalg.norm(there - fine.ijk) * seen.stage.spacing_mm > MAX_SHIFT_MM:
            return None
        peaks.append(_halfway(fine, there, coarse))
    return replace(seen, peaks=peaks)


def _halfway(fine: Peak, there: np.ndarray, coarse: Peak) -> Peak:
    """Between two peaks; ``there`` is the coarse one as (i, j, k) of the fine one's window.

    How wide the heatmap is tells the coarser network: the finer one, trained longer on the same few
    specimens, is sure of everything.
    """
    return replace(
        fine,
        ijk=(fine.ijk + there) / 2.0,
        presence=min(fine.presence, coarse.presence),
        concentration=min(fine.concentration, coarse.concentration),
        spread_mm=coarse.spread_mm,
        expected_spread_mm=coarse.expected_spread_mm,
    )
