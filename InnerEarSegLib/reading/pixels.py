"""Pixels of DICOM files in HU, decoded by GDCM."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..quiet import quiet
from .dicom_files import Slice


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
