"""Find the images among the files of a DICOM folder, by their headers."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput

MAX_FILES = 20_000
"""A patient's CD holds some thousands; a folder with more was chosen by mistake."""

MAX_FRAMES = 100_000
"""A header that names more is damaged."""

MAGIC_AT, MAGIC = 128, b"DICM"
ENDINGS_WITHOUT_MAGIC = ("", ".dcm", ".ima", ".img", ".dic", ".dicom")
"""Old files lack the magic word; those are tried by name."""

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
ENCAPSULATED = "1.2.840.10008.1.2.4"
RLE = "1.2.840.10008.1.2.5"
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, eq=False)
class Slice:
    """One image plane: a whole file, or one frame of one.

    Attributes:
        frame: index within the file, or None where the file is one plane.
        shape: (rows, columns).
        spacing: mm between columns, between rows.
        position: LPS mm of the first voxel's centre, NaN where the header lacks it.
        row: LPS unit vector along a row (columns increase).
        column: LPS unit vector along a column (rows increase).
        instance, acquisition: their numbers, 0 where missing.
    """

    path: Path
    frame: int | None
    shape: tuple[int, int]
    spacing: tuple[float, float]
    position: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    instance: int = 0
    acquisition: int = 0
    uid: str = ""

    @property
    def normal(self) -> NDArray[np.float64]:
        """LPS unit vector at right angles to the plane."""
        return np.cross(self.row, self.column)


@dataclass(frozen=True, eq=False)
class DicomFile:
    """One DICOM image file.

    Attributes:
        slices: its planes, in the order in which they are stored.
        series: SeriesInstanceUID.
        kind: ImageType's words, upper case.
        samples: values per pixel, 1 or 3.
        missing_bytes: how many bytes of its pixels the file lacks at least.
    """

    slices: tuple[Slice, ...]
    series: str
    modality: str
    kind: tuple[str, ...]
    sop_class: str
    description: str
    kernel: str
    samples: int
    missing_bytes: int


def dicom_files(folder: Path) -> list[DicomFile]:
    """Read the headers of all images in a folder and the folders below, ordered by name."""
    paths: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(place) / name for name in sorted(names)]
        if len(paths) > MAX_FILES:
            raise UnusableInput(
                f"The folder {folder} holds more than {MAX_FILES} files; choose the folder that "
                "holds the CT."
            )
    found = (read_dicom_header(p) for p in paths if p.is_file() and looks_like_dicom(p))
    return [file for file in found if file is not None]


def looks_like_dicom(path: Path) -> bool:
    """Return whether a file starts as DICOM, with the magic word or, if old, without."""
    try:
        with path.open("rb") as file:
            start = file.read(MAGIC_AT + len(MAGIC))
    except OSError:
        return False
    if start[MAGIC_AT:] == MAGIC:
        return True
    # Files without the magic word begin with a group 0008 element, little endian.
    return path.suffix.lower() in ENDINGS_WITHOUT_MAGIC and start[:2] == b"\x08\x00"


def read_dicom_header(path: Path) -> DicomFile | None:
    """Read the header of one file; None if it holds no image or cannot be parsed."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values that break the standard
            with path.open("rb") as file:
                dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
                frames = _number_of_frames(dataset)
                if "Rows" not in dataset or frames > MAX_FRAMES:
                    return None
                numbers = range(frames) if frames else [None]
                return DicomFile(
                    slices=tuple(_slice(path, number, dataset) for number in numbers),
                    series=str(dataset.get("SeriesInstanceUID", "")),
                    modality=_text(dataset, "Modality") or "CT",
                    kind=tuple(str(word).upper() for word in _list(dataset.get("ImageType"))),
                    sop_class=str(dataset.get("SOPClassUID", "")),
                    description=_text(dataset, "SeriesDescription"),
                    kernel=_kernel(dataset),
                    samples=int(dataset.get("SamplesPerPixel", 1) or 1),
                    missing_bytes=_missing_bytes(path, dataset, file),
                )
    except Exception:  # a damaged header raises whatever pydicom stumbles over
        return None


def _slice(path: Path, frame: int | None, dataset: Any) -> Slice:
    """Return the plane of a file, or one of its frames, from that frame's functional groups."""
    shared = None if frame is None else _first(dataset, SHARED)
    groups = dataset.get(PER_FRAME) or []
    own = groups[frame] if frame is not None and frame < len(groups) else None

    def numbers(sequence: str, name: str, count: int, missing: float) -> NDArray[np.float64]:
        place = _first(own, sequence) or _first(shared, sequence)
        if not place and frame is not None and sequence == "PlanePositionSequence":
            return np.full(count, missing)  # one position for all frames says nothing
        values = [_number(value) for value in _list((place or dataset).get(name))]
        found = values if len(values) == count and None not in values else [missing] * count
        return np.array(found, dtype=np.float64)

    spacing = numbers("PixelMeasuresSequence", "PixelSpacing", 2, 0.0)
    axes = numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6, 0.0)
    return Slice(
        path=path,
        frame=frame,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        spacing=(float(spacing[1]), float(spacing[0])),
        position=numbers("PlanePositionSequence", "ImagePositionPatient", 3, np.nan),
        row=axes[:3],
        column=axes[3:],
        instance=int(_number(dataset.get("InstanceNumber")) or 0) if frame is None else frame + 1,
        acquisition=int(_number(dataset.get("AcquisitionNumber")) or 0),
        uid=f"{dataset.get('SOPInstanceUID', path)}/{frame}",
    )


def _number_of_frames(dataset: Any) -> int:
    """Return 0 for an ordinary file with one plane."""
    count = int(_number(dataset.get("NumberOfFrames")) or 0)
    return count if count > 1 or PER_FRAME in dataset else 0


def _missing_bytes(path: Path, dataset: Any, file: Any) -> int:
    """Return how many bytes the pixel data lack at least; ``file`` is read up to them."""
    syntax, size = str(getattr(dataset.file_meta, "TransferSyntaxUID", "")), path.stat().st_size
    if syntax == DEFLATED:
        return 0
    if syntax.startswith(ENCAPSULATED) or syntax == RLE:
        at = file.tell() + 12  # tag, VR and undefined length
        while at + 8 <= size:
            file.seek(at)
            item = file.read(8)
            if item[:4] != b"\xfe\xff\x00\xe0":
                return int(item[:4] != b"\xfe\xff\xdd\xe0")  # the end of the sequence
            at += 8 + int.from_bytes(item[4:], "little")
        return 1
    header = 8 if dataset.is_implicit_VR else 12  # tag, VR and length
    pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel", 1) or 1)
    bits = pixels * max(1, _number_of_frames(dataset)) * int(dataset.get("BitsAllocated", 16))
    return max(0, bits // 8 + header - (size - int(file.tell())))


def _kernel(dataset: Any) -> str:
    for place in (dataset, _first(dataset, SHARED), _first(dataset, PER_FRAME)):
        inner = _first(place, "CTReconstructionSequence") or place
        words = [] if inner is None else _list(inner.get("ConvolutionKernel"))
        if words:
            return _printable(" ".join(map(str, words)))
    return ""


def _first(dataset: Any, sequence: str) -> Any:
    items = dataset.get(sequence) if dataset is not None else None
    return items[0] if items else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _list(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return list(value) if not isinstance(value, str) and hasattr(value, "__iter__") else [value]


def _text(dataset: Any, name: str) -> str:
    return _printable(str(dataset.get(name, "") or ""))


def _printable(text: str) -> str:
    """Return a text on one line and not too long, to fit into a sentence."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:64]
