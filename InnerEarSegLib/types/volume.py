"""Values on a grid: a CT, or a mask."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .geometry import RAS_FROM_LPS, Geometry

# By which the qform of a NIfTI file may displace a corner; above, the file has its sform alone.
QFORM_TOLERANCE_MM = 1e-3


def dice(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return 2 |A ∩ B| / (|A| + |B|) of two masks of one shape; 0 if both are empty."""
    total = int(np.count_nonzero(found)) + int(np.count_nonzero(truth))
    return 2.0 * int(np.count_nonzero(found & truth)) / max(1, total)


@dataclass(frozen=True)
class Scanner:
    """What made a CT, as its DICOM header names it; empty where it does not."""

    manufacturer: str = ""
    model: str = ""
    kernel: str = ""


@dataclass(frozen=True, eq=False)
class Volume:
    """A CT [k, j, i] in Hounsfield units (or a label map) and where it lies in RAS mm.

    ``name`` is for the scene; ``warnings`` are what the reader noticed, one sentence each;
    ``slice_mm`` is the thickness of the slices where the header tells it: they may overlap.
    ``scanner`` is known of DICOM alone.
    """

    array: NDArray[Any] = field(repr=False)
    geometry: Geometry
    name: str = "CT"
    warnings: tuple[str, ...] = ()
    slice_mm: float | None = None
    scanner: Scanner = Scanner()

    def to_sitk(self) -> Any:
        """Return a SimpleITK.Image, in LPS mm; SimpleITK indexes it [i, j, k]."""
        import SimpleITK as sitk

        image, spacing = sitk.GetImageFromArray(self.array), self.geometry.spacing
        lps = RAS_FROM_LPS @ self.geometry.ijk_to_ras
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
        return image

    def to_nibabel(self) -> Any:
        """Return a nibabel.Nifti1Image: [i, j, k], with its affine to RAS mm."""
        import nibabel

        image = nibabel.Nifti1Image(np.ascontiguousarray(self.array.T), self.geometry.ijk_to_ras)
        image.header.set_xyzt_units("mm")
        # Programs differ in which of the two they read; both are float32, ``affine`` is not.
        image.set_sform(image.affine, code="scanner", update_affine=False)
        image.set_qform(image.affine, code="scanner", update_affine=False)
        # Near a rotation of 180 degrees a float32 quaternion loses half its digits.
        stored = replace(self.geometry, ijk_to_ras=image.get_qform())
        if np.abs(stored.corners - self.geometry.corners).max() > QFORM_TOLERANCE_MM:
            image.header["qform_code"] = 0  # unknown: readers take the sform
        return image

    def on(self, grid: Geometry, *, nearest: bool = False, outside: float = 0.0) -> Volume:
        """Return the values on another grid, linear between voxels or of the nearest one.

        Beyond this grid they are ``outside``.
        """
        import SimpleITK as sitk

        target = Volume(np.zeros(grid.shape, np.uint8), grid).to_sitk()
        method = sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear
        image = sitk.Resample(self.to_sitk(), target, sitk.Transform(), method, outside)
        return replace(self, array=sitk.GetArrayFromImage(image), geometry=grid)
