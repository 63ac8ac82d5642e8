"""A CT that is in memory: a volume, an array, or an image of nibabel or SimpleITK."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import ArrayLike, NDArray

from ..errors import UnusableInput
from ..types import Geometry, Volume
from .checks import check_affine, check_header
from .hounsfield import AIR, MAX_HU, to_hounsfield
from .volume import nifti_orientations, nifti_unit_mm, read_ct, warn_if_coarse

WHAT = "The CT"


def ct_of(source: Any, affine: ArrayLike | None = None, series: str | None = None) -> Volume:
    """Return a CT in Hounsfield units from whatever holds one, checked as a file is.

    Args:
        source: a path, as ``read_ct`` takes it; a Volume; an image of nibabel or SimpleITK; or an
            array [i, j, k], as nibabel has it. It is not changed.
        affine: of an array: 4 x 4, from IJK to RAS mm.
        series: of a path: see ``read_ct``.

    Raise UnusableInput, in one sentence, if it cannot be used.
    """
    if isinstance(source, (str, os.PathLike)):
        if affine is not None:
            raise UnusableInput("affine goes with an array; a file has its own.")
        return read_ct(Path(source), series)
    if series is not None:
        raise UnusableInput("series goes with a DICOM folder.")
    if isinstance(source, np.ndarray):
        if affine is None:
            raise UnusableInput("An array needs its affine, 4 x 4, from IJK to RAS mm.")
        return _checked(_volume(source, affine))
    if affine is not None:
        raise UnusableInput("affine goes with an array; this CT has its own.")
    if isinstance(source, Volume):
        return _checked(source)
    if isinstance(source, sitk.Image):
        if source.GetDimension() != 3:
            raise UnusableInput(f"{WHAT} has {source.GetDimension()} dimensions; 3 are needed.")
        # A view: ``source`` must live until it is copied.
        array = sitk.GetArrayViewFromImage(source)
        return _checked(Volume(array, Geometry.of_image(source)))
    if hasattr(source, "dataobj") and hasattr(source, "affine"):  # nibabel's images
        return _checked(_of_nibabel(source))
    raise UnusableInput(
        f"An object of type {type(source).__name__} is no CT; give a path, a Volume, an array "
        "with its affine, or an image of nibabel or SimpleITK."
    )


def _of_nibabel(image: Any) -> Volume:
    """Return the volume of nibabel's image, a NIfTI placed by the rule for files."""
    from nibabel.nifti1 import Nifti1Header

    affine, header = image.affine, image.header
    notes: tuple[str, ...] = ()
    if isinstance(header, Nifti1Header):  # version 2 is one, too
        unit_mm, stored = nifti_unit_mm(header), header.get_best_affine()
        affine = np.array(stored if affine is None else affine, np.float64)
        if np.allclose(affine, stored):  # else it was changed since, and counts
            affines, notes = nifti_orientations(header, WHAT)
            for each in affines:
                check_affine(each * unit_mm, WHAT)
            if not np.allclose(affine, affines[0]):  # else it is the more exact one
                affine = affines[0]
        affine[:3] *= unit_mm
    return replace(_volume(np.asanyarray(image.dataobj), affine), warnings=notes)


def _volume(array: NDArray[Any], affine: ArrayLike) -> Volume:
    """Return the volume of an array [i, j, k] or, with axes of one element behind, more."""
    while array.ndim > 3 and array.shape[-1] == 1:
        array = array[..., 0]
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise UnusableInput(f"The affine is {matrix.shape}, and 4 x 4 is needed.")
    return Volume(array.T, Geometry(matrix, cast(tuple[int, int, int], array.shape[::-1])))


def _checked(ct: Volume) -> Volume:
    """Return a CT as ``read_ct`` would: on a possible grid, in HU, without holes."""
    array, grid = np.asarray(ct.array), ct.geometry
    shape = check_header(
        WHAT,
        array.shape[::-1],
        1 if array.dtype.kind in "iuf" else 0,
        grid.spacing.tolist(),
        grid.ijk_to_ras,
        promised_bytes=0,
        file_bytes=0,
    )
    if shape != tuple(grid.shape):
        raise UnusableInput(f"{WHAT} has {shape} voxels and its geometry {tuple(grid.shape)}.")
    # What comes from ``read_ct`` is not copied: a head has a gigabyte.
    clean = array.dtype in (np.int16, np.float32) and array.flags.writeable
    clean = clean and bool(array.min() >= AIR and array.max() <= MAX_HU)  # not if it holds NaN
    if not clean:
        array = np.array(array, array.dtype.newbyteorder("="), order="C")
    array, warnings = to_hounsfield(array, 1.0, 0.0, WHAT)
    return warn_if_coarse(replace(ct, array=array, warnings=(*ct.warnings, *warnings)))
