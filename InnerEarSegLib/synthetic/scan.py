"""How a CT comes about: painting voxels, and what a scanner does to a head's picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..types import Geometry, Side, Volume, side_sign

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Lattice:
    """A coarse grid of (k, j, i) nodes over a fine one: same axes, one step beyond its ends.

    ``step`` is lattice steps per fine voxel along (i, j, k).
    """

    fine: Geometry
    step: NDArray[np.float64]
    shape: tuple[int, int, int]

    @property
    def geometry(self) -> Geometry:
        """The lattice's own grid: its first node lies one step before the first fine voxel."""
        matrix = self.fine.ijk_to_ras.copy()
        matrix[:3, :3] /= self.step
        matrix[:3, 3] -= matrix[:3, :3] @ np.ones(3)
        return Geometry(matrix, self.shape)

    def sample(self, field: Array, grid: Geometry) -> Array:
        """Trilinear values [k, j, i] of a field on the lattice, on a grid along the same axes."""
        mine = np.linalg.inv(self.geometry.ijk_to_ras) @ grid.ijk_to_ras
        result = field
        for axis in (0, 1):
            low, share = _between(mine, 2 - axis, grid.shape[axis], self.shape[axis])
            weight = share.reshape((-1, 1, 1) if axis == 0 else (-1, 1))
            before, after = (np.take(result, low + step, axis=axis) for step in (0, 1))
            result = before + weight * (after - before)
        low, share = _between(mine, 0, grid.shape[2], self.shape[2])
        # Along the axis where the field has become big, a product with a thin matrix is fastest.
        first = int(low.min())
        weights = np.zeros((int(low.max()) + 2 - first, len(low)), dtype=np.float32)
        columns = np.arange(len(low))
        weights[low - first, columns] = 1.0 - share
        weights[low - first + 1, columns] = share
        rows = result[:, :, first : first + len(weights)].reshape(-1, len(weights))
        return (rows @ weights).reshape(grid.shape)


def lattice_over(fine: Geometry, step_mm: float) -> Lattice:
    """A lattice of about ``step_mm`` over a grid, never finer than the grid itself."""
    step = np.minimum(fine.spacing / step_mm, 1.0)
    last = (np.array(fine.shape[::-1]) - 1) * step
    count = np.ceil(last).astype(int) + 3
    return Lattice(fine, step, (int(count[2]), int(count[1]), int(count[0])))


def _between(mine: NDArray, axis: int, wanted: int, count: int) -> tuple[NDArray, Array]:
    """For each of ``wanted`` voxels along an axis: the node before it, and how far it is past it.

    ``mine`` is 4 x 4 from the grid's indices to the lattice's, which has ``count`` nodes along the
    axis (0, 1, 2 for i, j, k); positions are clamped to the first and the last.
    """
    at = np.clip(mine[axis, 3] + mine[axis, axis] * np.arange(wanted), 0.0, count - 1.0)
    low = np.minimum(at.astype(int), count - 2)
    return low, (at - low).astype(np.float32)


AIR, SOFT_TISSUE = -1000.0, 45.0
IDENTITY = np.eye(3)


def grid_around(
    middle: NDArray, spacing: NDArray, count: NDArray, direction: ArrayLike = IDENTITY
) -> Geometry:
    """Return a grid of ``count`` (i, j, k) voxels around a point (3,) in RAS mm.

    The columns of ``direction`` (3, 3) are the directions of i, j and k.
    """
    matrix = np.eye(4)
    matrix[:3, :3] = direction * spacing
    matrix[:3, 3] = middle - matrix[:3, :3] @ ((count - 1) / 2.0)
    return Geometry(matrix, (int(count[2]), int(count[1]), int(count[0])))


def occupancy(distance: NDArray, voxel: float) -> NDArray[np.float32]:
    """Share of a voxel of ``voxel`` mm that lies inside, from the distance at its centre."""
    return np.clip(0.5 - distance / np.float32(voxel), 0.0, 1.0)


def paint(hu: NDArray, share: NDArray, value: NDArray | float) -> None:
    """Replace ``share`` (0 to 1) of each voxel of ``hu`` by ``value``, in place."""
    hu += share * (value - hu)


def ramp(value: NDArray, low: float, high: float) -> NDArray[np.float32]:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t = np.clip((value - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return t * t * (3.0 - 2.0 * t)


def cell_shares(
    geometry: Geometry, centers: NDArray, radii: NDArray, rough: NDArray
) -> NDArray[np.float32]:
    """Share [k, j, i] of each voxel in balls at RAS ``centers`` (n, 3) with ``radii`` (n,) mm.

    ``rough`` [k, j, i] in mm makes their surfaces irregular.
    """
    share = np.zeros(geometry.shape, dtype=np.float32)
    spacing = geometry.spacing
    voxel = float(spacing.mean())
    nodes = geometry.to_ijk(centers)
    reach = (1.3 * radii[:, None] + voxel) / spacing
    lows = np.maximum(np.ceil(nodes - reach), 0).astype(int)
    highs = np.minimum(np.floor(nodes + reach) + 1, geometry.shape[::-1]).astype(int)
    for n in np.flatnonzero(np.all(lows < highs, axis=1)):
        low, high, ijk, radius = lows[n], highs[n], nodes[n], radii[n]
        squares = [((np.arange(low[a], high[a]) - ijk[a]) * spacing[a]) ** 2 for a in range(3)]
        gap = np.sqrt(squares[2][:, None, None] + squares[1][:, None] + squares[0]) - radius
        part = tuple(slice(low[a], high[a]) for a in (2, 1, 0))
        gap += np.clip(rough[part], -0.3 * radius, 0.5 * radius)
        share[part] = np.maximum(share[part], occupancy(gap, voxel))
    return share


def blur(array: NDArray, spacing: NDArray, sigma: float) -> NDArray[np.float32]:
    """[k, j, i] smoothed by a Gaussian of ``sigma`` mm; unchanged if ``sigma`` is 0."""
    return array if sigma <= 0.0 else _smooth(array, [sigma] * 3, spacing, 32, 0.01)


def _smooth(
    array: NDArray, sigma: ArrayLike, spacing: ArrayLike, widest: int, error: float
) -> NDArray[np.float32]:
    """[k, j, i] smoothed by a Gaussian of ``sigma`` mm along (i, j, k)."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array, dtype=np.float32))
    image.SetSpacing(np.asarray(spacing, float).tolist())
    variance = [value**2 for value in np.asarray(sigma, float).tolist()]
    return sitk.GetArrayFromImage(sitk.DiscreteGaussian(image, variance, widest, error, True))


def correlated_noise(
    random: np.random.Generator, shape: tuple[int, int, int], spacing: NDArray, sigma: float
) -> NDArray[np.float32]:
    """Draw [k, j, i] of mean 0 and standard deviation 1, correlated over ``sigma`` mm."""
    noise = blur(random.standard_normal(shape, dtype=np.float32), spacing, sigma)
    return (noise - noise.mean()) / max(float(noise.std()), 1e-6)


def to_hounsfield(array: NDArray) -> NDArray[np.int16]:
    """Round and clip to the range of a 12-bit CT; ``array`` is overwritten."""
    return np.clip(np.rint(array, out=array), -1024, 3071, out=array).astype(np.int16)


Kernel = Literal["bone", "soft"]
View = Literal["head", "left", "right", "left ear", "right ear"]

VIEW_MM = {"head": (250.0, 250.0, 141.0), "bone": (90.0, 90.0, 60.0), "ear": (30.0, 30.0, 30.0)}
"""Default field of view along R, A, S."""

VIEW_OFFSET = {"head": (0.0, 8.0, 10.0), "bone": (10.0, -2.0, -3.0), "ear": (0.0, 0.0, 0.0)}
"""mm from the origin of the head, or from the ear's middle (then R is outwards), to its middle."""


@dataclass(frozen=True)
class HeadScan:
    """How a head lies in the scanner, and how it is scanned."""

    # distance of the voxels' centres along R, A and S, in mm
    spacing: tuple[float, float, float] = (0.488, 0.488, 0.625)
    view: View = "head"  # the whole head, one temporal bone, or a tight crop of one ear
    # field of view along R, A, S; None takes VIEW_MM
    size_mm: tuple[float, float, float] | None = None
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)  # of the field of view, along R, A, S
    slice_mm: float | None = None  # thickness of the slices; None: their distance
    kernel: Kernel = "bone"  # "bone" is sharp and noisy, "soft" is blurred and quiet
    # standard deviation of the point spread; None: 0.28 or 0.65, by the kernel
    blur_mm: float | None = None
    noise_hu: float | None = None  # standard deviation; None: 70 or 12, by the kernel
    tilt: float = 0.0  # degrees by which the head nods back (nose up)
    roll: float = 0.0  # degrees by which it leans to its right shoulder
    yaw: float = 0.0  # degrees by which it turns to its left
    isocentre: tuple[float, float, float] = (0.0, 0.0, 0.0)  # RAS mm of the middle between the ears
    padding: int | None = None  # value outside the scanner's circle; None: air
    metal: bool = False  # whether a tooth is crowned with metal, with streaks around it
    table: bool = True  # whether a head holder is in view
    axes: tuple[int, int, int] = (0, 1, 2)  # which of (R, A, S) the stored i, j and k run along
    # which of them run against R, A or S; by default i to the left, j to the back, k up, as most
    # scanners store
    flips: tuple[bool, bool, bool] = (True, True, False)


def random_scan(seed: int, index: int = 0, *, spacing: float | None = None) -> HeadScan:
    """Draw the scan ``index`` of the series ``seed``: any pose, kernel, padding and order.

    ``spacing`` is that in the slices in mm, by default drawn from 0.4 to 0.8.
    """
    random = np.random.default_rng([20240819, seed, index])
    plane = float(random.uniform(0.4, 0.8)) if spacing is None else spacing
    distance = float(np.clip(plane * random.uniform(0.8, 1.6), 0.4, 1.25))
    soft = bool(random.random() < 0.35)
    turns = (random.uniform(-1.0, 1.0, 3) * (20.0, 15.0, 20.0)).tolist()
    padding = (None, -1000, -2000, -3024)[int(random.integers(4))]
    axes = (int(a) for a in random.permutation(3))
    usual = bool(random.random() < 0.5)
    flips = (bool(f) for f in random.random(3) < 0.5)
    shift = random.uniform(-60.0, 60.0, 3)
    return HeadScan(
        spacing=(plane, plane, distance),
        slice_mm=distance * float(random.choice([1.0, 1.0, 1.6])),
        kernel="soft" if soft else "bone",
        blur_mm=float(random.uniform(0.5, 0.8) if soft else random.uniform(0.2, 0.4)),
        noise_hu=float(random.uniform(6.0, 25.0) if soft else random.uniform(40.0, 110.0)),
        **dict(zip(("tilt", "roll", "yaw"), turns, strict=True)),
        isocentre=tuple(shift.tolist()),
        padding=padding,
        metal=bool(random.random() < 0.3),
        table=bool(random.random() < 0.8),
        axes=(0, 1, 2) if usual else tuple(axes),  # type: ignore[arg-type]
        flips=(True, True, False) if usual else tuple(flips),  # type: ignore[arg-type]
    )


def head_pose(scan: HeadScan) -> NDArray[np.float64]:
    """Return the 4 x 4 matrix from the head frame to RAS."""
    turns = [np.eye(3) for _ in range(3)]
    for axis, angle in enumerate(np.radians([scan.tilt, scan.roll, scan.yaw])):
        one, other = (axis + 1) % 3, (axis + 2) % 3
        turns[axis][[one, other], [one, other]] = np.cos(angle)
        turns[axis][[other, one], [one, other]] = np.sin(angle), -np.sin(angle)
    matrix = np.eye(4)
    matrix[:3, :3] = turns[2] @ turns[1] @ turns[0]
    matrix[:3, 3] = scan.isocentre
    return matrix


def scan_grid(scan: HeadScan, pose: NDArray, middles: dict[str, NDArray]) -> Geometry:
    """Return the scan's grid along R, A and S.

    ``pose`` is 4 x 4, head frame to RAS; ``middles`` are RAS mm of each labyrinth, by side.

    Raises:
        ValueError: the view or the spacing is invalid.
    """
    spacing = np.asarray(scan.spacing, dtype=np.float64)
    if spacing.shape != (3,) or not np.all(spacing > 0.0):
        raise ValueError("spacing must be three positive numbers.")
    side, _, ear = scan.view.partition(" ")
    kind = "head" if side == "head" else "ear" if ear else "bone"
    if side == "head":
        middle = pose[:3, 3] + VIEW_OFFSET["head"]
    elif side in middles and ear in ("", "ear"):
        outwards = np.array([side_sign(cast(Side, side)), 1.0, 1.0])
        middle = middles[side] + outwards * VIEW_OFFSET[kind]
    else:
        raise ValueError(f"there is no view {scan.view!r}.")
    size = np.asarray(scan.size_mm if scan.size_mm is not None else VIEW_MM[kind])
    count = np.maximum(np.rint(size / spacing).astype(int), 1)
    return grid_around(middle + np.asarray(scan.shift_mm), spacing, count)


def slice_offsets(scan: HeadScan, finest: float) -> NDArray[np.float64]:
    """Return where to sample a slice, mm from its middle, at most ``finest`` apart."""
    thickness = scan.spacing[2] if scan.slice_mm is None else scan.slice_mm
    count = max(1, int(np.ceil(thickness / finest - 1e-6)))
    return thickness * ((np.arange(count) + 0.5) / count - 0.5)


def expose(hu: Array, grid: Geometry, scan: HeadScan, random: np.random.Generator) -> Array:
    """Add noise and apply the point spread; ``hu`` [k, j, i] is overwritten."""
    bone = scan.kernel == "bone"
    blur = scan.blur_mm if scan.blur_mm is not None else 0.28 if bone else 0.65
    noise = scan.noise_hu if scan.noise_hu is not None else 70.0 if bone else 12.0
    # The slices' thickness has blurred along S already.
    sigma = np.array([blur, blur, 0.3 * blur]) / grid.spacing
    spread = partial(_smooth, sigma=sigma, spacing=(1.0, 1.0, 1.0), widest=16, error=0.02)
    # Noise passes the same filter; a fixed sample tells by how much that weakens it.
    probe = np.random.default_rng(0).standard_normal((24, 32, 32)).astype(np.float32)
    left = float(spread(probe).std())
    for k in range(len(hu)):
        hu[k] += np.float32(noise / left) * random.standard_normal(hu[k].shape, dtype=np.float32)
    return spread(hu)


def add_streaks(hu: Array, grid: Geometry, metal: NDArray, random: np.random.Generator) -> None:
    """Sketch metal balls (n, 4), RAS mm and radius, with streaks in their slices, in place."""
    spacing = grid.spacing
    for *center, radius in metal:
        i, j, k = grid.to_ijk(center)
        y = (np.arange(hu.shape[1]) - j)[:, None] * spacing[1]
        x = (np.arange(hu.shape[2]) - i)[None] * spacing[0]
        away, angle = np.hypot(x, y), np.arctan2(y, x)
        waves = random.uniform(0.0, 2.0 * np.pi, 14)
        counts = random.integers(2, 40, 14)
        strengths = random.normal(0.0, 1.0, 14)
        reach = radius + 1.0
        first = max(0, int(np.ceil(k - reach / spacing[2])))
        last = min(len(hu) - 1, int(np.floor(k + reach / spacing[2])))
        for n in range(first, last + 1):
            drift = 0.25 * (n - k)
            streaks = sum(
                s * np.cos(c * angle + w + drift)
                for s, c, w in zip(strengths, counts, waves, strict=True)
            )
            weaker = np.sqrt(max(0.0, 1.0 - abs(n - k) * spacing[2] / reach))
            fade = 280.0 / (1.0 + away / 18.0) * weaker
            hu[n] += (fade * streaks).astype(np.float32)
            flat = np.sqrt(np.maximum(radius**2 - ((n - k) * spacing[2]) ** 2, 0.0))
            hu[n][away < flat] = 8000.0


def finish(hu: Array, grid: Geometry, scan: HeadScan) -> NDArray[np.int16]:
    """Return Hounsfield units of a 12-bit CT, padded outside the largest circle in a slice."""
    result = to_hounsfield(hu)
    if scan.padding is not None:
        half = (np.array(grid.shape[::-1]) - 1) / 2.0 * grid.spacing
        x, y = (np.arange(grid.shape[2 - a]) * grid.spacing[a] - half[a] for a in (0, 1))
        result[:, np.hypot(x, y[:, None]) > min(half[0], half[1])] = scan.padding
    return result


def store(volume: Volume, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Volume:
    """Store the same voxels along other axes, at the same places in RAS.

    ``axes`` tells which of the volume's i, j, k (0, 1, 2) become the new ones, ``flips`` which of
    these run backwards.

    Raises:
        ValueError: ``axes`` is no permutation.
    """
    if sorted(axes) != [0, 1, 2]:
        raise ValueError("axes must be a permutation of 0, 1, 2.")
    array = volume.array.transpose([2 - axes[2], 2 - axes[1], 2 - axes[0]])
    array = np.flip(array, tuple(2 - n for n in range(3) if flips[n]))
    matrix = np.eye(4)
    matrix[:3, 3] = volume.geometry.ijk_to_ras[:3, 3]
    for new, old in enumerate(axes):
        column = volume.geometry.ijk_to_ras[:3, old]
        if flips[new]:
            matrix[:3, 3] += column * (volume.geometry.shape[2 - old] - 1)
            column = -column
        matrix[:3, new] = column
    shape = (array.shape[0], array.shape[1], array.shape[2])
    return Volume(np.ascontiguousarray(array), Geometry(matrix, shape), volume.name)
