"""A schematic head around two ears, as smooth distances (n,) in mm at points (n, 3).

Head frame, mm: right, anterior, superior of an upright head; the origin is midway between the
two labyrinths. The numbers are rounded proportions of an adult's head. What varies from head to
head is in ``HeadParameters``; everything symmetric is written once, for ``half``: |right|.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import SIDES, Side, side_sign
from .anatomy import Anatomy
from .distances import Array, box, capsule, chain, ellipsoid, smooth_maximum, smooth_minimum, union
from .parameters import EarParameters, HeadParameters
from .scan import ramp

SKULL = ((0.0, 11.0, 28.0), (72.0, 94.0, 79.0))
"""Middle and semi-axes of the calvaria's outer surface."""

OUTSIDE_MM = 6.0
"""mm outside the skin beyond which there is nothing but air."""


@dataclass(frozen=True, eq=False)
class HeadEar:
    """One of a head's ears; ``pose`` (4, 4) maps the ear frame to the head frame."""

    side: Side
    parameters: EarParameters
    anatomy: Anatomy
    pose: NDArray[np.float64]
    seed: int

    @property
    def middle(self) -> NDArray[np.float64]:
        """(3,) mm of the labyrinth's middle in the head frame."""
        middle: NDArray = self.pose[:3, :3] @ self.anatomy.middle + self.pose[:3, 3]
        return middle


def head_fields(
    p: HeadParameters, ears: Mapping[Side, HeadEar], points: Array, seed: int
) -> dict[str, Array]:
    """Evaluate the head at (n, 3) points of the head frame.

    Returns:
        Distances to "skin", to "bone" without brain, orbits and vertebral canal, to "air" of
        sinuses, nose, throat and auditory canals, and to "teeth"; HU of "soft" tissue; 0 to 1 in
        "marrow", how far the bone's inside may be marrow.
    """
    # In a head of typical size; everything symmetric in its right half.
    sized = (points / np.array(p.size, np.float32)).astype(np.float32)
    half, skull = _right_half(sized), ellipsoid(sized, *SKULL)
    skin = _skin(p, skull, half)
    result = {"skin": skin}
    # Half of a scan is air around the head, where nothing else needs to be known.
    inside, count = np.flatnonzero(skin < OUTSIDE_MM), len(points)
    points, sized, half, skull, skin = (x[inside] for x in (points, sized, half, skull, skin))
    both = [_petrous(ears[side], points) for side in SIDES]
    petrous, near = (union(*gaps) for gaps in zip(*both, strict=True))
    brain = np.maximum(_brain(p, skull, half), 0.3 - petrous)
    canal = capsule(sized, (0.0, -15.0, -30.0), (0.0, -22.0, -160.0), 10.0, 9.0)
    room = union(brain, orbit(half), canal)
    solid = union(
        # The calvaria is thicker than the floor of the skull.
        brain - (p.calvaria - 3.0 * ramp(-sized[:, 2], -25.0, 0.0)),
        petrous,
        _skull_base(half),
        face(half),
        jaw(half),
        spine(sized),
    )
    bone = np.maximum(np.maximum(solid, -room), skin + 1.5)
    canals = union(*(_external_canal(ears[side], points) for side in SIDES))
    # Sinuses keep a wall towards brain and orbits.
    air = np.maximum(sinuses(p, half, sized), np.maximum(1.2 - room, skin + 3.0))
    air = union(air, throat(sized), np.maximum(canals, 1.5 - brain))
    tooth = teeth(p, sized, seed)
    bone = np.maximum(bone, 0.8 - tooth)
    soft, marrow = _soft_hu(skin, brain, half), ramp(near, 13.0, 19.0)
    known = {"bone": bone, "air": air, "teeth": tooth, "soft": soft, "marrow": marrow}
    for name, values in known.items():
        result[name] = np.full(count, 10.0, np.float32)
        result[name][inside] = values
    return result


def _right_half(points: Array) -> Array:
    half = points.copy()
    half[:, 0] = np.abs(half[:, 0])
    return half


def _petrous(ear: HeadEar, points: Array) -> tuple[Array, Array]:
    """Distance to the petrous pyramid and the mastoid, and to the labyrinth's middle."""
    out, middle = side_sign(ear.side), ear.middle
    offset = (points - middle).astype(np.float32)
    # The roof falls towards the front and side, the back faces the cerebellum; both keep clear of
    # the canals by what the ear's parameters say.
    roof = np.array([0.3 * out, 0.36, 0.88])
    back = np.array([-0.62 * out, -0.76, 0.18])
    tubes = np.concatenate([tube.points for tube in ear.anatomy.tubes])
    radii = np.concatenate([tube.radii for tube in ear.anatomy.tubes])
    tubes = tubes @ ear.pose[:3, :3].T + ear.pose[:3, 3] - middle
    faces = []
    for normal, clearance in ((roof, ear.parameters.tegmen), (back, 1.8)):
        normal = normal / np.linalg.norm(normal)
        reach = float((tubes @ normal + radii).max()) + clearance
        faces.append(offset @ normal.astype(np.float32) - np.float32(reach))
    wedge = smooth_maximum(faces[0], faces[1], 5.0)
    # From the apex beside the clivus out to the mastoid.
    apex = np.array([-out * (abs(middle[0]) - 13.0), 23.0, -3.0])
    body = capsule(offset, apex, (12.0 * out, -6.0, -3.0), 7.0, 19.0)
    pyramid = smooth_maximum(wedge, body, 4.0)
    mastoid = ellipsoid(offset, (19.0 * out, -13.0, -13.0), (13.0, 16.0, 23.0))
    squama = ellipsoid(offset, (22.0 * out, 2.0, -3.0), (12.0, 15.0, 10.0))
    pyramid = union(pyramid, np.maximum(union(mastoid, squama), faces[0]))
    return pyramid, np.sqrt((offset**2).sum(axis=1))


def _brain(p: HeadParameters, skull: Array, half: Array) -> Array:
    """Distance to the room of the brain."""
    inside = skull + np.float32(p.calvaria)
    # The floor steps down from the orbits' roofs to the tentorium.
    floor = 24.0 - half[:, 2] - 22.0 * ramp(-half[:, 1], -52.0, -10.0)
    cerebrum = smooth_maximum(inside, floor, 10.0)
    temporal = ellipsoid(half, (39.0, 24.0, 8.0), (27.0, 27.0, 19.0))
    cerebellum = ellipsoid(half, (0.0, -32.0, -2.0), (54.0, 40.0, 33.0))
    pons = ellipsoid(half, (0.0, 0.0, -2.0), (16.0, 18.0, 22.0))
    low = smooth_minimum(smooth_minimum(temporal, cerebellum, 6.0), pons, 6.0)
    brain = smooth_minimum(cerebrum, smooth_maximum(low, inside, 8.0), 6.0)
    foramen = capsule(half, (0.0, -14.0, -20.0), (0.0, -15.0, -45.0), 14.0, 10.0)
    return np.minimum(brain, foramen)


def _skin(p: HeadParameters, skull: Array, half: Array) -> Array:
    scalp = skull - np.float32(p.scalp)
    face = ellipsoid(half, (0.0, 50.0, -30.0), (64.0, 56.0, 66.0))
    jowl = ellipsoid(half, (0.0, 20.0, -45.0), (68.0, 62.0, 55.0))
    neck = capsule(half, (0.0, -12.0, -30.0), (0.0, -18.0, -200.0), 60.0, 58.0)
    nose = chain(half, [(0.0, 96.0, 8.0), (0.0, 113.0, -24.0)], [7.0, 11.0])
    skin = smooth_minimum(smooth_minimum(scalp, face, 20.0), jowl, 20.0)
    skin = smooth_minimum(smooth_minimum(skin, neck, 20.0), nose, 8.0)
    # The auricle: a bent disc that stands off the head, with the concha scooped out of it.
    lean = np.array([[0.82, 0.57, 0.0], [-0.57, 0.82, 0.0], [0.0, 0.0, 1.0]])
    auricle = ellipsoid(half, (82.0, -16.0, 0.0), (3.0, 17.0, 31.0), lean)
    rim = ellipsoid(half, (86.0, -10.0, 2.0), (4.0, 12.0, 22.0), lean)
    return smooth_minimum(skin, smooth_maximum(auricle, -rim, 2.0), 4.0)


def _external_canal(ear: HeadEar, points: Array) -> Array:
    """From the eardrum, at the side of the middle ear, out to the concha."""
    out = side_sign(ear.side)
    cavity = np.array([11.5, -2.0, 5.5]) * ear.parameters.scale
    drum = ear.pose[:3, :3] @ cavity + ear.pose[:3, 3] + np.array([5.0 * out, 0.0, -1.0])
    bend = drum + np.array([11.0 * out, -2.0, 1.5])
    concha = np.array([84.0 * out, drum[1] - 8.0, drum[2] + 2.0])
    return chain(points, [drum, bend, concha], [3.8, 3.3, 4.5])


def _skull_base(half: Array) -> Array:
    """Sphenoid, clivus, condyles, wings and pterygoid plates."""
    return union(
        ellipsoid(half, (0.0, 36.0, 4.0), (17.0, 19.0, 13.0)),
        capsule(half, (0.0, 26.0, 2.0), (0.0, 7.0, -26.0), 9.0, 5.0),
        capsule(half, (15.0, -6.0, -31.0), (20.0, -18.0, -30.0), 6.0, 6.0),
        capsule(half, (14.0, 32.0, -10.0), (15.0, 36.0, -40.0), 3.0, 2.0),
        capsule(half, (20.0, 45.0, 6.0), (60.0, 60.0, 14.0), 4.0, 3.0),
        capsule(half, (50.0, 2.0, -9.0), (66.0, 4.0, -8.0), 5.0, 5.0),
    )


def spine(points: Array) -> Array:
    """C1 as a ring, the lower cervical vertebrae as bodies with an arch."""
    around = np.sqrt(points[:, 0] ** 2 + ((points[:, 1] + 14.0) * 1.1) ** 2)
    atlas = np.sqrt((around - 19.0) ** 2 + (points[:, 2] + 41.0) ** 2) - 5.5
    masses = _right_half(points)
    parts: list[Array] = [
        atlas.astype(np.float32),
        ellipsoid(masses, (20.0, -8.0, -41.0), (9.0, 8.0, 7.0)),
        capsule(masses, (24.0, -10.0, -41.0), (38.0, -12.0, -41.0), 5.0, 4.0),
        capsule(points, (0.0, 1.5, -34.0), (0.0, -1.0, -56.0), 5.0, 7.0),
    ]
    for level in range(6):
        z, y = -58.0 - 17.0 * level, -1.0 - 0.9 * level
        parts.append(box(points, (0.0, y, z), (11.0, 8.0, 7.0), 3.0))
        arch = np.sqrt(points[:, 0] ** 2 + (points[:, 1] - y + 15.0) ** 2)
        ring = np.sqrt((arch - 14.0) ** 2 + ((points[:, 2] - z) * 0.7) ** 2) - 4.0
        parts.append(ring.astype(np.float32))
        parts.append(capsule(points, (0.0, y - 28.0, z - 2.0), (0.0, y - 44.0, z - 6.0), 4.5, 4.0))
        parts.append(capsule(masses, (18.0, y - 12.0, z), (25.0, y - 8.0, z), 6.0, 5.0))
    return union(*parts)


def _soft_hu(skin: Array, brain: Array, half: Array) -> Array:
    """Muscle, with fat under the skin and around the eyes, brain with fluid around it."""
    hu = np.full(len(half), 50.0, dtype=np.float32)
    hu += ramp(-skin, 2.0, 4.0) * ramp(skin, -9.0, -6.0) * np.float32(-130.0)
    eye = ellipsoid(half, (32.0, 82.0, 7.0), (12.0, 12.0, 12.0))
    hu += ramp(-orbit(half), 0.0, 2.0) * (np.float32(-80.0) - hu)
    hu += ramp(-eye, -1.0, 1.0) * (np.float32(15.0) - hu)
    inside = ramp(-brain, -1.0, 1.0)
    ventricle = capsule(half, (8.0, -25.0, 45.0), (10.0, 45.0, 45.0), 7.0, 6.0)
    fluid = np.maximum(ramp(brain, -4.0, -2.0), ramp(-ventricle, -1.0, 1.0))
    return hu + inside * (np.float32(35.0) - np.float32(28.0) * fluid - hu)


def orbit(half: Array) -> Array:
    """Distance to the orbits."""
    turn = np.array([[0.9, -0.42, 0.0], [0.42, 0.9, 0.0], [0.0, 0.0, 1.0]])
    return ellipsoid(half, (32.0, 76.0, 6.0), (18.0, 29.0, 18.0), turn)


def face(half: Array) -> Array:
    """Distance to the bones of the face without the mandible."""
    cheek = [(44.0, 82.0, -14.0), (58.0, 66.0, -15.0), (67.0, 35.0, -10.0), (65.0, 8.0, -6.0)]
    brow = [(10.0, 98.0, 26.0), (34.0, 96.0, 27.0), (52.0, 80.0, 16.0)]
    return union(
        np.maximum(np.abs(orbit(half)) - 2.2, half[:, 1] - 92.0),
        ellipsoid(half, (0.0, 68.0, -38.0), (31.0, 30.0, 13.0)),
        ellipsoid(half, (24.0, 70.0, -20.0), (22.0, 24.0, 20.0)),
        box(half, (0.0, 70.0, -8.0), (16.0, 30.0, 22.0), 5.0),
        capsule(half, (0.0, 94.0, 14.0), (0.0, 105.0, -8.0), 7.0, 3.0),
        chain(half, cheek, [7.0, 4.0, 3.0, 3.5]),
        chain(half, brow, [6.0, 5.0, 4.0]),
        capsule(half, (52.0, 80.0, 16.0), (46.0, 82.0, -14.0), 4.5, 5.0),
    )


def jaw(half: Array) -> Array:
    """Distance to the mandible without its teeth."""
    ramus = box(half, (49.0, 20.0, -38.0), (4.5, 13.0, 25.0), 3.0)
    condyle = capsule(half, (50.0, 13.0, -7.0), (50.0, 14.0, -20.0), 5.0, 4.0)
    coronoid = capsule(half, (50.0, 34.0, -10.0), (49.0, 30.0, -25.0), 2.5, 4.0)
    arch = [(47.0, 20.0), (42.0, 45.0), (30.0, 72.0), (15.0, 88.0), (0.0, 92.0)]
    upper = chain(half, [(x, y, -70.0) for x, y in arch], [5.5, 5.5, 5.5, 5.0, 5.0])
    lower = chain(half, [(x, y, -82.0) for x, y in arch], [5.5, 5.5, 5.5, 6.0, 6.5])
    return union(ramus, condyle, coronoid, smooth_minimum(upper, lower, 6.0))


def sinuses(p: HeadParameters, half: Array, points: Array) -> Array:
    """Distance to the air of the paranasal sinuses and the nose."""
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
        start, end = (8.0, 70.0 - length, height), (8.0, 70.0 + length, height)
        nose = np.maximum(nose, -capsule(half, start, end, 3.2, 2.8))
    nose = np.maximum(nose, septum)
    return union(maxillary, sphenoid, np.maximum(frontal, septum), ethmoid, nose)


def throat(points: Array) -> Array:
    """Distance to the air of the throat and the nostrils."""
    flat = points * np.array([0.6, 1.0, 1.0], np.float32)
    way = [(0.0, 38.0, -18.0), (0.0, 24.0, -45.0), (0.0, 20.0, -160.0)]
    pharynx = chain(flat, way, [7.0, 6.0, 6.0])
    nostrils = capsule(_right_half(points), (6.0, 96.0, -28.0), (7.0, 106.0, -42.0), 3.5, 3.5)
    return union(pharynx, nostrils)


def tooth_places(p: HeadParameters, seed: int) -> list[tuple[NDArray, float]]:
    """Draw centres (3,) and radii of the teeth, in a head of typical size."""
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
    near &= np.abs(points[:, 0]) < 45.0
    inside, gap = points[near], result[near]
    for center, radius in tooth_places(p, seed):
        crown = ellipsoid(inside, center, (radius, radius, 4.6))
        end = center + np.array([0.0, -2.0, 12.0 if center[2] > -55.0 else -12.0])
        gap = union(gap, crown, capsule(inside, center, end, 0.65 * radius, 0.3 * radius))
    result[near] = gap
    return result
