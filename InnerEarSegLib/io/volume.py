"""Read a CT from a file or a DICOM folder."""

from __future__ import annotations

import gzip
import re
import warnings
import zlib
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import InnerEarSegError, UnusableInput
from ..process import quiet
from ..types import RAS_FROM_LPS, Geometry, Volume
from .checks import COARSE_MM, MAX_PACKING, NO_ORIENTATION, check_header, damaged
from .hounsfield import to_hounsfield

ITK_READERS = dict.fromkeys((".nrrd", ".nhdr"), "NrrdImageIO") | dict.fromkeys(
    (".mha", ".mhd"), "MetaImageIO"
)
NIFTI = (".nii.gz", ".nii")

CHUNK = 1 << 22
MAX_TEXT_BYTES = 1 << 20
"""Text headers have some kilobytes."""

TEXT_FIELD = re.compile(rb"^([^#:=\n][^:=\n]*)[:=](?!=)(.*)$", re.MULTILINE)
NRRD_END = re.compile(rb"\n\r?\n")
META_END = re.compile(rb"^[ \t]*ElementDataFile[ \t]*=.*(?:\n|\Z)", re.MULTILINE)

NRRD_SPACES = {
    "right-anterior-superior", "left-anterior-superior", "left-posterior-superior",
    "ras", "las", "lps",
}  # fmt: skip

META_MATRIX = {"transformmatrix", "orientation", "rotation"}
"""Three names that MetaIO takes for the same field."""

GZIP_MAGIC = b"\x1f\x8b"
NIFTI_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}
"""Metre, millimetre, micrometre; files without a unit are in millimetres."""

NIFTI_SCANNER = 1
"""Code of an orientation that comes from the scanner."""


def read_ct(path: Path, series: str | None = None, *, cut_short: bool = False) -> Volume:
    """Read a CT in Hounsfield units.

    Args:
        path: a .nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd file; a folder with DICOM files, also in
            folders below; or one DICOM file, which stands for its series.
        series: the SeriesInstanceUID of the DICOM series to read; None chooses the thinnest CT
            with a bone kernel where that is unambiguous.
        cut_short: read the whole slices of an unpacked NIfTI that ends too early; it is refused
            otherwise.

    Returns:
        The CT on a regular grid with axes at right angles: int16 where its values are whole, else
        float32; ``warnings`` lists what was changed or doubtful.

    Raise UnusableInput, in one sentence, if it cannot be used.
    """
    path = Path(path)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of libraries about headers that are checked here
            return _read(path, series, cut_short)
    except InnerEarSegError:
        raise
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except MemoryError:
        raise UnusableInput(f"{path} needs more memory than this machine has; crop it.") from None
    except Exception as error:
        # Damaged files raise whatever error the libraries that parse them stumble over.
        raise UnusableInput(
            f"{path} cannot be read: it is damaged ({type(error).__name__})."
        ) from error


def files_read(path: Path, series: str | None = None) -> list[Path] | None:
    """List the files that ``read_ct`` would take a CT from, by headers alone, sorted.

    None if the CT cannot be read; raises OSError if ``path`` may not be read or does not exist.
    """
    path.stat()
    try:
        if is_image_file(path):
            return sorted({path, path if image_ending(path) in NIFTI else _text_header(path)[1]})
        from .dicom_series import find_series

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sorted({plane.path for plane in find_series(path, series)[0].slices})
    except OSError:
        raise
    except Exception:  # see read_ct
        return None


def image_ending(path: Path) -> str | None:
    """Return the ending of a file name that is read as one image, in lower case, or None."""
    name = path.name.lower()
    return next((ending for ending in (*NIFTI, *ITK_READERS) if name.endswith(ending)), None)


def is_image_file(path: Path) -> bool:
    """Return whether a path is read as one image and not as DICOM."""
    return image_ending(path) is not None and not path.is_dir()


def _read(path: Path, series: str | None, cut_short: bool) -> Volume:
    if not path.is_file() and not path.is_dir():
        path.stat()  # raises where the path cannot be reached
        raise UnusableInput(f"{path} is neither a file nor a folder.")
    ending = image_ending(path)
    if ending is None or path.is_dir():
        from .dicom import read_dicom

        ct = read_dicom(path, series)
    elif series is not None:
        raise UnusableInput(f"{path} is no DICOM, so --series does not apply to it.")
    else:
        stored, slope, intercept, ijk_to_ras, notes, slice_mm = (
            _read_nifti(path, cut_short)
            if ending in NIFTI
            else _read_with_itk(path, ITK_READERS[ending])
        )
        geometry = Geometry(ijk_to_ras, cast(tuple[int, int, int], stored.shape))
        array, of_values = to_hounsfield(stored, slope, intercept, path)
        ct = Volume(array, geometry, path.name[: -len(ending)], notes + of_values, slice_mm)
    return warn_if_coarse(ct)


def warn_if_coarse(ct: Volume) -> Volume:
    """Return a CT with a warning if its voxels are large, once."""
    largest = ct.geometry.spacing.max()
    said = f"The CT's voxels are up to {largest:.2f} mm"
    said += f"; results are less accurate above {COARSE_MM} mm."
    if largest <= COARSE_MM or said in ct.warnings:
        return ct
    return replace(ct, warnings=(*ct.warnings, said))


Stored = tuple[NDArray[Any], float, float, NDArray[np.float64], tuple[str, ...], float | None]
"""Stored values [k, j, i], rescale slope and intercept, IJK to RAS, warnings, and the thickness of
slices in mm where the header has it."""


def _read_with_itk(path: Path, image_io: str) -> Stored:
    """Read NRRD or MetaImage, its voxels in the same file or in one beside it."""
    fields, data, offset = _text_header(path)
    encoding = fields.get("encoding", "raw").lower()
    if encoding not in ("raw", "gzip", "gz"):
        raise UnusableInput(f"{path} has the encoding {encoding!r}; save it as raw or gzip.")
    if fields.get("binarydata", "true")[:1].lower() not in "t1y":
        raise UnusableInput(f"{path} holds its voxels as text; save it as binary.")
    packed = encoding != "raw" or fields.get("compresseddata", "false")[:1].lower() in "t1y"
    if image_io == "MetaImageIO":
        _check_metaimage(fields, path, data.stat().st_size)
    reader = sitk.ImageFileReader()
    reader.SetImageIO(image_io)
    reader.SetFileName(str(path))
    try:
        with quiet():
            reader.ReadImageInformation()
        sizes = reader.GetSize()
        voxels = int(np.prod(sizes, dtype=object))
        ijk_to_ras = Geometry.of_image(reader).ijk_to_ras if len(sizes) >= 3 else np.eye(4)
        shape = check_header(
            path,
            sizes,
            reader.GetNumberOfComponents(),
            reader.GetSpacing()[:3],
            ijk_to_ras,
            promised_bytes=voxels,
            file_bytes=data.stat().st_size * MAX_PACKING,
        )
        if packed:
            _check_packed(data, offset, 8 * voxels)
        with quiet():
            stored = sitk.GetArrayFromImage(reader.Execute()).reshape(shape)
    except (RuntimeError, EOFError, zlib.error):
        raise damaged(path) from None
    if image_io == "MetaImageIO":
        placed = not META_MATRIX.isdisjoint(fields)
    else:
        placed = fields.get("space", "").lower() in NRRD_SPACES
    notes = () if placed else (NO_ORIENTATION,)
    return stored, 1.0, 0.0, ijk_to_ras, notes, _slice_mm(fields)


def _slice_mm(fields: dict[str, str]) -> float | None:
    """Return the largest of NRRD's ``thicknesses``, one an axis; nan stands for unknown."""
    try:
        values = [float(text) for text in fields.get("thicknesses", "").split()]
    except ValueError:
        return None
    return max((mm for mm in values if 0.0 < mm < np.inf), default=None)


def _text_header(path: Path) -> tuple[dict[str, str], Path, int]:
    """Return the fields by lower-case name, the file of the voxels, and their offset in it."""
    with path.open("rb") as file:
        start = file.read(MAX_TEXT_BYTES)
    found = (NRRD_END if start.startswith(b"NRRD") else META_END).search(start)
    offset = found.end() if found else len(start)  # without an end, the voxels lie elsewhere
    if offset == MAX_TEXT_BYTES:
        raise damaged(path, "its header has no end")
    fields = {
        name.decode("latin-1").strip().lower(): value.decode("latin-1").strip()
        for name, value in TEXT_FIELD.findall(start[:offset])
    }
    keys = ("data file", "datafile", "elementdatafile")
    place = next((fields[key] for key in keys if key in fields), "LOCAL")
    if place.upper() == "LOCAL":
        return fields, path, offset
    if place.upper().startswith("LIST") or "%" in place:
        raise UnusableInput(f"{path} has its voxels in several files; save it as one file.")
    data = path.parent / place
    if not data.is_file():
        raise UnusableInput(f"{path} has its voxels in {place}, which is not there.")
    return fields, data, max(0, int(fields.get("headersize") or fields.get("byte skip") or "0"))


def _check_metaimage(fields: dict[str, str], path: Path, file_bytes: int) -> None:
    """Refuse numbers with which ITK's MetaIO would crash or take too much memory."""
    try:
        count = int(fields["ndims"])
        axes = ("dimsize", "elementspacing", "elementsize", "offset", "position", "origin")
        sizes = dict.fromkeys(axes, count) | dict.fromkeys(META_MATRIX, count * count)
        fits = 1 <= count <= 9 and all(
            len([float(word) for word in fields[name].split()]) == size
            for name, size in sizes.items()
            if name in fields
        )
        channels = int(fields.get("elementnumberofchannels", "1"))
        packed = int(fields.get("compresseddatasize", "0"))
    except (KeyError, ValueError):
        raise damaged(path, "its header lacks numbers") from None
    if not fits or not 1 <= channels <= 100 or not 0 <= packed <= file_bytes:
        raise damaged(path, "its header contradicts itself")


def _check_packed(data: Path, offset: int, most: int) -> None:
    """Check a gzip or zlib stream of at most so many bytes to its checksum; ITK does not."""
    stream, count = zlib.decompressobj(wbits=47), 0  # either kind of header
    with data.open("rb") as file:
        file.seek(offset)
        while not stream.eof and count <= most:
            packed = stream.unconsumed_tail or file.read(CHUNK)
            piece = stream.decompress(packed, CHUNK)
            if not packed and not piece:
                raise EOFError
            count += len(piece)


def _read_nifti(path: Path, cut_short: bool) -> Stored:
    """Read NIfTI-1 or NIfTI-2, packed or not.

    ITK takes a zero or infinite spacing for a valid one, reads zeros where a file is cut short,
    and drops a skewed sform silently.
    """
    try:
        from nibabel.volumeutils import array_from_file
    except ImportError:
        raise UnusableInput(
            f"{path} is NIfTI, which needs nibabel: run pip install nibabel, or save it as .nrrd."
        ) from None
    with path.open("rb") as file:
        packed = file.read(2) == GZIP_MAGIC  # whatever the name says
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            fields = _nifti_fields(cast(IO[bytes], file), path)
            dtype = fields.get_data_dtype()
            if not 1 <= fields["dim"][0] <= 7:
                raise damaged(path, f"its header names {fields['dim'][0]} dimensions")
            sizes = tuple(int(size) for size in fields["dim"][1 : 1 + fields["dim"][0]])
            unit_mm = nifti_unit_mm(fields)
            affines, notes = nifti_orientations(fields, path)
            offset, slope, intercept = (
                float(fields[name]) for name in ("vox_offset", "scl_slope", "scl_inter")
            )
            if not len(fields.binaryblock) <= offset <= 1e9:
                raise damaged(path, "its header does not say where the voxels begin")
            if not (np.isfinite(slope) and np.isfinite(intercept)):
                raise damaged(path, "its rescale slope or intercept is no number")
            of_pixel = dtype.kind in "iuf" and not any(size > 1 for size in sizes[4:])
            size = path.stat().st_size
            if cut_short and not packed and len(sizes) == 3:
                each = max(1, sizes[0] * sizes[1] * dtype.itemsize)
                whole = (size - int(offset)) // each
                if whole < sizes[2]:
                    said = f"The CT file is cut short; {whole} of {sizes[2]} slices are whole."
                    sizes, notes = (*sizes[:2], whole), (*notes, said)
            for affine in reversed(affines):
                affine[:3] *= unit_mm
                shape = check_header(
                    path,
                    sizes,
                    components=1 if of_pixel else 0,
                    spacing=[float(value) * unit_mm for value in fields["pixdim"][1:4]],
                    ijk_to_ras=affine,
                    promised_bytes=int(np.prod(sizes, dtype=object)) * dtype.itemsize,
                    file_bytes=size * MAX_PACKING if packed else size - int(offset),
                )
            stored = array_from_file(shape[::-1], dtype, file, int(offset), mmap=False).T
            file.read(64)  # the end of a gzip stream, for its checksum
    except (EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise damaged(path) from None
    if slope == 0:
        slope, intercept = 1.0, 0.0  # the standard's way to say that there is none
    native = stored.astype(dtype.newbyteorder("="), copy=False)
    return native, slope, intercept, affines[0], notes, None


def _nifti_fields(file: IO[bytes], path: Path) -> Any:
    """Return nibabel's header of either version, unchecked."""
    from nibabel.nifti1 import Nifti1Header
    from nibabel.nifti2 import Nifti2Header

    content = file.read(Nifti2Header.sizeof_hdr)
    for kind in cast(tuple[Any, ...], (Nifti1Header, Nifti2Header)):
        if kind.may_contain_header(content):
            fields = kind(content[: kind.sizeof_hdr], check=False)
            magic = bytes(fields["magic"])
            if magic.startswith(b"ni") and magic[2:3] != b"":
                raise UnusableInput(
                    f"{path} is the header of a pair of files; save it as one .nii file."
                )
            if magic.startswith(b"n+"):
                return fields
    raise damaged(path, "it has no NIfTI header")


def nifti_unit_mm(fields: Any) -> float:
    """Return how many mm the unit of a NIfTI header is."""
    return NIFTI_UNIT_MM.get(int(fields["xyzt_units"]) & 7, 1.0)


def nifti_orientations(
    fields: Any, what: object
) -> tuple[list[NDArray[np.float64]], tuple[str, ...]]:
    """Return a NIfTI header's IJK to RAS in its unit, 3D Slicer's choice first, and warnings."""
    from nibabel.affines import from_matvec
    from nibabel.quaternions import quat2mat

    spacing = np.array(fields["pixdim"][1:4], dtype=np.float64)
    found = []
    if fields["qform_code"] > 0:
        bcd = [float(fields[f"quatern_{name}"]) for name in "bcd"]
        square = float(np.dot(bcd, bcd))
        if not square <= 1.01:  # a little more than 1 is rounding
            raise UnusableInput(f"{what} has an impossible geometry: its qform is no rotation.")
        qfac = -1.0 if fields["pixdim"][0] < 0 else 1.0
        rotation = quat2mat([np.sqrt(max(0.0, 1.0 - square)), *bcd])
        origin = [float(fields[f"qoffset_{name}"]) for name in "xyz"]
        found.append(from_matvec(rotation * spacing * [1.0, 1.0, qfac], origin))
    if fields["sform_code"] > 0:
        found.append(fields.get_sform())
    if not found:
        return [RAS_FROM_LPS @ np.diag([*spacing, 1.0])], (NO_ORIENTATION,)
    turns = [affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0) for affine in found]
    origins = [affine[:3, 3] for affine in found]
    if np.allclose(turns[0], turns[-1], atol=1e-3) and np.allclose(
        origins[0], origins[-1], atol=0.01
    ):
        return found[::-1], ()
    name = "sform" if fields["sform_code"] == NIFTI_SCANNER else "qform"
    return found[::-1] if name == "sform" else found, (
        f"The file gives two different orientations; its {name} was taken, as 3D Slicer does.",
    )
