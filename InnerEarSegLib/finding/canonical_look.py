"""One look at an ear in its canonical pose, by either network that sees it so."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ..decoding.heatmap import Peak, decode_heatmaps
from ..geometry import Geometry
from ..inferring.bundle import Bundle, Stage
from ..inferring.run import run_windows
from ..inferring.window import look
from ..progress import Progress
from .locate import sighting_of
from .pose import Pose

MAX_RESIDUAL_MM = 0.7
"""Misfit of the landmarks above which they make up no ear; reference landmarks of the dataset have
0.2 to 0.55, what the networks see in real ears 0.1 to 0.35."""


@dataclass(frozen=True, eq=False)
class Seen:
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
    stage: Stage
    ct: Tensor
    labyrinth: Tensor
    peaks: list[Peak]
    pose: Pose
    presence: float


def look_at_ear(
    ct: Tensor, geometry: Geometry, pose: Pose, stage: Stage, bundle: Bundle, progress: Progress
) -> Seen | None:
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
    logits, heatmaps = run_windows(stage, view[None], bundle.intensity, progress)
    peaks = decode_heatmaps(heatmaps[0], stage.spacing_mm, stage.heatmap_sigma_mm)
    sighting = sighting_of(peaks, window, bundle)
    if sighting is None or sighting.pose.residual > MAX_RESIDUAL_MM:
        return None
    if sighting.pose.side != pose.side:
        return None
    return Seen(window, stage, view, logits[0], peaks, sighting.pose, sighting.presence)
