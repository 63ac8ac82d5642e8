"""The front of a schematic head, as distances in mm at (n, 3) points of the head frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .distances import Array, box, capsule, chain, ellipsoid, smooth_minimum, union
from .parameters import HeadParameters


def orbit(half: Array) -> Array:
    """Distance to the orbits; ``half`` has |right|."""
    turn = np.array([[0.9, -0.42, 0.0], [0.42, 0.9, 0.0], [0.0, 0.0, 1.0]])
    cone = ellipsoid(half, (32.0, 76.0, 6.0), (18.0, 29.0, 18.0), turn)
    return cone


def face(half: Array) -> Array:
    """Distance to the bones of the face without the mandible; ``half`` has |right|."""
    rim = np.abs(orbit(half)) - 2.2
    rim = np.maximum(rim, half[:, 1] - 92.0)
    return union(
        rim,
        ellipsoid(half, (0.0, 68.0, -38.0), (31.0, 30.0, 13.0)),
        ellipsoid(half, (24.0, 70.0, -20.0), (22.0, 24.0, 20.0)),
        box(half, (0.0, 70.0, -8.0), (16.0, 30.0, 22.0), 5.0),
        capsule(half, (0.0, 94.0, 14.0), (0.0, 105.0, -8.0), 7.0, 3.0),
        chain(
            half,
            [(44.0, 82.0, -14.0), (58.0, 66.0, -15.0), (67.0, 35.0, -10.0), (65.0, 8.0, -6.0)],
            [7.0, 4.0, 3.0, 3.5],
        ),
        chain(half, [(10.0, 98.0, 26.0), (34.0, 96.0, 27.0), (52.0, 80.0, 16.0)], [6.0, 5.0, 4.0]),
        capsule(half, (52.0, 80.0, 16.0), (46.0, 82.0, -14.0), 4.5, 5.0),
    )


def jaw(half: Array) -> Array:
    """Distance to the mandible without its teeth; ``half`` has |right|."""
    ramus = box(half, (49.0, 20.0, -38.0), (4.5, 13.0, 25.0), 3.0)
    condyle = capsule(half, (50.0, 13.0, -7.0), (50.0, 14.0, -20.0), 5.0, 4.0)
    coronoid = capsule(half, (50.0, 34.0, -10.0), (49.0, 30.0, -25.0), 2.5, 4.0)
    arch = [(47.0, 20.0), (42.0, 45.0), (30.0, 72.0), (15.0, 88.0), (0.0, 92.0)]
    upper = chain(half, [(x, y, -70.0) for x, y in arch], [5.5, 5.5, 5.5, 5.0, 5.0])
    lower = chain(half, [(x, y, -82.0) for x, y in arch], [5.5, 5.5, 5.5, 6.0, 6.5])
    return union(ramus, condyle, coronoid, smooth_minimum(upper, lower, 6.0))


def sinuses(p: HeadParameters, half: Array, points: Array) -> Array:
    """Distance to the air of the paranasal sinuses and the nose; ``half`` has |right|."""
    size = p.sinus
    septum = 1.0 - half[:, 0]
    maxillary = ellipsoid(half, (27.0, 66.0, -18.0), np.array([14.0, 18.0, 16.0]) * size)
    sphenoid = ellipsoid(half, (8.0, 39.0, 3.0), np.array([9.0, 13.0, 10.0]) * size)
    frontal = ellipsoid(half, (11.0, 100.0, 27.0), np.array([13.0, 5.0, 12.0]) * size)
    # Its septum is never in the middle.
    sphenoid = np.maximum(sphenoid, 0.6 - np.abs(points[:, 0] - 2.0))
    # Ethmoid cells: a lattice of thin walls in a box between the orbits.
    walls = 0.45 - np.abs((half[:, 1] + 0.3 * half[:, 2]) % 8.0 - 4.0)
    walls = np.maximum(walls, 0.45 - np.abs((half[:, 2] - 0.2 * half[:, 1]) % 9.0 - 4.5))
    ethmoid = np.maximum(box(half, (7.5, 68.0, 6.0), (6.0, 21.0, 11.0), 3.0), walls)
    ethmoid = np.maximum(ethmoid, septum)
    nose = box(half, (6.5, 72.0, -20.0), (7.0, 28.0, 17.0), 3.0)
    for height, length in ((-28.0, 20.0), (-15.0, 16.0)):
        turbinate = capsule(
            half, (8.0, 70.0 - length, height), (8.0, 70.0 + length, height), 3.2, 2.8
        )
        nose = np.maximum(nose, -turbinate)
    nose = np.maximum(nose, septum)
    return union(maxillary, sphenoid, np.maximum(frontal, septum), ethmoid, nose)


def throat(points: Array) -> Array:
    """Distance to the air of the throat and the nostrils."""
    flat = points * np.array([0.6, 1.0, 1.0], np.float32)
    pharynx = chain(
        flat, [(0.0, 38.0, -18.0), (0.0, 24.0, -45.0), (0.0, 20.0, -160.0)], [7.0, 6.0, 6.0]
    )
    nostril = points.copy()
    nostril[:, 0] = np.abs(nostril[:, 0])
    nostrils = capsule(nostril, (6.0, 96.0, -28.0), (7.0, 106.0, -42.0), 3.5, 3.5)
    return union(pharynx, nostrils)


def tooth_places(p: HeadParameters, seed: int) -> list[tuple[NDArray, float]]:
    """Root tips' middle to crown of each tooth there is: centres (3,) and radii, head frame.

    The places are those of a head of typical size.
    """
    random = np.random.default_rng([20240818, seed])
    places: list[tuple[NDArray, float]] = []
    for number in range(8):
        angle = np.radians(6.0 + 10.8 * number)
        x, y = 27.0 * np.sin(angle) ** 0.9, 42.0 + 47.0 * np.cos(angle)
        radius = 3.2 if number < 3 else 3.8 if number < 5 else 4.9
        for out in (-1.0, 1.0):
            for z in (-51.0, -60.5):
                if random.random() < p.teeth:
                    places.append((np.array([out * x, y, z]), radius))
    return places


def teeth(p: HeadParameters, points: Array, seed: int) -> Array:
    """Distance to the teeth, crowns and roots; 50 mm where none is near."""
    result = np.full(len(points), 50.0, dtype=np.float32)
    near = (points[:, 2] > -80.0) & (points[:, 2] < -30.0) & (points[:, 1] > 25.0)
    window = np.flatnonzero(near & (np.abs(points[:, 0]) < 45.0))
    if len(window) == 0:
        return result
    inside = points[window]
    gap = result[window]
    for center, radius in tooth_places(p, seed):
        gap = np.minimum(gap, ellipsoid(inside, center, (radius, radius, 4.6)))
        root = 12.0 if center[2] > -55.0 else -12.0
        end = center + np.array([0.0, -2.0, root])
        gap = np.minimum(gap, capsule(inside, center, end, 0.65 * radius, 0.3 * radius))
    result[window] = gap
    return result
