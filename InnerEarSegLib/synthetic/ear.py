"""A CT of one ear with exact labels and landmarks, from parameters and a pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import (
    BASAL_TURN,
    HELICOTREMA,
    OVAL_WINDOW,
    ROUND_WINDOW,
    VESTIBULE,
    Geometry,
    Side,
    Volume,
    apply_affine,
    side_sign,
)
from . import scan, surroundings
from .anatomy import EAR_FROM_CANAL, Anatomy, build_anatomy
from .distances import Array, distance_map, labyrinth_distance, leave
from .parameters import EarParameters

Filling = Literal["fluid", "air", "mixed"]

_DIAGONAL = np.sqrt(0.5)
_RAS_FROM_CANAL = np.array(
    [[-_DIAGONAL, 0.0, -_DIAGONAL], [-_DIAGONAL, 0.0, _DIAGONAL], [0.0, 1.0, 0.0]]
)
"""3 x 3 for a left ear in an upright head: x points back and out, u up, v forward and out."""

_MARGIN = 3.5
"""mm around the labyrinth in which its distance matters."""


@dataclass(frozen=True, eq=False)
class SyntheticEar:
    """A scan of one ear, int16 Hounsfield units [k, j, i], and the truth about it.

    ``labels`` are uint8 on the same grid, 1 where a voxel's centre lies in the bony labyrinth;
    ``landmarks`` are RAS mm by name: LANDMARKS, BASAL_TURN and VESTIBULE.
    """

    ct: Volume
    labels: Volume
    landmarks: dict[str, tuple[float, float, float]]
    side: Side


def make_ear(
    parameters: EarParameters,
    *,
    side: Side,
    rotation: ArrayLike = scan.IDENTITY,
    spacing: tuple[float, float, float] = (0.2, 0.2, 0.2),
    size_mm: tuple[float, float, float] = (20.0, 20.0, 20.0),
    center: tuple[float, float, float] = (0.0, 0.0, 0.0),
    view_center: tuple[float, float, float] | None = None,
    direction: ArrayLike = scan.IDENTITY,
    filling: Filling = "fluid",
    noise_hu: float = 60.0,
    blur_mm: float = 0.2,
    seed: int = 0,
) -> SyntheticEar:
    """Scan an ear; the same arguments give the same ear.

    Args:
        parameters: the anatomy.
        side: a right ear is the mirror image of a left one.
        rotation: 3 x 3 in RAS, applied to the ear of an upright head about its middle.
        spacing: of the CT along (i, j, k) in mm.
        size_mm: field of view along (i, j, k) in mm.
        center: RAS mm of the labyrinth's middle.
        view_center: RAS mm of the middle of the field of view; ``center`` if None.
        direction: 3 x 3, columns are the directions of i, j and k in RAS.
        filling: of the labyrinth; "mixed" has a level with air on one side.
        noise_hu: standard deviation of the noise.
        blur_mm: standard deviation of the scanner's point spread.
        seed: of noise, air cells, texture and levels; the labyrinth does not depend on it.
    """
    rotation = _orthonormal(rotation, "rotation", proper=True)
    direction = _orthonormal(direction, "direction", proper=False)
    count = np.maximum(np.rint(np.asarray(size_mm) / np.asarray(spacing)).astype(int), 1)
    middle = np.asarray(center if view_center is None else view_center)
    geometry = scan.grid_around(middle, np.asarray(spacing), count, direction)
    anatomy = build_anatomy(parameters)
    ras_from_ear = ear_pose(anatomy, side, rotation, np.asarray(center, dtype=np.float64))
    points = ear_points(geometry, ras_from_ear)
    wall = wall_distance(anatomy, points)

    p, windows, shape = parameters, find_windows(anatomy), geometry.shape
    voxel = float(geometry.spacing.mean())
    random = np.random.default_rng([2, seed])
    texture = scan.correlated_noise(random, shape, geometry.spacing, 0.45)
    centers, radii = surroundings.air_cells(p, seed)
    centers = apply_affine(ras_from_ear, centers)
    shares = scan.cell_shares(geometry, centers, radii, 0.25 * texture).ravel()
    texture = texture.ravel()
    away = scan.ramp(wall, p.capsule_thickness - 0.7, p.capsule_thickness + 0.7)
    hu = p.capsule_hu + away * (p.bone_hu - p.capsule_hu) + (50.0 + 130.0 * away) * texture
    fluid = float(random.uniform(0.0, 100.0))
    outer = scan.AIR if filling == "air" else scan.SOFT_TISSUE

    scan.paint(hu, shares * scan.ramp(wall, 1.1, 1.6), scan.AIR)
    scan.paint(hu, scan.occupancy(surroundings.fossa_distance(p, points), voxel), outer)
    cavity = surroundings.middle_ear_distance(p, windows, points, wall, 0.3 * texture)
    paint_nerves_and_middle_ear(hu, p, windows, points, wall, cavity, voxel)
    inside: Array | float = scan.AIR if filling == "air" else fluid
    if filling == "mixed":
        up = random.standard_normal(3).astype(np.float32)
        height = points @ (up / np.linalg.norm(up))
        level = np.quantile(height[wall < 0], random.uniform(0.25, 0.75)) if (wall < 0).any() else 0
        inside = fluid + scan.occupancy(level - height, voxel) * (scan.AIR - fluid)
    scan.paint(hu, scan.occupancy(wall, voxel), inside)

    hu = scan.blur(hu.reshape(shape).astype(np.float32), geometry.spacing, blur_mm)
    hu += np.float32(noise_hu) * scan.correlated_noise(random, shape, geometry.spacing, 0.15)
    landmarks = place_landmarks(anatomy, windows, ras_from_ear)
    labels = (wall < 0).reshape(geometry.shape).astype(np.uint8)
    ct = Volume(scan.to_hounsfield(hu), geometry, "Synthetic ear")
    return SyntheticEar(ct, Volume(labels, geometry, "Synthetic ear labels"), landmarks, side)


def wall_distance(anatomy: Anatomy, points: Array) -> Array:
    """(n,) mm to the labyrinth's wall, exact in sign, at (n, 3) points of the ear frame."""
    nodes = np.concatenate([tube.points for tube in anatomy.tubes])
    low, high = nodes.min(axis=0) - _MARGIN, nodes.max(axis=0) + _MARGIN
    return distance_map(lambda p: labyrinth_distance(anatomy, p), points, low, high)


def place_landmarks(
    anatomy: Anatomy, windows: surroundings.Windows, ras_from_ear: NDArray
) -> dict[str, tuple[float, float, float]]:
    """Return RAS mm of LANDMARKS, BASAL_TURN and VESTIBULE; ``ras_from_ear`` is 4 x 4."""
    ear_landmarks = {
        HELICOTREMA: anatomy.helicotrema,
        OVAL_WINDOW: windows.oval_window,
        ROUND_WINDOW: windows.round_window,
        BASAL_TURN: np.zeros(3),
        VESTIBULE: anatomy.vestibule.center,
    }
    return {name: triple(apply_affine(ras_from_ear, ear)) for name, ear in ear_landmarks.items()}


def triple(values: NDArray) -> tuple[float, float, float]:
    """Return three plain numbers."""
    return float(values[0]), float(values[1]), float(values[2])


def find_windows(anatomy: Anatomy) -> surroundings.Windows:
    """Where the rays of the anatomy leave the lumen, in the ear frame."""
    rays = (anatomy.round_window_ray, anatomy.oval_window_ray)
    around = [leave(lambda p: labyrinth_distance(anatomy, p), *ray) for ray in rays]
    return surroundings.Windows(around[0], rays[0][1], around[1], rays[1][1])


def paint_nerves_and_middle_ear(
    hu: Array, p: EarParameters, windows: surroundings.Windows, points: Array, wall: Array,
    cavity: Array, voxel: float,
) -> None:  # fmt: skip
    """Paint the nerves' canals, the middle ear and the windows over bone ``hu`` (n,), in place.

    ``points`` (n, 3) are mm in the ear frame; ``wall`` and ``cavity`` (n,) are mm to the labyrinth
    and to the middle ear; ``voxel`` is the edge in mm.
    """
    tissue = surroundings.soft_tissue_distance(p, points, wall)
    scan.paint(hu, scan.occupancy(tissue, voxel), scan.SOFT_TISSUE)
    scan.paint(hu, scan.occupancy(np.maximum(cavity, 0.3 - tissue), voxel), scan.AIR)
    ossicles = surroundings.ossicle_distance(p, windows, points)
    scan.paint(hu, scan.occupancy(np.maximum(ossicles, cavity), voxel), p.bone_hu)
    membrane, footplate = surroundings.membrane_distances(windows, points, wall)
    scan.paint(hu, scan.occupancy(membrane, voxel), 80.0)
    scan.paint(hu, scan.occupancy(footplate, voxel), 700.0)


def _orthonormal(matrix: ArrayLike, name: str, proper: bool) -> NDArray[np.float64]:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.shape != (3, 3) or not np.allclose(matrix @ matrix.T, np.eye(3), atol=1e-6):
        raise ValueError(f"{name} must be an orthonormal 3 x 3 matrix.")
    if proper and np.linalg.det(matrix) < 0:
        raise ValueError(f"{name} must not mirror the ear; choose the side instead.")
    return matrix


def ear_pose(anatomy: Anatomy, side: Side, rotation: NDArray, center: NDArray) -> NDArray:
    """Return the 4 x 4 matrix from the ear frame to RAS; it mirrors right ears.

    Raises:
        ValueError: the side is unknown.
    """
    if side not in ("left", "right"):
        raise ValueError("side must be 'left' or 'right'.")
    mirror = np.diag([-side_sign(side), 1.0, 1.0])
    matrix = np.eye(4)
    matrix[:3, :3] = rotation @ mirror @ _RAS_FROM_CANAL @ EAR_FROM_CANAL.T
    matrix[:3, 3] = center - matrix[:3, :3] @ anatomy.middle
    return matrix


def ear_points(geometry: Geometry, ras_from_ear: NDArray) -> Array:
    """(n, 3) float32: voxel centres in the ear frame, i fastest."""
    matrix = np.linalg.inv(ras_from_ear) @ geometry.ijk_to_ras
    k, j, i = (np.arange(count) for count in geometry.shape)
    columns = matrix[:3, :3].T
    points = (
        k[:, None, None, None] * columns[2]
        + j[:, None, None] * columns[1]
        + (i[:, None] * columns[0] + matrix[:3, 3])
    )
    return points.reshape(-1, 3).astype(np.float32)
