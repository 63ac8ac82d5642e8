"""Pixels of DICOM files in HU, decoded by GDCM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..process import quiet
from ..types import Geometry
from .checks import MIN_SLICES, check_spacing
from .dicom_headers import DicomFile, Slice, dicom_files, looks_like_dicom, read_dicom_header
from .dicom_series import Series, all_series, choose
from .dicom_stack import grid_of, resample, stack_of
from .hounsfield import to_hounsfield


def read_planes(slices: Sequence[Slice], what: object) -> NDArray:
    """The planes [n, j, i] in HU, in the order given: int32, or float32 where a rescale asks.

    File by file and not by ITK's series reader, which takes the first file's type for all, so that
    a rescale that changes from slice to slice overflows.

    Raises:
        UnusableInput: naming the file that cannot be decoded.
    """
    planes = np.empty((len(slices), *slices[0].shape), np.int32)
    by_file: dict[Path, list[int]] = {}
    for index, plane in enumerate(slices):
        by_file.setdefault(plane.path, []).append(index)
    for path, indices in by_file.items():
        decoded = _decode(path, what)
        if decoded.dtype.kind == "f" and planes.dtype.kind != "f":
            planes = planes.astype(np.float32)
        for index in indices:
            frame = slices[index].frame
            image = decoded if decoded.ndim == 2 else decoded[frame or 0]
            if image.shape != planes.shape[1:]:
                raise UnusableInput(
                    f"{path} in {what} cannot be read: its pixels are not as its header says."
                )
            planes[index] = image
    return planes


def _decode(path: Path, what: object) -> NDArray:
    try:
        with quiet():
            return sitk.GetArrayFromImage(sitk.ReadImage(str(path), imageIO="GDCMImageIO"))
    except RuntimeError:
        raise UnusableInput(
            f"{path} in {what} cannot be read: its pixels are damaged or compressed in a way that "
            "is not supported."
        ) from None


DICOMDIR = "DICOMDIR"


def read_dicom(path: Path, uid: str | None) -> tuple[NDArray, Geometry, str, tuple[str, ...]]:
    """Read one series.

    Args:
        path: a folder, searched with the folders below; or a file: one with many frames is read
            itself, any other stands for its series in its folder.
        uid: SeriesInstanceUID, or None.

    Returns:
        HU [k, j, i], their grid, a name, and warnings.

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
    return (
        array,
        grid_of(stack),
        folder.resolve().name or "CT",
        warnings + stack.warnings + of_values,
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
