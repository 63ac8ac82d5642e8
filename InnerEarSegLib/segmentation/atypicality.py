"""Measure how unlike normal anatomy a drawn ear is: a malformation, an operation, or a failure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike

from ..types import HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, Geometry
from .canal_courses import COURSES
from .topology import Mask, behind_window

APEX_MM = 1.5
"""Distance from the helicotrema within which the lumen is measured."""

COVARIANCE_MM2 = np.diag([18.6, 5.2, 2.6])
"""Of a labyrinth's voxels in canonical mm: the mean over the reference labels of 14 specimens."""

TAIL = 0.005
"""Share of the cochlea's voxels left out at each end of its width."""


class Usual(NamedTuple):
    """What is usual of a measure, and how far above it, or on either side, an ear is atypical."""

    value: float
    limit: float
    either_side: bool = False


USUAL = {
    **{f"{canal} canal's distance from its course, mm": Usual(0.0, 1.1) for canal in COURSES},
    "cochlea's widest radius, mm": Usual(1.08, 0.28),
    "vestibule's widest radius, mm": Usual(1.27, 0.35),
    "cochlea's width, mm": Usual(6.9, 1.8, True),
    "cochlea's apical bulk, mm³": Usual(6.9, 3.8),
    "distortion": Usual(1.1, 0.25),
}
"""Means over the reference labels of 14 specimens; limits lie at 1.2 times the largest deviation or
more there, in drawings of specimens in four kinds of scan, and in normal synthetic ears. Widest are
the largest balls inside. Apical bulk and distortion: see ``measures``."""


def atypicality(
    labyrinth: Mask, canonical: Geometry, points: Mapping[str, ArrayLike]
) -> float | None:
    """Return the distance from normal anatomy: above 1, no normal ear is as unusual.

    The largest deviation of ``measures`` from what is usual, relative to its limit. None if a
    landmark is missing or there is no lumen on both sides of the oval window.

    Args:
        labyrinth: one part without cavities, on cubic voxels.
        canonical: its grid, in canonical mm.
        points: canonical mm by landmark name.
    """
    if not {HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW} <= points.keys():
        return None
    behind = behind_window(canonical, points[OVAL_WINDOW], points[HELICOTREMA])
    if not (labyrinth & behind).any() or not (labyrinth & ~behind).any():
        return None
    found = measures(labyrinth, behind, canonical, points)
    deviations = []
    for name, usual in USUAL.items():
        deviation = (found[name] - usual.value) / usual.limit
        deviations.append(abs(deviation) if usual.either_side else max(0.0, deviation))
    return max(deviations)


def measures(
    labyrinth: Mask, behind: Mask, canonical: Geometry, points: Mapping[str, ArrayLike]
) -> dict[str, float]:
    """Return the measures of ``USUAL``; ``behind`` are the voxels behind the oval window.

    The apical bulk is the lumen near the helicotrema times the cochlea's width over the distance
    from round window to helicotrema: large where the upper turns are one cavity. The distortion is
    the largest stretch against the mean labyrinth over the smallest, from the covariances of their
    voxels: large where a header's distances are wrong or slices are sheared, whatever the size.
    """
    spacing = float(canonical.spacing.mean())
    image = sitk.GetImageFromArray(labyrinth.astype(np.uint8))
    depth = spacing * sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, insideIsPositive=True, squaredDistance=False)
    )
    last = np.array(labyrinth.shape[::-1]) - 1
    found = {}
    for canal, course in COURSES.items():
        i, j, k = np.clip(np.rint(canonical.to_ijk(course)).astype(int), 0, last).T
        distance = np.maximum(-depth[k, j, i], 0.0).mean()
        found[f"{canal} canal's distance from its course, mm"] = float(distance)
    everything = canonical.to_ras(np.argwhere(labyrinth)[:, ::-1])
    stretches = np.linalg.eigvals(np.linalg.solve(COVARIANCE_MM2, np.cov(everything.T))).real
    cochlea = canonical.to_ras(np.argwhere(labyrinth & ~behind)[:, ::-1])
    width = float(np.subtract(*np.quantile(cochlea[:, 1], [1.0 - TAIL, TAIL])))
    apex = np.asarray(points[HELICOTREMA])
    bulk = float((np.linalg.norm(cochlea - apex, axis=1) < APEX_MM).sum()) * spacing**3
    long = float(np.linalg.norm(apex - np.asarray(points[ROUND_WINDOW])))
    return found | {
        "cochlea's widest radius, mm": float(depth[~behind].max()),
        "vestibule's widest radius, mm": float(depth[behind].max()),
        "cochlea's width, mm": width,
        "cochlea's apical bulk, mm³": bulk * width / long,
        "distortion": float(np.sqrt(stretches.max() / max(stretches.min(), 1e-9))),
    }
