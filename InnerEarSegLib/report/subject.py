"""What a report is about: ears as they are now, after review, with the CT around them.

Nothing in it says whose ears they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..geometry import Geometry, Volume
from ..results import CHECK, ModelIdentity, Quality, Side

AUTOMATIC, EDITED, REMOVED = "automatic", "edited", "removed"
"""What a segment is: as it was found, changed by hand, or gone."""

MARGIN_MM = 15.0
"""CT around a labyrinth that pictures can show: 10 mm to each side of a landmark, and oblique."""


@dataclass(frozen=True)
class ReviewedLandmark:
    """One landmark after review.

    Attributes:
        name: one of LANDMARKS.
        ras: RAS mm of the CT; None where it was not found.
        state: "automatic", "confirmed", "corrected", "placed by hand", "removed by hand" or
            "not found".
        moved_mm: how far it was moved from where it was found; None where one of both is missing.
        settled: somebody confirmed exactly what is there now, also that nothing is.
        confidence: of the automatic position, 0 to 1.
        radius_mm: of the ball that holds the true point in 90 % of cases; None if it was moved or
            the model has no calibration.
    """

    name: str
    ras: tuple[float, float, float] | None
    state: str
    moved_mm: float | None
    settled: bool
    confidence: float
    radius_mm: float | None = None


@dataclass(frozen=True, eq=False)
class ReviewedEar:
    """One ear after review; all in RAS mm of the CT, its parent transform not applied.

    Attributes:
        side: of the ear.
        ct: HU [k, j, i] around the labyrinth.
        labyrinth: uint8 [k, j, i], 1 inside, on ``geometry``; may be empty.
        geometry: its grid.
        landmarks: in the order of LANDMARKS.
        auxiliary: RAS mm of auxiliary landmarks by name, those that are there.
        radii: 90 % radius in mm by name that planning counts with, also of auxiliary landmarks and
            of those that were moved by hand.
        quality: of the automatic result.
        segment: AUTOMATIC, EDITED or REMOVED.
    """

    side: Side
    ct: Volume
    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    landmarks: tuple[ReviewedLandmark, ...]
    auxiliary: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    radii: dict[str, float] = field(default_factory=dict)
    quality: Quality = field(default_factory=lambda: Quality(CHECK))
    segment: str = AUTOMATIC


@dataclass(frozen=True, eq=False)
class Subject:
    """All of one CT.

    Attributes:
        ears: left before right.
        model: which network found them.
        warnings: of the run, one sentence each.
        spacing_mm: voxel size (i, j, k) of the CT.
        left_out: a sentence for each ear that is there no more, and why.
    """

    ears: tuple[ReviewedEar, ...]
    model: ModelIdentity
    warnings: tuple[str, ...] = ()
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_out: tuple[str, ...] = ()


def ct_around(array: NDArray, grid: Geometry, center: NDArray, half_mm: NDArray) -> Volume:
    """The part of a CT around a box.

    Args:
        array: HU [k, j, i].
        grid: its geometry.
        center: of the box, RAS mm.
        half_mm: from there to its faces along R, A and S; the margin is added.

    Returns:
        A copy of the voxels within; those of the nearest border if there are none.
    """
    reach = np.asarray(half_mm) + MARGIN_MM
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * reach
    ijk = grid.to_ijk(center + corners)
    last = np.array(grid.shape[::-1]) - 1
    low = np.clip(np.floor(ijk.min(axis=0)), 0, last - 1).astype(int)
    high = np.clip(np.ceil(ijk.max(axis=0)), low + 1, last).astype(int)
    part = array[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1].copy()
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] = grid.to_ras(low)
    k, j, i = part.shape
    return Volume(part, Geometry(matrix, (k, j, i)))
