"""What a volume must be like, as far as its header tells: decided before a voxel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput

MIN_SLICES = 8
"""Voxels along each axis."""

MAX_VOXELS = 1_000_000_000
"""A head at 0.3 mm is 0.4 gigavoxels; more than this needs more memory than a laptop has."""

MAX_IN_PLANE_MM = 1.5
"""For the two finer axes: above it, no scalae and no canals are left in a CT."""

MAX_SLICE_MM = 2.05
"""For the coarsest axis. Heads are often reconstructed in 1 to 2 mm slices with fine pixels, and
the ears can be found and drawn in them, with a warning; 2.05 lets a 2 mm slice through whose
header is rounded. So "over 1.5 mm" is refused where the pixels are that coarse, and a slice
distance is refused above 2.05 mm."""

COARSE_MM = 0.8
"""Above it, along any axis, there is a warning."""


def check_shape(sizes: Sequence[int], what: object) -> None:
    """Refuse too few or too many voxels.

    Args:
        sizes: voxels along (i, j, k).
        what: the file or folder, for the sentence.

    Raises:
        UnusableInput: with the limit.
    """
    size = " x ".join(map(str, sizes))
    if min(sizes) < MIN_SLICES:
        raise UnusableInput(
            f"{what} has {size} voxels; at least {MIN_SLICES} in each direction are needed."
        )
    voxels = 1
    for count in sizes:
        voxels *= int(count)
    if voxels > MAX_VOXELS:
        raise UnusableInput(
            f"{what} has {size} = {voxels / 1e9:.1f} gigavoxels, the limit is "
            f"{MAX_VOXELS / 1e9:.1f}: crop it to the head or the temporal bones."
        )


def check_affine(ijk_to_ras: NDArray[np.float64], what: object) -> None:
    """Refuse a grid that is impossible, skewed or too coarse.

    Args:
        ijk_to_ras: 4 x 4.
        what: the file or folder, for the sentence.

    Raises:
        UnusableInput: saying which.
    """
    if not np.isfinite(ijk_to_ras).all():
        raise UnusableInput(f"{what} has an impossible geometry: its header holds no numbers.")
    spacing = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    check_spacing(spacing, what)
    if np.abs(ijk_to_ras[:3, 3]).max() > 1e6:
        raise UnusableInput(f"{what} has an impossible geometry: it lies kilometres away.")
    direction = ijk_to_ras[:3, :3] / spacing
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
        raise UnusableInput(f"{what} has axes that are not at right angles; resample it first.")
    finer, middle, coarsest = sorted(spacing)
    if middle > MAX_IN_PLANE_MM or coarsest > MAX_SLICE_MM:
        raise UnusableInput(
            f"{what} has voxels of {finer:.2f} x {middle:.2f} x {coarsest:.2f} mm, too coarse for "
            f"an inner ear; reconstruct the CT with pixels of {MAX_IN_PLANE_MM} mm and slices of "
            "2 mm or less (best 0.6 mm or less)."
        )


def check_spacing(spacing: Sequence[float] | NDArray, what: object) -> None:
    """Refuse a voxel size that is zero, negative or not a number.

    Raises:
        UnusableInput: with the size.
    """
    values = np.asarray(spacing, dtype=np.float64)
    # Below a micrometre no CT scanner goes; such headers are damaged.
    if not np.isfinite(values).all() or values.min() < 1e-3:
        size = " x ".join(f"{value:g}" for value in values)
        raise UnusableInput(f"{what} has an impossible voxel size of {size} mm.")


def coarse_warning(spacing: NDArray[np.float64]) -> tuple[str, ...]:
    """A sentence if the voxels are so coarse that results suffer."""
    if spacing.max() <= COARSE_MM:
        return ()
    return (
        f"The CT's voxels are up to {spacing.max():.2f} mm; results are less accurate above "
        f"{COARSE_MM} mm.",
    )
