"""A schematic head around two ears, as smooth fields on a coarse lattice.

Head frame, mm: right, anterior, superior of an upright head; the origin is midway between the
two labyrinths. The numbers are rounded proportions of an adult's head. What varies from head to
head is in ``HeadParameters``; everything symmetric is written once, for |right|.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..types import Side
from .anatomy import Anatomy
from .distances import Array, box, capsule, chain, ellipsoid, smooth_maximum, smooth_minimum, union
from .face import face, jaw, orbit, sinuses, teeth, throat
from .parameters import EarParameters, HeadParameters
from .scan import Lattice, ramp

SIDES: tuple[Side, Side] = ("left", "right")

SKULL = ((0.0, 11.0, 28.0), (72.0, 94.0, 79.0))
"""Middle and semi-axes of the calvaria's outer surface."""

OUTSIDE_MM = 6.0
"""mm outside the skin beyond which there is nothing but air."""


@dataclass(frozen=True, eq=False)
class HeadEar:
    """One of a head's ears: its parameters, its shape, and ``pose`` (4, 4), ear to head frame."""

    parameters: EarParameters
    anatomy: Anatomy
    pose: NDArray[np.float64]
    seed: int


@dataclass(frozen=True, eq=False)
class HeadFields:
    """What is where, at n points; distances in mm, negative inside.

    Attributes:
        skin: to the head's surface.
        bone: to bone, with the brain, the orbits and the vertebral canal taken out.
        air: to sinuses, nose, throat and external auditory canals.
        teeth: to teeth.
        soft: Hounsfield units of soft tissue.
        marrow: 0 to 1, how far the bone's inside may be marrow.
    """

    skin: Array
    bone: Array
    air: Array
    teeth: Array
    soft: Array
    marrow: Array


def head_fields(
    p: HeadParameters, ears: Mapping[Side, HeadEar], points: Array, seed: int
) -> HeadFields:
    """Evaluate the head at (n, 3) points of the head frame."""
    sized = (points / np.array(p.size, np.float32)).astype(np.float32)
    half = sized.copy()
    half[:, 0] = np.abs(half[:, 0])
    skin = _skin(p, ellipsoid(sized, *SKULL), half)
    # Half of a scan is air around the head, where nothing else needs to be known.
    inside = np.flatnonzero(skin < OUTSIDE_MM)
    within = _fields_within(p, ears, points[inside], seed)
    result = {name: np.full(len(points), 10.0, np.float32) for name in vars(within)}
    for name, values in vars(within).items():
        result[name][inside] = values
    result["skin"] = skin
    return HeadFields(**result)


def _fields_within(
    p: HeadParameters, ears: Mapping[Side, HeadEar], points: Array, seed: int
) -> HeadFields:
    # Most of a head is made for one size and symmetric; ``half`` has it all on the right.
    sized = (points / np.array(p.size, np.float32)).astype(np.float32)
    half = sized.copy()
    half[:, 0] = np.abs(half[:, 0])

    skull = ellipsoid(sized, *SKULL)
    petrous = np.full(len(points), 1e3, dtype=np.float32)
    near = petrous.copy()
    for side in SIDES:
        bone, gap = _petrous(ears[side], side, points)
        petrous, near = np.minimum(petrous, bone), np.minimum(near, gap)
    brain = np.maximum(_brain(p, skull, half), 0.3 - petrous)
    room = union(brain, orbit(half), _vertebral_canal(sized))
    skin = _skin(p, skull, half)
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
    canals = np.full(len(points), 1e3, dtype=np.float32)
    for side in SIDES:
        canals = np.minimum(canals, _external_canal(ears[side], side, points))
    # Sinuses keep a wall towards brain and orbits.
    air = np.maximum(sinuses(p, half, sized), np.maximum(1.2 - room, skin + 3.0))
    air = union(air, throat(sized), np.maximum(canals, 1.5 - brain))
    tooth = teeth(p, sized, seed)
    bone = np.maximum(bone, 0.8 - tooth)
    marrow = ramp(near, 13.0, 19.0)
    return HeadFields(skin, bone, air, tooth, _soft_hu(skin, brain, half), marrow)


def _axis(side: Side) -> float:
    return 1.0 if side == "right" else -1.0


def _petrous(ear: HeadEar, side: Side, points: Array) -> tuple[Array, Array]:
    """Distance to the petrous pyramid and the mastoid, and to the labyrinth's middle."""
    out = _axis(side)
    middle = ear.pose[:3, :3] @ ear.anatomy.middle + ear.pose[:3, 3]
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


def _vertebral_canal(points: Array) -> Array:
    return capsule(points, (0.0, -15.0, -30.0), (0.0, -22.0, -160.0), 10.0, 9.0)


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


def _external_canal(ear: HeadEar, side: Side, points: Array) -> Array:
    """From the eardrum, at the side of the middle ear, out to the concha."""
    out = _axis(side)
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
    masses = points.copy()
    masses[:, 0] = np.abs(masses[:, 0])
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
