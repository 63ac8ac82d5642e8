"""A small picture of one ear, to look through a cohort: a slice, and the labyrinth's shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..cochlea.measurements import CochlearMeasurements
from ..types import Ear, Geometry, Volume
from .figures import COLORS, MARK, Plane, draw, orthogonal_planes, resampled, rgb
from .subject import ct_around

EDGE = 200
"""Pixels of each half."""

FIELD_MM, STEP_MM = 20.0, 0.1
_QUALITY = 88
_BACKGROUND = (247, 249, 250)


def write_thumbnail(ct: Volume, ear: Ear, cochlea: CochlearMeasurements, path: Path) -> None:
    """Write a JPEG, two squares side by side.

    Left the CT in the plane of the basal turn, or axially through the ear where the cochlea's axes
    are not known, with the labyrinth's outline; right the labyrinth seen along the same direction.
    Landmarks are dots.
    """
    plane = _plane(ear, cochlea)
    around = ct_around(ct.array, ct.geometry, plane.center[None])
    halves = [_small(draw(around, ear, plane)), _shape(ear, plane)]
    for half in halves:
        _mark(half, ear, plane)
    _write_jpeg(np.concatenate(halves, axis=1), path)


def _plane(ear: Ear, cochlea: CochlearMeasurements) -> Plane:
    """The plane of the slice and the direction of the view, in the middle of the labyrinth."""
    inside = np.argwhere(ear.labyrinth)[:, ::-1]
    places = [mark.ras for mark in ear.landmarks if mark.ras is not None]
    middle = ear.geometry.to_ras(inside).mean(axis=0) if len(inside) else np.mean(places, axis=0)
    if cochlea.frame is None:
        axial = orthogonal_planes(middle)[0]
        return Plane(axial.name, middle, axial.right, axial.up, FIELD_MM)
    right, (_, y, z) = cochlea.frame.right_in_view, cochlea.frame.axes
    depth = (cochlea.frame.origin - middle) @ z  # the slice is through the basal turn's centre
    return Plane("basal turn", middle + depth * z, right, y, FIELD_MM)


def _small(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pixels (n, n, 3) brought to EDGE by averaging, as JPEG would else keep their noise."""
    image = sitk.GetImageFromArray(pixels.astype(np.float32), isVector=True)
    factor = pixels.shape[0] / EDGE
    smooth = sitk.SmoothingRecursiveGaussian(image, 0.4 * factor)
    grid = sitk.Image([EDGE, EDGE], sitk.sitkVectorFloat32, 3)
    grid.SetSpacing([factor, factor])
    grid.SetOrigin([(factor - 1) / 2.0] * 2)
    small = sitk.GetArrayFromImage(sitk.Resample(smooth, grid))
    return np.clip(np.round(small), 0, 255).astype(np.uint8)


def _shape(ear: Ear, plane: Plane) -> NDArray[np.uint8]:
    """The labyrinth's surface as a camera sees it that looks at the plane, lit from there."""
    count = int(FIELD_MM / STEP_MM)
    matrix = np.eye(4)
    axes = plane.right, -plane.up, -np.cross(plane.right, plane.up)  # the last into the picture
    matrix[:3, :3] = np.stack(axes, axis=1) * STEP_MM
    matrix[:3, 3] = plane.center - matrix[:3, :3] @ np.full(3, (count - 1) / 2.0)
    # Rows and columns are those of the picture, and each layer lies deeper.
    inside = resampled(ear.labyrinth, ear.geometry, Geometry(matrix, (count,) * 3), 0.0) >= 0.5
    seen = np.asarray(inside.any(axis=0))
    depth = sitk.GetImageFromArray(np.where(seen, inside.argmax(axis=0), count).astype(np.float32))
    down, across = np.gradient(sitk.GetArrayFromImage(sitk.DiscreteGaussian(depth, [2.0, 2.0])))
    light = (1.0 + 0.3 * (down + across)) / np.sqrt(1.0 + down**2 + across**2) / 1.1
    color = np.array(COLORS[ear.side], np.float64) * 0.8 + 40.0
    lit = np.clip(light, 0.25, 1.0)[..., None] * color
    return np.where(seen[..., None], lit, _BACKGROUND).astype(np.uint8)


def _mark(half: NDArray[np.uint8], ear: Ear, plane: Plane) -> None:
    """Draw landmarks as dots on a picture."""
    size = half.shape[0]
    rows, columns = np.indices((size, size))
    for mark in ear.landmarks:
        if mark.ras is not None:
            x, y = (size * value for value in plane.place(mark.ras))
            apart = np.hypot(rows + 0.5 - y, columns + 0.5 - x)
            half[apart < 4.0] = (0, 0, 0)
            half[apart < 3.0] = rgb(MARK)


def _write_jpeg(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write RGB (rows, columns, 3) as JPEG."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(pixels), isVector=True)
    sitk.WriteImage(image, str(path), True, _QUALITY)
