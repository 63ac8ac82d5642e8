"""A process with little memory that reads many damaged files and tells how each ended.

Usage: python -m Testing.command_line.fuzz_child FOLDER KIND SEED COUNT

Run apart from the tests, so that a crash of a library, or of the limit on memory, is seen as one.
Prints what it is about to read before each file, so that the last line names the culprit.
"""

import gzip
import random
import resource
import shutil
import sys
import time
from pathlib import Path

from InnerEarSegLib.errors import UnusableInput
from InnerEarSegLib.io.volume import read_ct

from .make_ct import phantom, write
from .make_dicom import write_multi_frame, write_series

SECONDS = 5.0
EXTRA_BYTES = 1_500_000_000
"""On top of what the process has after the first file. Headers may promise up to a gigavoxel; what
is not in the file must not be taken from memory."""

INTERESTING = (b"\x00", b"\xff", b"\x7f", b"\x80", b"-", b"9", b"nan", b"1e30", b"\n", b" ", b"e")
HEADER = 700


def make(folder: Path, kind: str) -> tuple[Path, Path]:
    """A good input: what to read, and the file in it to damage."""
    values = phantom((12, 14, 16))
    if kind in ("dicom", "rle"):
        compress = "1.2.840.10008.1.2.5" if kind == "rle" else None
        place = write_series(folder / "s", values, compress=compress)
        return place, place / "995-1.dcm"
    if kind == "frames":
        path = write_multi_frame(folder / "e.dcm", values)
        return path, path
    packed = kind.endswith("-packed")
    path = write(folder / ("ct" + kind.removesuffix("-packed")), values, compress=packed)
    return path, path


def damage(content: bytes, how: random.Random, unpacked_header: bool) -> bytes:
    """A truncation, a few changed bytes near the start, or both."""
    if unpacked_header:  # the header of a .nii.gz is damaged before packing, else all are refused
        content = gzip.decompress(content)
    raw = bytearray(content)
    if how.random() < 0.8:
        for _ in range(how.choice((1, 1, 2, 4, 16))):
            at = how.randrange(min(len(raw), HEADER) if how.random() < 0.8 else len(raw))
            piece = how.choice((*INTERESTING, how.randbytes(1), how.randbytes(4)))
            raw[at : at + len(piece)] = piece
    if how.random() < 0.3 and raw:
        del raw[how.randrange(len(raw)) :]
    if unpacked_header:
        raw = bytearray(gzip.compress(bytes(raw), 1))
    return bytes(raw)


def main(folder: Path, kind: str, seed: int, count: int) -> None:
    """Read ``count`` damaged files; anything but a volume or a sentence ends the process."""
    place, file = make(folder, kind)
    whole = file.read_bytes()
    read_ct(place)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + EXTRA_BYTES,) * 2)
    read = refused = 0
    for number in range(seed, seed + count):
        how = random.Random(f"{kind} {number}")
        inner = kind == ".nii.gz" and how.random() < 0.7
        file.write_bytes(damage(whole, how, inner))
        print("reading", kind, number, flush=True)
        started = time.process_time()  # a busy machine is not the reader's fault
        try:
            ct = read_ct(place)
            assert ct.array.dtype.name in ("int16", "float32") and min(ct.array.shape) >= 8
            assert ct.geometry.spacing.min() > 0
            read += 1
        except UnusableInput as error:
            refused += 1
            assert str(error).endswith(".") and "\n" not in str(error), error
            assert "more memory than" not in str(error), error
        assert time.process_time() - started < SECONDS, "too slow"
    shutil.rmtree(folder, ignore_errors=True)
    print("done", read, refused, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
