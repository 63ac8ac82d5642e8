"""Check the header of an image before any voxel is read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import UnusableInput

MIN_SLICES = 8
"""Voxels along each axis."""

MAX_VOXELS = 1_000_000_000
"""A head at 0.3 mm has 0.4 gigavoxels; more than this needs more memory than a laptop has."""

MAX_IN_PLANE_MM = 1.5
"""For the two finer axes: above it, a CT shows no scalae and no canals."""

MAX_SLICE_MM = 2.05
"""For the coarsest axis: heads are often reconstructed in slices of 1 to 2 mm with fine pixels, and
ears can be found in them. The 0.05 allow for rounded headers."""

COARSE_MM = 0.8
"""Voxels above it, along any axis, cause a warning."""

MAX_PACKING = 1040
"""Deflate packs no more than this many bytes into one (zlib.net/zlib_tech.html). A small file whose
header promises gigabytes is recognised by it before memory is taken."""

NO_ORIENTATION = (
    "The file does not say how the voxels lie in the patient, so left and right may be swapped."
)


def check_header(
    what: object,
    sizes: Sequence[int],
    components: int,
    spacing: Sequence[float],
    ijk_to_ras: NDArray[np.float64],
    promised_bytes: int,
    file_bytes: int,
) -> tuple[int, int, int]:
    """Refuse an image that cannot be a CT of an inner ear, or that its file cannot hold.

    Args:
        what: the file, for sentences.
        sizes: voxels along (i, j, k) and any further axes.
        components: values in one voxel.
        spacing, ijk_to_ras: mm along (i, j, k) and grid (4 x 4, RAS mm) that the header gives.
        promised_bytes: bytes of all voxels that the header promises, or fewer.
        file_bytes: the most bytes that the file can hold, unpacked.

    Return the shape (k, j, i), without further axes of one element. Raise UnusableInput, saying
    what is wrong.
    """
    if components != 1:
        raise UnusableInput(
            f"{what} holds colours, vectors or complex numbers; a CT in Hounsfield units is needed."
        )
    sizes = list(sizes)
    while len(sizes) > 2 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        raise UnusableInput(f"{what} has {len(sizes)} dimensions; a 3D CT is needed.")
    if min(sizes) < 1:
        raise damaged(what, "its header gives no size")
    check_shape(sizes, what)
    check_spacing(spacing, what)
    check_affine(ijk_to_ras, what)
    of_axes = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    if not np.allclose(of_axes, spacing, rtol=0.01):
        raise UnusableInput(
            f"{what} contradicts itself: its voxels are {_size(spacing)} mm by their size "
            f"and {_size(of_axes)} mm by their axes."
        )
    if promised_bytes > file_bytes:
        raise UnusableInput(f"{what} is cut short: copy or download it again.")
    return sizes[2], sizes[1], sizes[0]


def damaged(what: object, why: str = "") -> UnusableInput:
    """Return the error for a file whose content makes no sense."""
    return UnusableInput(
        f"{what} cannot be read: it is damaged, cut short or not what its name says"
        + (f" ({why})." if why else ".")
    )


def check_shape(sizes: Sequence[int], what: object) -> None:
    """Refuse too few or too many voxels along (i, j, k)."""
    size = " x ".join(map(str, sizes))
    if min(sizes) < MIN_SLICES:
        raise UnusableInput(
            f"{what} has {size} voxels; at least {MIN_SLICES} in each direction are needed."
        )
    voxels = int(np.prod(sizes, dtype=object))
    if voxels > MAX_VOXELS:
        raise UnusableInput(
            f"{what} has {size} = {voxels / 1e9:.1f} gigavoxels, the limit is "
            f"{MAX_VOXELS / 1e9:.1f}: crop it to the head or the temporal bones."
        )


def check_spacing(spacing: ArrayLike, what: object) -> None:
    """Refuse a spacing (in mm) that is zero, negative or not a number."""
    values = np.asarray(spacing, dtype=np.float64)
    if not np.isfinite(values).all() or values.min() < 1e-3:  # no CT is that fine
        raise UnusableInput(f"{what} has an impossible spacing of {_size(values)} mm.")


def check_affine(ijk_to_ras: NDArray[np.float64], what: object) -> None:
    """Refuse a grid (4 x 4, RAS mm) that is impossible, skewed or too coarse."""
    if not np.isfinite(ijk_to_ras).all():
        raise UnusableInput(f"{what} has an impossible geometry: its axes are not numbers.")
    spacing = np.linalg.norm(ijk_to_ras[:3, :3], axis=0)
    if spacing.min() == 0:
        raise UnusableInput(f"{what} has an impossible geometry: its axes are singular.")
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


def _size(spacing: ArrayLike) -> str:
    return " x ".join(f"{value:.4g}" for value in np.asarray(spacing))
