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
from .pose import Pose, fit_poses

BATCH = 4
MAX_WINDOWS = 600
MIN_PRESENCE = 0.3
MAX_RESIDUAL_MM = 3.0
BONE_HU = 700.0
MIN_BONE_VOXELS = 50


@dataclass(frozen=True, eq=False)
class Sighting:
    """An ear as a network sees it in one window.

    Attributes:
        poses: fitted to the landmarks, one of each side, the better one first.
        presence: of the least certain landmark.
    """

    poses: list[Pose]
    presence: float

    @property
    def pose(self) -> Pose:
        """The better pose."""
        return self.poses[0]


def locate(ct: Tensor, geometry: Geometry, bundle: Bundle, progress: Progress) -> list[Pose]:
    """Find the ear in a scan of one ear.

    Looks through overlapping windows and takes the one that is surest. Then looks again, with the
    ear in the middle of windows that are turned and mirrored in several ways: some directions
    are seen better than others, and the landmarks' fit to an ear tells which.

    Args:
        ct: float32 [k, j, i] in HU.
        geometry: grid of ct.
        bundle: the model.
        progress: told how far the search is.

    Returns:
        The best pose of each side, the better one first; empty if there is no ear. Which side it
        is, the high-resolution network decides.

    Raises:
        UnusableInput: if the field of view is far larger than one ear.
    """
    stage = bundle.locate
    windows = search_windows(geometry, stage)
    first = _surest(_sightings(ct, geometry, windows, bundle, progress))
    if first is None:
        return []
    turned = [upright_window(first.pose.matrix[:3, 3], stage, turn) for turn in turns_and_mirrors()]
    again = _sightings(ct, geometry, turned, bundle, progress)
    poses = [pose for sighting in [first, *again] for pose in sighting.poses]
    best = [
        min((pose for pose in poses if pose.side == side), key=lambda pose: pose.residual)
        for side in ("left", "right")
    ]
    return sorted(
        (pose for pose in best if pose.residual <= MAX_RESIDUAL_MM), key=lambda pose: pose.residual
    )


def turns_and_mirrors() -> list[NDArray[np.float64]]:
    """The 12 rotations of a tetrahedron, every other one mirrored: 3 x 3 matrices.

    They spread evenly over all directions and map the axes onto each other, so that turned
    windows lie on the same lattice.
    """
    flips = [(1, 1), (-1, -1), (1, -1), (-1, 1)]
    turns = []
    for shift in range(3):
        for a, b in flips:
            signs = np.diag([a, b, a * b]).astype(np.float64)
            turns.append(np.roll(np.eye(3), shift, axis=0) @ signs)
    return [turn * (-1.0 if n % 2 else 1.0) for n, turn in enumerate(turns)]


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


def upright_window(
    centre: NDArray[np.float64], stage: Stage, turn: NDArray[np.float64] | None = None
) -> Geometry:
    """A window along RAS around a point, snapped to a fixed lattice.

    The lattice makes the same anatomy fall on the same voxels however the file stores its axes.

    Args:
        centre: RAS mm.
        stage: whose windows.
        turn: 3 x 3, turns or mirrors the window.
    """
    matrix = np.eye(4)
    if turn is not None:
        matrix[:3, :3] = turn
    matrix[:3, 3] = np.round(np.asarray(centre) / stage.spacing_mm) * stage.spacing_mm
    return Pose(matrix).window(stage.spacing_mm, stage.window)


def _sightings(
    ct: Tensor,
    geometry: Geometry,
    windows: list[Geometry],
    bundle: Bundle,
    progress: Progress,
) -> list[Sighting]:
    """What the low-resolution network sees in each window that holds bone."""
    stage = bundle.locate
    found = []
    for start in range(0, len(windows), BATCH):
        progress.step(0.1, f"Searching, window {start + 1} of {len(windows)}")
        batch = windows[start : start + BATCH]
        views = [look(ct, geometry, window, bundle.intensity.low) for window in batch]
        bony = [n for n, v in enumerate(views) if int((v > BONE_HU).sum()) >= MIN_BONE_VOXELS]
        if not bony:
            continue
        seen = torch.stack([views[n] for n in bony])
        _, heatmaps = run_windows(stage, seen, bundle.intensity, progress)
        for n, maps in zip(bony, heatmaps, strict=True):
            peaks = decode_heatmaps(maps, stage.spacing_mm, stage.heatmap_sigma_mm)
            sighting = sighting_of(peaks, batch[n], bundle)
            if sighting.presence >= MIN_PRESENCE:
                found.append(sighting)
    return found


def sighting_of(peaks: list[Peak], window: Geometry, bundle: Bundle) -> Sighting:
    """The ear that the peaks of one window make up."""
    points = {
        name: window.to_ras(peak.ijk) for name, peak in zip(bundle.landmarks, peaks, strict=True)
    }
    return Sighting(fit_poses(bundle.template, points), min(peak.presence for peak in peaks))


def _surest(found: list[Sighting]) -> Sighting | None:
    """The sighting whose landmarks are all there and fit an ear best."""
    return max(
        found, key=lambda s: s.presence * float(np.exp(-s.pose.residual / 2.0)), default=None
    )
