"""Files that change places together: all of them, or none."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType

PREFIX = ".innerearseg-"
"""Begins the names of hidden folders in which files are made."""


class Moves:
    """Moves within one disk, taken back if anything is raised before the block ends.

    A file that another program holds open, as Windows does not let it go, then changes nothing.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Path, Path]] = []

    def move(self, source: Path, target: Path) -> None:
        """Move a file or folder to a place where nothing is.

        Raises:
            OSError: it cannot be moved; ``filename2`` is the one of the two that a user knows: the
                first, unless that is in a hidden folder.
        """
        try:
            source.replace(target)
        except OSError as error:
            hidden = any(part.startswith(PREFIX) for part in source.parts)
            error.filename2 = str(target if hidden else source)
            raise
        self._done.append((source, target))

    def __enter__(self) -> Moves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        for source, target in reversed(self._done):
            with suppress(OSError):  # one that is held now must not keep the others away
                target.replace(source)
