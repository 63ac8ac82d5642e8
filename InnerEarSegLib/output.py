"""An output folder whose files appear all or none."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import UnusableInput

LAST = "result.json"
"""Appears after all others and goes before them, so that its presence means a whole result."""

OWN_FILES = (
    LAST,
    "labyrinth.seg.nrrd",
    "landmarks_left.mrk.json",
    "landmarks_right.mrk.json",
    "scene.mrb",
    "labyrinth_left.npz",
    "labyrinth_right.npz",
)


class Output:
    """Where a run's files go."""

    def __init__(self, folder: Path) -> None:
        """Check that the folder can be written, before any work is done.

        Raises:
            UnusableInput: if it is a file, or cannot be made or written.
        """
        self.folder = Path(folder).resolve()
        if self.folder.exists() and not self.folder.is_dir():
            raise UnusableInput(f"{folder} is a file; --output needs a folder.")
        place = self.folder
        while not place.exists():
            place = place.parent
        if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {place} is no folder that is open "
                "for writing."
            )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write into; its files move to the output folder if nothing was raised.

        Raises:
            UnusableInput: if the disk is full or the folder cannot be written.
        """
        made = [p for p in (self.folder, *self.folder.parents) if not p.exists()]
        stage = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # Inside the output folder: the same disk, so that moving is renaming.
            stage = Path(tempfile.mkdtemp(prefix=".innerearseg-", dir=self.folder))
            yield stage
            self._publish(stage)
        except OSError as error:
            self._undo(stage, made)
            raise UnusableInput(
                f"The output folder {self.folder} cannot be written: {error.strerror or error}."
            ) from None
        except BaseException:
            self._undo(stage, made)
            raise
        shutil.rmtree(stage, ignore_errors=True)

    def _publish(self, stage: Path) -> None:
        """Replace the files of an earlier run by those of this one."""
        written = sorted(stage.iterdir(), key=lambda path: path.name == LAST)
        (self.folder / LAST).unlink(missing_ok=True)
        for name in OWN_FILES:
            if name not in {path.name for path in written}:
                (self.folder / name).unlink(missing_ok=True)
        for path in written:
            path.replace(self.folder / path.name)

    @staticmethod
    def _undo(stage: Path | None, made: list[Path]) -> None:
        """Remove the staging folder, and the folders that were made for it if they are empty."""
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)
        for folder in made:
            try:
                folder.rmdir()
            except OSError:
                return
