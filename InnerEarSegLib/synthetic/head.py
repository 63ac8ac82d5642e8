"""A synthetic head with two synthetic ears: CT, and the exact truth about both ears.

The head is a set of smooth distances on a coarse lattice (``skull``), painted slice by slice on
the CT's grid. Around each labyrinth the same painter works on a finer grid, which is averaged, and
adds what belongs to the ear; it paints the same head there, so that no box shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..types import SIDES, Geometry, Side, Volume, apply_affine, side_sign
from . import ear as one_ear
from . import scan as paint
from . import surroundings
from .anatomy import build_anatomy
from .parameters import HeadParameters, ear_parameters, random_head_parameters
from .scan import Array, HeadScan, Lattice, lattice_over, slice_offsets
from .skull import HeadEar, head_fields, tooth_places

LATTICE_MM = 2.0
"""Step of the lattice of the head's fields."""

SLAB = 12
"""Slices painted at a time: bounds the memory."""

EAR_BOX_MM = 18.0
"""Half the edge of the box around a labyrinth in which the ear's own parts are painted."""

EAR_VOXEL_MM = 0.4
"""No coarser are the ears painted before averaging; thin canals need it."""

LABEL_BOX_MM, LABEL_VOXEL_MM = 15.0, 0.25

ENAMEL_HU, TABLE_HU = 2700.0, 250.0


@dataclass(frozen=True, eq=False)
class EarTruth:
    """What is known about one ear of a synthetic head, in RAS mm; ``center`` is its middle.

    ``landmarks`` are LANDMARKS, BASAL_TURN and VESTIBULE. ``labels`` are uint8, 1 where a voxel's
    centre lies in the labyrinth, on a cube of 30 mm at 0.25 mm or the CT's finer spacing, stored
    along the CT's axes; also beyond its field of view.
    """

    landmarks: dict[str, tuple[float, float, float]]
    labels: Volume
    center: tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class SyntheticHead:
    """A scan of one head, int16 Hounsfield units [k, j, i], and the truth about its ears.

    ``ears`` has both sides, whether or not they are in the field of view.
    """

    ct: Volume
    ears: dict[Side, EarTruth]
    scan: HeadScan
    parameters: HeadParameters


def random_head(seed: int, index: int = 0, scan: HeadScan | None = None) -> SyntheticHead:
    """Draw the head ``index`` of the series ``seed``; the same arguments give the same head.

    By default, it is scanned upright, whole, with a bone kernel; see also ``random_scan``.

    Raises:
        ValueError: the scan's spacing, view or axes are invalid.
    """
    scan = scan or HeadScan()
    own_seed = int(np.random.default_rng([4, seed, index]).integers(2**31))
    p = random_head_parameters(own_seed)
    ears = _ears(p, own_seed)
    pose = paint.head_pose(scan)
    middles: dict[str, NDArray] = {
        side: apply_affine(pose @ ear.pose, ear.anatomy.middle) for side, ear in ears.items()
    }
    grid = paint.scan_grid(scan, pose, middles)
    paint.store(Volume(np.zeros((1, 1, 1)), grid), scan.axes, scan.flips)  # checks the axes

    painter = _Painter(p, ears, pose, grid, scan, own_seed)
    hu = np.zeros(grid.shape, dtype=np.float32)
    offsets = slice_offsets(scan, 0.8)  # slices are averaged over their thickness
    for first, last in pairwise([*range(0, grid.shape[0], SLAB), grid.shape[0]]):
        for offset in offsets:
            slab = _shifted(grid.part((0, 0, first), (last - first, *grid.shape[1:])), offset)
            hu[first:last] += painter.paint(slab)
    hu /= np.float32(len(offsets))
    for side in SIDES:
        _paint_ear_box(hu, painter, grid, scan, side, middles[side])
    random = np.random.default_rng([5, own_seed])
    hu = paint.expose(hu, grid, scan, random)
    if scan.metal:
        paint.add_streaks(hu, grid, painter.metal, random)
    ct = Volume(paint.finish(hu, grid, scan), grid, "Synthetic head")
    truths = {side: _truth(ears[side], pose, middles[side], scan) for side in SIDES}
    return SyntheticHead(paint.store(ct, scan.axes, scan.flips), truths, scan, p)


def _ears(p: HeadParameters, seed: int) -> dict[Side, HeadEar]:
    """Both ears in the head frame."""
    ears: dict[Side, HeadEar] = {}
    for number, (side, own) in enumerate(ear_parameters(seed).items()):
        out = side_sign(side)
        turns = np.array(p.ear_turns)
        center = np.array([out * p.ear_distance, 0.0, 0.0])
        if side == "left":
            turns = turns + np.array(p.left_turns)
            center = center + np.array(p.ear_shift)
        # Mirroring keeps a turn about R and reverses those about A and S.
        turned = HeadScan(tilt=turns[0], roll=out * turns[1], yaw=out * turns[2])
        anatomy = build_anatomy(own)
        matrix = one_ear.ear_pose(anatomy, side, paint.head_pose(turned)[:3, :3], center)
        ears[side] = HeadEar(side, own, anatomy, matrix, seed + number)
    return ears


class _Painter:
    """Paints the head on any grid along the lattice's axes."""

    def __init__(
        self, p: HeadParameters, ears: dict[Side, HeadEar], pose: NDArray, grid: Geometry,
        scan: HeadScan, seed: int,
    ) -> None:  # fmt: skip
        self.p, self.ears, self.pose, self.scan = p, ears, pose, scan
        self.windows = {side: one_ear.find_windows(ear.anatomy) for side, ear in ears.items()}
        self.lattice: Lattice = lattice_over(grid, LATTICE_MM)
        points = one_ear.ear_points(self.lattice.geometry, pose)
        fields, shape = head_fields(p, ears, points, seed), self.lattice.shape
        self.fields = {n: x.astype(np.float32).reshape(shape) for n, x in fields.items()}
        random = np.random.default_rng([6, seed])
        # Smooth irregularity of a few mm; the same for every grid that is painted.
        grain = paint.correlated_noise(random, shape, self.lattice.geometry.spacing, 1.2)
        self.fields["grain"] = grain
        if scan.table:
            self.fields["table"] = _table(points, pose, self.lattice.geometry, scan)
        cells = [
            surroundings.mastoid_cells(p, ears[side], self.fields, self.lattice, pose)
            for side in SIDES
        ]
        self.cells, self.cell_radii = map(np.concatenate, zip(*cells, strict=True))
        places = [place for place in tooth_places(p, seed) if abs(place[0][0]) > 18.0]
        crowned = places[int(random.integers(max(len(places), 1))) :][:1]
        self.metal = np.array(
            [[*apply_affine(pose, center * np.array(p.size)), radius] for center, radius in crowned]
        ).reshape(-1, 4)

    def paint(self, grid: Geometry, side: Side | None = None) -> Array:
        """[k, j, i] Hounsfield units before point spread and noise, on a grid along the lattice.

        With a side, its ear is painted with its own parts.
        """
        p = self.p
        at = {name: self.lattice.sample(field, grid) for name, field in self.fields.items()}
        voxel = float(grid.spacing.mean())
        hu = np.full(grid.shape, paint.AIR, dtype=np.float32)
        if "table" in at:
            paint.paint(hu, paint.occupancy(at["table"], voxel), TABLE_HU)
        paint.paint(hu, paint.occupancy(at["skin"], voxel), at["soft"] + 6.0 * at["grain"])
        bony = paint.occupancy(at["bone"], voxel)
        cortex = np.minimum(-at["bone"], at["air"])
        spongy = paint.ramp(cortex, 1.4, 2.6) * at["marrow"]
        bone = p.bone_hu + (70.0 + 90.0 * spongy) * at["grain"]
        bone += spongy * (p.marrow_hu - p.bone_hu)

        if side is not None:
            ear = self.ears[side]
            points = one_ear.ear_points(grid, self.pose @ ear.pose)
            wall = one_ear.wall_distance(ear.anatomy, points)
            own = ear.parameters
            depth = wall.reshape(grid.shape)
            edge = own.capsule_thickness + 0.25 * at["grain"]
            dense = 1.0 - paint.ramp(depth - edge, -0.7, 0.7)
            bone += dense * (own.capsule_hu - bone)
        paint.paint(hu, bony, bone)
        holes = paint.cell_shares(grid, self.cells, self.cell_radii, 0.35 * at["grain"])
        if side is not None:
            holes *= paint.ramp(depth, 1.1, 1.6)
        paint.paint(hu, holes, paint.AIR)
        paint.paint(hu, paint.occupancy(at["air"], voxel), paint.AIR)
        paint.paint(hu, paint.occupancy(at["teeth"], voxel), ENAMEL_HU)
        if side is not None:
            windows, air = self.windows[side], at["air"].ravel()
            rough = 0.3 * at["grain"].ravel()
            cavity = surroundings.middle_ear_distance(own, windows, points, wall, rough)
            # Where the head's bone is thin, the middle ear leaves some of it.
            cavity = np.maximum(cavity, at["bone"].ravel() + np.float32(1.0))
            cavity = np.where(air < 1.5, np.maximum(cavity, 0.4 - air), cavity)
            flat = hu.reshape(-1)
            one_ear.paint_nerves_and_middle_ear(flat, own, windows, points, wall, cavity, voxel)
            paint.paint(flat, paint.occupancy(wall, voxel), 30.0)
        return hu


def _paint_ear_box(
    hu: Array, painter: _Painter, grid: Geometry, scan: HeadScan, side: Side, middle: NDArray
) -> None:
    """Paint the box around a labyrinth anew, finer, with the ear's own parts, in place."""
    size = np.array(grid.shape[::-1])
    ijk = grid.to_ijk(middle)
    reach = EAR_BOX_MM / grid.spacing
    low = np.maximum(np.ceil(ijk - reach), 0).astype(int)
    high = np.minimum(np.floor(ijk + reach) + 1, size).astype(int)
    if np.any(low >= high):
        return
    finer = np.maximum(np.ceil(grid.spacing[:2] / EAR_VOXEL_MM - 1e-6), 1).astype(int)
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] = grid.to_ras(low)
    for axis in (0, 1):
        matrix[:3, axis] /= finer[axis]
        matrix[:3, 3] -= matrix[:3, axis] * (finer[axis] - 1) / 2.0
    n_i, n_j, n_k = (int(n) for n in high - low)
    fine = Geometry(matrix, (n_k, n_j * int(finer[1]), n_i * int(finer[0])))
    total = np.zeros((n_k, n_j, n_i), dtype=np.float32)
    offsets = slice_offsets(scan, EAR_VOXEL_MM)
    for offset in offsets:
        part = painter.paint(_shifted(fine, offset), side)
        total += part.reshape(n_k, n_j, finer[1], n_i, finer[0]).mean(axis=(2, 4))
    hu[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = total / np.float32(len(offsets))


def _shifted(grid: Geometry, offset: float) -> Geometry:
    """A grid moved by ``offset`` mm along k."""
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] += matrix[:3, 2] * (offset / grid.spacing[2])
    return Geometry(matrix, grid.shape)


def _table(points: Array, pose: NDArray, grid: Geometry, scan: HeadScan) -> Array:
    """Distance [k, j, i] to a head holder: a shell under the head that does not turn with it."""
    ras = points @ pose[:3, :3].T.astype(np.float32) + pose[:3, 3].astype(np.float32)
    offset = ras - np.asarray(scan.isocentre, np.float32)
    around = np.hypot(offset[:, 0], offset[:, 1] - 10.0)
    shell = np.maximum(np.abs(around - 116.0) - 1.5, offset[:, 1] + 45.0)
    return shell.reshape(grid.shape).astype(np.float32)


def _truth(ear: HeadEar, pose: NDArray, middle: NDArray, scan: HeadScan) -> EarTruth:
    ras_from_ear = pose @ ear.pose
    spacing = np.minimum(LABEL_VOXEL_MM, np.asarray(scan.spacing))
    count = np.rint(2.0 * LABEL_BOX_MM / spacing).astype(int)
    grid = paint.grid_around(middle, spacing, count)
    wall = one_ear.wall_distance(ear.anatomy, one_ear.ear_points(grid, ras_from_ear))
    labels = Volume((wall < 0).reshape(grid.shape).astype(np.uint8), grid, "Synthetic ear labels")
    windows = one_ear.find_windows(ear.anatomy)
    return EarTruth(
        landmarks=one_ear.place_landmarks(ear.anatomy, windows, ras_from_ear),
        labels=paint.store(labels, scan.axes, scan.flips),
        center=one_ear.triple(middle),
    )
