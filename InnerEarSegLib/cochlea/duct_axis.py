"""The axis that a duct's angles are about: that of an average cochlea, fitted to the segment.

Landmarks a few tenths of a millimetre off turn the cochlear frame by degrees, and 0.3 mm at the
apex turn the last half turn by 25 degrees. The segment is sharper than that: an average cochlea's
surface lies on it as well wherever the landmarks are, so angles far up the spiral are repeatable.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..types import Volume, apply_affine, trilinear
from .frame import CochlearFrame, Vector
from .walls import LabyrinthMask

AVERAGE_FILE = Path(__file__).with_name("average_cochlea.json")

LARGEST_MISFIT_MM = 0.25
"""Root mean square distance of the average surface from a segment, beyond which this is no ordinary
cochlea: 0.04 to 0.11 mm in the 14 labelled specimens, up to 0.13 mm in simulated scans of them."""

_ROBUST_MM = 0.2
"""Distances much larger than this count less, such as where a segment is cut."""

_STEPS = 15
_STEP_MM = 0.1
_BORDER_MM = 1.5


@cache
def average_surface() -> Vector:
    """Points (n, 3) on an average cochlea, mm in the cochlear frame of ``frame.TEMPLATE``."""
    content = json.loads(AVERAGE_FILE.read_text(encoding="utf-8"))
    return np.array(content["points_mm"], np.float64)


class SurfaceDistance:
    """Signed distance in mm from a segment's surface, negative inside, near some points."""

    def __init__(self, mask: LabyrinthMask, near: Vector) -> None:
        """Of a mask, around points (n, 3) in RAS mm."""
        ijk = mask.geometry.to_ijk(near)
        border = np.ceil(_BORDER_MM / np.asarray(mask.geometry.spacing)).astype(int)
        size = np.array(mask.labyrinth.shape[::-1])
        first = np.clip(np.floor(ijk.min(axis=0)).astype(int) - border, 0, size - 2)
        last = np.clip(np.ceil(ijk.max(axis=0)).astype(int) + border + 1, first + 2, size)
        box = tuple(slice(a, b) for a, b in zip(first[::-1], last[::-1], strict=True))
        part = np.ascontiguousarray(mask.labyrinth[box])
        self.geometry = mask.geometry.part(first, part.shape)
        self.found = bool(part.any())
        image = Volume(part, self.geometry).to_sitk()
        away = sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
        # The map is 0 in the centres of the surface's voxels, half a voxel inside the wall.
        half = float(np.mean(mask.geometry.spacing)) / 2.0
        self._away: NDArray[np.float64] = sitk.GetArrayFromImage(away).astype(np.float64) - half

    def at(self, ras: Vector) -> Vector:
        """Distance at RAS points (..., 3), trilinear; beyond the grid, that of its border."""
        return trilinear(self._away, self.geometry.to_ijk(ras))

    def gradient(self, ras: Vector) -> Vector:
        """Gradient (..., 3) of ``at``, per mm in RAS."""
        steps = _STEP_MM * np.eye(3)
        return np.stack([self.at(ras + d) - self.at(ras - d) for d in steps], axis=-1) / (
            2.0 * _STEP_MM
        )


def fit_average(
    mask: LabyrinthMask, frame: CochlearFrame, surface: Vector
) -> tuple[Vector, float] | None:
    """Fit an average cochlea's surface to a segment: rotation, shift and scale, least squares.

    Gauss-Newton on the surface's distances (Fitzgibbon 2003, doi:10.1016/j.imavis.2003.09.004),
    from where the cochlear frame has it; distances that stay large count less.

    Args:
        mask: the segment.
        frame: the cochlear frame, where the fit begins.
        surface: (n, 3) mm in the average's cochlear frame.

    Returns:
        4 x 4 from the average's frame to RAS, and the root mean square distance in mm; None if
        there is no lumen near.
    """
    to_ras = frame.matrix
    distance = SurfaceDistance(mask, apply_affine(to_ras, surface))
    if not distance.found:
        return None
    for _ in range(_STEPS):
        points = apply_affine(to_ras, surface)
        middle = points.mean(axis=0)
        off, slope = distance.at(points), distance.gradient(points)
        arms = points - middle
        jacobian = np.column_stack(
            [np.cross(arms, slope), slope, np.einsum("ij,ij->i", arms, slope)]
        )
        weights = 1.0 / np.sqrt(1.0 + (off / _ROBUST_MM) ** 2)
        normal = jacobian.T @ (weights[:, None] * jacobian) + 1e-3 * np.eye(7)
        step = np.linalg.solve(normal, -jacobian.T @ (weights * off))
        change = np.eye(4)
        change[:3, :3] = np.exp(step[6]) * _rotation(step[:3])
        change[:3, 3] = middle + step[3:6] - change[:3, :3] @ middle
        to_ras = change @ to_ras
        if np.abs(step).max() < 1e-4:
            break
    return to_ras, float(np.sqrt(np.mean(distance.at(apply_affine(to_ras, surface)) ** 2)))


def duct_frame(mask: LabyrinthMask, frame: CochlearFrame, round_window: Vector) -> CochlearFrame:
    """The frame that a duct's angles are in: 0 degrees at the round window (RAS mm).

    Its axis is that of the average cochlea, fitted to the segment; that of ``frame`` where the
    average fits badly.
    """
    fit = fit_average(mask, frame, average_surface())
    if fit is None or fit[1] > LARGEST_MISFIT_MM:
        return frame
    return about_axis(frame, fit[0][:3, 3], fit[0][:3, 2], round_window)


def about_axis(
    frame: CochlearFrame, place: Vector, direction: Vector, round_window: Vector
) -> CochlearFrame:
    """The frame about an axis through ``place``, with its x axis to the round window; RAS mm."""
    z = direction / np.linalg.norm(direction)
    origin = place + z * ((round_window - place) @ z)
    return CochlearFrame.of(frame.side, origin, round_window, origin + z)


def _rotation(vector: Vector) -> Vector:
    """Rotation matrix (3, 3) by the length of a vector, in radians, about it (Rodrigues)."""
    angle = float(np.linalg.norm(vector))
    x, y, z = vector / max(angle, 1e-12)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.asarray(
        np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross, np.float64
    )
