"""Whether a NIfTI file is all there: ITK fills what is missing and says nothing."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

HEADER_BYTES = 348
CHUNK = 1 << 22


def missing_bytes(path: Path) -> int:
    """How many bytes of its voxels a .nii or .nii.gz file lacks, 0 if it is whole.

    The NIfTI-1 header gives the shape (``dim``, at byte 40), the bits of a voxel (``bitpix``, 72)
    and where voxels start (``vox_offset``, 108). Other files count as whole: ITK decides on them.

    Raises:
        OSError: if the file cannot be read.
    """
    compressed = path.name.lower().endswith(".gz")
    with gzip.open(path) if compressed else path.open("rb") as file:
        try:
            header = file.read(HEADER_BYTES)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            return HEADER_BYTES
        expected = _expected_bytes(header)
        if expected is None:
            return 0
        there = HEADER_BYTES + _rest(file) if compressed else path.stat().st_size
    return max(0, expected - there)


def _expected_bytes(header: bytes) -> int | None:
    """Length of a whole file, or None where the header is not NIfTI-1's."""
    if len(header) < HEADER_BYTES:
        return None
    order = next((o for o in "<>" if struct.unpack_from(f"{o}i", header)[0] == HEADER_BYTES), None)
    if order is None:
        return None
    dimensions = struct.unpack_from(f"{order}8h", header, 40)
    (bits,) = struct.unpack_from(f"{order}h", header, 72)
    (offset,) = struct.unpack_from(f"{order}f", header, 108)
    voxels = 1
    for size in dimensions[1 : 1 + max(0, min(7, dimensions[0]))]:
        voxels *= max(1, size)
    return int(offset) + voxels * bits // 8


def _rest(file: BinaryIO | gzip.GzipFile) -> int:
    """Bytes that can still be read, as far as the compressed stream goes."""
    count = 0
    try:
        while chunk := file.read(CHUNK):
            count += len(chunk)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        pass
    return count
