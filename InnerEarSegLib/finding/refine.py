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
from .locate import sighting_of
from .pose import Pose

PASSES = 2
"""The second pass starts from the first one's pose, so it hardly depends on the search's."""


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
    ct: Tensor, geometry: Geometry, pose: Pose, bundle: Bundle, progress: Progress
) -> Refined | None:
    """Look at an ear in its canonical pose.

    Args:
        ct: float32 [k, j, i] in HU.
        geometry: grid of ct.
        pose: about where the ear is.
        bundle: the model.
        progress: told which pass runs.

    Returns:
        The last pass, or None if what is there turns out to be no ear, or one whose side is not
        the one that the pose claimed.
    """
    stage = bundle.refine
    refined = None
    for number in range(PASSES):
        progress.step(0.35 + 0.2 * number, f"Drawing the labyrinth, pass {number + 1} of {PASSES}")
        window = pose.window(stage.spacing_mm, stage.window)
        view = look(ct, geometry, window, bundle.intensity.low)
        logits, heatmaps = run_windows(stage, view[None], bundle.intensity, progress)
        peaks = decode_heatmaps(heatmaps[0], stage.spacing_mm, stage.heatmap_sigma_mm)
        sighting = sighting_of(peaks, window, bundle)
        if sighting is None or sighting.pose.side != pose.side:
            return None
        pose = sighting.pose
        refined = Refined(window, logits[0], peaks, pose)
    return refined
