"""The labyrinth's mask, and where the cochlea's walls are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..types import Geometry, Volume, trilinear
from .frame import CochlearFrame, PrincipalAxes, Vector

APART_MM = 1.0
"""What lies this far from the rest is no labyrinth. Canals that coarse voxels break are nearer."""

MIN_WHOLE_MM3 = 120.0
"""A labyrinth smaller than this is cut off or edited away (144 mm³ and more in the dataset); its
shape then says nothing about the cochlea."""


WALL_MM = 0.06
"""Standard deviation of a segment's wall, an assumption: in cross-validation the mean distance
between drawn and reference surfaces is 0.041 mm for specimens as scanned and 0.062 mm in simulated
scans with a bone kernel (docs/accuracy.md)."""


@dataclass(frozen=True, eq=False)
class LabyrinthMask:
    """A labyrinth, ready to be measured in any frame.

    Attributes:
        labyrinth: uint8 [k, j, i], 1 inside, with a border of one voxel of 0; without stray parts.
        geometry: its grid.
        surface: (n, 3) RAS mm of the voxels inside that have a neighbour outside.
        principal_axes: None if it is empty or less than a labyrinth.
        volume: mm³, of all that is set.
        stray: mm³ of parts far from the rest, which is not measured on.
    """

    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    surface: Vector
    principal_axes: PrincipalAxes | None
    volume: float
    stray: float = 0.0

    @classmethod
    def of(cls, labyrinth: NDArray[Any], geometry: Geometry) -> LabyrinthMask:
        """From a mask [k, j, i] (not 0: inside) on a grid."""
        mask = np.pad((np.asarray(labyrinth) != 0).astype(np.uint8), 1)
        grid = geometry.part([-1.0, -1.0, -1.0], mask.shape)
        everything = int(mask.sum())
        image = _without_strays(Volume(mask, grid).to_sitk())
        mask, border = map(sitk.GetArrayFromImage, (image, sitk.BinaryContour(image)))
        places, surface = (grid.to_ras(np.argwhere(each)[:, ::-1]) for each in (mask, border))
        whole = len(places) * grid.voxel_volume >= MIN_WHOLE_MM3
        return cls(
            mask,
            grid,
            surface,
            PrincipalAxes.of(places) if whole else None,
            volume=everything * grid.voxel_volume,
            stray=(everything - len(places)) * grid.voxel_volume,
        )

    def inside(self, ras: Vector) -> Vector:
        """How far inside RAS points (..., 3) are: 0 to 1, the wall at 0.5 (trilinear)."""
        return trilinear(self.labyrinth, self.geometry.to_ijk(ras))


def _without_strays(image: sitk.Image) -> sitk.Image:
    """The largest part of a mask and what lies near it."""
    labels = sitk.RelabelComponent(sitk.ConnectedComponent(image, True))
    if sitk.GetArrayViewFromImage(labels).max() < 2:
        return image
    away = sitk.SignedMaurerDistanceMap(labels == 1, squaredDistance=False, useImageSpacing=True)
    statistics = sitk.LabelStatisticsImageFilter()
    statistics.Execute(away, labels)
    far = [x for x in statistics.GetLabels() if x and statistics.GetMinimum(x) >= APART_MM]
    kept: sitk.Image = sitk.Mask(image, sitk.ChangeLabel(labels, dict.fromkeys(far, 0)) > 0)
    return kept


FIRST_MM, LAST_MM, STEP_MM = 1.0, 6.5, 0.1
"""Radii at which a ray from the axis is sampled: below the first the modiolus may be hollow."""

BELOW_MM, ABOVE_MM, LAYER_MM = -2.5, 4.5, 0.2
"""Heights between which the cochlea lies, and at which it is sampled."""

GAP_MM = 0.3
"""Bone of this thickness ends the cochlea; thinner gaps are holes in the segmentation."""

TURNS_MM = 4.0
"""Lumen that begins within this radius is the cochlea's own: a gap before it is bone between two
turns (1.5 to 2.1 mm from the axis). Nothing else of a labyrinth came so near in the dataset."""

STRAY_MM2 = 0.2
"""This much of the surface may stick out at an end before it counts as the end."""


def lateral_wall(mask: LabyrinthMask, frame: CochlearFrame, direction: Vector) -> float | None:
    """Distance in mm from the modiolar axis to the lateral wall, seen along the axis.

    The basal turn climbs: its two sides lie at different heights. So the whole cochlea is seen
    along its axis, as a shadow on the basal plane; there the outer turn is the wall.

    The direction is a unit vector (2,) in x and y of the frame. None where it meets no wall.
    """
    radii = np.arange(FIRST_MM, LAST_MM, STEP_MM)
    heights = np.arange(BELOW_MM, ABOVE_MM, LAYER_MM)
    points = np.empty((len(radii), len(heights), 3))
    points[..., :2] = radii[:, None, None] * direction
    points[..., 2] = heights
    end = end_of_shadow(radii, mask.inside(frame.to_ras(points)).max(axis=1))
    return None if end is None else end[1]


def end_of_shadow(radii: Vector, shadow: Vector) -> tuple[int, float] | None:
    """Where the cochlea's shadow on the basal plane ends along a ray from the axis.

    Args:
        radii: (n,) mm, STEP_MM apart.
        shadow: (n,) how far inside each is, 0 to 1.

    Returns:
        Index of the last radius inside, and the wall's radius in mm; None where there is no wall.
    """
    filled = np.flatnonzero(shadow >= 0.5)
    if not len(filled):
        return None
    # The cochlea goes on until a gap of bone outside its turns: then comes vestibule or a canal.
    gaps = np.diff(filled) > round(GAP_MM / STEP_MM)
    ends = np.flatnonzero(gaps & (radii[filled[1:]] > TURNS_MM))
    last = int(filled[ends[0]] if len(ends) else filled[-1])
    if last + 1 == len(radii):
        return None
    inner, outer = shadow[last], shadow[last + 1]
    return last, float(radii[last] + STEP_MM * (inner - 0.5) / (inner - outer))


def height(mask: LabyrinthMask, frame: CochlearFrame) -> tuple[float, float] | None:
    """Lowest and highest point of the cochlea along its axis, mm in the frame.

    The lowest is sought where the basal turn is alone, 45 to 225 degrees from the round window;
    the highest within 2.5 mm of the axis. None if the mask is empty in one of the two places.
    """
    points, radius, angle = _near_cochlea(mask, frame)
    z = frame.from_ras(points)[:, 2]
    basal = (angle > 45.0) & (angle < 225.0) & (radius > FIRST_MM) & (radius < LAST_MM)
    low, high = _farthest(mask, -z[basal]), _farthest(mask, z[radius < 2.5])
    return None if low is None or high is None else (-low, high)


def farthest_wall(mask: LabyrinthMask, frame: CochlearFrame, round_window: Vector) -> float | None:
    """Straight distance in mm from the round window (RAS mm) to the farthest wall opposite of it.

    None if the mask is empty there, 110 to 250 degrees from it.
    """
    points, radius, angle = _near_cochlea(mask, frame)
    opposite = points[(radius < LAST_MM) & (angle > 110.0) & (angle < 250.0)]
    return _farthest(mask, np.linalg.norm(opposite - round_window, axis=1))


def _near_cochlea(mask: LabyrinthMask, frame: CochlearFrame) -> tuple[Vector, Vector, Vector]:
    """Surface at the cochlea's heights: RAS mm, radius in mm, angle from the round window in °."""
    x, y, z = frame.from_ras(mask.surface).T
    near = (z > BELOW_MM) & (z < ABOVE_MM)
    angle = np.degrees(np.arctan2(y, x)) % 360.0
    return mask.surface[near], np.hypot(x, y)[near], angle[near]


def _farthest(mask: LabyrinthMask, distances: Vector) -> float | None:
    """Largest of voxels' distances, without STRAY_MM2 of them, at the voxel's outer face."""
    stray = max(1, round(STRAY_MM2 / mask.geometry.voxel_volume ** (2 / 3)))
    if len(distances) <= stray:
        return None
    half = float(np.mean(mask.geometry.spacing)) / 2.0
    return float(np.partition(distances, -stray - 1)[-stray - 1]) + half
