"""Find all ears of a scan: none, one, or one of each side."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..io.region import Region
from ..model.bundle import Model, PatchNetwork
from ..progress import Progress
from ..types import Geometry
from .localization import SAME_EAR_MM, candidates_near, turned_poses
from .prediction import EarPrediction, orient

GRID_MM = 1.5
BONE_SIGMA_MM = 7.0
CAVITY_SIGMA_MM = 5.0
CLOSING_MM = 4.5
"""Half the width of the widest cavity that counts, about the vestibule's with its surroundings."""

ENCLOSING_HU = 700.0
APART_MM = 6.0
DENSEST_HU = 2000.0
"""Enamel and metal count no more than this."""


def petrous_candidates(ct: Tensor, geometry: Geometry, limit: int) -> NDArray[np.float64]:
    """Places that look like the bone around an inner ear, the likeliest first.

    Args:
        ct: [k, j, i] in HU, of any number type.
        geometry: its grid.
        limit: how many at most.

    Returns:
        (n, 3) RAS mm; none where there is no bone.
    """
    small, grid = _averaged(ct, geometry)
    bone = small.clamp(0.0, DENSEST_HU)
    enclosed = _erode(_dilate(bone, grid, CLOSING_MM), grid, CLOSING_MM)
    cavity = torch.where(enclosed > ENCLOSING_HU, enclosed - bone, torch.zeros_like(bone))
    likeness = _smooth(bone, grid, BONE_SIGMA_MM) * _smooth(cavity, grid, CAVITY_SIGMA_MM)
    peaks = torch.nonzero((likeness == _dilate(likeness, grid, APART_MM)) & (likeness > 0))
    order = likeness[tuple(peaks.T)].argsort(descending=True, stable=True)[:limit]
    return grid.to_ras(peaks[order].numpy()[:, ::-1])


def _averaged(ct: Tensor, geometry: Geometry) -> tuple[Tensor, Geometry]:
    """The scan averaged over whole voxels to about GRID_MM: float32 [k, j, i], and its grid."""
    parts = np.clip(np.round(GRID_MM / geometry.spacing), 1, np.array(ct.shape[::-1])).astype(int)
    window = [int(n) for n in parts[::-1]]
    # Slab by slab, so that a large scan is never there as floating point numbers.
    slabs = [
        F.avg_pool3d(slab[None, None].float(), window)[0, 0]
        for slab in ct.split(16 * window[0])
        if slab.shape[0] >= window[0]
    ]
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, :3] = matrix[:3, :3] * parts
    matrix[:3, 3] = geometry.to_ras((parts - 1) / 2.0)
    small = torch.cat(slabs)
    return small, Geometry(matrix, (small.shape[0], small.shape[1], small.shape[2]))


def _edges(grid: Geometry, radius_mm: float) -> list[int]:
    """Odd edge lengths (k, j, i) in voxels of a cube with this half width."""
    return [2 * max(1, round(radius_mm / spacing)) + 1 for spacing in grid.spacing[::-1]]


def _dilate(values: Tensor, grid: Geometry, radius_mm: float) -> Tensor:
    """Largest value within a cube, axis by axis."""
    for axis, edge in enumerate(_edges(grid, radius_mm)):
        window = [edge if other == axis else 1 for other in range(3)]
        padding = [n // 2 for n in window]
        values = F.max_pool3d(values[None, None], window, stride=1, padding=padding)[0, 0]
    return values


def _erode(values: Tensor, grid: Geometry, radius_mm: float) -> Tensor:
    """Least value within a cube."""
    return -_dilate(-values, grid, radius_mm)


def _smooth(values: Tensor, grid: Geometry, sigma_mm: float) -> Tensor:
    """Gaussian smoothing; beyond the border lies what is at the border."""
    for axis, spacing in enumerate(grid.spacing[::-1]):
        sigma = sigma_mm / spacing
        radius = max(1, int(np.ceil(2.5 * sigma)))
        offset = torch.arange(-radius, radius + 1, dtype=torch.float32)
        kernel = torch.exp(-0.5 * (offset / sigma) ** 2)
        lines = values.movedim(axis, 2)
        shape = lines.shape
        flat = F.pad(lines.reshape(-1, 1, shape[2]), [radius, radius], mode="replicate")
        flat = F.conv1d(flat, (kernel / kernel.sum())[None, None])
        values = flat.reshape(shape).movedim(2, axis)
    return values


MAX_GRID = 27
"""Places of a grid; a larger scan is searched by its bone."""

MAX_CANDIDATES = 16
ASIDE_MM = 6.0
"""A candidate lies up to this far from an ear's middle along an axis."""


def places_to_look(
    ct: Tensor, geometry: Geometry, stage: PatchNetwork, region: Region | None
) -> NDArray[np.float64]:
    """Centres (n, 3) RAS mm of the first windows to look through, the likeliest first.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        stage: whose windows.
        region: where the user said to look; None for everywhere.
    """
    low, high = geometry.corners.min(axis=0), geometry.corners.max(axis=0)
    if region is not None:
        low, high = np.maximum(low, region.low), np.minimum(high, region.high)
        if np.any(low >= high):
            return np.zeros((0, 3))
    grid = covering_grid(low, high, np.array(stage.window[::-1]) * stage.spacing_mm)
    if len(grid) <= MAX_GRID:
        return grid
    candidates = petrous_candidates(ct, geometry, 4 * MAX_CANDIDATES)
    inside = np.all((candidates >= low) & (candidates <= high), axis=1)
    return candidates[inside][:MAX_CANDIDATES]


def beside(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """The places beside some (n, 3), where an ear is if the first look just missed it."""
    steps = ASIDE_MM * np.concatenate([np.eye(3), -np.eye(3)])
    return (centres[:, None] + steps).reshape(-1, 3)


def covering_grid(
    low: NDArray[np.float64], high: NDArray[np.float64], edge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Centres (n, 3) of boxes of an edge length, overlapping by half, that cover a box."""
    counts = 1 + np.ceil(np.maximum(high - low - edge, 0.0) / (edge / 2.0) - 1e-6).astype(int)
    if counts.prod() > 100 * MAX_GRID:
        return np.full((100 * MAX_GRID, 3), np.nan)  # too many to be worth listing
    lines = []
    for axis in range(3):
        first, last = low[axis] + edge[axis] / 2.0, high[axis] - edge[axis] / 2.0
        middle = (low[axis] + high[axis]) / 2.0
        lines.append([middle] if counts[axis] == 1 else np.linspace(first, last, counts[axis]))
    return np.array(np.meshgrid(*lines, indexing="ij")).reshape(3, -1).T


ONE_EAR_MM = 60.0
"""No scan smaller than this shows both ears: their middles are 65 mm apart or more."""

HEAD_MM = 110.0
"""A scan of this size shows both. Between the two it may show one or both."""

OTHER_EAR_MM = 45.0
"""No other ear is nearer to one that was found; small children's included."""

FIRST_PLACES = 8
"""Looked at before all others; both ears are nearly always among them."""

MAX_TRIES = 3
"""Sightings of a round that are looked at closely; ears are nearly always the first two."""

MIN_SCORE = 0.35
TURNED_SCORE = 0.5
"""What a sighting needs for a closer look, and for one through turned windows where nothing was
seen on that, which costs as much as all the rest. Ears of specimens and of a head have 0.65 to
0.87, what is none (in that head, and synthetic chests, jaws, vertebrae and noise) at most 0.46.
It is what lets a scan without ears end soon."""

MISSED = 2
"""Places beside which to look where fewer ears were found than a scan of its size shows."""

SURE_RESIDUAL_MM = 0.3
"""Misfit up to which a first look settles the pose and the side; above, turned windows are looked
through. Ears of specimens and of a head have 0.09 to 0.21."""


def find_ears(
    ct: Tensor, geometry: Geometry, bundle: Model, region: Region | None, progress: Progress
) -> list[EarPrediction]:
    """Search a scan for ears, coarse to fine.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        bundle: the model.
        region: where the user said to look; None for everywhere.
        progress: told how far the search is.

    Returns:
        At most one ear of each side, the surer one first.
    """
    places = places_to_look(ct, geometry, bundle.locate, region)
    rounds = [places[:FIRST_PLACES], places[FIRST_PLACES:], beside(places[:MISSED])]
    least, most = _number_of_ears(geometry, region)
    ears: list[EarPrediction] = []
    for number, centres in enumerate(rounds):
        # What may show one ear or both is searched in all places, but beside them for one alone.
        if _sides(ears) >= (most if number < len(rounds) - 1 else least):
            break
        known = [ear.pose.center for ear in ears]
        apart = OTHER_EAR_MM if _sides(ears) >= least else 2.0 * SAME_EAR_MM
        centres = np.array([c for c in centres if _is_apart(c, known, apart)])
        if len(centres) == 0:
            continue
        progress.step(0.1 + 0.1 * number, f"Looking for ears in {len(centres)} places")
        ears += _ears_at(ct, geometry, centres, ears, bundle, region, progress)
    return _one_a_side(ears)[:most]


def _is_apart(
    point: NDArray[np.float64], others: list[NDArray[np.float64]], distance_mm: float
) -> bool:
    """Whether a point is further than this from all others."""
    return all(np.linalg.norm(point - other) > distance_mm for other in others)


def _extent(geometry: Geometry, region: Region | None) -> float:
    """The longest edge in mm of what is searched."""
    size = geometry.spacing * geometry.shape[::-1]
    return float(max(size) if region is None else min(max(size), 2.0 * max(region.half_mm)))


def _number_of_ears(geometry: Geometry, region: Region | None) -> tuple[int, int]:
    """How many ears a scan of this size shows, at least and at most."""
    extent = _extent(geometry, region)
    return (2 if extent > HEAD_MM else 1), (2 if extent > ONE_EAR_MM else 1)


def _sides(ears: list[EarPrediction]) -> int:
    """Of how many sides there are ears."""
    return len({ear.pose.side for ear in ears})


def _ears_at(
    ct: Tensor,
    geometry: Geometry,
    places: NDArray[np.float64],
    known: list[EarPrediction],
    bundle: Model,
    region: Region | None,
    progress: Progress,
) -> list[EarPrediction]:
    """Unknown ears around some places (n, 3), until as many are found as the scan may show."""
    ears: list[EarPrediction] = []
    sightings = candidates_near(ct, geometry, places, bundle, progress)
    hopeful = [sighting for sighting in sightings[:MAX_TRIES] if sighting.score >= MIN_SCORE]
    least, most = _number_of_ears(geometry, region)
    for sighting in hopeful:
        progress.check()
        others = [other.pose.center for other in [*known, *ears]]
        enough = _sides([*known, *ears]) >= least
        if enough and not _is_apart(sighting.pose.center, others, OTHER_EAR_MM):
            continue
        ear = orient(ct, geometry, sighting.poses, bundle, progress)
        sure = ear is not None and ear.pose.residual <= SURE_RESIDUAL_MM
        if not sure and (ear is not None or sighting.score >= TURNED_SCORE):
            poses = turned_poses(ct, geometry, sighting, bundle, progress)
            ears_seen = [ear, orient(ct, geometry, poses, bundle, progress) if poses else None]
            ear = min(
                (seen for seen in ears_seen if seen is not None),
                key=lambda seen: seen.pose.residual,
                default=None,
            )
        if ear is None or (region is not None and not region.holds(ear.pose.center)):
            continue
        if _is_apart(ear.pose.center, others, SAME_EAR_MM):
            ears.append(ear)
        if _sides([*known, *ears]) >= most:
            break
    return ears


def _one_a_side(ears: list[EarPrediction]) -> list[EarPrediction]:
    """The surer ear of each side."""
    ranked = sorted(ears, key=lambda ear: ear.presence * np.exp(-ear.pose.residual), reverse=True)
    best: dict[str, EarPrediction] = {}
    for ear in ranked:
        best.setdefault(ear.pose.side, ear)
    return list(best.values())
