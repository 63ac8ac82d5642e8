"""The ear in its canonical pose, seen by the high-resolution network."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..decoding.heatmap import Peak, decode_heatmaps
from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..inferring.run import run_windows
from ..inferring.window import look
from ..progress import Progress
from .locate import MIN_PRESENCE, sighting_of
from .pose import Pose

PASSES = 2
"""The second pass starts from the first one's pose, so it hardly depends on the search's."""

MAX_RESIDUAL_MM = 1.0
"""Misfit of the landmarks above which they make up no ear; 0.2 to 0.55 in the dataset."""


@dataclass(frozen=True, eq=False)
class Refined:
    """What the high-resolution network says about one ear.

    Attributes:
        window: the grid on which it looked; mirrored (determinant < 0) for a left ear.
        labyrinth: logits, float32 [k, j, i].
        peaks: one for each of the bundle's landmarks.
        pose: fitted to the peaks.
    """

    window: Geometry
    labyrinth: Tensor
    peaks: list[Peak]
    pose: Pose


def refine(
    ct: Tensor, geometry: Geometry, poses: list[Pose], bundle: Bundle, progress: Progress
) -> Refined | None:
    """Look at an ear in its canonical pose.

    The first pass tries the best pose of each side; the side in whose pose the landmarks make up
    a real ear is the right one. Further passes look again in the pose of the found landmarks.

    Args:
        ct: float32 [k, j, i] in HU.
        geometry: grid of ct.
        poses: about where the ear is, of one or both sides.
        bundle: the model.
        progress: told which pass runs.

    Returns:
        The last pass, or None if what is there turns out to be no ear.
    """
    tries = []
    for pose in poses:
        progress.step(0.35, f"Drawing the labyrinth, as a {pose.side} ear")
        tries.append(_look(ct, geometry, pose, bundle, progress))
    refined = min(
        (found for found in tries if found is not None),
        key=lambda found: found.pose.residual,
        default=None,
    )
    for number in range(2, PASSES + 1):
        if refined is None:
            return None
        progress.step(0.55, f"Drawing the labyrinth, pass {number} of {PASSES}")
        refined = _look(ct, geometry, refined.pose, bundle, progress)
    return refined


def _look(
    ct: Tensor, geometry: Geometry, pose: Pose, bundle: Bundle, progress: Progress
) -> Refined | None:
    """One pass; None if the landmarks are absent, make up no ear, or one of the other side."""
    stage = bundle.refine
    window = pose.window(stage.spacing_mm, stage.window)
    view = look(ct, geometry, window, bundle.intensity.low)
    logits, heatmaps = run_windows(stage, view[None], bundle.intensity, progress)
    peaks = decode_heatmaps(heatmaps[0], stage.spacing_mm, stage.heatmap_sigma_mm)
    seen = sighting_of(peaks, window, bundle)
    if seen.presence < MIN_PRESENCE or seen.pose.residual > MAX_RESIDUAL_MM:
        return None
    if seen.pose.side != pose.side:
        return None
    return Refined(window, logits[0], peaks, seen.pose)
