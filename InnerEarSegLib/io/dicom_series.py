"""Find the images of a DICOM folder by their headers, and choose the series to read."""

from __future__ import annotations

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Scanner
from .checks import MAX_SLICE_MM, MIN_SLICES
from .dicom_files import dicom_paths, looks_like_dicom

DICOMDIR = "DICOMDIR"
MAX_FRAMES = 100_000
"""A header that names more is damaged."""

SHARED, PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
ENCAPSULATED = "1.2.840.10008.1.2.4"
RLE = "1.2.840.10008.1.2.5"
DEFLATED = "1.2.840.10008.1.2.1.99"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SCOUT_WORDS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"}
NO_SCAN_WORDS = {"DOSE_INFO", "SCREEN SAVE", "PROT", "DOSE"}
REFORMAT_WORDS = {
    "MPR", "REFORMATTED", "PROJECTION IMAGE", "MIP", "MINIP", "AVERAGE", "VRT", "RENDERING",
    "CURVED", "CSA PARALLEL", "CSA MPR", "DERIVED",
}  # fmt: skip
LISTED = 20

BONE_WORDS = re.compile(
    r"bone|knochen|\bos\b|osse|hueso|felsenbein|petros|temporal|innenohr|inner ?ear|edge|sharp"
    r"|ultra|lung\+?\b|^y[a-d]$|^[de]$|^fc[38]\d",
    re.IGNORECASE,
)
SIEMENS = re.compile(r"^[A-Z][a-z]{0,2}(\d\d)[a-z]?\b")
"""B70s, H60f, U75u, Hr68h, Ub80: the number is the sharpness."""

SIEMENS_BONE = 60


@dataclass(frozen=True, eq=False)
class Slice:
    """One image plane: a whole file, or one frame of one.

    Attributes:
        frame: index within the file, or None where the file is one plane.
        shape: (rows, columns).
        spacing: mm between columns, between rows.
        position: LPS mm of the first voxel's centre, NaN where the header lacks it.
        row, column: LPS unit vectors along a row (columns increase) and a column (rows increase).
        instance, acquisition: their numbers, 0 where missing; thickness: mm, likewise.
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
    thickness: float = 0.0

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
        study, number: StudyInstanceUID and SeriesNumber; empty and 0 where missing.
        patient: PatientID or PatientName, to tell patients apart; goes into no file or message.
        kind: ImageType's words, upper case.
        samples: values per pixel, 1 or 3.
        missing_bytes: how many bytes of its pixels the file lacks at least.
    """

    slices: tuple[Slice, ...]
    series: str
    study: str
    number: int
    patient: str
    modality: str
    kind: tuple[str, ...]
    sop_class: str
    description: str
    scanner: Scanner
    samples: int
    missing_bytes: int


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
                    study=str(dataset.get("StudyInstanceUID", "")),
                    number=int(_number(dataset.get("SeriesNumber")) or 0),
                    patient=str(dataset.get("PatientID") or dataset.get("PatientName") or ""),
                    modality=_printable(dataset.get("Modality")) or "CT",
                    kind=tuple(str(word).upper() for word in _list(dataset.get("ImageType"))),
                    sop_class=str(dataset.get("SOPClassUID", "")),
                    description=_printable(dataset.get("SeriesDescription")),
                    scanner=Scanner(
                        _printable(dataset.get("Manufacturer")),
                        _printable(dataset.get("ManufacturerModelName")),
                        _kernel(dataset),
                    ),
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
        thickness=float(numbers("PixelMeasuresSequence", "SliceThickness", 1, 0.0)[0]),
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


def _printable(value: Any) -> str:
    """Return a text on one line and not too long, to fit into a sentence."""
    return "".join(c if c.isprintable() else " " for c in str(value or "")).strip()[:64]


@dataclass(frozen=True, eq=False)
class Series:
    """One series, by its headers.

    Attributes:
        files: all of its images.
        slices: the planes of its largest group of equal orientation and size.
        left_out: how many planes are in other groups.
    """

    uid: str
    files: tuple[DicomFile, ...]
    slices: tuple[Slice, ...]
    left_out: int

    @property
    def head(self) -> DicomFile:
        """The first file, whose header stands for all."""
        return self.files[0]

    @property
    def distance(self) -> float:
        """Median distance of slices in mm; infinite without positions."""
        places = [s.position @ s.normal for s in self.slices if np.isfinite(s.position).all()]
        steps = np.diff(np.unique(np.round(places, 3)))
        return float(np.median(steps)) if len(steps) else float("inf")

    @property
    def is_bone(self) -> bool:
        """Whether its kernel or description is for bone."""
        siemens = SIEMENS.match(self.head.scanner.kernel)
        if siemens:
            return int(siemens[1]) >= SIEMENS_BONE
        return any(map(BONE_WORDS.search, (self.head.scanner.kernel, self.head.description)))

    @property
    def is_scan(self) -> bool:
        """Whether it is a CT, and no scout, dose report or screenshot."""
        return (
            self.head.modality == "CT"
            and not set(self.head.kind) & (SCOUT_WORDS | NO_SCAN_WORDS)
            and not self.head.sop_class.startswith(SECONDARY_CAPTURE)
            and self.head.samples == 1
        )

    def __str__(self) -> str:
        about = self.head.modality
        about += f', "{self.head.description}"' if self.head.description else ""
        kernel = self.head.scanner.kernel
        about += f", kernel {kernel}" if kernel else ""
        distance = f" of {self.distance:.2f} mm" if np.isfinite(self.distance) else ""
        return f"{self.uid} ({about}, {len(self.slices)} slices{distance})"


def find_series(path: Path, uid: str | None) -> tuple[Series, tuple[str, ...]]:
    """Choose the series to read, by headers alone; return it and warnings.

    Args:
        path: a folder, searched with the folders below; or a file: one with many frames is read
            itself, any other stands for its series in its folder.
        uid: SeriesInstanceUID, or None.

    Raise UnusableInput if there is none, or more than one.
    """
    if path.is_dir() or path.name.upper() == DICOMDIR:
        folder = path if path.is_dir() else path.parent
        found = group_series(read_images(dicom_paths(folder)))
        if not found:
            raise UnusableInput(f"The folder {folder} holds no DICOM image.")
        return _choose(found, uid, folder)
    if not looks_like_dicom(path):
        raise UnusableInput(
            f"{path} is of no known kind; a CT in .nrrd, .nii, .nii.gz or .mha, or a folder with "
            "DICOM files is needed."
        )
    file = read_dicom_header(path)
    if file is None:
        raise UnusableInput(f"{path} cannot be read: it is damaged, cut short or holds no image.")
    if len(file.slices) >= MIN_SLICES:
        return _choose(group_series([file]), uid, path)
    found = group_series(read_images(sorted(path.parent.iterdir())))
    if uid is not None:
        return _choose(found, uid, path.parent)
    if file.modality != "CT":
        raise UnusableInput(f"{path} is of modality {file.modality}, not CT.")
    own = next(series for series in found if series.uid == file.series)
    return own, (f"{path.name} is one slice of a series; the whole series was read.",)


def read_images(paths: Iterable[Path]) -> list[DicomFile]:
    """Read the headers of the DICOM images among files."""
    dicom = (path for path in paths if path.is_file() and looks_like_dicom(path))
    return [file for path in dicom if (file := read_dicom_header(path)) is not None]


def group_series(files: Iterable[DicomFile]) -> list[Series]:
    """Group images into series, ordered by UID."""
    groups: dict[str, list[DicomFile]] = defaultdict(list)
    for each in files:
        groups[each.series].append(each)
    found = []
    for uid, group in sorted(groups.items()):
        # Scouts are sometimes filed in the series that was planned on them.
        scans = [file for file in group if not SCOUT_WORDS & set(file.kind)] or group
        planes = [plane for file in scans for plane in file.slices]
        keys = [
            (p.shape, *np.round(p.spacing, 4), *np.round([*p.row, *p.column], 3) + 0.0)
            for p in planes
        ]
        largest = Counter(keys).most_common(1)[0][0]
        kept = tuple(plane for plane, key in zip(planes, keys, strict=True) if key == largest)
        left_out = sum(len(file.slices) for file in group) - len(kept)
        found.append(Series(uid, tuple(scans), kept, left_out))
    return found


def _choose(
    found: Sequence[Series], uid: str | None, folder: Path
) -> tuple[Series, tuple[str, ...]]:
    """Return the series to read, and a warning if there was a choice; refuse an unclear one."""
    if uid is not None:
        for series in found:
            if series.uid == uid.strip():
                return series, ()
        raise UnusableInput(f"The folder {folder} has no series {uid}; it holds {_listed(found)}.")
    scans = [series for series in found if series.is_scan]
    if not scans:
        others = sorted({series.head.modality for series in found})
        holds = f"DICOM of modality {', '.join(others)}, not CT"
        if "CT" in others:
            holds = f"no CT scan, only scouts, reports or screenshots: {_listed(found)}"
        raise UnusableInput(f"The folder {folder} holds {holds}.")
    usable = [s for s in scans if len(s.slices) >= MIN_SLICES and s.distance <= MAX_SLICE_MM]
    candidates = [s for s in usable if not REFORMAT_WORDS & set(s.head.kind)] or usable or scans
    chosen = candidates[0] if len(candidates) == 1 else _thinnest_bone(candidates)
    if chosen is None:
        raise UnusableInput(
            f"The folder {folder} holds {len(candidates)} CT series, choose one with --series UID "
            "or the column series of a list, or give one of its files instead of the folder: "
            f"{_listed(candidates)}."
        )
    if len(scans) == 1:
        return chosen, ()
    return chosen, (f"Of {len(scans)} CT series in the folder, {chosen} was read.",)


def _thinnest_bone(candidates: Sequence[Series]) -> Series | None:
    """Return the series with a bone kernel that is clearly thinner than others with one."""
    bone = sorted((s for s in candidates if s.is_bone), key=lambda series: series.distance)
    if not bone or (len(bone) > 1 and bone[1].distance < 1.05 * bone[0].distance):
        return None
    # A bone kernel in thick slices against a soft one in thin slices is for the user to weigh.
    thinnest = min(series.distance for series in candidates)
    return bone[0] if bone[0].distance <= max(1.0, 1.05 * thinnest) else None


def _listed(found: Sequence[Series]) -> str:
    more = f"; and {len(found) - LISTED} more" if len(found) > LISTED else ""
    return "; ".join(str(series) for series in found[:LISTED]) + more
