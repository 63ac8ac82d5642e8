"""Headers of .mha and .mhd files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import UnusableInput
from ..types import RAS_FROM_LPS
from .header import (
    MAX_HEADER_BYTES,
    ImageHeader,
    beside,
    damaged,
    integers,
    not_scalar,
    numbers,
    three_sizes,
)
from .limits import check_affine, check_shape, check_spacing

TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4",
    "MET_UINT": "u4", "MET_LONG": "i4", "MET_ULONG": "u4", "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
LAST_FIELD = re.compile(rb"(?:^|\n)\s*ElementDataFile\s*=[^\n]*(?:\n|\Z)")


def read_metaimage_header(path: Path) -> ImageHeader:
    """The header of a MetaImage, its voxels within or in one file beside it.

    Raises:
        UnusableInput: saying what is wrong with it.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(MAX_HEADER_BYTES)
    last = LAST_FIELD.search(start)
    if last is None:
        raise damaged(path, "it has no MetaImage header")
    fields = {}
    for line in start[: last.end()].decode("latin-1").splitlines():
        name, equals, value = line.partition("=")
        if equals:
            fields[name.strip()] = value.strip()
    try:
        return _header(fields, last.end(), path)
    except KeyError as error:
        raise damaged(path, f"its header lacks {error}") from None
    except (ValueError, OverflowError):
        raise damaged(path, "its header holds words where numbers belong") from None


def _header(fields: dict[str, str], offset: int, path: Path) -> ImageHeader:
    if int(fields.get("ElementNumberOfChannels", "1")) != 1 or "ARRAY" in fields["ElementType"]:
        raise not_scalar(path)
    if fields["ElementType"] not in TYPES:
        raise damaged(path, "its header names an unknown data type")
    sizes = integers(fields["DimSize"])
    if len(sizes) != int(fields["NDims"]):
        raise damaged(path, "its header contradicts itself about the dimensions")
    size = three_sizes(sizes, path)
    check_shape(size, path)
    affine = _affine(fields, len(sizes), path)
    check_affine(affine, path)
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    if not _yes(fields.get("BinaryData", "True")):
        raise UnusableInput(f"{path} holds its voxels as text; save it as binary.")
    packed = _yes(fields.get("CompressedData", "False"))
    data, skip = path, int(fields.get("HeaderSize", "0"))
    name = fields["ElementDataFile"]
    if name.upper() != "LOCAL":
        if name.upper().startswith("LIST") or "%" in name:
            raise UnusableInput(f"{path} has its voxels in several files; save it as one .mha.")
        data, offset = beside(path, name), 0
    header = ImageHeader(
        shape=(size[2], size[1], size[0]),
        dtype=np.dtype((">" if _yes(big) else "<") + TYPES[fields["ElementType"]]),
        ijk_to_ras=affine,
        data=data,
        offset=offset,
        compression="zlib" if packed else "",
    )
    if data == path or skip == 0:
        return header
    if skip == -1:  # the voxels end with the file
        skip = data.stat().st_size - header.data_bytes
    if skip < 0:
        raise UnusableInput(f"{path} is cut short: copy or download it again.")

    return replace(header, offset=skip)


def _affine(fields: dict[str, str], count: int, path: Path) -> np.ndarray:
    def field(names: tuple[str, ...], default: list[float]) -> list[float]:
        name = next((name for name in names if name in fields), None)
        return default if name is None else numbers(fields[name])

    spacing = field(("ElementSpacing", "ElementSize"), [1.0] * count)
    origin = field(("Offset", "Position", "Origin"), [0.0] * count)
    matrix = field(("TransformMatrix", "Orientation", "Rotation"), list(np.eye(count).ravel()))
    if len(spacing) != count or len(origin) != count or len(matrix) != count * count:
        raise damaged(path, "its header contradicts itself about the dimensions")
    check_spacing(spacing[:3], path)
    affine = np.eye(4)
    # A row of the file's matrix is the direction of an axis.
    direction = np.reshape(matrix, (count, count))[:3, :3].T
    lengths = np.linalg.norm(direction, axis=0)
    if not np.isfinite(direction).all() or np.abs(lengths - 1).max() > 1e-3:
        raise UnusableInput(f"{path} has an impossible geometry: its directions are no unit axes.")
    affine[:3, :3] = direction * np.array(spacing[:3])
    affine[:3, 3] = origin[:3]
    return RAS_FROM_LPS @ affine


def _yes(word: str) -> bool:
    return word.strip().lower() in ("true", "t", "1", "yes")
