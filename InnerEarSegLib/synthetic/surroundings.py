"""What lies around the labyrinth: middle ear, windows, nerves, air cells, the bone's surface.

Distances (n,) in mm at points (n, 3) of the ear frame (see ``anatomy``), negative inside.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import apply_affine, side_sign, trilinear
from .anatomy import Tube
from .distances import Array, capsule, distance_map, tube_distance, union
from .parameters import EarParameters, HeadParameters
from .scan import Lattice
from .skull import HeadEar

MEMBRANE = 0.2
"""mm: thickness of the round window's membrane and of the stapes' footplate."""

ROUND_WINDOW_RADIUS, OVAL_WINDOW_RADIUS = 0.75, 0.95

LEAST_RADIUS = 0.6
"""mm; smaller cells of a mastoid are left out."""

WALL = 0.8
"""mm of bone between a mastoid's cells and everything else."""


@dataclass(frozen=True, eq=False)
class Windows:
    """Centres (3,) of the windows on the lumen's surface, and the directions (3,) out of them."""

    round_window: NDArray
    round_direction: NDArray
    oval_window: NDArray
    oval_direction: NDArray


def middle_ear_distance(
    p: EarParameters, windows: Windows, points: Array, wall: Array, rough: Array
) -> Array:
    """Distance to the tympanic cavity with the niches of both windows.

    The promontory keeps its thickness from ``wall``, the distance to the labyrinth; ``rough`` in
    mm makes the cavity irregular.
    """
    size = p.scale * p.middle_ear_size
    center = np.array([10.2, -0.8, 4.2], dtype=np.float32) * np.float32(p.scale)
    semi_axes = np.array([5.2, 4.6, 5.0], dtype=np.float32) * np.float32(size)
    offset = (points - center) / semi_axes
    cavity = (np.sqrt((offset**2).sum(axis=1)) - 1.0) * semi_axes.min() + rough
    cavity = np.maximum(cavity, p.promontory - wall)
    for start, way, radius in (
        (windows.round_window, windows.round_direction, ROUND_WINDOW_RADIUS),
        (windows.oval_window, windows.oval_direction, OVAL_WINDOW_RADIUS),
    ):
        width = radius * p.scale
        niche = capsule(points, start, start + 2.6 * way, width, width)
        cavity = np.minimum(cavity, np.maximum(niche, MEMBRANE - wall))
    return cavity


def membrane_distances(windows: Windows, points: Array, wall: Array) -> tuple[Array, Array]:
    """Distances to the round window's membrane and to the footplate, both outside the lumen."""
    slab = np.maximum(-wall, wall - MEMBRANE)
    places = (windows.round_window.astype(np.float32), windows.oval_window.astype(np.float32))
    membrane, footplate = (np.linalg.norm(points - place, axis=1) for place in places)
    return (
        np.maximum(slab, membrane - ROUND_WINDOW_RADIUS),
        np.maximum(slab, footplate - OVAL_WINDOW_RADIUS),
    )


def ossicle_distance(p: EarParameters, windows: Windows, points: Array) -> Array:
    """Distance to a sketch of the stapes, the incus and the malleus."""
    head = windows.oval_window + 2.4 * windows.oval_direction
    body = p.scale * np.array([8.2, 4.3, 2.9])
    handle = p.scale * np.array([8.6, -0.4, 5.4])
    return union(
        capsule(points, windows.oval_window, head, 0.28, 0.28),
        capsule(points, head, body, 0.4, 0.4),
        capsule(points, body, handle, 0.5, 0.5),
    )


def soft_tissue_distance(p: EarParameters, points: Array, wall: Array) -> Array:
    """Distance to the internal auditory canal and the facial nerve's canal."""
    meatus = np.array([[0.9, 0.4, -1.7], [-0.2, 1.2, -4.4], [-2.4, 2.2, -9.0], [-5.0, 3.2, -14.0]])
    nodes, radii = _between(meatus, [1.1, 1.9, 2.5, 2.8])
    if p.facial_nerve:
        nerve = [[0.7, 2.4, -2.6], [1.0, 3.9, 0.2], [1.6, 4.6, 3.0], [4.2, 4.9, 2.9]]
        nerve += [[7.4, 4.4, 1.4], [9.6, 2.2, -0.6], [10.4, -3.0, -2.0], [10.8, -10.0, -3.0]]
        more = _between(np.array(nerve), [0.55, 0.5, 0.6, 0.6, 0.65, 0.7, 0.75, 0.75])
        nodes, radii = np.concatenate([nodes, more[0]]), np.concatenate([radii, more[1]])
    tube = Tube(p.scale * nodes, p.scale * radii)
    low, high = tube.points.min(axis=0) - 2.0, tube.points.max(axis=0) + 2.0
    distance = distance_map(lambda q: tube_distance(tube, q), points, low, high, exact=False)
    return np.maximum(distance, 0.35 - wall)


def fossa_distance(p: EarParameters, points: Array) -> Array:
    """Distance to the middle and the posterior cranial fossa."""
    roof = np.float32(p.scale * 12.0 + p.tegmen)
    superior = points @ np.array([0.1, 0.87, -0.48], dtype=np.float32) - roof
    posterior = points @ np.array([-0.35, -0.35, -0.87], dtype=np.float32) - np.float32(8.2)
    return -np.maximum(superior, posterior)


def air_cells(p: EarParameters, seed: int) -> tuple[NDArray, NDArray]:
    """Draw centres (n, 3) and radii (n,) of air cells around a single ear."""
    random = np.random.default_rng([1, seed])
    centers, radii = [], []
    for _ in range(p.air_cells):
        center = random.uniform([-6.0, -12.0, -14.0], [22.0, 20.0, 12.0])
        radius = random.uniform(0.4, 1.4)
        # Cells become frequent laterally and posteriorly, where the mastoid is.
        chance = 0.03 + 0.97 / (1.0 + np.exp(-(center @ [0.8, 0.15, -0.1] - 8.0) * 1.2))
        if random.random() <= chance:
            centers.append(center)
            radii.append(radius)
    kept, sizes = _packed(np.array(centers), np.array(radii), 0.05, 0.3)
    return p.scale * kept, p.scale * sizes


def _packed(
    centers: NDArray, radii: NDArray, wall: float, least: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shrink balls (n, 3), (n,) until ``wall`` mm is between them, the first ones least.

    Those of up to ``least`` mm are left out.
    """
    kept, sizes = np.empty((len(radii), 3)), np.empty(len(radii))
    count = 0
    for center, radius in zip(centers, radii, strict=True):
        gaps = np.linalg.norm(kept[:count] - center, axis=1) - sizes[:count]
        size = min(radius, float(gaps.min()) - wall) if count else radius
        if size > least:
            kept[count], sizes[count] = center, size
            count += 1
    return kept[:count], sizes[:count]


def _between(points: NDArray, radii: list[float]) -> tuple[NDArray, NDArray]:
    """Nodes and radii of a tube with straight pieces between (n, 3) points."""
    index = np.linspace(0, len(points) - 1, 24 * len(points))
    known = np.arange(len(points))
    nodes = np.stack([np.interp(index, known, points[:, axis]) for axis in range(3)], axis=1)
    return nodes, np.interp(index, known, radii)


def mastoid_cells(
    p: HeadParameters, ear: HeadEar, fields: dict[str, Array], lattice: Lattice, pose: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw RAS centres (n, 3) and radii (n,) in mm of the air cells around one of a head's ears.

    ``fields`` of ``skull.head_fields`` are on the lattice [k, j, i], outside which no cell is;
    ``pose`` is 4 x 4, head frame to RAS.
    """
    random = np.random.default_rng([7, ear.seed])
    low, high = np.array([-4.0, -32.0, -38.0]), np.array([35.0, 18.0, 14.0])
    offsets = random.uniform(low, high, (p.cell_count, 3))
    wanted = random.uniform(LEAST_RADIUS, 3.2, p.cell_count)
    # Rare and small beside the labyrinth, many and large in the mastoid.
    away = np.linalg.norm(offsets, axis=1)
    chance = 0.03 + 0.97 / (1.0 + np.exp(-(offsets @ [0.9, -0.25, -0.1] - 9.0)))
    keep = random.random(p.cell_count) < chance
    wanted = np.minimum(wanted, np.maximum(0.12 * away - 0.3, 0.5))
    ras = apply_affine(pose, ear.middle + offsets * np.array([side_sign(ear.side), 1.0, 1.0]))

    nodes = lattice.geometry.to_ijk(ras)
    inside = np.all((nodes >= 0) & (nodes <= np.array(lattice.shape[::-1]) - 1), axis=1)
    # In solid bone, and off the auditory canal.
    kept = np.flatnonzero(inside & keep)
    bone, air = (trilinear(fields[name], nodes[kept]) for name in ("bone", "air"))
    room = np.zeros(p.cell_count)
    room[kept] = np.minimum(np.minimum(-bone, air) - WALL, wanted[kept])
    # The large ones first; the small ones fill the gaps. Walls between are thinner than a voxel.
    order = np.argsort(-room, kind="stable")[: np.count_nonzero(room > LEAST_RADIUS)]
    return _packed(ras[order], room[order], 0.15, LEAST_RADIUS)
