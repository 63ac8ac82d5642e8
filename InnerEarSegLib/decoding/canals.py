"""The semicircular canals in canonical pose: which are open, and how they would be closed.

A soft kernel hides a canal here and there. The network's logits still run along it, below zero.
An open canal is completed along the path on which they are highest, if they and the CT support
one; what bone fills is left open.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

ANTERIOR, POSTERIOR, LATERAL = "anterior", "posterior", "lateral"

CENTRE_LINES = {
    LATERAL: (
        (-1.62, -1.17, -3.11), (-2.29, -1.22, -3.68), (-3.01, -1.12, -4.07), (-3.72, -0.79, -4.30),
        (-4.37, -0.40, -4.59), (-4.86, 0.18, -4.52), (-5.22, 0.82, -3.97), (-5.58, 1.45, -3.41),
        (-5.73, 1.99, -2.83), (-5.43, 2.10, -2.11), (-4.99, 2.17, -1.41), (-4.45, 2.10, -0.74),
        (-3.84, 2.08, -0.19),
    ),
    POSTERIOR: (
        (-3.75, 0.85, 2.85), (-5.01, 0.85, 2.97), (-6.22, 0.97, 2.68), (-7.14, 1.49, 1.96),
        (-7.92, 2.13, 1.12), (-8.39, 2.81, 0.24), (-7.95, 3.85, -0.46), (-7.40, 4.86, -1.03),
        (-6.39, 5.57, -0.90), (-5.16, 5.74, -0.76), (-3.92, 5.60, -0.55), (-2.77, 5.27, -0.27),
        (-1.68, 4.86, 0.09),
    ),
    ANTERIOR: (
        (-1.31, -3.05, -1.93), (-2.05, -3.94, -2.04), (-2.80, -4.72, -1.65), (-3.42, -5.34, -0.95),
        (-4.01, -5.70, -0.07), (-4.45, -5.63, 0.83), (-4.54, -4.95, 1.84), (-4.55, -4.24, 2.81),
        (-4.39, -3.40, 3.52), (-4.26, -2.33, 3.78), (-4.03, -1.24, 3.70), (-3.78, -0.22, 3.37),
        (-3.34, 0.63, 2.83),
    ),
}  # fmt: skip
"""Mean course of each canal in the training specimens, canonical mm, outside the vestibule; the
specimens' own courses are 0.5 mm off on average and 1.7 mm at most."""

CORRIDOR_MM = 2.3
CORRIDOR_END_MM = 1.5
"""How far from its mean course a canal is looked for, in the middle and at its ends."""

TUBE_RADIUS_MM = 0.45
"""Of what is added; canals of the specimens have 0.4 to 0.7."""

LEAST_LOGIT = -4.0
"""Below this the network sees no canal."""

LONGEST_GAP_MM = 8.0
RING_MM = (1.0, 1.6)
"""Where the bone around a canal is measured."""

ADDED_LOGIT = 1.0


@dataclass(frozen=True)
class Gap:
    """An open canal, and what was found about closing it.

    Attributes:
        canal: which.
        length_mm: of all that is missing along the best path; None if there is none.
        least_logit: the lowest along it; None without a path.
        contrast_hu: median over the path of how much darker it is than the bone around.
        closed: whether it was completed.
    """

    canal: str
    length_mm: float | None
    least_logit: float | None
    contrast_hu: float | None
    closed: bool


def open_canals(mask: NDArray, ijk_to_canonical: NDArray[np.float64]) -> tuple[str, ...]:
    """Names of the canals that do not run through from end to end.

    Args:
        mask: labyrinth [k, j, i].
        ijk_to_canonical: 4 x 4 from index (i, j, k) to canonical mm.
    """
    return tuple(
        name
        for name, corridor in corridors(mask.shape, ijk_to_canonical).items()
        if not corridor.connects(mask[corridor.box].astype(bool))
    )


@dataclass(frozen=True, eq=False)
class Corridor:
    """Where a canal may run.

    Attributes:
        box: the part of the window that it is in.
        inside: bool [k, j, i] in that box.
        first: bool, its one end.
        last: bool, its other end.
        spacing_mm: voxel edge.
    """

    box: tuple[slice, slice, slice]
    inside: NDArray[np.bool_]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    spacing_mm: float

    def connects(self, mask: NDArray[np.bool_]) -> bool:
        """Whether a mask in the box joins the two ends within the corridor."""
        image = sitk.GetImageFromArray((mask & self.inside).astype(np.uint8))
        parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(image, True))
        common = np.intersect1d(parts[self.first], parts[self.last])
        return bool((common > 0).any())


def corridors(shape: tuple[int, ...], ijk_to_canonical: NDArray[np.float64]) -> dict[str, Corridor]:
    """The corridor of each canal in a window of this shape (k, j, i)."""
    to_ijk = np.linalg.inv(ijk_to_canonical)
    spacing = float(np.cbrt(abs(np.linalg.det(ijk_to_canonical[:3, :3]))))
    result = {}
    for name, points in CENTRE_LINES.items():
        line = _dense(np.array(points))
        ijk = line @ to_ijk[:3, :3].T + to_ijk[:3, 3]
        reach = CORRIDOR_MM / spacing + 1
        low = np.clip(np.floor(ijk.min(axis=0) - reach), 0, np.array(shape[::-1]) - 1).astype(int)
        high = np.clip(np.ceil(ijk.max(axis=0) + reach) + 1, 1, shape[::-1]).astype(int)
        box = (
            slice(int(low[2]), int(high[2])),
            slice(int(low[1]), int(high[1])),
            slice(int(low[0]), int(high[0])),
        )
        k, j, i = np.meshgrid(*(np.arange(part.start, part.stop) for part in box), indexing="ij")
        ijk_grid = np.stack([i, j, k], axis=-1).reshape(-1, 3)
        mm = ijk_grid @ ijk_to_canonical[:3, :3].T + ijk_to_canonical[:3, 3]
        distance, nearest = _to_line(mm, line)
        along = nearest / (len(line) - 1)
        width = CORRIDOR_END_MM + (CORRIDOR_MM - CORRIDOR_END_MM) * np.sin(np.pi * along)
        inside = distance <= width
        for other, points_there in CENTRE_LINES.items():
            if other != name:  # not where another canal is nearer
                inside[inside] &= (
                    distance[inside] <= _to_line(mm[inside], _dense(np.array(points_there)))[0]
                )
        # The common crus belongs to two canals, whose middle lines meet there.
        first = inside & (np.linalg.norm(mm - line[0], axis=1) <= CORRIDOR_END_MM)
        last = inside & (np.linalg.norm(mm - line[-1], axis=1) <= CORRIDOR_END_MM)
        result[name] = Corridor(
            box, inside.reshape(k.shape), first.reshape(k.shape), last.reshape(k.shape), spacing
        )
    return result


def complete_canals(
    logits: NDArray[np.float32], ct: NDArray[np.float32], ijk_to_canonical: NDArray[np.float64]
) -> tuple[NDArray[np.float32], tuple[Gap, ...]]:
    """Close the canals that are open where logits and CT support it.

    Args:
        logits: of the labyrinth [k, j, i].
        ct: HU in the same window.
        ijk_to_canonical: 4 x 4 from index (i, j, k) to canonical mm.

    Returns:
        The logits, raised to ADDED_LOGIT where a tube was added, and what was found about each
        open canal. What is whole comes back as it is.
    """
    gaps, result = [], logits
    for name, corridor in corridors(logits.shape, ijk_to_canonical).items():
        near = result[corridor.box]
        if corridor.connects(near > 0):
            continue
        gap, tube = _closed(name, near, ct[corridor.box], corridor)
        gaps.append(gap)
        if gap.closed:
            result = result.copy() if result is logits else result
            part = result[corridor.box]
            part[tube] = np.maximum(part[tube], ADDED_LOGIT)
    return result, tuple(gaps)


def _closed(
    name: str, logits: NDArray[np.float32], ct: NDArray[np.float32], corridor: Corridor
) -> tuple[Gap, NDArray[np.bool_]]:
    """How one canal would be closed, and the tube that does it."""
    nothing = np.zeros(logits.shape, bool)
    level = next(
        (
            float(level)
            for level in np.arange(-0.25, LEAST_LOGIT - 0.01, -0.25)
            if corridor.connects(logits > level)
        ),
        None,
    )
    if level is None:
        return Gap(name, None, None, None, False), nothing
    path = _path(logits, (logits > level) & corridor.inside, corridor)
    missing = np.array([voxel for voxel in path if logits[voxel] <= 0])
    if len(missing) == 0:
        return Gap(name, 0.0, level, None, False), nothing
    length = _length(path, logits, corridor.spacing_mm)
    least = float(logits[tuple(missing.T)].min())
    contrast = _contrast(ct, logits > 0, missing, corridor.spacing_mm)
    if length > LONGEST_GAP_MM or contrast is None or contrast <= 0.0:
        return Gap(name, length, least, contrast, False), nothing
    tube = _balls(missing, logits.shape, TUBE_RADIUS_MM / corridor.spacing_mm)
    return Gap(name, length, least, contrast, True), tube


def _path(
    logits: NDArray[np.float32], allowed: NDArray[np.bool_], corridor: Corridor
) -> list[tuple[int, int, int]]:
    """The cheapest way from one end to the other; voxels cost more the lower their logit is."""
    cost = np.where(logits > 0, 0.05, 0.3 + np.logaddexp(0.0, -logits)).astype(float)
    cost[~allowed] = np.inf
    cost = np.pad(cost, 1, constant_values=np.inf)
    goal = np.pad(corridor.last & allowed, 1)
    steps = [
        (step, math.sqrt(sum(n * n for n in step)))
        for step in product((-1, 0, 1), repeat=3)
        if any(step)
    ]
    starts = [tuple(map(int, voxel)) for voxel in np.argwhere(np.pad(corridor.first & allowed, 1))]
    best = dict.fromkeys(starts, 0.0)
    before: dict[tuple[int, ...], tuple[int, ...]] = {}
    queue = [(0.0, voxel) for voxel in starts]
    heapq.heapify(queue)
    while queue:
        so_far, voxel = heapq.heappop(queue)
        if so_far > best[voxel]:
            continue
        if goal[voxel]:
            path = [voxel]
            while path[-1] in before:
                path.append(before[path[-1]])
            return [(v[0] - 1, v[1] - 1, v[2] - 1) for v in path]
        for step, length in steps:
            there = (voxel[0] + step[0], voxel[1] + step[1], voxel[2] + step[2])
            total = so_far + length * cost[there]
            if total < best.get(there, math.inf):
                best[there], before[there] = total, voxel
                heapq.heappush(queue, (total, there))
    return []


def _length(
    path: list[tuple[int, int, int]], logits: NDArray[np.float32], spacing_mm: float
) -> float:
    """Millimetres of a path outside the labyrinth."""
    points = np.array(path, dtype=float)
    outside = np.array([logits[voxel] <= 0 for voxel in path])
    edges = np.linalg.norm(np.diff(points, axis=0), axis=1)
    return float((edges * (outside[1:] | outside[:-1])).sum() * spacing_mm)


def _contrast(
    ct: NDArray[np.float32], mask: NDArray[np.bool_], path: NDArray[np.int64], spacing_mm: float
) -> float | None:
    """Median over voxels (n, 3) of how much darker they are than what is around them, in HU.

    Around them: the upper quartile of a shell, because air cells and other canals are in it.
    """
    reach = int(np.ceil(RING_MM[1] / spacing_mm))
    offsets = np.array(list(product(range(-reach, reach + 1), repeat=3)))
    distance = np.linalg.norm(offsets, axis=1) * spacing_mm
    offsets = offsets[(distance >= RING_MM[0]) & (distance <= RING_MM[1])]
    differences = []
    for voxel in path:
        ring = voxel + offsets
        ring = ring[np.all((ring >= 0) & (ring < ct.shape), axis=1)]
        ring = ring[~mask[tuple(ring.T)]]
        if len(ring) >= 20:
            differences.append(float(np.quantile(ct[tuple(ring.T)], 0.75) - ct[tuple(voxel)]))
    return float(np.median(differences)) if differences else None


def _balls(centres: NDArray[np.int64], shape: tuple[int, ...], radius: float) -> NDArray[np.bool_]:
    """Voxels within a radius (in voxels) of some voxels (n, 3)."""
    reach = int(np.ceil(radius))
    offsets = np.array(list(product(range(-reach, reach + 1), repeat=3)))
    offsets = offsets[np.linalg.norm(offsets, axis=1) <= radius]
    voxels = (centres[:, None] + offsets[None]).reshape(-1, 3)
    voxels = voxels[np.all((voxels >= 0) & (voxels < shape), axis=1)]
    result = np.zeros(shape, bool)
    result[tuple(voxels.T)] = True
    return result


def _dense(points: NDArray[np.float64], parts: int = 4) -> NDArray[np.float64]:
    """A line of points with ``parts`` times as many."""
    at = np.linspace(0, len(points) - 1, parts * (len(points) - 1) + 1)
    return np.stack([np.interp(at, np.arange(len(points)), points[:, a]) for a in range(3)], 1)


def _to_line(
    points: NDArray[np.float64], line: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distance of points (n, 3) to the nearest of a line's points (m, 3), and which that is."""
    squared = (points**2).sum(1)[:, None] + (line**2).sum(1)[None] - 2.0 * points @ line.T
    nearest = squared.argmin(axis=1)
    return np.sqrt(np.maximum(squared[np.arange(len(points)), nearest], 0.0)), nearest
