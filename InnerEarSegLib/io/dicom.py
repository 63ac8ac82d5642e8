"""Read a DICOM series in Hounsfield units, on a regular grid with axes at right angles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..process import quiet
from ..types import RAS_FROM_LPS, Geometry, Volume
from .checks import MIN_SLICES, check_affine, check_shape, check_spacing
from .dicom_series import Slice, find_series
from .hounsfield import AIR, to_hounsfield

MAX_GAP_MM = 3.0
"""Interpolation across a wider gap would invent an ear's canals."""

REGULAR = 0.09
"""Share of the slice distance by which positions may be off a regular grid: some scanners round
them to a tenth of a millimetre."""

STRAIGHT = 0.5
"""Pixels by which slices may be off a line at right angles to them, from the first to the last."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Planes in order, and their target grid.

    Attributes:
        slices: sorted along their normal, one for each position.
        grid: the target grid, in RAS.
        index: (n,) of each plane along the grid's third axis, fractional; None if they are its
            slices.
        shifts: (n, 2) pixels of each along row and column, from the grid's first voxel; None if
            the gantry was not tilted.
    """

    slices: tuple[Slice, ...]
    grid: Geometry
    index: NDArray[np.float64] | None
    shifts: NDArray[np.float64] | None
    warnings: tuple[str, ...]


def stack_of(planes: Sequence[Slice], what: object) -> Stack:
    """Sort planes of equal orientation, size and spacing; UnusableInput if they form no volume."""
    if any(np.isnan(plane.position).any() for plane in planes) or not np.any(planes[0].normal):
        raise UnusableInput(f"The DICOM images in {what} do not say where they lie in the patient.")
    first = planes[0]
    if abs(first.row @ first.column) > 1e-3 or abs(np.linalg.norm(first.normal) - 1) > 1e-2:
        raise UnusableInput(f"{what} has axes that are not at right angles; resample it first.")
    kept, warnings = _one_for_each_place(planes)
    positions = np.array([plane.position for plane in kept])
    places = positions @ first.normal
    check_shape((first.shape[1], first.shape[0], len(kept)), what)
    step, count, regular, more = _steps(places, kept, what)
    relative = positions - positions[0]
    shifts = np.stack([relative @ first.row, relative @ first.column], axis=1) / first.spacing
    size, low = np.array(first.shape[::-1]), np.zeros(2)
    tilted = bool((np.abs(shifts) > STRAIGHT).any())
    if tilted:
        along = relative[-1]
        angle = np.degrees(np.arccos(min(1.0, abs(along @ first.normal) / np.linalg.norm(along))))
        said = f"The gantry was tilted by {angle:.1f} degrees"
        more += (f"{said}; the slices were resampled onto a grid with right angles.",)
        low = np.floor(shifts.min(axis=0) + 1e-6)
        size = size + (np.ceil(shifts.max(axis=0) - 1e-6) - low).astype(int)
    lps = np.eye(4)
    axes = first.row * first.spacing[0], first.column * first.spacing[1], first.normal * step
    lps[:3, :3] = np.stack(axes, axis=1)
    lps[:3, 3] = positions[0] + lps[:3, :2] @ low
    grid = Geometry(RAS_FROM_LPS @ lps, (count, int(size[1]), int(size[0])))
    check_shape(grid.shape[::-1], what)
    check_affine(grid.ijk_to_ras, what)
    index = None if regular else (places - places[0]) / step
    return Stack(tuple(kept), grid, index, shifts - low if tilted else None, warnings + more)


def resample(stack: Stack, planes: NDArray[Any]) -> NDArray[Any]:
    """Resample planes [n, j, i] in HU to the stack's grid [k, j, i], with air around them."""
    if stack.shifts is not None:
        planes = _straightened(planes, stack.shifts, stack.grid.shape)
    index = stack.index
    if index is None:
        return planes
    at = np.arange(stack.grid.shape[0])
    upper = np.clip(np.searchsorted(index, at), 1, len(index) - 1)
    lower = upper - 1
    weight = (at - index[lower]) / (index[upper] - index[lower])
    out = np.empty((len(at), *planes.shape[1:]), np.float32)
    for k, (a, b, w) in enumerate(zip(lower, upper, np.clip(weight, 0, 1), strict=True)):
        out[k] = (1 - w) * planes[a] + w * planes[b]
    return _rounded(out, planes.dtype)


def _one_for_each_place(planes: Sequence[Slice]) -> tuple[list[Slice], tuple[str, ...]]:
    """Sort planes along the normal and keep one for each position, of the first acquisition."""
    normal = planes[0].normal
    copies = {plane.uid: plane for plane in reversed(planes)}  # files that were copied twice
    order = sorted(
        copies.values(),
        key=lambda p: (round(float(p.position @ normal), 2), p.acquisition, p.instance),
    )
    kept: list[Slice] = []
    for plane in order:
        if not kept or (plane.position - kept[-1].position) @ normal > 0.011:
            kept.append(plane)
    dropped = len(order) - len(kept)
    if not dropped:
        return kept, ()
    said = f"{dropped} slices lie at the place of another one"
    return kept, (f"{said}; those of the first acquisition were taken.",)


def _steps(
    places: NDArray[np.float64], kept: Sequence[Slice], what: object
) -> tuple[float, int, bool, tuple[str, ...]]:
    """Return the grid's slice distance and count, whether planes lie on it, and warnings."""
    gaps = np.diff(places)
    median = float(np.median(gaps))
    mean = float((places[-1] - places[0]) / len(gaps))
    off = np.abs(places - (places[0] + mean * np.arange(len(places))))
    if off.max() <= REGULAR * mean:
        return mean, len(places), True, ()
    missing = [k for k, gap in enumerate(gaps) if gap > 1.5 * median]
    widest = float(gaps.max())
    if widest > MAX_GAP_MM and missing:
        lack = int(sum(round(gaps[k] / median) - 1 for k in missing))
        raise UnusableInput(
            f"In {what} {_lack(lack, missing, kept)}, a gap of {widest:.1f} mm; at most "
            f"{MAX_GAP_MM:.0f} mm can be filled, so load the whole series."
        )
    extent = float(places[-1] - places[0])
    whole = np.round(gaps / median)
    if missing and np.abs(gaps / median - whole).max() < 0.1:
        steps = int(whole.sum())
        # Along the true distance, so that existing slices stay as they are.
        warning = f"{_lack(steps - len(gaps), missing, kept)}; the gap was interpolated."
        return extent / steps, steps + 1, False, (warning,)
    said = f"The slices lie {gaps.min():.2f} to {widest:.2f} mm apart"
    warning = f"{said}; they were resampled to {median:.2f} mm."
    return median, int(np.floor(extent / median + 1e-3)) + 1, False, (warning,)


def _lack(count: int, missing: Sequence[int], kept: Sequence[Slice]) -> str:
    """Describe where slices are missing, by the instance numbers of their neighbours."""
    slices = "1 slice is" if count == 1 else f"{count} slices are"
    places = []
    for k in missing[:5]:
        numbers = sorted((kept[k].instance, kept[k + 1].instance))
        height = RAS_FROM_LPS[:3, :3] @ (kept[k].position + kept[k + 1].position) / 2
        axis = int(np.argmax(np.abs(kept[k].normal)))
        places.append(
            f"between instance numbers {numbers[0]} and {numbers[1]} (at {'RAS'[axis]} "
            f"{height[axis]:.1f} mm)"
        )
    rest = f" and at {len(missing) - 5} more places" if len(missing) > 5 else ""
    return f"{slices} missing {', '.join(places)}{rest}"


def _straightened(
    planes: NDArray[Any], shifts: NDArray[np.float64], shape: tuple[int, int, int]
) -> NDArray[Any]:
    """Shift each plane within itself to its position, by linear interpolation."""
    out = np.full((len(planes), *shape[1:]), AIR, planes.dtype)
    for k, plane in enumerate(planes):
        whole = np.floor(shifts[k] + 1e-6).astype(int)
        rest = np.clip(shifts[k] - whole, 0, 1)
        image = np.pad(plane.astype(np.float32), 1, constant_values=AIR)
        for axis, part in ((1, rest[0]), (0, rest[1])):
            image = (1 - part) * image + part * np.roll(image, 1, axis)
        image = image[1:, 1:]  # one row and one column more than the plane, for the fraction
        rows = min(image.shape[0], out.shape[1] - whole[1])
        columns = min(image.shape[1], out.shape[2] - whole[0])
        out[k, whole[1] : whole[1] + rows, whole[0] : whole[0] + columns] = _rounded(
            image[:rows, :columns], planes.dtype
        )
    return out


def _rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    return np.rint(values).astype(dtype) if dtype.kind in "iu" else values.astype(dtype)


def read_dicom(path: Path, uid: str | None) -> Volume:
    """Read the series that ``find_series`` chooses.

    Raise UnusableInput if there is no CT, more than one, or one that cannot be used.
    """
    series, warnings = find_series(path, uid)
    if series.head.modality != "CT":
        raise UnusableInput(
            f"The DICOM series in {path} is of modality {series.head.modality}, not CT."
        )
    patients = len({file.patient for file in series.files})
    if patients > 1:
        raise UnusableInput(
            f"The DICOM series in {path} has images of {patients} patients with one series number; "
            "put each patient into a folder of its own."
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
        said = f"{series.left_out} images of the series with another orientation or size"
        warnings += (f"{said} were left out.",)
    stack = stack_of(series.slices, path)
    planes, of_values = to_hounsfield(_planes(stack.slices, path), 1.0, 0.0, path)
    folder = path if path.is_dir() else path.parent
    name, warnings = folder.resolve().name or "CT", warnings + stack.warnings + of_values
    thickness = float(np.median([plane.thickness for plane in stack.slices]))
    slice_mm = thickness if thickness > 0.0 else None
    grid = stack.grid
    return Volume(resample(stack, planes), grid, name, warnings, slice_mm, series.head.scanner)


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
