"""Slices through an ear as grey pixels with the labyrinth's outline."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..cochlea.frame import CochlearFrame
from ..io.volume import image_of
from ..types import Ear, Geometry, Volume

PIXELS = 440
"""Edge of a picture: 0.045 mm a pixel, finer than any CT."""

FIELD_MM = 20.0
LOW_HU, HIGH_HU = -1000.0, 3000.0
"""The bone window of ``scene.volume_node``."""

COLORS = {"left": (64, 178, 255), "right": (255, 158, 38)}
"""As in the scene (``scene.segmentation_node``)."""

_OUTSIDE = -5000.0
_NO_CT = (52, 60, 74)
"""Where the CT has no voxels: no grey, so that nobody takes it for tissue, and dark, so that the
white letters can be read on it."""

_OUTLINE = 2


@dataclass(frozen=True, eq=False)
class Plane:
    """A square piece of a plane.

    Attributes:
        name: what to call it.
        center: (3,) RAS mm.
        right: unit vector (3,) in RAS that points to the right in the picture.
        up: unit vector (3,), perpendicular to it, upwards in the picture.
        field_mm: length of an edge.
    """

    name: str
    center: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]
    field_mm: float = FIELD_MM

    def place(self, ras: ArrayLike) -> NDArray[np.float64]:
        """Where points (..., 3) are in the picture: (..., 2), from 0, 0 (left, top) to 1, 1."""
        shift = np.asarray(ras, np.float64) - self.center
        across, above = shift @ self.right / self.field_mm, shift @ self.up / self.field_mm
        return np.stack([0.5 + across, 0.5 - above], axis=-1)

    @property
    def letters(self) -> dict[str, str]:
        """Directions at the edges: "left", "right", "top" and "bottom" to R, L, A, P, S or I.

        Two letters where an edge looks between two directions.
        """
        edges = {"left": -self.right, "right": self.right, "top": self.up, "bottom": -self.up}
        return {edge: _letters(vector) for edge, vector in edges.items()}


def orthogonal_planes(center: ArrayLike) -> list[Plane]:
    """Axial, coronal and sagittal through a point, as radiologists look: R on the left, A up."""
    r, a, s = np.eye(3)
    middle = np.asarray(center, np.float64)
    return [
        Plane("axial", middle, -r, a),
        Plane("coronal", middle, -r, s),
        Plane("sagittal", middle, -a, s),
    ]


def cochlear_planes(frame: CochlearFrame, height_mm: float) -> list[Plane]:
    """The basal turn's plane seen from the apex, and one through the modiolus with the apex up.

    As the panel's Cochlear view: the round window is right in a right ear and left in a left one.

    Args:
        frame: of the cochlea.
        height_mm: of the first plane above the frame's origin, along the modiolus.
    """
    x, y, z = frame.axes
    right = x if np.cross(x, y) @ z > 0 else -x
    return [
        Plane("plane of the basal turn", frame.to_ras([0.0, 0.0, height_mm]), right, y, 16.0),
        Plane("mid-modiolar plane", frame.to_ras([0.0, 0.0, 1.0]), right, z, 16.0),
    ]


def draw(ct: Volume, ear: Ear, plane: Plane) -> NDArray[np.uint8]:
    """The CT in a plane with the labyrinth's outline, (PIXELS, PIXELS, 3) RGB, top row first."""
    grid = _grid(plane)
    hu = _sample(ct.array, ct.geometry, grid, _OUTSIDE)
    grey = np.clip((hu - LOW_HU) / (HIGH_HU - LOW_HU), 0.0, 1.0) * 255.0
    pixels = np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)
    pixels[hu <= LOW_HU * 2] = _NO_CT  # no CT is that low: padding was made air when it was read
    inside = _sample(ear.labyrinth, ear.geometry, grid, 0.0) >= 0.5
    pixels[_outline(inside)] = COLORS[ear.side]
    return pixels


def png(pixels: NDArray[np.uint8]) -> bytes:
    """An RGB picture as a PNG file."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(pixels), isVector=True)
    with tempfile.TemporaryDirectory(prefix="ies-") as folder:
        path = Path(folder) / "picture.png"
        sitk.WriteImage(image, str(path), True)
        return path.read_bytes()


def _grid(plane: Plane) -> Geometry:
    step = plane.field_mm / PIXELS
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = plane.right * step, -plane.up * step
    matrix[:3, 2] = np.cross(plane.right, -plane.up) * step
    middle = (PIXELS - 1) / 2.0
    matrix[:3, 3] = plane.center - matrix[:3, :2] @ (middle, middle)
    return Geometry(matrix, (1, PIXELS, PIXELS))


def _sample(array: NDArray, geometry: Geometry, grid: Geometry, outside: float) -> NDArray:
    """Values [row, column] on a plane's grid, linear between voxels."""
    image = image_of(np.asarray(array, np.float32), geometry)
    target = image_of(np.zeros(grid.shape, np.uint8), grid)
    sampled = sitk.Resample(
        image, target, sitk.Transform(), sitk.sitkLinear, outside, sitk.sitkFloat32
    )
    return sitk.GetArrayFromImage(sampled)[0]


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    core = inside.copy()
    for _ in range(_OUTLINE):
        padded = np.pad(core, 1)
        core = core & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core


def _letters(vector: NDArray[np.float64]) -> str:
    order = np.argsort(-np.abs(vector))
    names = ("LR", "PA", "IS")
    letters = names[order[0]][int(vector[order[0]] > 0)]
    if abs(vector[order[1]]) > 0.5:
        letters += names[order[1]][int(vector[order[1]] > 0)]
    return letters
