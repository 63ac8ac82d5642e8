"""A CT from a file or a DICOM folder, or one sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..geometry import Volume
from .image import geometry_of
from .nifti import missing_bytes

FILE_ENDINGS = (".nrrd", ".nhdr", ".nii", ".nii.gz", ".mha", ".mhd")
MIN_SLICES = 8
MAX_SPACING_MM = 1.5
MODALITY = "0008|0060"
SERIES_DESCRIPTION = "0008|103e"


def read_ct(path: Path) -> Volume:
    """Read a CT in Hounsfield units.

    Args:
        path: a .nrrd, .nii, .nii.gz or .mha file, or a folder with one DICOM series.

    Returns:
        The CT: int16 where its values fit, else float32.

    Raises:
        UnusableInput: in one sentence, if it cannot be used.
    """
    path = Path(path)
    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # we say what is wrong ourselves
    if not path.exists():
        raise UnusableInput(f"{path} does not exist.")
    if path.is_dir():
        image, name = _read_dicom(path), path.resolve().name
    else:
        ending = next((e for e in FILE_ENDINGS[::-1] if path.name.lower().endswith(e)), None)
        if ending is None:
            raise UnusableInput(
                f"{path} is of no known kind; a CT in .nrrd, .nii, .nii.gz or .mha, or a folder "
                "with one DICOM series is needed."
            )
        image, name = _read_image(path), path.name[: -len(ending)]
    _check_header(image, path)
    array = sitk.GetArrayFromImage(image)
    _check_values(array, path)
    return Volume(_compact(array), geometry_of(image), name)


def _read_image(path: Path) -> sitk.Image:
    try:
        missing = missing_bytes(path) if path.name.lower().endswith((".nii", ".nii.gz")) else 0
        if missing > 0:
            raise UnusableInput(
                f"{path} is cut short, {missing} bytes are missing: copy or download it again."
            )
        return sitk.ReadImage(str(path))
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except RuntimeError:
        raise UnusableInput(
            f"{path} cannot be read: it is damaged, cut short or not what its name says."
        ) from None


def _read_dicom(folder: Path) -> sitk.Image:
    """The one CT series of a folder, its slices sorted by position."""
    names = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not names:
        raise UnusableInput(f"The folder {folder} holds no DICOM image.")
    if len(names) > 1:
        raise UnusableInput(
            f"The folder {folder} holds {len(names)} DICOM series; move the one to be used into "
            "a folder of its own."
        )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), names[0]))
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOff()
    try:
        image = reader.Execute()
    except RuntimeError:
        raise UnusableInput(
            f"The DICOM series in {folder} cannot be read: it is damaged."
        ) from None
    modality = reader.GetMetaData(0, MODALITY) if reader.HasMetaDataKey(0, MODALITY) else "CT"
    if modality.strip() != "CT":
        raise UnusableInput(
            f"The DICOM series in {folder} is of modality {modality.strip()}, not CT."
        )
    return image


def _check_header(image: sitk.Image, path: Path) -> None:
    """Refuse what is no three-dimensional scalar image with usable geometry."""
    if image.GetDimension() != 3:
        raise UnusableInput(f"{path} has {image.GetDimension()} dimensions; a 3D CT is needed.")
    if image.GetNumberOfComponentsPerPixel() != 1 or "complex" in image.GetPixelIDTypeAsString():
        raise UnusableInput(f"{path} holds colours or vectors; a CT in Hounsfield units is needed.")
    if min(image.GetSize()) < MIN_SLICES:
        size = " x ".join(map(str, image.GetSize()))
        raise UnusableInput(f"{path} has {size} voxels; at least {MIN_SLICES} in each direction.")
    spacing = np.array(image.GetSpacing())
    if not np.isfinite(spacing).all() or spacing.min() <= 0:
        raise UnusableInput(f"{path} has an impossible voxel size of {spacing} mm.")
    if spacing.max() > MAX_SPACING_MM:
        raise UnusableInput(
            f"{path} has voxels of up to {spacing.max():.2f} mm, too coarse for an inner ear; "
            f"reconstruct the CT with {MAX_SPACING_MM} mm or less (best 0.6 mm or less)."
        )
    direction = np.array(image.GetDirection()).reshape(3, 3)
    if not np.allclose(direction @ direction.T, np.eye(3), atol=1e-3):
        raise UnusableInput(f"{path} has axes that are not at right angles; resample it first.")


def _check_values(array: NDArray, path: Path) -> None:
    """Refuse what cannot be a CT in Hounsfield units."""
    if not np.isfinite(array).all():
        raise UnusableInput(f"{path} holds voxels that are not numbers (NaN or infinite).")
    low, high = float(array.min()), float(array.max())
    if low == high:
        raise UnusableInput(f"{path} is empty: all its voxels are {low:g}.")
    if high - low < 200:
        raise UnusableInput(
            f"{path} has values from {low:g} to {high:g}; that is no CT in Hounsfield units "
            "(a label map, perhaps)."
        )


def _compact(array: NDArray) -> NDArray:
    """int16 where the values are whole and fit, else float32."""
    if np.issubdtype(array.dtype, np.integer):
        if array.min() >= -32768 and array.max() <= 32767:
            return array.astype(np.int16, copy=False)
        return array.astype(np.float32)
    return array.astype(np.float32, copy=False)
