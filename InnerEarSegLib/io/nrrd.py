"""Headers of .nrrd and .nhdr files."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import RAS_FROM_LPS
from .header import (
    NO_ORIENTATION,
    ImageHeader,
    beside,
    damaged,
    integers,
    not_scalar,
    numbers,
    text_header,
    three_sizes,
)
from .limits import check_affine, check_shape, check_spacing

TYPES = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(
        ("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"
    ),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
    **dict.fromkeys(
        ("longlong", "long long", "long long int", "signed long long", "int64", "int64_t"), "i8"
    ),
    **dict.fromkeys(("ulonglong", "unsigned long long", "uint64", "uint64_t"), "u8"),
    "float": "f4",
    "double": "f8",
}
ENCODINGS = {"raw": "", "gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
TO_RAS = {
    "right-anterior-superior": np.diag([1.0, 1.0, 1.0]),
    "ras": np.diag([1.0, 1.0, 1.0]),
    "left-anterior-superior": np.diag([-1.0, 1.0, 1.0]),
    "las": np.diag([-1.0, 1.0, 1.0]),
    "left-posterior-superior": RAS_FROM_LPS[:3, :3],
    "lps": RAS_FROM_LPS[:3, :3],
}
PLACE = {"domain", "space", "none", "???", ""}
"""Kinds of axes along which voxels lie side by side."""


def read_nrrd_header(path: Path) -> ImageHeader:
    """The header of a NRRD file, its voxels within or in one file beside it.

    Raises:
        UnusableInput: saying what is wrong with it.
        OSError: if the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) != b"NRRD":
            raise damaged(path, "it has no NRRD header")
    fields, offset = _fields(path)
    try:
        return _header(fields, offset, path)
    except KeyError as error:
        raise damaged(path, f"its header lacks {error}") from None
    except (ValueError, OverflowError):
        raise damaged(path, "its header holds words where numbers belong") from None


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """Fields by lower-case name, and the number of bytes before the voxels."""
    try:
        text, offset = text_header(path, b"\n\n")
    except UnusableInput:
        try:
            text, offset = text_header(path, b"\r\n\r\n")
        except UnusableInput:
            if path.stat().st_size > 1 << 16:
                raise
            # A header whose voxels lie in another file may end with the file.
            text, offset = path.read_bytes().decode("latin-1"), 0
    fields = {}
    for line in text.splitlines()[1:]:
        name, colon, value = line.partition(":")
        if colon and not line.startswith("#") and not value.startswith("="):
            fields[name.strip().lower()] = value.strip()
    return fields, offset


def _header(fields: dict[str, str], offset: int, path: Path) -> ImageHeader:
    kind = fields["type"].lower()
    if kind == "block":
        raise not_scalar(path)
    if kind not in TYPES:
        raise damaged(path, "its header names an unknown data type")
    sizes = integers(fields["sizes"])
    if len(sizes) != int(fields["dimension"]):
        raise damaged(path, "its header contradicts itself about the dimensions")
    kept = _places(fields, sizes, path)
    size = three_sizes([sizes[axis] for axis in kept], path)
    check_shape(size, path)
    affine, warnings = _affine(fields, kept[:3], len(sizes), path)
    check_affine(affine, path)
    encoding = fields["encoding"].lower()
    if encoding not in ENCODINGS:
        raise UnusableInput(f"{path} has the encoding {encoding!r}; save it as raw or gzip.")
    order = {"little": "<", "big": ">"}.get(fields.get("endian", "").lower(), "")
    if not order and TYPES[kind][1] != "1":
        raise damaged(path, "its header does not give the byte order")
    header = ImageHeader(
        shape=(size[2], size[1], size[0]),
        dtype=np.dtype((order or "<") + TYPES[kind]),
        ijk_to_ras=affine,
        data=path,
        offset=offset,
        compression=ENCODINGS[encoding],
        warnings=warnings,
    )
    return _with_data(header, fields, path)


def _places(fields: dict[str, str], sizes: list[int], path: Path) -> list[int]:
    """The axes along which voxels lie, without such as hold components or times of one element."""
    kinds = fields.get("kinds", "").lower().split() or [""] * len(sizes)
    if len(kinds) != len(sizes):
        raise ValueError
    directions = re.findall(r"none|\([^)]*\)", fields.get("space directions", "").lower())
    kept = []
    for axis, (kind, size) in enumerate(zip(kinds, sizes, strict=True)):
        placed = kind in PLACE and not (
            len(directions) == len(sizes) and directions[axis] == "none"
        )
        if placed:
            kept.append(axis)
        elif size != 1:
            if kind in PLACE | {"list", "time"}:
                raise UnusableInput(f"{path} has {len(sizes)} dimensions; a 3D CT is needed.")
            raise not_scalar(path)
    return kept


def _affine(
    fields: dict[str, str], kept: list[int], count: int, path: Path
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    affine = np.eye(4)
    if "space directions" not in fields:
        words = fields.get("spacings", " ".join(["1"] * count)).split()
        spacing = [float(words[axis]) for axis in kept] if len(words) == count else [0.0]
        check_spacing(spacing, path)
        affine[:3, :3] = np.diag(spacing)
        return RAS_FROM_LPS @ affine, (NO_ORIENTATION,)
    vectors = re.findall(r"none|\([^)]*\)", fields["space directions"].lower())
    if len(vectors) != count:
        raise ValueError
    columns = [numbers(vectors[axis].strip("()")) for axis in kept]
    origin = numbers(fields.get("space origin", "(0,0,0)").strip("()"))
    if any(len(column) != 3 for column in columns) or len(origin) != 3:
        raise UnusableInput(f"{path} does not lie in a space of three dimensions.")
    affine[:3, :3], affine[:3, 3] = np.array(columns).T, origin
    space = fields.get("space", "").lower()
    affine[:3] = TO_RAS.get(space, RAS_FROM_LPS[:3, :3]) @ affine[:3]
    return affine, () if space in TO_RAS else (NO_ORIENTATION,)


def _with_data(header: ImageHeader, fields: dict[str, str], path: Path) -> ImageHeader:
    """The header with the place of the voxels."""

    name = fields.get("data file", fields.get("datafile"))
    if name is not None:
        if name.lower().startswith("list") or "%" in name:
            raise UnusableInput(f"{path} has its voxels in several files; save it as one .nrrd.")
        header = replace(header, data=beside(path, name), offset=0)
    elif header.offset == 0:
        raise damaged(path, "its header has no end")
    lines = int(fields.get("line skip", fields.get("lineskip", "0")))
    skip = int(fields.get("byte skip", fields.get("byteskip", "0")))
    if lines or (skip and header.compression):
        raise UnusableInput(f"{path} skips a part of its data; save it again without.")
    if skip == -1:  # the voxels end with the file
        skip = header.data.stat().st_size - header.data_bytes - header.offset
    if skip < 0:
        raise UnusableInput(f"{path} is cut short: copy or download it again.")
    return replace(header, offset=header.offset + skip)
