"""Headers of NIfTI-1 and NIfTI-2 files.

Read here and not by ITK, which takes a negative, zero or infinite voxel size for a valid one,
fills up a file that is cut short, and drops a skewed sform without a word. Which of the two
orientations counts is decided as ITK (and so 3D Slicer) decides it.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import RAS_FROM_LPS
from .header import NO_ORIENTATION, ImageHeader, damaged, not_scalar, three_sizes
from .limits import check_affine, check_shape, check_spacing

HEADER_BYTES = {1: 348, 2: 540}
GZIP_MAGIC = b"\x1f\x8b"
TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8",
    1280: "u8",
}  # fmt: skip
COMPLEX_OR_COLOUR = {32, 128, 1792, 2048, 2304}
UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
"""The codes of metre, millimetre and micrometre; what says nothing is in millimetres."""

SCANNER = 1
"""The code of an orientation that comes from the scanner."""


@dataclass(frozen=True, eq=False)
class _Fields:
    """The fields of either version of the header that matter here."""

    sizes: list[int]
    datatype: int
    spacing: tuple[float, ...]
    qfac: float
    offset: float
    slope: float
    intercept: float
    unit: int
    qform_code: int
    sform_code: int
    quaternion: tuple[float, ...]
    qoffset: tuple[float, ...]
    sform: NDArray[np.float64]
    order: str


def read_nifti_header(path: Path) -> ImageHeader:
    """The header of a .nii or .nii.gz file.

    Raises:
        UnusableInput: saying what is wrong with it.
        OSError: if the file cannot be read.
    """
    content, packed = _first_bytes(path)
    fields = _fields(content, path)
    if fields.datatype in COMPLEX_OR_COLOUR:
        raise not_scalar(path)
    if fields.datatype not in TYPES:
        raise damaged(path, f"its header names the unknown data type {fields.datatype}")
    if len(fields.sizes) > 4 and fields.sizes[4] > 1:  # the axis of a vector's components
        raise not_scalar(path)
    sizes = three_sizes(fields.sizes, path)
    check_shape(sizes, path)
    unit_mm = UNIT_MM.get(fields.unit, 1.0)
    check_spacing(np.array(fields.spacing) * unit_mm, path)
    affine, warnings = _orientation(fields, path)
    affine[:3] *= unit_mm
    check_affine(affine, path)
    slope, intercept = fields.slope, fields.intercept
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise damaged(path, "its rescale slope or intercept is no number")
    if slope == 0:
        slope, intercept = 1.0, 0.0  # the standard's way to say that there is none
    if not np.isfinite(fields.offset) or not len(content) <= fields.offset <= 1e9:
        raise damaged(path, "its header does not say where the voxels begin")
    return ImageHeader(
        shape=(sizes[2], sizes[1], sizes[0]),
        dtype=np.dtype(fields.order + TYPES[fields.datatype]),
        ijk_to_ras=affine,
        data=path,
        offset=int(fields.offset),
        compression="gzip" if packed else "",
        whole_file_packed=packed,
        slope=slope,
        intercept=intercept,
        warnings=warnings,
    )


def _first_bytes(path: Path) -> tuple[bytes, bool]:
    """The header's bytes, and whether the file is compressed (whatever its name says)."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            content = file.read(HEADER_BYTES[2])
    except EOFError:
        raise UnusableInput(f"{path} is cut short: copy or download it again.") from None
    except (zlib.error, gzip.BadGzipFile):
        raise damaged(path) from None
    for order in "<>":
        for version, length in HEADER_BYTES.items():
            if len(content) >= 4 and struct.unpack_from(f"{order}i", content)[0] == length:
                if len(content) < length:
                    raise UnusableInput(f"{path} is cut short: copy or download it again.")
                magic = content[344:348] if version == 1 else content[4:8]
                if magic[:2] == b"ni" and magic[2:3] != b"\0":
                    raise UnusableInput(
                        f"{path} is the header of a pair of files; save it as one .nii file."
                    )
                if magic[:2] == b"n+":
                    return content[:length], packed
    raise damaged(path, "it has no NIfTI header")


def _fields(content: bytes, path: Path) -> _Fields:
    version = 1 if len(content) == HEADER_BYTES[1] else 2
    order = "<" if struct.unpack_from("<i", content)[0] == len(content) else ">"

    def read(form: str, at: int) -> tuple:
        return struct.unpack_from(order + form, content, at)

    if version == 1:
        dimensions, pixdim = read("8h", 40), read("8f", 76)
        offset, slope, intercept = read("3f", 108)
        (datatype,), unit = read("h", 70), content[123]
        qform_code, sform_code = read("2h", 252)
        quaternion, sform = read("6f", 256), read("12f", 280)
    else:
        dimensions, pixdim = read("8q", 16), read("8d", 104)
        (offset,), (slope, intercept) = read("q", 168), read("2d", 176)
        (datatype,), (unit,) = read("h", 12), read("i", 500)
        qform_code, sform_code = read("2i", 344)
        quaternion, sform = read("6d", 352), read("12d", 400)
    if not 1 <= dimensions[0] <= 7:
        raise damaged(path, f"its header names {dimensions[0]} dimensions")
    return _Fields(
        sizes=list(dimensions[1 : 1 + dimensions[0]]),
        datatype=datatype,
        spacing=pixdim[1:4],
        qfac=-1.0 if pixdim[0] < 0 else 1.0,
        offset=float(offset),
        slope=slope,
        intercept=intercept,
        unit=unit & 7,
        qform_code=qform_code,
        sform_code=sform_code,
        quaternion=quaternion[:3],
        qoffset=quaternion[3:],
        sform=np.vstack([np.reshape(sform, (3, 4)), [0, 0, 0, 1]]),
        order=order,
    )


def _orientation(fields: _Fields, path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """IJK to RAS in the file's unit, and warnings."""
    spacing = np.array(fields.spacing, dtype=np.float64)
    if fields.qform_code <= 0 and fields.sform_code <= 0:
        return RAS_FROM_LPS @ np.diag([*spacing, 1.0]), (NO_ORIENTATION,)
    qform = _qform(fields, spacing, path) if fields.qform_code > 0 else None
    if fields.sform_code <= 0:
        assert qform is not None
        return qform, ()
    sform = fields.sform
    check_affine_form(sform, path)
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if not np.allclose(lengths, spacing, rtol=0.01):
        raise UnusableInput(
            f"{path} contradicts itself: its voxels are {_size(spacing)} mm by pixdim and "
            f"{_size(lengths)} mm by sform."
        )
    if qform is None:
        return sform, ()
    same = np.allclose(sform[:3, :3] / lengths, qform[:3, :3] / spacing, atol=1e-3) and np.allclose(
        sform[:3, 3], qform[:3, 3], atol=0.01
    )
    if same:
        return sform, ()
    chosen, name = (sform, "sform") if fields.sform_code == SCANNER else (qform, "qform")
    return chosen, (
        f"The file gives two different orientations; its {name} was taken, as 3D Slicer does.",
    )


def check_affine_form(sform: NDArray[np.float64], path: Path) -> None:
    """Refuse an sform that is no turned and shifted grid."""
    if not np.isfinite(sform).all() or np.linalg.norm(sform[:3, :3], axis=0).min() == 0:
        raise UnusableInput(f"{path} has an impossible geometry: its sform is singular.")
    direction = sform[:3, :3] / np.linalg.norm(sform[:3, :3], axis=0)
    if not np.allclose(direction.T @ direction, np.eye(3), atol=1e-3):
        raise UnusableInput(f"{path} has axes that are not at right angles; resample it first.")


def _qform(fields: _Fields, spacing: NDArray, path: Path) -> NDArray[np.float64]:
    b, c, d = fields.quaternion
    square = b * b + c * c + d * d
    if not np.isfinite([b, c, d, *fields.qoffset]).all() or square > 1.01:
        raise UnusableInput(f"{path} has an impossible geometry: its qform is no rotation.")
    if square > 1.0:  # rounded
        b, c, d = np.array([b, c, d]) / np.sqrt(square)
    a = np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    affine = np.eye(4)
    affine[:3, :3] = rotation * spacing * [1.0, 1.0, fields.qfac]
    affine[:3, 3] = fields.qoffset
    return affine


def _size(spacing: NDArray) -> str:
    return " x ".join(f"{value:.3g}" for value in spacing)
