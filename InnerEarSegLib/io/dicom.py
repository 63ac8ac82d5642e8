"""Read a DICOM series in Hounsfield units; GDCM decodes its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..process import quiet
from ..types import Geometry
from .checks import MIN_SLICES, check_spacing
from .dicom_headers import Slice, dicom_files, looks_like_dicom, read_dicom_header
from .dicom_series import Series, all_series, choose
from .dicom_stack import resample, stack_of
from .hounsfield import to_hounsfield

DICOMDIR = "DICOMDIR"


def read_dicom(path: Path, uid: str | None) -> tuple[NDArray[Any], Geometry, str, tuple[str, ...]]:
    """Read one series.

    Args:
        path: as for ``find_series``.
        uid: SeriesInstanceUID, or None.

    Returns:
        HU [k, j, i], their grid, a name, and warnings.

    Raises:
        UnusableInput: if there is no CT, more than one, or one that cannot be used.
    """
    series, warnings = find_series(path, uid)
    if series.head.modality != "CT":
        raise UnusableInput(
            f"The DICOM series in {path} is of modality {series.head.modality}, not CT."
        )
    if series.head.samples != 1:
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
    if series.left_out:
        warnings += (
            f"{series.left_out} images of the series with another orientation or size were left "
            "out.",
        )
    stack = stack_of(series.slices, path)
    planes, of_values = to_hounsfield(_planes(stack.slices, path), 1.0, 0.0, path)
    folder = path if path.is_dir() else path.parent
    name, warnings = folder.resolve().name or "CT", warnings + stack.warnings + of_values
    return resample(stack, planes), stack.grid, name, warnings


def find_series(path: Path, uid: str | None) -> tuple[Series, tuple[str, ...]]:
    """Choose the series to read, by headers alone; return it and warnings.

    Args:
        path: a folder, searched with the folders below; or a file: one with many frames is read
            itself, any other stands for its series in its folder.
        uid: SeriesInstanceUID, or None.

    Raises:
        UnusableInput: if there is none, or more than one.
    """
    if path.is_dir() or path.name.upper() == DICOMDIR:
        folder = path if path.is_dir() else path.parent
        list(folder.iterdir())  # raises if the folder may not be read; os.walk would skip it
        files = dicom_files(folder)
        if not files:
            raise UnusableInput(f"The folder {folder} holds no DICOM image.")
        return choose(all_series(files), uid, folder)
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
    beside = (p for p in sorted(path.parent.iterdir()) if p.is_file() and looks_like_dicom(p))
    found = all_series([other for p in beside if (other := read_dicom_header(p)) is not None])
    if uid is not None:
        return choose(found, uid, path.parent)
    if file.modality != "CT":
        raise UnusableInput(f"{path} is of modality {file.modality}, not CT.")
    own = next(series for series in found if series.uid == file.series)
    return own, (f"{path.name} is one slice of a series; the whole series was read.",)


def _planes(slices: Sequence[Slice], what: object) -> NDArray[Any]:
    """Decode planes [n, j, i] in HU, in the order given: int32, or float32 if a rescale needs it.

    File by file and not by ITK's series reader, which takes the first file's type for all, so that
    a rescale that changes from slice to slice overflows.
    """
    planes: NDArray[Any] = np.empty((len(slices), *slices[0].shape), np.int32)
    by_file: dict[Path, list[int]] = {}
    for index, plane in enumerate(slices):
        by_file.setdefault(plane.path, []).append(index)
    for path, indices in by_file.items():
        try:
            with quiet():
                image = sitk.ReadImage(str(path), imageIO="GDCMImageIO")
        except RuntimeError:
            raise UnusableInput(
                f"{path} in {what} cannot be read: its pixels are damaged or compressed in a way "
                "that is not supported."
            ) from None
        decoded = sitk.GetArrayFromImage(image)
        if decoded.dtype.kind == "f" and planes.dtype.kind != "f":
            planes = planes.astype(np.float32)
        for index in indices:
            pixels = decoded if decoded.ndim == 2 else decoded[slices[index].frame or 0]
            if pixels.shape != planes.shape[1:]:
                raise UnusableInput(
                    f"{path} in {what} cannot be read: its pixels are not as its header says."
                )
            planes[index] = pixels
    return planes
