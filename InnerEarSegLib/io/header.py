"""What an image file says about itself before any voxel is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput

MAX_HEADER_BYTES = 1 << 20
"""Text headers are some kilobytes; a file without an end of its header is not read whole."""

NO_ORIENTATION = (
    "The file does not say how the voxels lie in the patient, so left and right may be swapped."
)


@dataclass(frozen=True, eq=False)
class ImageHeader:
    """Where the voxels are and what they mean.

    Attributes:
        shape: (k, j, i).
        dtype: of the stored values, with their byte order.
        ijk_to_ras: 4 x 4, RAS mm.
        data: the file that holds the voxels.
        offset: bytes before the voxels: in the file, or in the whole unpacked stream if
            ``whole_file_packed``.
        compression: "", "gzip", "zlib" or "bzip2".
        whole_file_packed: the header itself lies within the compressed stream (.nii.gz).
        slope: stored value times this ...
        intercept: ... plus this is the value.
        warnings: one sentence each.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    ijk_to_ras: NDArray[np.float64]
    data: Path
    offset: int
    compression: str = ""
    whole_file_packed: bool = False
    slope: float = 1.0
    intercept: float = 0.0
    warnings: tuple[str, ...] = ()

    @property
    def data_bytes(self) -> int:
        """Bytes of all voxels, unpacked."""
        return int(np.prod([int(n) for n in self.shape], dtype=object)) * self.dtype.itemsize


def three_sizes(sizes: Sequence[int], path: Path) -> tuple[int, int, int]:
    """The three sizes (i, j, k) of an image; further axes of one element do no harm.

    Raises:
        UnusableInput: for other dimensions.
    """
    kept = list(sizes)
    while len(kept) > 3 and kept[-1] == 1:
        kept.pop()
    if len(kept) == 3 and kept[2] == 1:
        raise UnusableInput(f"{path} has 2 dimensions (one slice); a 3D CT is needed.")
    if len(kept) != 3:
        raise UnusableInput(f"{path} has {len(kept)} dimensions; a 3D CT is needed.")
    if min(kept) < 1:
        raise damaged(path, "its header gives no size")
    return kept[0], kept[1], kept[2]


def damaged(path: Path, why: str = "") -> UnusableInput:
    """The error for a file whose content makes no sense."""
    return UnusableInput(
        f"{path} cannot be read: it is damaged, cut short or not what its name says"
        + (f" ({why})." if why else ".")
    )


def not_scalar(path: Path) -> UnusableInput:
    """The error for colours, vectors and complex numbers."""
    return UnusableInput(
        f"{path} holds colours, vectors or complex numbers; a CT in Hounsfield units is needed."
    )


def text_header(path: Path, end: bytes) -> tuple[str, int]:
    """The text up to and with the first ``end``, and the number of its bytes.

    Raises:
        UnusableInput: if there is none within the first megabyte.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(MAX_HEADER_BYTES)
    at = start.find(end)
    if at < 0:
        raise damaged(path, "its header has no end")
    return start[: at + len(end)].decode("latin-1"), at + len(end)


def numbers(text: str) -> list[float]:
    """All numbers of a line; raises ValueError for anything else."""
    return [float(word) for word in text.replace(",", " ").split()]


def integers(text: str) -> list[int]:
    """All whole numbers of a line; raises ValueError for anything else."""
    return [int(word) for word in text.split()]


def beside(path: Path, name: str) -> Path:
    """The file with the voxels that a header names.

    Raises:
        UnusableInput: if it is not there.
    """
    data = path.parent / name
    if not data.is_file():
        raise UnusableInput(f"{path} has its voxels in {name}, which is not there.")
    return data
