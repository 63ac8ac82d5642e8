"""How a head is scanned: the grid, and what the scanner does to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..types import Geometry, Volume
from .scan import Array

Kernel = Literal["bone", "soft"]
View = Literal["head", "left", "right", "left ear", "right ear"]

VIEW_MM = {"head": (250.0, 250.0, 141.0), "bone": (90.0, 90.0, 60.0), "ear": (30.0, 30.0, 30.0)}
"""Default field of view along R, A, S."""

VIEW_OFFSET = {"head": (0.0, 8.0, 10.0), "bone": (10.0, -2.0, -3.0), "ear": (0.0, 0.0, 0.0)}
"""mm from the origin of the head, or from the ear's middle (then R is outwards), to its middle."""


@dataclass(frozen=True)
class HeadScan:
    """How a head lies in the scanner, and what the scanner makes of it.

    Attributes:
        spacing: distance of the voxels' centres along R, A and S, in mm.
        view: the whole head, one temporal bone, or a tight crop of one ear.
        size_mm: field of view along R, A, S; None takes VIEW_MM.
        shift_mm: of the field of view, along R, A, S.
        slice_mm: thickness of the slices, over which is averaged; None: their distance.
        kernel: "bone" is sharp and noisy, "soft" is blurred and quiet.
        blur_mm: standard deviation of the point spread; None: 0.28 or 0.65, by the kernel.
        noise_hu: standard deviation; None: 70 or 12, by the kernel.
        tilt: degrees by which the head nods back (nose up).
        roll: degrees by which it leans to its right shoulder.
        yaw: degrees by which it turns to its left.
        isocentre: RAS mm of the middle between the ears.
        padding: value outside the scanner's circle; None: there is air.
        metal: whether a tooth is crowned with metal, with streaks around it.
        table: whether a head holder is in view.
        axes: which of (i, j, k) = (R, A, S) the stored i, j and k are. The default, with
            ``flips``, is how most scanners store: i to the left, j to the back, k up.
        flips: which stored axis runs against R, A or S.
    """

    spacing: tuple[float, float, float] = (0.488, 0.488, 0.625)
    view: View = "head"
    size_mm: tuple[float, float, float] | None = None
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    slice_mm: float | None = None
    kernel: Kernel = "bone"
    blur_mm: float | None = None
    noise_hu: float | None = None
    tilt: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    isocentre: tuple[float, float, float] = (0.0, 0.0, 0.0)
    padding: int | None = None
    metal: bool = False
    table: bool = True
    axes: tuple[int, int, int] = (0, 1, 2)
    flips: tuple[bool, bool, bool] = (True, True, False)


def random_scan(seed: int, index: int = 0, *, spacing: float | None = None) -> HeadScan:
    """The scan ``index`` of the endless series ``seed``: any pose, kernel, padding and order.

    Args:
        seed: of the series.
        index: in the series.
        spacing: voxel size in the slices in mm; drawn from 0.4 to 0.8 if None.
    """
    random = np.random.default_rng([20240819, seed, index])
    plane = float(random.uniform(0.4, 0.8)) if spacing is None else spacing
    distance = float(np.clip(plane * random.uniform(0.8, 1.6), 0.4, 1.25))
    soft = bool(random.random() < 0.35)
    tilt, roll, yaw = (float(a) for a in random.uniform(-1.0, 1.0, 3) * (20.0, 15.0, 20.0))
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
        tilt=tilt,
        roll=roll,
        yaw=yaw,
        isocentre=(float(shift[0]), float(shift[1]), float(shift[2])),
        padding=padding,
        metal=bool(random.random() < 0.3),
        table=bool(random.random() < 0.8),
        axes=(0, 1, 2) if usual else tuple(axes),  # type: ignore[arg-type]
        flips=(True, True, False) if usual else tuple(flips),  # type: ignore[arg-type]
    )


def head_pose(scan: HeadScan) -> NDArray[np.float64]:
    """4 x 4 from the head frame to RAS."""
    tilt, roll, yaw = np.radians([scan.tilt, scan.roll, scan.yaw])
    about_r = np.array(
        [[1, 0, 0], [0, np.cos(tilt), -np.sin(tilt)], [0, np.sin(tilt), np.cos(tilt)]]
    )
    about_a = np.array(
        [[np.cos(roll), 0, np.sin(roll)], [0, 1, 0], [-np.sin(roll), 0, np.cos(roll)]]
    )
    about_s = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = about_s @ about_a @ about_r
    matrix[:3, 3] = scan.isocentre
    return matrix


def scan_grid(scan: HeadScan, pose: NDArray, middles: dict[str, NDArray]) -> Geometry:
    """The grid along R, A and S, before it is stored in another order.

    Args:
        scan: what is wanted.
        pose: 4 x 4, head frame to RAS.
        middles: RAS mm of the middle of each labyrinth, by side.

    Raises:
        ValueError: if the view, spacing or size makes no sense.
    """
    spacing = np.asarray(scan.spacing, dtype=np.float64)
    if spacing.shape != (3,) or not np.all(spacing > 0.0):
        raise ValueError("spacing must be three positive numbers.")
    side, _, ear = scan.view.partition(" ")
    kind = "head" if side == "head" else "ear" if ear else "bone"
    if side == "head":
        middle = pose[:3, 3] + VIEW_OFFSET["head"]
    elif side in middles and ear in ("", "ear"):
        outwards = np.array([1.0 if side == "right" else -1.0, 1.0, 1.0])
        middle = middles[side] + outwards * VIEW_OFFSET[kind]
    else:
        raise ValueError(f"there is no view {scan.view!r}.")
    size = np.asarray(scan.size_mm if scan.size_mm is not None else VIEW_MM[kind])
    count = np.maximum(np.rint(size / spacing).astype(int), 1)
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = middle + np.asarray(scan.shift_mm) - spacing * (count - 1) / 2.0
    return Geometry(matrix, (int(count[2]), int(count[1]), int(count[0])))


def slice_offsets(scan: HeadScan, finest: float) -> NDArray[np.float64]:
    """Where in a slice's thickness to sample, mm from its middle, at most ``finest`` apart."""
    thickness = scan.spacing[2] if scan.slice_mm is None else scan.slice_mm
    count = max(1, int(np.ceil(thickness / finest - 1e-6)))
    return thickness * ((np.arange(count) + 0.5) / count - 0.5)


def expose(hu: Array, grid: Geometry, scan: HeadScan, random: np.random.Generator) -> Array:
    """Point spread and noise; ``hu`` [k, j, i] is overwritten."""
    bone = scan.kernel == "bone"
    blur = scan.blur_mm if scan.blur_mm is not None else 0.28 if bone else 0.65
    noise = scan.noise_hu if scan.noise_hu is not None else 70.0 if bone else 12.0
    # The slices' thickness blurs along S already; what is left there is little.
    sigma = np.array([blur, blur, 0.3 * blur]) / grid.spacing
    # Noise is as fine as the kernel: it goes through the same filter, scaled for what that takes.
    # A fixed piece tells how much that is.
    probe = np.random.default_rng(0).standard_normal((24, 32, 32)).astype(np.float32)
    left = float(_smooth(probe, sigma).std())
    for k in range(len(hu)):
        hu[k] += np.float32(noise / left) * random.standard_normal(hu[k].shape, dtype=np.float32)
    return _smooth(hu, sigma)


def _smooth(array: Array, sigma: NDArray) -> Array:
    """[k, j, i] smoothed by a Gaussian of ``sigma`` voxels along (i, j, k)."""
    image = sitk.GetImageFromArray(array)
    smooth = sitk.DiscreteGaussian(image, [float(s) ** 2 for s in sigma], 16, 0.02, False)
    return sitk.GetArrayFromImage(smooth)


def add_streaks(hu: Array, grid: Geometry, metal: NDArray, random: np.random.Generator) -> None:
    """A sketch of the streaks of metal balls, in the slices that they lie in; in place.

    Args:
        hu: [k, j, i].
        grid: of hu, along R, A, S.
        metal: (n, 4): RAS mm and radius of each ball.
        random: draws the streaks.
    """
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
            fade = (
                280.0
                / (1.0 + away / 18.0)
                * np.sqrt(max(0.0, 1.0 - abs(n - k) * spacing[2] / reach))
            )
            hu[n] += (fade * streaks).astype(np.float32)
            flat = np.sqrt(np.maximum(radius**2 - ((n - k) * spacing[2]) ** 2, 0.0))
            hu[n][away < flat] = 8000.0


def finish(hu: Array, grid: Geometry, scan: HeadScan) -> NDArray[np.int16]:
    """Whole Hounsfield units of a 12-bit CT, padded outside the largest circle in a slice."""
    result = np.empty(hu.shape, dtype=np.int16)
    for k in range(len(hu)):
        result[k] = np.clip(np.rint(hu[k]), -1024, 3071)
    if scan.padding is not None:
        half = (np.array(grid.shape[::-1]) - 1) / 2.0 * grid.spacing
        x = (np.arange(grid.shape[2]) * grid.spacing[0] - half[0])[None]
        y = (np.arange(grid.shape[1]) * grid.spacing[1] - half[1])[:, None]
        result[:, np.hypot(x, y) > min(half[0], half[1])] = scan.padding
    return result


def store(volume: Volume, axes: tuple[int, int, int], flips: tuple[bool, bool, bool]) -> Volume:
    """The same voxels at the same places in RAS, stored along other axes.

    Args:
        volume: [k, j, i].
        axes: which of the volume's i, j, k (0, 1, 2) become the new i, j, k.
        flips: which of the new axes run backwards.

    Raises:
        ValueError: if ``axes`` is no permutation.
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
