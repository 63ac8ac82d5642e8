"""Measure a CT at an ear: how sharp it is there, and whether metal lies in it.

Arrays are [k, j, i] on the patch of a prediction, with cubic voxels.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from ..model.inference import sample
from ..types import Volume
from .topology import Mask

PROFILE_MM = 1.4
STEP_MM = 0.1
INNER_MM, OUTER_MM = (-1.0, -0.7), (0.8, 1.2)
"""Where along a profile across the wall lumen and bone are, in mm from the surface."""

WIDE_INSIDE_MM, WIDE_OUTSIDE_MM = -0.3, 0.4
"""From here on a profile must lie in the labyrinth, and outside it: no thin part, no thin wall."""

STEEP_MM = 0.7
MIN_STEP_HU = 500.0
MIN_BONE_HU = 900.0
MAX_PROFILES = 3000
MIN_PROFILES = 30

METAL_HU = 2800.0
BLURRED_METAL_HU = 2500.0
BLURRED_METAL_MM = 0.65
"""HU that metal alone reaches on sharp CT, and on CT whose edges are wider than this, which show
both bone and thin metal darker."""

SHARP_METAL_MM, SLOPE = 0.55, 1.3
METAL_IN_COCHLEA = (0.85, 1.35)
"""Share of the capsule's HU that metal alone reaches between the cochlea's turns: the second one
where edges are at most so wide, falling by the slope down to the first. An electrode array of 0.8
mm there has 1.9 mm³ and more in simulated bone and soft kernels, anatomy 0.8 mm³ and less."""

CONTACT_MM3, MIN_CONTACTS = 0.1, 4
"""Least size and number of pieces that may be an array's contacts: 12 in a head with simulated
ones 2.1 mm apart, at most 2 in 13 specimens and a head without."""

METAL_NEAR_MM = 0.6
"""Metal this near to the labyrinth is in or beside it."""

USUAL_CAPSULE_HU = 1950.0
"""Above this the CT's grey values are higher than HU, and so is the limit of metal in it."""

RISE, RISE_MM = (0.15, 0.85), 1.1
"""Share of the step from lumen to bone over which an edge rises, measured by direction, and how
far from the surface."""

CONE_DEG, MIN_CONE = 30.0, 25
UNEVEN, MIN_UNEVEN_MM = 2.0, 0.75
"""Rise in the widest over that in the narrowest direction, and its width, from which edges are
uneven: specimens have up to 1.7 and 0.5 mm as scanned, up to 1.5 and 1.0 mm in simulated kernels; a
simulated movement of 1 mm 2.5 and 1.0 mm."""

JUMP, REPEATED = 2.2, 0.3
"""Change from a slice to the next over the usual one: 0.59 to 1.8 in eight specimens as scanned and
in simulated kernels; 2.4 and more where 0.6 mm are missing or the rest is displaced by 0.5 mm, 0
between equal slices."""

AROUND_MM = 1.0
"""Of the labyrinth, slices are compared. Beyond, they may show the end of the field of view."""

NEAR_SLICES = 3
"""Changes before and after that tell the usual one."""

SOFT_TISSUE_HU, BONE_HU = -200.0, 1500.0
"""Range in which slices are compared: metal and air do not count more than bone."""

EMPTY_HU = 10.0
"""Mean change between slices that show nothing but air or noise-free bone."""

SAME_HU, RESAMPLED = 1.5, 0.3
"""Mean bend of values across an interpolated slice, which rounding leaves, and the share of slices
from which on it is no gap, but a CT that was resampled to finer slices."""

CUT_OFF_MM3 = 0.1
"""Volume that has the CT's highest HU if these are cut off; otherwise it is a single voxel."""

CUT_OFF_SHARE = 1.25
"""HU at which values are cut off, over those of the capsule, from which metal stands out."""


class Profiles(NamedTuple):
    """Profiles of a CT across the labyrinth's surface: where lumen and bone are both wide.

    ``at``: mm from the surface, outwards (m,). ``outwards``: unit normals (n, 3) over (k, j, i).
    ``step``: 0 in the lumen to 1 in the bone, (n, m).
    """

    at: Tensor
    outwards: Tensor
    step: Tensor


def profiles_across(ct: Tensor, logits: Tensor, spacing_mm: float) -> Profiles | None:
    """Return the profiles across a labyrinth's surface; None if there are too few.

    Args:
        ct: HU.
        logits: of the labyrinth.
        spacing_mm: voxel edge.
    """
    surface = _surface(logits)
    surface = surface[:: max(1, len(surface) // MAX_PROFILES)]
    at = torch.arange(-PROFILE_MM, PROFILE_MM + STEP_MM / 2, STEP_MM)
    outwards = _outwards(logits, surface)
    points = surface[:, None] + outwards[:, None] * at[:, None] / spacing_mm
    hu, logit = _at(ct, points), _at(logits.clamp(-8.0, 8.0), points)
    lumen, bone = ((at >= low) & (at <= high) for low, high in (INNER_MM, OUTER_MM))
    inside = (at <= WIDE_INSIDE_MM) & (at >= INNER_MM[0])
    outside = (at >= WIDE_OUTSIDE_MM) & (at <= OUTER_MM[1])
    low, high = hu[:, lumen].mean(dim=1), hu[:, bone].mean(dim=1)
    wide = (logit[:, inside] > 0).all(dim=1) & (logit[:, outside] < 0).all(dim=1)
    wide &= (high - low >= MIN_STEP_HU) & (high >= MIN_BONE_HU)
    if int(wide.sum()) < MIN_PROFILES:
        return None
    step = (hu[wide] - low[wide, None]) / (high - low)[wide, None]
    return Profiles(at, outwards[wide], step)


def edge_width_mm(profiles: Profiles | None) -> float | None:
    """Return the width of the edge between lumen and bone: about the CT's full width at half
    maximum.

    Along normals of the surface where lumen and bone are both wide, the step between the two over
    the steepest slope; the median of all. None without profiles.
    """
    if profiles is None:
        return None
    slopes = (profiles.step[:, 3:] - profiles.step[:, :-3]) / (3 * STEP_MM)
    steepest = slopes[:, (profiles.at[1:-2] + STEP_MM / 2).abs() <= STEEP_MM].amax(dim=1)
    return float((1.0 / steepest.clamp(min=1e-3)).median())


def edges_are_even(profiles: Profiles | None) -> bool | None:
    """Return whether edges between lumen and bone are about as wide in all directions.

    A patient who moved has double contours across the movement, and thick slices blur along their
    normal. ``edge_width_mm`` does not see a double contour: either half is as steep as before. None
    without profiles.
    """
    if profiles is None:
        return None
    low, high = RISE
    rising = (profiles.step > low) & (profiles.step < high)
    rises = STEP_MM * rising[:, profiles.at.abs() <= RISE_MM].sum(dim=1)
    along = torch.tensor([step for step in product((-1.0, 0.0, 1.0), repeat=3) if step > (0, 0, 0)])
    across = (profiles.outwards @ F.normalize(along, dim=1).T).abs() > np.cos(np.radians(CONE_DEG))
    widths = [float(rises[each].median()) for each in across.T if int(each.sum()) >= MIN_CONE]
    return not widths or max(widths) < max(MIN_UNEVEN_MM, UNEVEN * min(widths))


class MetalLimits(NamedTuple):
    """HU from which a CT shows metal: between the cochlea's turns, and anywhere at the ear.

    ``hidden_from``: HU at which the CT's values are cut off, if metal does not stand out below.
    """

    between_turns: float
    anywhere: float
    hidden_from: float | None


def metal_limits(
    ct: Tensor, spacing_mm: float, capsule_hu: float, edge_mm: float | None
) -> MetalLimits:
    """Return from which HU on a CT shows metal.

    Where values are cut off below the usual limit between the turns, what lies at the cut is metal
    there, if bone is clearly darker.

    Args:
        ct: HU.
        spacing_mm: voxel edge.
        capsule_hu: of the bone around.
        edge_mm: from ``edge_width_mm``.
    """
    width = SHARP_METAL_MM if edge_mm is None else edge_mm
    least, most = METAL_IN_COCHLEA
    share = float(np.clip(most - SLOPE * (width - SHARP_METAL_MM), least, most))
    bright = BLURRED_METAL_HU if width > BLURRED_METAL_MM else METAL_HU
    between, anywhere = share * capsule_hu, bright * max(1.0, capsule_hu / USUAL_CAPSULE_HU)
    highest = float(ct.max())
    ceiling = highest - 0.5  # interpolation rounds
    if int((ct >= ceiling).sum()) * spacing_mm**3 < CUT_OFF_MM3:
        return MetalLimits(between, anywhere, None)
    if highest >= CUT_OFF_SHARE * capsule_hu:
        between = min(between, ceiling)
    return MetalLimits(between, anywhere, highest if highest < max(METAL_HU, anywhere) else None)


def metal_mm3(
    ct: Tensor, labyrinth: Mask, cochlea: Mask, spacing_mm: float, limits: MetalLimits
) -> float:
    """Return the volume of the largest piece of metal in or beside the labyrinth, 0 without any.

    Of several that may be the contacts of an electrode array, the volume of all.

    Args:
        ct: HU.
        labyrinth: as drawn.
        cochlea: the same of the cochlea alone, with the bone between its turns. A network leaves
            metal out as if it were such bone.
        spacing_mm: voxel edge.
        limits: from ``metal_limits``.
    """
    hu = ct.numpy()
    metal = cochlea & (hu >= limits.between_turns)
    bright = hu >= limits.anywhere
    if bright.any():
        reach = [round(METAL_NEAR_MM / spacing_mm)] * 3
        mask = sitk.GetImageFromArray(labyrinth.astype(np.uint8))
        metal |= bright & (sitk.GetArrayFromImage(sitk.BinaryDilate(mask, reach)) > 0)
    pieces = sitk.ConnectedComponent(sitk.GetImageFromArray(metal.astype(np.uint8)))
    sizes = np.bincount(sitk.GetArrayFromImage(pieces).ravel())[1:] * spacing_mm**3
    contacts = sizes[sizes >= CONTACT_MM3]
    return float(contacts.sum() if len(contacts) >= MIN_CONTACTS else sizes.max(initial=0.0))


def slices_follow(ct: Volume, labyrinth: NDArray[np.float64]) -> bool:
    """Return whether a CT's slices, along each of its axes, follow on each other around an ear.

    Where slices are missing or the patient has moved, one step changes more than those before and
    after it; where a slice is repeated, nothing changes; where one was interpolated, as readers do
    for a missing one, the step before it and the one after it are the same.

    Args:
        ct: HU.
        labyrinth: RAS mm of its voxels (n, 3).
    """
    kji = ct.geometry.to_ijk(labyrinth)[:, ::-1]
    first, last = np.floor(kji.min(axis=0)).astype(int), np.ceil(kji.max(axis=0)).astype(int)
    margin = np.ceil(AROUND_MM / ct.geometry.spacing[::-1]).astype(int)
    for axis in range(3):
        # Along the axis as many slices more as tell the usual change.
        more = np.where(np.arange(3) == axis, NEAR_SLICES, margin)
        low = np.maximum(first - more, 0)
        near = ct.array[tuple(map(slice, low, last + more + 1))].astype(np.float32)
        hu = np.clip(near, SOFT_TISSUE_HU, BONE_HU)
        across = tuple(other for other in range(3) if other != axis)
        changes = np.abs(np.diff(hu, axis=axis)).mean(axis=across)
        bends, steps = (np.abs(np.diff(near, n, axis=axis)).mean(axis=across) for n in (2, 1))
        interpolated = (bends <= SAME_HU) & (steps[1:] > EMPTY_HU)
        if 0 < interpolated.sum() < RESAMPLED * len(bends):
            return False
        start = int(first[axis] - low[axis])
        for n in range(start, min(int(last[axis] - low[axis]), len(changes))):
            before, after = changes[max(n - NEAR_SLICES, 0) : n], changes[n + 1 :][:NEAR_SLICES]
            usual = float(np.median(np.r_[before, after])) if len(changes) > NEAR_SLICES else 0.0
            if usual > EMPTY_HU and not REPEATED * usual <= changes[n] <= JUMP * usual:
                return False
    return True


def _surface(logits: Tensor) -> Tensor:
    """Return the (k, j, i) of voxels inside that have a neighbour outside, by face: (n, 3)."""
    inside = F.pad(logits > 0, [1] * 6)
    core = inside
    for axis in range(3):
        core = core & inside.roll(1, axis) & inside.roll(-1, axis)
    return torch.nonzero((inside & ~core)[1:-1, 1:-1, 1:-1]).float()


def _outwards(logits: Tensor, surface: Tensor) -> Tensor:
    """Return unit normals (n, 3) over (k, j, i) at voxels (n, 3), out of the labyrinth."""
    smooth = logits.clamp(-4.0, 4.0)[None, None]
    for _ in range(2):
        smooth = F.avg_pool3d(smooth, 3, stride=1, padding=1)
    steps = torch.cat([torch.eye(3), -torch.eye(3)])
    values = _at(smooth[0, 0], surface[:, None] + steps)
    return F.normalize(values[:, 3:] - values[:, :3], dim=1)


def _at(values: Tensor, points: Tensor) -> Tensor:
    """Interpolate [k, j, i] at (k, j, i) points (n, m, 3), those beyond at the border: (n, m)."""
    last = torch.tensor(values.shape) - 1
    inside = torch.minimum(points.clamp(min=0.0), last.float())
    return sample(values, inside.flip(-1)[None], 0.0)[0]
