"""The air cells of a head's mastoids: larger to the side and below than the ear's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..results import Side
from .fields import Lattice
from .head_parameters import HeadParameters
from .skull import HeadEar, HeadFields

LEAST_RADIUS = 0.6
"""mm; smaller cells are left out."""

WALL = 0.8
"""mm of bone that cells leave between themselves and everything else."""


def mastoid_cells(
    p: HeadParameters,
    ear: HeadEar,
    side: Side,
    fields: HeadFields,
    lattice: Lattice,
    pose: NDArray,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """RAS centres (n, 3) and radii (n,) in mm of the air cells of one mastoid.

    Args:
        p: of the head.
        ear: on that side.
        side: of the head.
        fields: on the lattice, flat.
        lattice: of the fields; cells outside it are left out.
        pose: 4 x 4, head frame to RAS.
    """
    random = np.random.default_rng([7, ear.seed])
    out = 1.0 if side == "right" else -1.0
    middle = ear.pose[:3, :3] @ ear.anatomy.middle + ear.pose[:3, 3]
    low, high = np.array([-4.0, -32.0, -38.0]), np.array([35.0, 18.0, 14.0])
    offsets = random.uniform(low, high, (p.cell_count, 3))
    wanted = random.uniform(LEAST_RADIUS, 3.2, p.cell_count)
    # Rare and small beside the labyrinth, many and large in the mastoid.
    away = np.linalg.norm(offsets, axis=1)
    chance = 0.03 + 0.97 / (1.0 + np.exp(-(offsets @ [0.9, -0.25, -0.1] - 9.0)))
    keep = random.random(p.cell_count) < chance
    wanted = np.minimum(wanted, np.maximum(0.12 * away - 0.3, 0.5))
    centers = middle + offsets * np.array([out, 1.0, 1.0])
    ras = centers @ pose[:3, :3].T + pose[:3, 3]

    nodes = lattice.geometry.to_ijk(ras)
    inside = np.all((nodes >= 0) & (nodes <= np.array(lattice.shape[::-1]) - 1), axis=1)
    # In solid bone, and off the auditory canal.
    depth = -_values(fields.bone.reshape(lattice.shape), nodes)
    canal = _values(fields.air.reshape(lattice.shape), nodes)
    room = np.minimum(np.minimum(depth, canal) - WALL, wanted)
    room[~(inside & keep)] = 0.0
    chosen, radii = np.empty((len(room), 3)), np.empty(len(room))
    count = 0
    # The large ones first; the small ones fill the gaps.
    for n in [int(i) for i in np.argsort(-room, kind="stable") if room[i] > LEAST_RADIUS]:
        gaps = np.linalg.norm(chosen[:count] - ras[n], axis=1) - radii[:count]
        # Walls between cells are thinner than a voxel.
        radius = min(room[n], float(gaps.min()) - 0.15) if count else room[n]
        if radius > LEAST_RADIUS:
            chosen[count], radii[count] = ras[n], radius
            count += 1
    return chosen[:count], radii[:count]


def _values(field: NDArray, nodes: NDArray) -> NDArray[np.float64]:
    """Trilinear values (n,) at (n, 3) positions (i, j, k), clamped to the ends."""
    limits = np.array(field.shape[::-1]) - 1
    nodes = np.clip(nodes, 0.0, limits)
    corner = np.minimum(nodes.astype(int), limits - 1)
    weight = nodes - corner
    result = np.zeros(len(nodes))
    for i, j, k in np.ndindex(2, 2, 2):
        bits = np.array([i, j, k])
        share = np.where(bits == 1, weight, 1.0 - weight).prod(axis=1)
        at = corner + bits
        result += share * field[at[:, 2], at[:, 1], at[:, 0]]
    return result
