"""Files that may be DICOM, in a folder and the folders below."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import UnusableInput

MAX_FILES = 20_000
"""A patient's CD holds some thousands; a folder with more was chosen by mistake."""

MAGIC_AT, MAGIC = 128, b"DICM"
ENDINGS_WITHOUT_MAGIC = ("", ".dcm", ".ima", ".img", ".dic", ".dicom")
"""Old files lack the magic word; those are tried by name."""


def looks_like_dicom(path: Path) -> bool:
    """Return whether a file starts as DICOM, with the magic word or, if old, without."""
    start = b""
    with suppress(OSError), path.open("rb") as file:
        start = file.read(MAGIC_AT + len(MAGIC))
    # Files without the magic word begin with a group 0008 element, little endian.
    old = path.suffix.lower() in ENDINGS_WITHOUT_MAGIC and start[:2] == b"\x08\x00"
    return start[MAGIC_AT:] == MAGIC or old


def dicom_paths(folder: Path) -> list[Path]:
    """List the files of a folder and the folders below; UnusableInput if they are too many."""
    list(folder.iterdir())  # raises if the folder may not be read; os.walk would skip it
    paths: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        paths += [Path(place) / name for name in sorted(names)]
        if len(paths) > MAX_FILES:
            raise UnusableInput(
                f"The folder {folder} holds more than {MAX_FILES} files; choose the folder that "
                "holds the CT."
            )
    return paths
