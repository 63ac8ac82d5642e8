"""Which files a CT is read from, told from what only lies beside them."""

from __future__ import annotations

import warnings
from pathlib import Path

from .volume import header_reader


def files_read(path: Path, series: str | None = None) -> list[Path] | None:
    """The files that ``read_ct`` would take a CT from, found by headers alone.

    Args:
        path: as for ``read_ct``.
        series: as for ``read_ct``.

    Returns:
        The header's file and the one with the voxels that it names, or the DICOM files with planes
        of the series that would be read, sorted; None where it cannot be read, which reading says
        in a sentence.

    Raises:
        OSError: it is not there, or closed.
    """
    path.stat()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return sorted(_files(path, series))
    except OSError:
        raise
    except Exception:  # as in read_ct: headers come from anywhere
        return None


def _files(path: Path, series: str | None) -> set[Path]:
    reader = header_reader(path)
    if reader is not None:
        return {path, reader(path).data}
    from .dicom import find_series

    found, _ = find_series(path, series)
    return {plane.path for plane in found.slices}
