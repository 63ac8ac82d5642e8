"""Where ears may be, how they are turned and of which side: the low-resolution network's view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model.bundle import Model, PatchNetwork
from ..model.inference import look, run_patches
from ..progress import Progress
from ..types import Geometry
from .heatmap import Peak, decode_heatmaps
from .pose import Pose, fit_poses

BATCH = 4
MIN_PRESENCE = 0.3
MIN_LANDMARKS = 4
"""Fewer cannot tell the side."""

MAX_RESIDUAL_MM = 3.0
SAME_EAR_MM = 12.0
CENTRED = 6
"""Sightings that are looked at again from their own middle."""

BONE_HU = 600.0
MIN_BONE_VOXELS = 50


@dataclass(frozen=True, eq=False)
class Candidate:
    """An ear as a network sees it in one window.

    Attributes:
        poses: fitted to the landmarks, one of each side, the better one first.
        presence: of the least certain landmark that the fit used.
    """

    poses: list[Pose]
    presence: float

    @property
    def pose(self) -> Pose:
        """The better pose."""
        return self.poses[0]

    @property
    def score(self) -> float:
        """From 0 to 1: whether the landmarks are there and fit an ear."""
        return self.presence * float(np.exp(-self.pose.residual / 2.0))


def candidates_near(
    ct: Tensor,
    geometry: Geometry,
    centres: NDArray[np.float64],
    bundle: Model,
    progress: Progress,
) -> list[Candidate]:
    """What the low-resolution network sees around some places, each ear once.

    A place may lie so far from an ear that a window around it shows half of it. That is enough to
    tell where its middle is, so the best are looked at again from there.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        centres: (n, 3) RAS mm.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        The best sighting of each place that looks like an ear, the best one first.
    """
    windows = [upright_patch(centre, bundle.locate) for centre in centres]
    first = _apart(_candidates(ct, geometry, windows, bundle, progress))
    middles = [s.pose.center for s in first[:CENTRED]]
    centred = [upright_patch(middle, bundle.locate) for middle in middles]
    return _apart([*first, *_candidates(ct, geometry, centred, bundle, progress)])


def _apart(sightings: list[Candidate]) -> list[Candidate]:
    """The best sighting of each place, the best place first."""
    apart: list[Candidate] = []
    for sighting in sorted(sightings, key=lambda s: s.score, reverse=True):
        here = sighting.pose.center
        others = [other.pose.center for other in apart]
        if all(np.linalg.norm(here - other) > SAME_EAR_MM for other in others):
            apart.append(sighting)
    return apart


def turned_poses(
    ct: Tensor, geometry: Geometry, sighting: Candidate, bundle: Model, progress: Progress
) -> list[Pose]:
    """The poses in which an ear may lie, from windows that are turned and mirrored around it.

    Some directions are seen better than others, and the landmarks' fit to an ear tells which.

    Returns:
        The best pose of each side, the better one first; empty if none fits. Which side it is,
        the networks that see the canonical pose decide.
    """
    stage = bundle.locate
    centre = sighting.pose.center
    turned = [upright_patch(centre, stage, turn) for turn in turns_and_mirrors()]
    again = _candidates(ct, geometry, turned, bundle, progress)
    poses = [pose for one in [sighting, *again] for pose in one.poses]
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


def upright_patch(
    centre: NDArray[np.float64], stage: PatchNetwork, turn: NDArray[np.float64] | None = None
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


def _candidates(
    ct: Tensor,
    geometry: Geometry,
    windows: list[Geometry],
    bundle: Model,
    progress: Progress,
) -> list[Candidate]:
    """What the low-resolution network sees in each window that holds bone."""
    stage = bundle.locate
    found = []
    for start in range(0, len(windows), BATCH):
        progress.check()
        batch = windows[start : start + BATCH]
        views = [look(ct, geometry, window, bundle.intensity.low) for window in batch]
        bony = [n for n, v in enumerate(views) if int((v > BONE_HU).sum()) >= MIN_BONE_VOXELS]
        if not bony:
            continue
        seen = torch.stack([views[n] for n in bony])
        _, heatmaps = run_patches(stage, seen, bundle.intensity, progress)
        for n, maps in zip(bony, heatmaps, strict=True):
            peaks = decode_heatmaps(maps, stage.spacing_mm, stage.heatmap_sigma_mm)
            sighting = candidate_from(peaks, batch[n], bundle)
            if sighting is not None:
                found.append(sighting)
    return found


def candidate_from(peaks: list[Peak], window: Geometry, bundle: Model) -> Candidate | None:
    """The ear that the peaks of one window make up; None if too few landmarks are there."""
    there = {
        name: peak
        for name, peak in zip(bundle.landmarks, peaks, strict=True)
        if peak.presence >= MIN_PRESENCE
    }
    if len(there) < MIN_LANDMARKS:
        return None
    points = {name: window.to_ras(peak.ijk) for name, peak in there.items()}
    return Candidate(
        fit_poses(bundle.template, points), min(peak.presence for peak in there.values())
    )
