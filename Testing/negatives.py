"""Volumes without an ear, each of a kind that a program might take for one."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from InnerEarSegLib.synthetic import scan as paint
from InnerEarSegLib.synthetic.distances import box, capsule, chain, ellipsoid, union
from InnerEarSegLib.synthetic.ear import ear_points
from InnerEarSegLib.synthetic.parameters import HeadParameters
from InnerEarSegLib.synthetic.scan import Array, HeadScan, expose, finish, store
from InnerEarSegLib.synthetic.skull import jaw, spine, teeth
from InnerEarSegLib.types import Geometry, Volume

_SIZE_MM = {
    "chest": (300.0, 220.0, 60.0),
    "phantom": (180.0, 180.0, 50.0),
    "noise": (80.0, 80.0, 60.0),
    "mr_like": (180.0, 200.0, 60.0),
    "vertebrae": (90.0, 90.0, 80.0),
    "jaw": (110.0, 90.0, 60.0),
    "empty air": (80.0, 80.0, 60.0),
}
NEGATIVE_KINDS = tuple(_SIZE_MM)
_MIDDLE = {"vertebrae": (0.0, -15.0, -85.0), "jaw": (0.0, 58.0, -64.0)}
"""Head frame; the other kinds lie around their own origin."""


def random_negative(seed: int, kind: str, *, spacing=1.0, size_mm=None) -> Volume:
    """Return an int16 volume without an ear, always the same one for the same arguments.

    ``seed`` chooses all that varies, the storage order included; spacing (voxel edge) and
    ``size_mm`` (along R, A, S; None takes what suits the kind) are in mm.
    """
    random = np.random.default_rng([8, seed, NEGATIVE_KINDS.index(kind)])
    grid = _grid(kind, spacing, size_mm or _SIZE_MM[kind])
    scan = HeadScan(
        spacing=(spacing,) * 3,
        blur_mm=float(random.uniform(0.25, 0.6)),
        noise_hu=float(random.uniform(15.0, 80.0)),
        axes=tuple(map(int, random.permutation(3))),
        flips=tuple(map(bool, random.random(3) < 0.5)),
    )
    if kind == "noise":
        array = _noise(grid, random)
    elif kind == "mr_like":
        array = _mr_like(grid, random)
    else:
        points = ear_points(grid, np.eye(4))
        hu = _PAINTERS[kind](points, spacing, random).reshape(grid.shape)
        array = finish(expose(hu, grid, scan, random), grid, scan)
    return store(Volume(array, grid, f"Synthetic {kind}"), scan.axes, scan.flips)


def _grid(kind: str, spacing: float, size_mm: tuple[float, float, float]) -> Geometry:
    count = np.maximum(np.rint(np.asarray(size_mm) / spacing).astype(int), 1)
    matrix = np.diag([spacing, spacing, spacing, 1.0])
    matrix[:3, 3] = np.array(_MIDDLE.get(kind, (0.0, 0.0, 0.0))) - spacing * (count - 1) / 2.0
    return Geometry(matrix, (int(count[2]), int(count[1]), int(count[0])))


def _paint(hu: Array, distance: NDArray, value: float, voxel: float) -> None:
    paint.paint(hu, paint.occupancy(distance, voxel), value)


def _paint_bone(hu: Array, distance: NDArray, voxel: float, cortex: float, marrow: float) -> None:
    _paint(hu, distance, cortex, voxel)
    paint.paint(hu, paint.ramp(-distance, 1.2, 2.4), marrow)


def _air(points: Array) -> Array:
    return np.full(len(points), paint.AIR, dtype=np.float32)


def _chest(points: Array, voxel: float, random: np.random.Generator) -> Array:
    hu = _air(points)
    half = points.copy()
    half[:, 0] = np.abs(half[:, 0])
    body = ellipsoid(points, (0.0, 0.0, 0.0), (random.uniform(125, 145), 95.0, 400.0))
    _paint(hu, body, -90.0, voxel)
    _paint(hu, body + 12.0, 50.0, voxel)
    lungs = ellipsoid(half, (58.0, 0.0, 0.0), (45.0, 68.0, 120.0))
    _paint(hu, lungs, -850.0, voxel)
    # Vessels: bright spots in the lungs, as small and many as anything in an ear.
    for _ in range(60):
        start = random.uniform([-90, -55, -45], [90, 55, 45])
        end = start + random.normal(0.0, 14.0, 3)
        low, high = np.minimum(start, end) - 4.0, np.maximum(start, end) + 4.0
        part = np.flatnonzero((lungs < 0.0) & ((points > low) & (points < high)).all(axis=1))
        vessel = capsule(points[part], start, end, random.uniform(0.8, 2.5), 0.6)
        inside = hu[part]
        _paint(inside, np.maximum(vessel, lungs[part] + 1.0), 40.0, voxel)
        hu[part] = inside
    _paint(hu, ellipsoid(points, (-18.0, 18.0, -10.0), (45.0, 40.0, 50.0)), 45.0, voxel)
    _paint(hu, capsule(points, (0, -20, -60), (0, -18, 60), 8.0, 8.0), -1000.0, voxel)
    around = ellipsoid(points, (0.0, 0.0, 0.0), (113.0, 82.0, 380.0))
    for level in range(-2, 3):
        z = 24.0 * level + random.uniform(-2.0, 2.0)
        # A rib falls towards the front.
        fall = z - (half[:, 1] + 95.0) * 0.25
        rib = np.hypot(around, (points[:, 2] - fall) * 0.75) - 4.0
        _paint_bone(hu, np.maximum(rib, 12.0 - half[:, 0]), voxel, 1000.0, 250.0)
        _paint_bone(hu, box(points, (0, -62, z), (17, 14, 10.5), 3.0), voxel, 900.0, 220.0)
        ring = np.hypot(points[:, 0], points[:, 1] + 84.0) - 11.0
        arch = np.hypot(ring, (points[:, 2] - z) * 0.6)
        spines = capsule(points, (0, -94, z), (0, -108, z - 12), 4.0, 3.0)
        _paint_bone(hu, union(arch - 3.0, spines), voxel, 1000.0, 300.0)
    _paint_bone(hu, box(points, (0, 80, 10), (18, 5, 60), 4.0), voxel, 800.0, 200.0)
    return hu


def _phantom(points: Array, voxel: float, random: np.random.Generator) -> Array:
    hu = _air(points)
    radial = np.hypot(points[:, 0], points[:, 1])
    _paint(hu, radial - 82.0, 120.0, voxel)
    _paint(hu, radial - 77.0, 0.0, voxel)
    turn = random.uniform(0.0, np.pi)
    values = (1500.0, 900.0, 300.0, -1000.0, 2200.0, -100.0, 600.0, 120.0)
    for number, value in enumerate(values):
        angle = turn + number * np.pi / 4.0
        x, y = 52.0 * np.cos(angle), 52.0 * np.sin(angle)
        _paint(hu, np.hypot(points[:, 0] - x, points[:, 1] - y) - 10.0, value, voxel)
    # A bone-like block with rods of water and air as thin as canals, and a coil.
    _paint(hu, box(points, (0, 0, 0), (22, 22, 16), 3.0), 1700.0, voxel)
    for _ in range(12):
        start = random.uniform([-18, -18, -14], [18, 18, 14])
        way = random.normal(size=3)
        rod = capsule(points, start, start + 12.0 * way / np.linalg.norm(way), 0.8, 0.8)
        _paint(hu, rod, float(random.choice([0.0, -1000.0])), voxel)
    for number in range(6):
        x = -60.0 + 24.0 * number
        wire = capsule(points, (x, -66, -20), (x + 5, -60, 20), 0.4, 0.4)
        _paint(hu, wire, 3071.0, voxel)
    return hu


def _vertebrae(points: Array, voxel: float, random: np.random.Generator) -> Array:
    hu = _air(points)
    _paint(hu, capsule(points, (0, -15, 40), (0, -18, -200), 60.0, 60.0), 50.0, voxel)
    _paint_bone(hu, spine(points), voxel, 1400.0, float(random.uniform(250, 450)))
    throat = chain(points, [(0, 24, -30), (0, 20, -150)], [7.0, 6.0])
    _paint(hu, throat, paint.AIR, voxel)
    return hu


def _jaw(points: Array, voxel: float, random: np.random.Generator) -> Array:
    hu = _air(points)
    half = points.copy()
    half[:, 0] = np.abs(half[:, 0])
    _paint(hu, ellipsoid(points, (0, 45, -60), (66, 62, 70)), 50.0, voxel)
    upper = ellipsoid(half, (0.0, 68.0, -38.0), (31.0, 30.0, 13.0))
    p = HeadParameters(teeth=float(random.uniform(0.6, 1.0)))
    tooth = teeth(p, points, int(random.integers(2**31)))
    _paint_bone(hu, np.maximum(union(jaw(half), upper), 0.8 - tooth), voxel, 1600.0, 500.0)
    _paint(hu, tooth, 2700.0, voxel)
    # The pulp, so that dense shells with fluid inside are there, as around a labyrinth.
    _paint(hu, tooth + 2.0, 60.0, voxel)
    return hu


_PAINTERS: dict[str, Callable[[Array, float, np.random.Generator], Array]] = {
    "chest": _chest,
    "phantom": _phantom,
    "vertebrae": _vertebrae,
    "jaw": _jaw,
    "empty air": lambda points, voxel, random: _air(points),
}


def _noise(grid: Geometry, random: np.random.Generator) -> NDArray[np.int16]:
    """Noise of several finenesses over the whole range of bone and air."""
    noise = (paint.correlated_noise(random, grid.shape, grid.spacing, s) for s in (0.0, 0.8, 2.5))
    return paint.to_hounsfield(300.0 + 600.0 * np.asarray(sum(noise)))


def _mr_like(grid: Geometry, random: np.random.Generator) -> NDArray[np.int16]:
    """A head as MR sees it: bright fat, grey brain, bright fluid, black bone and air."""
    points = ear_points(grid, np.eye(4))
    voxel = float(grid.spacing.mean())
    signal = np.zeros(len(points), dtype=np.float32)
    scalp = ellipsoid(points, (0.0, 0.0, 0.0), (78.0, 95.0, 90.0))
    for depth, value in ((0.0, 900.0), (6.0, 60.0), (12.0, 700.0), (16.0, 420.0), (22.0, 560.0)):
        _paint(signal, scalp + depth, value, voxel)
    for out in (-1.0, 1.0):
        ventricle = capsule(points, (out * 8, -25, 5), (out * 10, 35, 8), 8.0, 6.0)
        _paint(signal, ventricle, 760.0, voxel)
    # The coil's sensitivity falls off smoothly.
    signal *= np.exp(-((points[:, 1] - 60.0) ** 2) / (2.0 * 130.0**2)).astype(np.float32)
    shape = grid.shape
    real = signal.reshape(shape) + 25.0 * random.standard_normal(shape, dtype=np.float32)
    imaginary = 25.0 * random.standard_normal(shape, dtype=np.float32)
    # Magnitudes are positive, also where there is no signal.
    return np.rint(np.hypot(real, imaginary) * random.uniform(0.5, 2.0) + 1.0).astype(np.int16)
