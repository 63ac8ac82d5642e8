"""Whether a drawing is a whole labyrinth: canals, turns of the cochlea, and the CT there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from ..finding.canonical_look import Seen
from ..geometry import Geometry
from ..results import CHECK, GOOD, HELICOTREMA, OVAL_WINDOW, POOR, Ear, Quality, Verdict
from .canals import Gap, complete_canals, open_canals
from .ct_at_ear import MIN_METAL_MM3, edge_width_mm, metal_mm3
from .quality import Remark
from .topology import CANALS, behind_window, count_canals, without_specks

SEPTUM_MM = 0.6
"""Bone between two turns of the cochlea is up to twice as wide."""

FUSED = 0.035
"""Bone between the turns relative to the cochlea's volume below which they have run together:
references have 0.07 to 0.12, drawings on sharp CT 0.05 and more."""

SOFT_MM = 0.95
"""Width of the edge between bone and lumen from which a CT is soft at the ear: 0.4 in the
specimens' own scans, 0.6 in cone beam of 0.3 mm, 0.75 with bone kernels, 1.05 with soft ones."""

THICK_MM = 0.8
_RANK: Mapping[Verdict, int] = {GOOD: 0, CHECK: 1, POOR: 2}


@dataclass(frozen=True, eq=False)
class Whole:
    """A drawing after its canals were completed.

    Attributes:
        seen: its logits are those of the completed labyrinth.
        gaps: the canals that were open before.
        open: names of those that still are.
    """

    seen: Seen
    gaps: tuple[Gap, ...] = ()
    open: tuple[str, ...] = ()


def completed(seen: Seen, scan: Geometry, points: Mapping[str, NDArray[np.float64]]) -> Whole:
    """Close open canals where logits and CT support it.

    Args:
        seen: from the network that drew.
        scan: grid of the CT, beyond which nothing is completed.
        points: RAS mm of the landmarks, by name.
    """
    logits = seen.labyrinth.numpy()
    oval, apex = points[OVAL_WINDOW], points[HELICOTREMA]
    if count_canals(logits > 0, seen.window.ijk_to_ras, oval, apex) == CANALS:
        return Whole(seen)
    to_canonical = np.linalg.inv(seen.pose.matrix) @ seen.window.ijk_to_ras
    k, j, i = np.indices(logits.shape)
    in_scan = scan.contains(seen.window.to_ras(np.stack([i, j, k], axis=-1)))
    whole, gaps = complete_canals(np.where(in_scan, logits, -20.0), seen.ct.numpy(), to_canonical)
    whole = np.maximum(whole, logits)
    still = open_canals(whole > 0, to_canonical)
    return Whole(replace(seen, labyrinth=torch.from_numpy(whole.astype(np.float32))), gaps, still)


def bone_between_turns(mask: NDArray, window: Geometry, oval: NDArray, apex: NDArray) -> float:
    """Volume of the thin bone within the cochlea, relative to the cochlea's own; 0 for a blob.

    Args:
        mask: labyrinth [k, j, i].
        window: its grid, of cubic voxels.
        oval: centre of the oval window, RAS mm.
        apex: the helicotrema, RAS mm.
    """
    whole = without_specks(mask)
    front = ~behind_window(whole.shape, window.ijk_to_ras, oval, apex)
    if not (whole & front).any():
        return 0.0
    radius = [max(1, round(SEPTUM_MM / float(mm))) for mm in window.spacing]
    image = sitk.GetImageFromArray(whole.astype(np.uint8))
    closed = sitk.GetArrayFromImage(sitk.BinaryMorphologicalClosing(image, radius, sitk.sitkBall))
    return float(((closed > 0) & ~whole & front).sum() / (whole & front).sum())


def inspected(ear: Ear, whole: Whole, slice_mm: float | None = None) -> Ear:
    """An ear whose verdict knows how whole it is and what the CT is like there.

    Args:
        ear: as decoded from ``whole.seen``.
        whole: what was completed.
        slice_mm: thickness of the CT's slices where its header tells.
    """
    remarks = [*remarks_on_canals(ear, whole), *remarks_on_ct(whole.seen)]
    at = {landmark.name: landmark.ras for landmark in ear.landmarks}
    oval, apex = at[OVAL_WINDOW], at[HELICOTREMA]
    if oval is not None and apex is not None:
        mask = whole.seen.labyrinth.numpy() > 0
        share = bone_between_turns(mask, whole.seen.window, np.array(oval), np.array(apex))
        if share < FUSED:
            remarks.append(
                (CHECK, "The turns of the cochlea run together in the drawing: the CT is too soft "
                 "to part them.")
            )  # fmt: skip
    if slice_mm is not None and slice_mm > THICK_MM:
        remarks.append((CHECK, f"The CT's slices are {slice_mm:.1f} mm thick: check thin parts."))
    return replace(ear, quality=amended(ear.quality, remarks))


def remarks_on_canals(ear: Ear, whole: Whole) -> list[Remark]:
    """What is to be said of the semicircular canals."""
    remarks: list[Remark] = [
        (CHECK, f"The {gap.canal} semicircular canal was completed over {gap.length_mm:.1f} mm, "
         "where the CT hardly shows it: check it.")
        for gap in whole.gaps
        if gap.closed and gap.length_mm is not None and gap.canal not in whole.open
    ]  # fmt: skip
    at = {landmark.name: landmark.ras for landmark in ear.landmarks}
    oval, apex = at[OVAL_WINDOW], at[HELICOTREMA]
    if oval is None or apex is None:
        return remarks
    number = count_canals(ear.labyrinth, ear.geometry.ijk_to_ras, np.array(oval), np.array(apex))
    if number == CANALS:
        return remarks
    if number > CANALS:
        return [*remarks, (CHECK, "Parts of the labyrinth touch in the drawing that are apart in "
                           "an ear: check its canals.")]  # fmt: skip
    # On the CT's own voxels a canal may be open that is closed in the window.
    to_canonical = np.linalg.inv(whole.seen.pose.matrix) @ ear.geometry.ijk_to_ras
    which = whole.open or open_canals(ear.labyrinth, to_canonical) or ("a",)
    return [
        *remarks,
        *(
            (CHECK, f"{'A' if name == 'a' else f'The {name}'} semicircular canal is open in the "
             "drawing: check it.")
            for name in which
        ),
    ]  # fmt: skip


def remarks_on_ct(seen: Seen) -> list[Remark]:
    """What is to be said of the CT at the ear: metal, and edges that are not sharp."""
    logits, ct, spacing = seen.labyrinth.numpy(), seen.ct.numpy(), seen.stage.spacing_mm
    width = edge_width_mm(ct, logits, spacing)
    if metal_mm3(ct, logits, spacing, width) >= MIN_METAL_MM3:
        return [(POOR, "There is metal in or beside the labyrinth: what it hides is not measured.")]
    if width is not None and width > SOFT_MM:
        return [(CHECK, f"The CT is soft at the ear, its edges {width:.1f} mm wide: thin parts are "
                 "drawn as the model knows them from other ears.")]  # fmt: skip
    return []


def amended(quality: Quality, remarks: list[Remark]) -> Quality:
    """A verdict that knows more: the worst of all."""
    verdicts = [quality.verdict, *(verdict for verdict, _ in remarks)]
    worst = max(verdicts, key=_RANK.__getitem__)
    reasons = (*quality.reasons, *(sentence for _, sentence in remarks))
    return replace(quality, verdict=worst, reasons=reasons)
