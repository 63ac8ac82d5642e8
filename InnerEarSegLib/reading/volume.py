"""A CT from a file or a DICOM folder, or one sentence that says why not."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import InnerEarSegError, UnusableInput
from ..geometry import Geometry, Volume
from .header import ImageHeader
from .hounsfield import to_hounsfield
from .limits import coarse_warning
from .metaimage import read_metaimage_header
from .nifti import read_nifti_header
from .nrrd import read_nrrd_header
from .voxels import read_voxels

HEADER_READERS: dict[str, Callable[[Path], ImageHeader]] = {
    ".nrrd": read_nrrd_header,
    ".nhdr": read_nrrd_header,
    ".nii.gz": read_nifti_header,
    ".nii": read_nifti_header,
    ".mha": read_metaimage_header,
    ".mhd": read_metaimage_header,
}


def read_ct(path: Path, series: str | None = None) -> Volume:
    """Read a CT in Hounsfield units.

    Args:
        path: a .nrrd, .nhdr, .nii, .nii.gz, .mha or .mhd file; a folder with DICOM files, also in
            folders below; or one DICOM file, which stands for its series.
        series: the SeriesInstanceUID of the DICOM series to read; None chooses the thinnest CT
            with a bone kernel where that is unambiguous.

    Returns:
        The CT on a regular grid with axes at right angles: int16 where its values are whole, else
        float32; and in ``warnings`` what had to be done for that.

    Raises:
        UnusableInput: in one sentence, if it cannot be used.
    """
    path = Path(path)
    try:
        # What libraries would print about damaged headers is said in our own sentences.
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return _read(path, series)
    except InnerEarSegError:
        raise
    except FileNotFoundError:
        raise UnusableInput(f"{path} does not exist.") from None
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    except MemoryError:
        raise UnusableInput(f"{path} needs more memory than this machine has; crop it.") from None
    except Exception as error:
        # Files come from anywhere and are read by several libraries, each with errors of its own;
        # whatever they stumble over, it is the file that cannot be read.
        raise UnusableInput(
            f"{path} cannot be read: it is damaged ({type(error).__name__})."
        ) from error


def header_reader(path: Path) -> Callable[[Path], ImageHeader] | None:
    """What reads a file's header, by the end of its name; None for DICOM and whatever else."""
    ending = _ending(path)
    return HEADER_READERS[ending] if ending is not None and not path.is_dir() else None


def _ending(path: Path) -> str | None:
    return next((end for end in HEADER_READERS if path.name.lower().endswith(end)), None)


def _read(path: Path, series: str | None) -> Volume:
    ending = _ending(path)
    is_file = path.is_file()
    if not is_file and not path.is_dir():
        path.stat()  # says what is wrong where it is in a folder that is closed
        raise UnusableInput(f"{path} is neither a file nor a folder.")
    if is_file and ending is not None:
        if series is not None:
            raise UnusableInput(f"{path} is no DICOM, so --series does not apply to it.")
        header = HEADER_READERS[ending](path)
        array, said = to_hounsfield(read_voxels(header, path), header.slope, header.intercept, path)
        geometry = Geometry(header.ijk_to_ras, header.shape)
        name, said = path.name[: -len(ending)], header.warnings + said
    else:
        from .dicom import read_dicom

        ct = read_dicom(path, series)
        return replace(ct, warnings=ct.warnings + coarse_warning(ct.geometry.spacing))
    return Volume(array, geometry, name, said + coarse_warning(geometry.spacing))
