"""Measure how whole a drawing is and what the CT is like there: the grounds of the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import ArrayLike, NDArray

from ..types import (
    HELICOTREMA,
    LANDMARKS,
    OVAL_WINDOW,
    SOFT_MM,
    WHOLE_CANALS,
    Findings,
    Geometry,
    apply_affine,
)
from .aqueduct import aqueduct_mm
from .atypicality import atypicality
from .canals import complete_canals, corridors, cut_off_bone, open_canals
from .ct_at_ear import (
    Profiles,
    edge_width_mm,
    edges_are_even,
    metal_limits,
    metal_mm3,
    profiles_across,
)
from .mask import OUTSIDE_LOGIT
from .prediction import EarPrediction
from .topology import Mask, behind_window, count_canals, whole_part

SEPTUM_MM = 0.6
"""Half the width of the widest bone that counts as lying between two turns."""

FUSED = 0.035
"""Volume of the bone between the cochlea's turns over the cochlea's below which they run together:
references have 0.07 to 0.14, drawings on sharp CT 0.05 and more."""

SPECK_MM3 = 0.6
PART_MM = 1.0
"""Parts of a drawing that are smaller, or farther from the largest, are no part of the ear: specks,
and air cells in synthetic ears. They are dropped, and not counted."""

UNDRAWN_MM = 1.0
"""Distance from the drawing at which a landmark is outside it: at most 0.4 mm in specimens, 4.9 and
more at a helicotrema that is cut off by an ossified basal turn (simulated)."""


@dataclass(frozen=True, eq=False)
class Revision:
    """A prediction after its canals were completed or cut off as the CT supports it.

    Attributes:
        prediction: with the canals as they are drawn now.
        profiles: of the CT across the labyrinth's surface; None if there are too few.
        completed: names of canals that were open and are closed now.
        still_open: names of those that are open now.
        bony: names of those with a stretch that the CT shows as bone.
    """

    prediction: EarPrediction
    profiles: Profiles | None
    completed: tuple[str, ...] = ()
    still_open: tuple[str, ...] = ()
    bony: tuple[str, ...] = ()


def revise_canals(prediction: EarPrediction, scan: Geometry, lumen_hu: float) -> Revision:
    """Complete the open canals of a prediction, and cut off what a sharp CT shows as bone.

    Nothing is completed outside the CT's grid ``scan``. Each canal is looked at, whatever the
    number of rings: another ring may stand in for an open canal. ``lumen_hu`` is that of the CT
    well inside the labyrinth.
    """
    logits, ct, patch = prediction.labyrinth.numpy(), prediction.ct.numpy(), prediction.patch
    to_canonical = prediction.ras_to_reference @ patch.ijk_to_ras
    k, j, i = np.indices(logits.shape)
    outside = ~scan.contains(patch.to_ras(np.stack([i, j, k], axis=-1)))
    inside_scan = np.where(outside, np.minimum(logits, OUTSIDE_LOGIT), logits)
    profiles = profiles_across(prediction.ct, prediction.labyrinth, prediction.network.spacing_mm)
    width = edge_width_mm(profiles)
    where = corridors(logits.shape, to_canonical)
    about = where, lumen_hu, SOFT_MM if width is None else width
    whole, gaps = complete_canals(inside_scan, ct, *about)
    drawn = np.maximum(whole, logits) if gaps else logits
    cut, bony, cut_off = drawn, tuple[str, ...](), tuple[str, ...]()
    if width is not None and width <= SOFT_MM:
        cut, bony, cut_off = cut_off_bone(drawn, ct, *about)
    completed, still_open = (
        tuple(gap.canal for gap in gaps if gap.closed == closed and gap.canal not in cut_off)
        for closed in (True, False)
    )
    if cut is not logits:
        prediction = replace(prediction, labyrinth=torch.from_numpy(cut))
    return Revision(prediction, profiles, completed, still_open + cut_off, bony)


def find(
    revision: Revision,
    labyrinth: NDArray[np.uint8],
    grid: Geometry,
    points: Mapping[str, ArrayLike],
    capsule_hu: float,
    lumen_hu: float,
    slice_mm: float | None,
) -> Findings:
    """Return the findings on an ear.

    Args:
        revision: of its prediction.
        labyrinth: the ear's mask [k, j, i].
        grid: of the mask.
        points: RAS mm of landmarks and auxiliary landmarks by name.
        capsule_hu: of the bone around it.
        lumen_hu: of the labyrinth.
        slice_mm: thickness of the CT's slices by its header.
    """
    seen = revision.prediction
    ct, logits, spacing = seen.ct, seen.labyrinth, seen.network.spacing_mm
    to_canonical = seen.ras_to_reference
    width = edge_width_mm(revision.profiles)
    everything = logits.numpy() > 0  # metal may lie between parts of the drawing
    drawn = whole_part(everything)
    limits = metal_limits(ct, spacing, capsule_hu, width)
    with_bone = close_gaps(drawn, spacing)
    parts = count_pieces(everything, spacing)
    near_metal = with_bone if parts <= 1 else close_gaps(everything, spacing)
    cochlea = np.zeros_like(drawn)
    closed, still_open, apart = None, revision.still_open, None
    voxels = np.argwhere(drawn)[:, ::-1]
    undrawn = tuple(
        name
        for name in LANDMARKS
        if name in points
        and _distance(seen.patch.to_ijk(points[name]), voxels) * spacing > UNDRAWN_MM
    )
    if HELICOTREMA in points and OVAL_WINDOW in points:
        ends = points[OVAL_WINDOW], points[HELICOTREMA]
        closed = count_canals(whole_part(labyrinth > 0), grid, *ends)
        if closed < WHOLE_CANALS:  # some may be closed on the patch, and not on the CT's voxels
            on_ct = open_canals(labyrinth > 0, to_canonical @ grid.ijk_to_ras)
            still_open = tuple(dict.fromkeys((*still_open, *on_ct)))
        closed = min(closed, WHOLE_CANALS - len(still_open)) if still_open else closed
        cochlea = ~behind_window(seen.patch, *ends)
        if HELICOTREMA not in undrawn:
            apart = bone_between_turns(drawn, with_bone, cochlea) >= FUSED
    canonical = Geometry(to_canonical @ seen.patch.ijk_to_ras, seen.patch.shape)
    in_canonical = {name: apply_affine(to_canonical, ras) for name, ras in points.items()}
    return Findings(
        closed_canals=closed,
        open_canals=still_open,
        completed_canals=revision.completed,
        parts=parts,
        turns_apart=apart,
        edge_width_mm=width,
        slice_mm=slice_mm,
        metal_mm3=metal_mm3(ct, everything, near_metal & cochlea, spacing, limits),
        agreement=seen.agreement,
        atypicality=atypicality(drawn, canonical, in_canonical),
        aqueduct_mm=aqueduct_mm(ct, canonical, lumen_hu, capsule_hu),
        bony_canals=revision.bony,
        undrawn_landmarks=undrawn,
        even_edges=edges_are_even(revision.profiles),
        cut_off_hu=limits.hidden_from,
    )


def _distance(point: ArrayLike, points: NDArray[np.integer]) -> float:
    """Return the distance of a point from the nearest of some (n, 3)."""
    return float(np.linalg.norm(points - np.asarray(point), axis=1).min(initial=np.inf))


def close_gaps(labyrinth: Mask, spacing_mm: ArrayLike) -> Mask:
    """Return a labyrinth with the thin bone between its parts, as between the cochlea's turns.

    ``spacing_mm`` is one number or one along each of i, j, k.
    """
    radius = [round(SEPTUM_MM / edge) for edge in np.broadcast_to(spacing_mm, 3)]
    image = sitk.GetImageFromArray(labyrinth.astype(np.uint8))
    closed = sitk.BinaryMorphologicalClosing(image, radius, sitk.sitkBall)
    return np.asarray(sitk.GetArrayFromImage(closed) > 0, np.bool_)


def bone_between_turns(labyrinth: Mask, closed: Mask, cochlea: Mask) -> float:
    """Return the volume of thin bone within the cochlea, relative to its lumen; 0 for a blob.

    ``labyrinth`` is one part without cavities, ``closed`` from ``close_gaps``, and ``cochlea`` are
    all voxels on its side of the oval window.
    """
    lumen = int((labyrinth & cochlea).sum())
    return float((closed & ~labyrinth & cochlea).sum() / lumen) if lumen else 0.0


def count_pieces(mask: Mask, spacing_mm: float) -> int:
    """Return the number of connected parts that lie near the largest one and are no specks."""
    parts = sitk.RelabelComponent(
        sitk.ConnectedComponent(sitk.GetImageFromArray(mask.astype(np.uint8)), True),
        round(SPECK_MM3 / spacing_mm**3),
    )
    number = int(sitk.GetArrayFromImage(parts).max(initial=0))
    if number <= 1:
        return number
    near = sitk.BinaryDilate(parts == 1, [round(PART_MM / spacing_mm)] * 3)
    touched = np.unique(sitk.GetArrayFromImage(sitk.Mask(parts, near)))
    return int(np.count_nonzero(touched))
