"""Whether a CT's files are the same ones, by their names, sizes and times.

Not by their content: a cohort has terabytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from ..io.dicom import DICOMDIR
from ..io.volume import files_read, is_image_file
from .source import Source

_SYSTEMS = {".ds_store", "thumbs.db", "desktop.ini"}
"""Left in folders that were looked at; no image, whatever comes."""


def of_files(source: Source) -> str:
    """A digest of the files that a CT is read from.

    Of DICOM, all headers of the folder are read for that. What cannot be read counts as a whole.

    Raises:
        OSError: they cannot be listed.
    """
    files = files_read(source.path, source.series)
    if files is None:
        files = list(_beside(source.path)) if source.path.is_dir() else [source.path]
    return _digest(files, _root(source.path))


def of_folder(source: Source, outputs: Path) -> str | None:
    """A digest of all files among which those of a DICOM series are; None for other kinds.

    As long as it is the same, so is ``of_files``, which takes much longer.

    Args:
        source: which CT.
        outputs: the batch's folder, which may lie within the CT's.

    Raises:
        OSError: they cannot be listed.
    """
    if is_image_file(source.path):
        return None
    source.path.stat()
    return _digest(_beside(source.path, outputs), _root(source.path))


def _root(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _beside(path: Path, outputs: Path | None = None) -> Iterator[Path]:
    # A folder is read with those below it that are not hidden, a file of DICOM with its siblings.
    deep = path.is_dir() or path.name.upper() == DICOMDIR
    for folder, below, names in os.walk(_root(path)):
        here = Path(folder)
        below[:] = sorted(
            name for name in below if deep and name[0] != "." and here / name != outputs
        )
        for name in sorted(names):
            a_systems = name.lower() in _SYSTEMS or name.startswith("._")
            if not a_systems and (here / name).is_file():
                yield here / name


def _digest(files: Iterable[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        status = path.stat()
        inside = path.is_relative_to(root)
        name = path.relative_to(root).as_posix() if inside else path.name
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()
