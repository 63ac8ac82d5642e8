"""Tell which semicircular canals of a drawing are open, complete those that may be, cut off bone.

A soft kernel hides a canal here and there. The network's logits still run along it, below zero. An
open canal is completed along the path on which they are highest, if they and the CT support one;
what bone fills is left open, and taken out of the drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from ..types import apply_affine
from .canal_courses import COURSES
from .topology import Mask

CORRIDOR_MM = 2.3
CORRIDOR_END_MM = 1.5
"""How far from its mean course a canal is looked for, in the middle and at its ends."""

TUBE_RADIUS_MM = 0.45
"""Of what is added; canals of the specimens have 0.4 to 0.7."""

LEAST_LOGIT = -4.0
"""Below this the network sees no canal."""

LEVEL_STEP = 0.25
LONGEST_GAP_MM = 8.0
RING_MM = (1.0, 1.6)
"""Distances at which the bone around a canal is measured."""

MIN_RING_VOXELS = 20
ADDED_LOGIT = 1.0

CANAL_RADIUS_MM = 0.45
"""Of the narrowest part of a usual canal."""

COMPLETED_SHARE = 0.12
"""Share of the darkness of an open canal in a CT so sharp that a canal must have to be completed:
open ones of specimens with a soft kernel have 0.3 and more, of a head with slices of 1.9 mm 0.18,
bone alone 0.06 by noise of 60 HU."""

BONY_SHARE, BONY_MM = 0.4, 1.4
"""Share of the darkness of an open canal in a CT so sharp below which its middle is bone, and the
length from which that is named: whole canals of specimens reach 1.0 mm at most, as scanned and
with a bone kernel, ossified ones (simulated, 2.5 mm and more) 1.4 mm and more."""

CUT_DARKNESS = 0.08
"""Median darkness of a bony stretch up to which it is cut off: bone that fills a canal has 0 and
its noise, canals of a head that a median filter or a narrow range made thin have 0.11 to 0.23."""

BONY_RADIUS_MM = 1.2
"""Of what is cut off around the middle of a canal."""

Values = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Corridor:
    """Where a canal may run.

    Attributes:
        name: of the canal.
        box: the part of a grid that the corridor lies in.
        inside: bool [k, j, i] in that box.
        ends: the two ends of the corridor, likewise.
        spacing_mm: voxel edge.
    """

    name: str
    box: tuple[slice, slice, slice]
    inside: Mask
    ends: tuple[Mask, Mask]
    spacing_mm: float

    def connects(self, mask: Mask, *, corners: bool = True) -> bool:
        """Return whether a mask of the box joins the two ends within the corridor.

        Voxels that share a corner may count as apart.
        """
        image = sitk.GetImageFromArray((mask & self.inside).astype(np.uint8))
        parts = sitk.GetArrayFromImage(sitk.ConnectedComponent(image, corners))
        first, last = (np.unique(parts[end]) for end in self.ends)
        return bool(np.intersect1d(first, last).any())


@dataclass(frozen=True)
class Gap:
    """An open canal, and what was found about closing it.

    Attributes:
        canal: its name.
        length_mm: of all that is missing along the best path; None if there is none.
        darkness: of that path, from 0 in bone to 1 in the lumen, its median; None likewise.
        closed: whether it was completed.
    """

    canal: str
    length_mm: float | None = None
    darkness: float | None = None
    closed: bool = False


def open_canals(mask: Mask, ijk_to_canonical: NDArray[np.float64]) -> tuple[str, ...]:
    """Return the names of the canals that do not run through from end to end.

    ``ijk_to_canonical`` is the 4 x 4 affine from the IJK of ``mask`` to canonical mm.
    """
    where = corridors(mask.shape, ijk_to_canonical)
    return tuple(each.name for each in where if not each.connects(mask[each.box]))


def complete_canals(
    logits: Values,
    ct: Values,
    where: Sequence[Corridor],
    lumen_hu: float,
    edge_mm: float,
) -> tuple[Values, tuple[Gap, ...]]:
    """Close the canals that are open where logits and CT support it.

    Args:
        logits: of the labyrinth [k, j, i].
        ct: HU on the same grid.
        where: from ``corridors`` of that grid.
        lumen_hu: HU well inside the labyrinth.
        edge_mm: width of edges in the CT, from ``ct_at_ear.edge_width_mm``.

    Returns:
        The logits, raised where a tube was added, and each open canal. The logits of a whole
        labyrinth are returned as they are.
    """
    gaps, result = [], logits
    for corridor in where:
        near = result[corridor.box]
        if corridor.connects(near > 0):
            continue
        gap, tube = _close(corridor, near, ct[corridor.box], lumen_hu, edge_mm)
        gaps.append(gap)
        if gap.closed:
            result = result.copy() if result is logits else result
            part = result[corridor.box]
            part[tube] = np.maximum(part[tube], ADDED_LOGIT)
    return result, tuple(gaps)


def cut_off_bone(
    logits: Values,
    ct: Values,
    where: Sequence[Corridor],
    lumen_hu: float,
    edge_mm: float,
) -> tuple[Values, tuple[str, ...], tuple[str, ...]]:
    """Find the stretches of canals that the CT shows as bone, and take them out of the drawing.

    Networks draw an ossified canal as they know it from other ears. Arguments are those of
    ``complete_canals``.

    Returns:
        The logits, lowered where bone was drawn; the names of canals with such a stretch; and of
        those that were cut off there, as they are as bright as the bone around. The logits are
        returned as they are if nothing was.
    """
    drawn = logits > 0
    depth = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(
            sitk.GetImageFromArray(drawn.astype(np.uint8)),
            insideIsPositive=True, squaredDistance=False,
        )
    )  # fmt: skip
    bony, cut_off, result = list[str](), list[str](), logits
    for each in where:
        deep, hu, labyrinth = depth[each.box], ct[each.box], drawn[each.box]
        if not each.connects(labyrinth, corners=False):
            continue
        path = _path(each, 1.0 / np.maximum(deep, 1.0) ** 2, labyrinth & each.inside)
        dark = _darkness(hu, labyrinth, path, each.spacing_mm, lumen_hu)
        long = _long_stretches(path * each.spacing_mm, dark < BONY_SHARE * usual_darkness(edge_mm))
        if not long.any():
            continue
        bony.append(each.name)
        if np.nanmedian(dark[long]) > CUT_DARKNESS:
            continue
        cut_off.append(each.name)
        result = result.copy() if result is logits else result
        part, voxels = result[each.box], np.argwhere(labyrinth & each.inside)
        distance, nearest = _nearest(voxels.astype(float), path.astype(float))
        cut = tuple(voxels[long[nearest] & (distance <= BONY_RADIUS_MM / each.spacing_mm)].T)
        part[cut] = np.minimum(part[cut], -ADDED_LOGIT)
    return result, tuple(bony), tuple(cut_off)


def _long_stretches(path_mm: NDArray[np.floating], bony: Mask) -> Mask:
    """Return which points (n) of a path (n, 3) are on a bony stretch of at least BONY_MM."""
    along = np.r_[0.0, np.linalg.norm(np.diff(path_mm, axis=0), axis=1).cumsum()]
    edges = np.flatnonzero(np.diff(np.r_[False, bony, False]))
    long = np.zeros(len(bony), bool)
    for first, end in edges.reshape(-1, 2):
        before = max(first - 1, 0)  # a stretch begins after the last point that is not bony
        long[first:end] = along[end - 1] - along[before] >= BONY_MM
    return long


def corridors(shape: tuple[int, ...], ijk_to_canonical: NDArray[np.float64]) -> list[Corridor]:
    """Return the corridor of each canal on a grid of this shape (k, j, i)."""
    to_ijk = np.linalg.inv(ijk_to_canonical)
    spacing = float(np.cbrt(abs(np.linalg.det(ijk_to_canonical))))
    lines = {name: _dense(np.array(course)) for name, course in COURSES.items()}
    found = []
    for name, line in lines.items():
        ijk, reach = apply_affine(to_ijk, line), CORRIDOR_MM / spacing + 1
        last = np.array(shape[::-1]) - 1
        low = np.clip(np.floor(ijk.min(axis=0) - reach), 0, last).astype(int)
        high = np.clip(np.ceil(ijk.max(axis=0) + reach), 0, last).astype(int) + 1
        box = tuple(slice(int(a), int(b)) for a, b in zip(low[::-1], high[::-1], strict=True))
        k, j, i = np.mgrid[box]
        mm = apply_affine(ijk_to_canonical, np.stack([i, j, k], axis=-1)).reshape(-1, 3)
        distance, nearest = _nearest(mm, line)
        along = np.sin(np.pi * nearest / (len(line) - 1))
        inside = distance <= CORRIDOR_END_MM + (CORRIDOR_MM - CORRIDOR_END_MM) * along
        for other in (lines[each] for each in lines if each != name):  # where it is nearer
            inside[inside] &= distance[inside] <= _nearest(mm[inside], other)[0]
        first, second = (
            inside & (np.linalg.norm(mm - end, axis=1) <= CORRIDOR_END_MM)
            for end in (line[0], line[-1])
        )
        size = k.shape
        ends = first.reshape(size), second.reshape(size)
        box_kji = box[0], box[1], box[2]
        found.append(Corridor(name, box_kji, inside.reshape(size), ends, spacing))
    return found


def _close(
    corridor: Corridor, logits: Values, ct: Values, lumen_hu: float, edge_mm: float
) -> tuple[Gap, Mask]:
    """Return how one canal would be closed, and the tube that does it."""
    nothing = np.zeros(logits.shape, bool)
    levels = np.arange(-LEVEL_STEP, LEAST_LOGIT - LEVEL_STEP / 2, -LEVEL_STEP)
    if not corridor.connects(logits > levels[-1], corners=False):
        return Gap(corridor.name), nothing
    level = next(x for x in levels if corridor.connects(logits > x, corners=False))
    cost = np.where(logits > 0, 0.05, 0.3 + np.logaddexp(0.0, -logits))  # the lower the dearer
    path = _path(corridor, cost, (logits > level) & corridor.inside)
    outside = logits[tuple(path.T)] <= 0
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1) * (outside[1:] | outside[:-1])
    length = float(steps.sum()) * corridor.spacing_mm
    missing = path[outside]
    dark = _darkness(ct, logits > 0, missing, corridor.spacing_mm, lumen_hu)
    darkness = None if np.isnan(dark).all() else float(np.nanmedian(dark))
    seen = darkness is not None and darkness >= COMPLETED_SHARE * usual_darkness(edge_mm)
    closed = length <= LONGEST_GAP_MM and seen
    radius = TUBE_RADIUS_MM / corridor.spacing_mm
    tube = _balls(missing, logits.shape, radius) if closed else nothing
    return Gap(corridor.name, length, darkness, closed), tube


def _path(corridor: Corridor, cost: NDArray[np.floating], allowed: Mask) -> NDArray[np.int64]:
    """Return the (k, j, i) of the cheapest path between the ends, (n, 3), by the cost of voxels.

    The arrival times of a front from one end fall monotonically along the way back from the other.
    """
    speed = sitk.GetImageFromArray(np.pad(np.where(allowed, 1.0 / cost, 0.0), 1))
    first, last = (np.argwhere(np.pad(end & allowed, 1)) for end in corridor.ends)
    arrival = sitk.GetArrayFromImage(sitk.FastMarching(speed, first[:, ::-1].tolist()))
    arrival[np.pad(~allowed, 1, constant_values=True)] = np.inf
    around = np.array([step for step in product((-1, 0, 1), repeat=3) if any(step)])
    path = [last[arrival[tuple(last.T)].argmin()]]
    while arrival[tuple(path[-1])] > 0:
        near = path[-1] + around
        path.append(near[arrival[tuple(near.T)].argmin()])
    return np.array(path) - 1


def usual_darkness(edge_mm: float) -> float:
    """Return how dark the middle of a narrow canal is, from 0 in bone to 1 in the lumen.

    1 - 16^-(r/w)² in a tube of radius r whose edges are w wide: the integral of a Gaussian of that
    full width at half maximum over the tube's section.

    >>> round(usual_darkness(CANAL_RADIUS_MM), 4)
    0.9375
    """
    return float(1.0 - 16.0 ** -((CANAL_RADIUS_MM / edge_mm) ** 2))


def _darkness(
    ct: Values, labyrinth: Mask, path: NDArray[np.int64], spacing_mm: float, lumen_hu: float
) -> NDArray[np.float64]:
    """Return how dark each voxel (n, 3) is, from 0 in the bone around it to 1 in the lumen."""
    bone = _bone_around(ct, labyrinth, path, spacing_mm)
    darkness: NDArray[np.float64] = (bone - ct[tuple(path.T)]) / np.maximum(bone - lumen_hu, 1.0)
    return darkness


def _bone_around(
    ct: Values, labyrinth: Mask, path: NDArray[np.int64], spacing_mm: float
) -> NDArray[np.float64]:
    """Return the HU of the bone around each voxel (n, 3); NaN where there is too little.

    It is the upper quartile of a shell, because air cells and other canals are in it.
    """
    reach = int(np.ceil(RING_MM[1] / spacing_mm))
    offsets = np.array(list(product(range(-reach, reach + 1), repeat=3)))
    distance = np.linalg.norm(offsets, axis=1) * spacing_mm
    offsets = offsets[(distance >= RING_MM[0]) & (distance <= RING_MM[1])]
    # What is no bone, or outside, goes to the end of each sorted shell.
    far = float(np.finfo(np.float32).max)
    values = np.pad(np.where(labyrinth, far, ct), reach, constant_values=far)
    shells = np.sort(values[tuple(np.moveaxis(path[:, None] + offsets + reach, -1, 0))], axis=1)
    number = (shells < far).sum(axis=1)
    enough = number >= MIN_RING_VOXELS
    at = 0.75 * np.maximum(number - 1, 0)
    low, high = (
        np.take_along_axis(shells, index.astype(int)[:, None], axis=1)[:, 0].astype(np.float64)
        for index in (np.floor(at), np.ceil(at))
    )
    quartiles = np.full(len(path), np.nan)
    quartiles[enough] = (low + (at % 1.0) * (high - low))[enough]
    return quartiles


def _balls(centers: NDArray[np.int64], shape: tuple[int, ...], radius: float) -> Mask:
    """Return which voxels lie within a radius (in voxels) of some voxels (n, 3)."""
    k, j, i = (torch.arange(size, dtype=torch.float32) for size in shape)
    grid = torch.cartesian_prod(k, j, i)
    distance = torch.cdist(grid, torch.from_numpy(centers).float()).amin(dim=1)
    return np.asarray((distance <= radius).reshape(shape).numpy(), np.bool_)


def _dense(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a line of points (n, 3) with four times as many."""
    at = np.linspace(0, len(points) - 1, 4 * (len(points) - 1) + 1)
    return np.stack([np.interp(at, np.arange(len(points)), column) for column in points.T], 1)


def _nearest(
    points: NDArray[np.float64], line: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the distance of points (n, 3) to the nearest point of a line (m, 3), and which."""
    distances = torch.cdist(torch.from_numpy(points).float(), torch.from_numpy(line).float())
    distance, nearest = distances.min(dim=1)
    return distance.numpy(), nearest.numpy()
