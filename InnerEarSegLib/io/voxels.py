"""The voxels of an image file, unpacked once and never more than its header says."""

from __future__ import annotations

import bz2
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from .header import ImageHeader, damaged

CHUNK = 1 << 22
MAX_RATIO = {"": 1, "gzip": 1040, "zlib": 1040, "bzip2": 50_000}
"""No stream of this kind unpacks to more bytes per byte. A small file whose header promises a
gigabyte is recognised by it before memory is taken."""


def read_voxels(header: ImageHeader, path: Path) -> NDArray:
    """The stored values [k, j, i] in native byte order, unscaled.

    Args:
        header: of the image.
        path: of the file that the user named, for sentences.

    Raises:
        UnusableInput: if voxels are missing or the stream is damaged.
        OSError: if the file cannot be read.
    """
    expected = header.data_bytes
    size = header.data.stat().st_size
    start = 0 if header.whole_file_packed else header.offset
    most = max(0, size - start) * MAX_RATIO[header.compression]
    if most < expected:
        missing = f", {expected - most} bytes are missing" if not header.compression else ""
        raise _cut_short(path, missing)
    buffer = np.empty(expected, dtype=np.uint8)
    view = memoryview(buffer)  # type: ignore[arg-type]
    try:
        with header.data.open("rb") as file:
            file.seek(start)
            stream = _unpacked(file, header.compression)
            if header.whole_file_packed:
                _skip(stream, header.offset)
            filled = 0
            while filled < expected:
                count = stream(view[filled : filled + CHUNK])
                if count == 0:
                    raise _cut_short(path, f", {expected - filled} bytes are missing")
                filled += count
            if header.compression:
                stream(memoryview(bytearray(64)))  # makes the stream compare its checksum
    except EOFError:
        raise _cut_short(path, "") from None
    except (zlib.error, gzip.BadGzipFile):
        raise damaged(path) from None
    values = buffer.view(header.dtype).reshape(header.shape)
    return values.astype(header.dtype.newbyteorder("="), copy=False)


def _unpacked(file: BinaryIO, compression: str) -> Callable[[memoryview | bytearray], int]:
    """A function that fills a buffer as far as it can and returns the number of bytes."""
    if compression == "gzip":
        return gzip.GzipFile(fileobj=file).readinto
    if compression == "bzip2":
        return bz2.BZ2File(file).readinto
    if compression == "zlib":
        return _ZlibStream(file).readinto
    return file.readinto  # type: ignore[attr-defined]


class _ZlibStream:
    """What gzip.GzipFile is for gzip, for a bare zlib stream."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._unpack = file, zlib.decompressobj()

    def readinto(self, view: memoryview | bytearray) -> int:
        """Fill a part of ``view``; 0 at the end of the stream."""
        while not self._unpack.eof:
            packed = self._unpack.unconsumed_tail or self._file.read(CHUNK)
            piece = self._unpack.decompress(packed, len(view))
            if not packed and not piece:
                raise EOFError
            if piece:
                view[: len(piece)] = piece
                return len(piece)
        return 0


def _skip(stream: Callable[[memoryview | bytearray], int], count: int) -> None:
    while count > 0:
        done = stream(bytearray(min(count, CHUNK)))
        if done == 0:
            raise EOFError
        count -= done


def _cut_short(path: Path, missing: str) -> UnusableInput:
    return UnusableInput(f"{path} is cut short{missing}: copy or download it again.")
