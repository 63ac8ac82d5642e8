"""SimpleITK images to Volumes: LPS to RAS, with the array left as it is stored."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from ..geometry import RAS_FROM_LPS, Geometry


def geometry_of(image: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The RAS geometry of a 3D image, or of a file whose header has been read."""
    size, spacing = image.GetSize(), image.GetSpacing()
    lps = np.eye(4)
    lps[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(spacing)
    lps[:3, 3] = image.GetOrigin()
    return Geometry(RAS_FROM_LPS @ lps, (size[2], size[1], size[0]))


def image_of(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    """The SimpleITK image (LPS) of an array [k, j, i] on a RAS geometry."""
    image = sitk.GetImageFromArray(array)
    lps = RAS_FROM_LPS @ geometry.ijk_to_ras
    image.SetSpacing([float(value) for value in geometry.spacing])
    image.SetOrigin([float(value) for value in lps[:3, 3]])
    image.SetDirection([float(value) for value in (lps[:3, :3] / geometry.spacing).ravel()])
    return image
