"""Where the ear is, how it is turned and which side it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..decoding.heatmap import Peak, decode_heatmaps
from ..errors import UnusableInput
from ..geometry import Geometry
from ..inferring.bundle import Bundle, Stage
from ..inferring.run import run_windows
from ..inferring.window import look
from ..progress import Progress
from .pose import Pose, fit_pose

BATCH = 4
MAX_WINDOWS = 600
MIN_PRESENCE = 0.3
MAX_RESIDUAL_MM = 2.0
BONE_HU = 700.0
MIN_BONE_VOXELS = 50


@dataclass(frozen=True, eq=False)
class Sighting:
    """An ear as the low-resolution network sees it.

    Attributes:
        pose: fitted to the landmarks.
        presence: of the least certain landmark.
    """

    pose: Pose
    presence: float


def locate(ct: Tensor, geometry: Geometry, bundle: Bundle, progress: Progress) -> Sighting | None:
    """Find the ear in a scan of one ear.

    Looks through overlapping windows, takes the one that is surest, and looks again with the ear
    in the middle of the window, so that the result does not hang on where the scan was cut.

    Args:
        ct: float32 [k, j, i] in HU.
        geometry: grid of ct.
        bundle: the model.
        progress: told how far the search is.

    Returns:
        The ear, or None if there is none.

    Raises:
        UnusableInput: if the field of view is far larger than one ear.
    """
    stage = bundle.locate
    found: list[Sighting] = []
    windows = search_windows(geometry, stage)
    for start in range(0, len(windows), BATCH):
        progress.step(
            0.1 + 0.2 * start / len(windows), f"Searching, window {start + 1} of {len(windows)}"
        )
        found += _sightings(ct, geometry, windows[start : start + BATCH], bundle, progress)
    best = _surest(found)
    if best is None:
        return None
    centred = upright_window(best.pose.matrix[:3, 3], stage)
    again = _surest(_sightings(ct, geometry, [centred], bundle, progress))
    return again or best


def search_windows(geometry: Geometry, stage: Stage) -> list[Geometry]:
    """Windows along RAS, overlapping by half, that cover a field of view.

    Raises:
        UnusableInput: if there would be too many.
    """
    low, high = geometry.corners.min(axis=0), geometry.corners.max(axis=0)
    edge = np.array(stage.window[::-1]) * stage.spacing_mm
    counts = 1 + np.ceil(np.maximum(high - low - edge, 0.0) / (edge / 2.0) - 1e-6).astype(int)
    if counts.prod() > MAX_WINDOWS:
        raise UnusableInput(
            f"The CT covers {' x '.join(f'{size:.0f}' for size in high - low)} mm, far more than "
            "one ear; crop it to one ear (Crop Volume in 3D Slicer) and try again."
        )
    lines = []
    for axis in range(3):
        first, last = low[axis] + edge[axis] / 2.0, high[axis] - edge[axis] / 2.0
        middle = (low[axis] + high[axis]) / 2.0
        lines.append([middle] if counts[axis] == 1 else np.linspace(first, last, counts[axis]))
    centres = np.array(np.meshgrid(*lines, indexing="ij")).reshape(3, -1).T
    return [upright_window(centre, stage) for centre in centres]


def upright_window(centre: NDArray[np.float64], stage: Stage) -> Geometry:
    """A window along RAS around a point, snapped to a fixed lattice.

    The lattice makes the same anatomy fall on the same voxels however the file stores its axes.
    """
    matrix = np.eye(4)
    matrix[:3, 3] = np.round(np.asarray(centre) / stage.spacing_mm) * stage.spacing_mm
    return Pose(matrix).window(stage.spacing_mm, stage.window)


def _sightings(
    ct: Tensor,
    geometry: Geometry,
    windows: list[Geometry],
    bundle: Bundle,
    progress: Progress,
) -> list[Sighting]:
    """What the network sees in each window that holds bone."""
    views = [look(ct, geometry, window, bundle.intensity.low) for window in windows]
    bony = [n for n, view in enumerate(views) if int((view > BONE_HU).sum()) >= MIN_BONE_VOXELS]
    if not bony:
        return []
    stage = bundle.locate
    batch = torch.stack([views[n] for n in bony])
    _, heatmaps = run_windows(stage, batch, bundle.intensity, progress)
    found = []
    for n, maps in zip(bony, heatmaps, strict=True):
        peaks = decode_heatmaps(maps, stage.spacing_mm, stage.heatmap_sigma_mm)
        sighting = sighting_of(peaks, windows[n], bundle)
        if sighting is not None:
            found.append(sighting)
    return found


def sighting_of(peaks: list[Peak], window: Geometry, bundle: Bundle) -> Sighting | None:
    """The ear that the peaks of one window make up, if they look like one."""
    presence = min(peak.presence for peak in peaks)
    if presence < MIN_PRESENCE:
        return None
    points = {
        name: window.to_ras(peak.ijk) for name, peak in zip(bundle.landmarks, peaks, strict=True)
    }
    pose = fit_pose(bundle.template, points)
    return Sighting(pose, presence) if pose.residual <= MAX_RESIDUAL_MM else None


def _surest(found: list[Sighting]) -> Sighting | None:
    """The sighting whose landmarks are all there and fit an ear best."""
    return max(found, key=lambda s: s.presence * float(np.exp(-s.pose.residual)), default=None)
