"""A CT from a DICOM folder or file."""

from __future__ import annotations

from pathlib import Path

from ..errors import UnusableInput
from ..geometry import Volume
from .dicom_files import DicomFile, dicom_files, looks_like_dicom, read_dicom_header
from .hounsfield import to_hounsfield
from .limits import MIN_SLICES, check_spacing
from .pixels import read_planes
from .series import Series, all_series, choose
from .stack import grid_of, resample, stack_of

DICOMDIR = "DICOMDIR"
OVERLAP = 1.05
"""Slices thicker than their distance by this factor overlap; what is less is rounding."""


def read_dicom(path: Path, uid: str | None) -> Volume:
    """Read one series.

    Args:
        path: a folder, searched with the folders below; or a file: one with many frames is read
            itself, any other stands for its series in its folder.
        uid: SeriesInstanceUID, or None.

    Returns:
        The CT, with the thickness of its slices where the header tells that they overlap.

    Raises:
        UnusableInput: if there is no CT, more than one, or one that cannot be used.
    """
    series, warnings = find_series(path, uid)
    _check(series, path)
    if series.left_out:
        warnings += (
            f"{series.left_out} images of the series with another orientation or size were left "
            "out.",
        )
    stack = stack_of(series.slices, path)
    planes, of_values = to_hounsfield(read_planes(stack.slices, path), 1.0, 0.0, path)
    array = resample(stack, planes)
    folder = path if path.is_dir() else path.parent
    grid = grid_of(stack)
    thickness = series.head.thickness
    return Volume(
        array,
        grid,
        folder.resolve().name or "CT",
        warnings + stack.warnings + of_values,
        thickness if thickness is not None and thickness > OVERLAP * stack.step else None,
    )


def find_series(path: Path, uid: str | None) -> tuple[Series, tuple[str, ...]]:
    """The series that is read, and warnings; its headers alone are.

    Args:
        path: as for ``read_dicom``.
        uid: as for ``read_dicom``.

    Raises:
        UnusableInput: if there is none, or more than one.
    """
    if path.is_dir():
        return _find_in(path, uid)
    if path.name.upper() == DICOMDIR:
        return _find_in(path.parent, uid)
    if not looks_like_dicom(path):
        raise UnusableInput(
            f"{path} is of no known kind; a CT in .nrrd, .nii, .nii.gz or .mha, or a folder with "
            "DICOM files is needed."
        )
    file = read_dicom_header(path)
    if file is None:
        raise UnusableInput(f"{path} cannot be read: it is damaged, cut short or holds no image.")
    if len(file.slices) >= MIN_SLICES:
        return choose(all_series([file]), uid, path)
    beside = [read_dicom_header(p) for p in _siblings(path)]
    files = [other for other in beside if other is not None]
    if uid is None:
        found = [series for series in all_series(files) if series.uid == file.series]
        if file.modality != "CT":
            raise UnusableInput(f"{path} is of modality {file.modality}, not CT.")
        return found[0], (f"{path.name} is one slice of a series; the whole series was read.",)
    return choose(all_series(files), uid, path.parent)


def _find_in(folder: Path, uid: str | None) -> tuple[Series, tuple[str, ...]]:
    list(folder.iterdir())  # os.walk passes over a folder that is closed; this says so
    files = dicom_files(folder)
    if not files:
        raise UnusableInput(f"The folder {folder} holds no DICOM image.")
    return choose(all_series(files), uid, folder)


def _siblings(path: Path) -> list[Path]:
    return [p for p in sorted(path.parent.iterdir()) if p.is_file() and looks_like_dicom(p)]


def _check(series: Series, path: Path) -> None:
    """Refuse what the headers already rule out."""
    head: DicomFile = series.head
    if head.modality != "CT":
        raise UnusableInput(f"The DICOM series in {path} is of modality {head.modality}, not CT.")
    if head.samples != 1:
        raise UnusableInput(f"{path} holds colours; a CT in Hounsfield units is needed.")
    if len(series.slices) < MIN_SLICES:
        raise UnusableInput(
            f"The DICOM series in {path} has {len(series.slices)} slices; at least {MIN_SLICES} "
            "are needed."
        )
    check_spacing(series.slices[0].spacing, path)
    wanted = {plane.path for plane in series.slices}
    short = [f for f in series.files if f.missing_bytes and f.slices[0].path in wanted]
    if short:
        raise UnusableInput(
            f"{short[0].slices[0].path} is cut short, as {len(short)} of {len(series.files)} files "
            "of the series are: copy them again."
        )
