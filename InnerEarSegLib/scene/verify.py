"""Whether a written file is whole.

Slicer's storage nodes can report success for a file that a full disk has cut short (measured with
.seg.nrrd: the rest was lost when the file was closed), so the files are looked at afterwards.
"""

from __future__ import annotations

import json
import zipfile
import zlib
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20


def is_whole(path: Path) -> bool:
    """Whether a .nrrd, .mrk.json or .mrb file is there and complete."""
    try:
        if path.suffix == ".mrb":
            return _whole_bundle(path)
        if path.suffix == ".nrrd":
            with path.open("rb") as stream:
                return _whole_nrrd(stream)
        return bool(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, zipfile.BadZipFile, zlib.error):
        return False


def _whole_bundle(path: Path) -> bool:
    with zipfile.ZipFile(path) as bundle:
        names = bundle.namelist()
        for name in names:
            # Data are put together in the temporary folder, which may be the full one.
            with bundle.open(name) as stream:
                if name.endswith(".nrrd") and not _whole_nrrd(stream):
                    return False
        return any(name.endswith(".mrml") for name in names)


def _whole_nrrd(stream: IO[bytes]) -> bool:
    """A gzip-compressed NRRD whose data reach their end mark (with a check sum before it)."""
    compressed = False
    while (line := stream.readline()).strip():
        compressed |= line.split(b":")[0] == b"encoding" and b"gz" in line
    if not compressed or not line:  # ours always are; without a blank line the header is cut
        return False
    unpacker = zlib.decompressobj(wbits=31)
    while not unpacker.eof and (chunk := stream.read(_CHUNK)):
        unpacker.decompress(chunk)
    return unpacker.eof
