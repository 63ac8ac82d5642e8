"""The labyrinth's mask in the cochlear frame, and where the cochlea's walls are in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..io.volume import image_of
from ..types import Geometry
from .frame import CochlearFrame, PrincipalAxes, Vector

APART_MM = 1.0
"""What lies this far from the rest is no labyrinth. Canals that coarse voxels break are nearer."""

MIN_WHOLE_MM3 = 120.0
"""A labyrinth smaller than this is cut off or edited away (144 mm³ and more in the dataset); its
shape then says nothing about the cochlea."""


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
        mask = _without_strays(mask, grid)
        places = np.argwhere(mask)
        volume = len(places) * grid.voxel_volume
        neighbours = np.ones_like(mask)
        for axis in range(3):
            for step in (-1, 1):
                neighbours &= np.roll(mask, step, axis)  # the border is empty: nothing wraps round
        return cls(
            mask,
            grid,
            surface=grid.to_ras(np.argwhere(mask & ~neighbours & 1)[:, ::-1]),
            principal_axes=PrincipalAxes.of(grid.to_ras(places[:, ::-1]))
            if volume >= MIN_WHOLE_MM3
            else None,
            volume=everything * grid.voxel_volume,
            stray=(everything - len(places)) * grid.voxel_volume,
        )

    def inside(self, ras: Vector) -> Vector:
        """How far inside RAS points (..., 3) are: 0 to 1, the wall at 0.5 (trilinear)."""
        size = np.array(self.geometry.shape[::-1])
        ijk = np.clip(self.geometry.to_ijk(ras), 0.0, size - 1.001)
        low = ijk.astype(np.intp)
        part = ijk - low
        flat, (_, rows, columns) = self.labyrinth.ravel(), self.geometry.shape
        start = (low[..., 2] * rows + low[..., 1]) * columns + low[..., 0]
        total = np.zeros(ijk.shape[:-1])
        for di in (0, 1):
            for dj in (0, 1):
                for dk in (0, 1):
                    weight = np.ones_like(total)
                    for axis, one in enumerate((di, dj, dk)):
                        weight *= part[..., axis] if one else 1.0 - part[..., axis]
                    total += weight * flat[start + (dk * rows + dj) * columns + di]
        return total


def _without_strays(mask: NDArray[np.uint8], grid: Geometry) -> NDArray[np.uint8]:
    """The largest part and what lies near it, uint8 [k, j, i]."""
    labels = sitk.RelabelComponent(sitk.ConnectedComponent(image_of(mask, grid), True))
    parts = sitk.GetArrayFromImage(labels)
    if parts.max() < 2:
        return mask
    away = sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(labels == 1, squaredDistance=False, useImageSpacing=True)
    )
    nearest = np.full(parts.max() + 1, np.inf)
    np.minimum.at(nearest, parts.ravel(), away.ravel())
    return np.asarray((parts > 0) & (nearest < APART_MM)[parts], np.uint8)


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

    Args:
        mask: the labyrinth.
        frame: of the cochlea.
        direction: (2,) unit vector in x and y of the frame.

    Returns:
        None where the ray does not meet the mask.
    """
    radii = np.arange(FIRST_MM, LAST_MM, STEP_MM)
    heights = np.arange(BELOW_MM, ABOVE_MM, LAYER_MM)
    points = np.empty((len(radii), len(heights), 3))
    points[..., :2] = radii[:, None, None] * direction
    points[..., 2] = heights
    shadow = mask.inside(frame.to_ras(points)).max(axis=1)
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
    return float(radii[last] + STEP_MM * (inner - 0.5) / (inner - outer))


def height(mask: LabyrinthMask, frame: CochlearFrame) -> tuple[float, float] | None:
    """Lowest and highest point of the cochlea along its axis, mm in the frame.

    The lowest is sought where the basal turn is alone, 45 to 225 degrees from the round window;
    the highest within 2.5 mm of the axis.

    Returns:
        None if the mask is empty in one of the two places.
    """
    x, y, z = frame.from_ras(mask.surface).T
    radius, angle = np.hypot(x, y), np.degrees(np.arctan2(y, x)) % 360.0
    near = (z > BELOW_MM) & (z < ABOVE_MM)
    basal = z[near & (angle > 45.0) & (angle < 225.0) & (radius > FIRST_MM) & (radius < LAST_MM)]
    apical = z[near & (radius < 2.5)]
    stray = max(1, round(STRAY_MM2 / mask.geometry.voxel_volume ** (2 / 3)))
    if min(len(basal), len(apical)) <= stray:
        return None
    half = float(np.mean(mask.geometry.spacing)) / 2.0
    low = float(np.partition(basal, stray)[stray]) - half
    return low, float(np.partition(apical, -stray - 1)[-stray - 1]) + half


def farthest_wall(mask: LabyrinthMask, frame: CochlearFrame, point: Vector) -> float | None:
    """Straight distance in mm from a point to the farthest lateral wall opposite of it.

    Args:
        mask: the labyrinth.
        frame: of the cochlea.
        point: (3,) RAS mm; the round window.

    Returns:
        None if the mask is empty 110 to 250 degrees from it.
    """
    x, y, z = frame.from_ras(mask.surface).T
    angle = np.degrees(np.arctan2(y, x)) % 360.0
    near = (z > BELOW_MM) & (z < ABOVE_MM) & (np.hypot(x, y) < LAST_MM)
    opposite = mask.surface[near & (angle > 110.0) & (angle < 250.0)]
    stray = max(1, round(STRAY_MM2 / mask.geometry.voxel_volume ** (2 / 3)))
    if len(opposite) <= stray:
        return None
    distances = np.linalg.norm(opposite - point, axis=1)
    half = float(np.mean(mask.geometry.spacing)) / 2.0
    return float(np.partition(distances, -stray - 1)[-stray - 1]) + half
