"""Output folders that would hold an input."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ..errors import UnusableInput


def refuse_overlap(folders: Iterable[Path], cts: Iterable[Path]) -> None:
    """Refuse output folders that are, or hold, an input CT, also through links."""
    keys = functools.cache(_keys)  # a cohort's CTs share their folders
    outputs = {key: folder for folder in folders for key in keys(folder)}
    for ct in cts:
        absolute = Path(os.path.normpath(ct.absolute()))
        for place in (absolute, *absolute.parents, *Path(str(keys(ct)[0])).parents):
            for key in keys(place):
                if key in outputs:
                    raise UnusableInput(
                        f"The output folder {outputs[key]} is, or holds, the CT {ct}; choose "
                        "another --output, or, in a list, another name in its column 'case'."
                    )


def _keys(path: Path) -> list[str | tuple[int, int]]:
    """A path without links, and its numbers where the system has them, however it is named."""
    found: list[str | tuple[int, int]] = [os.path.normpath(path.absolute())]
    with suppress(OSError, RuntimeError, ValueError):  # links in a circle, or no name of a file
        found[0] = str(path.resolve())
        status = path.stat()
        if status.st_ino:  # some network drives have no numbers
            found.append((status.st_dev, status.st_ino))
    return found
