"""The images among the files of a DICOM folder, by their headers alone."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput

MAX_FILES = 20_000
"""A patient's CD holds some thousands; more is a mistaken folder, and takes long to look at."""

MAX_FRAMES = 100_000
"""A header that names more is damaged."""

MAGIC_AT, MAGIC = 128, b"DICM"
ENDINGS_WITHOUT_MAGIC = ("", ".dcm", ".ima", ".img", ".dic", ".dicom")
"""Old files lack the magic word; those are tried by name."""

ENCAPSULATED = "1.2.840.10008.1.2.4"
RLE = "1.2.840.10008.1.2.5"
DEFLATED = "1.2.840.10008.1.2.1.99"


@dataclass(frozen=True, eq=False)
class Slice:
    """One image plane: a whole file, or one frame of one.

    Attributes:
        path: the file.
        frame: index within it, or None where the file is one plane.
        shape: (rows, columns).
        spacing: mm between columns, between rows.
        position: LPS mm of the first voxel's centre, NaN where the header lacks it.
        row: LPS unit vector along a row (columns increase).
        column: LPS unit vector along a column (rows increase).
        instance: InstanceNumber, 0 where it is missing.
        acquisition: AcquisitionNumber, 0 where it is missing.
        uid: SOPInstanceUID.
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
        modality: "CT", ...
        kind: ImageType's words, upper case.
        sop_class: SOPClassUID.
        description: SeriesDescription.
        kernel: ConvolutionKernel.
        samples: values per pixel, 1 or 3.
        missing_bytes: how many bytes of its pixels the file lacks at least.
        thickness: SliceThickness in mm, or None.
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
    thickness: float | None = None


def dicom_files(folder: Path) -> list[DicomFile]:
    """All images in a folder and the folders below, in the order of their names.

    Raises:
        UnusableInput: if there are too many files to look at.
    """
    candidates = list(_candidates(folder))  # all, so that too many are noticed at once
    found = (read_dicom_header(path) for path in candidates)
    return [file for file in found if file is not None]


def _candidates(folder: Path) -> Iterator[Path]:
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            count += 1
            if count > MAX_FILES:
                raise UnusableInput(
                    f"The folder {folder} holds more than {MAX_FILES} files; choose the folder "
                    "that holds the CT."
                )
            path = Path(place) / name
            if path.is_file() and looks_like_dicom(path):
                yield path


def looks_like_dicom(path: Path) -> bool:
    """Whether a file has DICOM's magic word, or a name and a start as old files have them."""
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
    """The header of one file, or None if it holds no image (or cannot be parsed)."""
    import pydicom

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values that break the standard: we check ours
            with path.open("rb") as file:
                dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
                if "Rows" not in dataset or _number_of_frames(dataset) > MAX_FRAMES:
                    return None
                return _described(path, dataset, file)
    except Exception:  # a damaged header raises whatever pydicom stumbles over
        return None


def _described(path: Path, dataset: Any, file: Any) -> DicomFile:
    syntax = str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))
    missing = 0
    if syntax != DEFLATED:
        size = path.stat().st_size
        if syntax.startswith(ENCAPSULATED) or syntax == RLE:
            missing = 0 if _ends_as_it_should(file, size) else 1
        else:
            header = 8 if dataset.is_implicit_VR else 12  # tag, VR and length of the pixel data
            missing = max(0, _pixel_bytes(dataset) + header - (size - file.tell()))
    slices = tuple(
        _frames(path, dataset) if _number_of_frames(dataset) else [_plane(path, dataset)]
    )
    return DicomFile(
        slices=slices,
        series=str(dataset.get("SeriesInstanceUID", "")),
        modality=_text(dataset, "Modality") or "CT",
        kind=tuple(str(word).upper() for word in _list(dataset.get("ImageType"))),
        sop_class=str(dataset.get("SOPClassUID", "")),
        description=_text(dataset, "SeriesDescription"),
        kernel=_kernel(dataset),
        samples=int(dataset.get("SamplesPerPixel", 1) or 1),
        missing_bytes=missing,
        thickness=_thickness(dataset),
    )


def _plane(path: Path, dataset: Any) -> Slice:
    return _slice(path, None, dataset, dataset, dataset, dataset)


def _frames(path: Path, dataset: Any) -> Iterator[Slice]:
    """The planes of a multi-frame file, from the functional groups of each frame."""
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for index in range(_number_of_frames(dataset)):
        own = groups[index] if index < len(groups) else None
        measures, orientation, position = (
            _first(own, name) or _first(shared, name) or dataset
            for name in (
                "PixelMeasuresSequence",
                "PlaneOrientationSequence",
                "PlanePositionSequence",
            )
        )
        if position is dataset:
            # One position for all frames is none: where frames lie is then not said.
            position = None
        yield _slice(path, index, dataset, measures, orientation, position)


def _slice(
    path: Path, frame: int | None, dataset: Any, measures: Any, orientation: Any, position: Any
) -> Slice:
    between_rows, between_columns = _numbers(measures, "PixelSpacing", 2) or (0.0, 0.0)
    axes = _numbers(orientation, "ImageOrientationPatient", 6) or (0.0,) * 6
    place = _numbers(position, "ImagePositionPatient", 3) if position is not None else None
    return Slice(
        path=path,
        frame=frame,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        spacing=(between_columns, between_rows),
        position=np.full(3, np.nan) if place is None else np.array(place),
        row=np.array(axes[:3]),
        column=np.array(axes[3:]),
        instance=int(_number(dataset.get("InstanceNumber")) or 0) if frame is None else frame + 1,
        acquisition=int(_number(dataset.get("AcquisitionNumber")) or 0),
        uid=f"{dataset.get('SOPInstanceUID', path)}/{frame}",
    )


def _number_of_frames(dataset: Any) -> int:
    """0 for an ordinary file with one plane."""
    count = int(_number(dataset.get("NumberOfFrames")) or 0)
    return count if count > 1 or "PerFrameFunctionalGroupsSequence" in dataset else 0


def _pixel_bytes(dataset: Any) -> int:
    bits = int(dataset.get("BitsAllocated", 16))
    pixels = int(dataset.Rows) * int(dataset.Columns) * int(dataset.get("SamplesPerPixel", 1) or 1)
    return pixels * max(1, _number_of_frames(dataset)) * bits // 8


def _ends_as_it_should(file: Any, size: int) -> bool:
    """Whether compressed pixels, from the file's current place on, are there to their last item."""
    at = file.tell() + 12  # tag, VR and undefined length of the pixel data
    while at + 8 <= size:
        file.seek(at)
        item = file.read(8)
        if item[:4] == b"\xfe\xff\xdd\xe0":
            return True
        if item[:4] != b"\xfe\xff\x00\xe0":
            return False
        at += 8 + int.from_bytes(item[4:], "little")
    return False


def _kernel(dataset: Any) -> str:
    name = "ConvolutionKernel"
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [None]
    for place in (dataset, shared, frames[0]):
        if place is None:
            continue
        inner = _first(place, "CTReconstructionSequence") or place
        words = [str(word) for word in _list(inner.get(name))]
        if words:
            return _printable(" ".join(words))
    return ""


def _thickness(dataset: Any) -> float | None:
    shared = _first(dataset, "SharedFunctionalGroupsSequence")
    frames = dataset.get("PerFrameFunctionalGroupsSequence") or [None]
    for place in (dataset, shared, frames[0]):
        if place is None:
            continue
        number = _number((_first(place, "PixelMeasuresSequence") or place).get("SliceThickness"))
        if number is not None and number > 0.0:
            return number
    return None


def _first(dataset: Any, sequence: str) -> Any:
    items = dataset.get(sequence) if dataset is not None else None
    return items[0] if items else None


def _numbers(dataset: Any, name: str, count: int) -> tuple[float, ...] | None:
    values = [_number(value) for value in _list(dataset.get(name))]
    if len(values) != count or None in values:
        return None
    return tuple(values)  # type: ignore[arg-type]


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _list(value: Any) -> list:
    if value is None or value == "":
        return []
    return list(value) if not isinstance(value, str) and hasattr(value, "__iter__") else [value]


def _text(dataset: Any, name: str) -> str:
    return _printable(str(dataset.get(name, "") or ""))


def _printable(text: str) -> str:
    """On one line and not too long, as it goes into a sentence."""
    return "".join(c if c.isprintable() else " " for c in text).strip()[:64]
