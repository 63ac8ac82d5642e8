"""Libraries in C that write to the process's stderr what we say ourselves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that GDCM, a codec, VTK or MRML prints reaches stderr."""
    try:
        kept = os.dup(STDERR)
    except OSError:  # there is no stderr: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
