"""The files of an evaluation: all or none, in a folder that is checked before any work is done."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import UnusableInput
from ..io.result_folder import Output, clean_stale, make_stage, replace_together

TABLES = ("cases.csv", "summary.json")
PICTURES = (
    "cases.png", "landmarks.png", "radius.png", "reliability.png",
    "best.png", "median.png", "worst.png",
)  # fmt: skip


def check_folder(folder: Path) -> None:
    """Refuse a folder that could not be written in the end.

    Raises:
        UnusableInput: if it is a file, cannot be made or written, or a folder in it has the name of
            a table or picture.
    """
    Output(folder)
    for name in (*TABLES, *PICTURES):
        if (folder / name).is_dir():
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {name} in it is a folder."
            )


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A folder to write tables into, or pictures; they move to ``folder`` if nothing was raised.

    Pictures of an earlier evaluation go when new tables come: they show other figures.

    Args:
        folder: made if it is not there.

    Raises:
        UnusableInput: if it cannot be written.
    """
    stage = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clean_stale(folder)
        stage = make_stage(folder)
        new = stage / "new"
        new.mkdir()
        yield new
        names = sorted(path.name for path in new.iterdir())
        old = PICTURES if set(TABLES) & set(names) and _holds_an_evaluation(folder) else ()
        gone = [folder / name for name in old if name not in names and (folder / name).exists()]
        replace_together([(new / name, folder / name) for name in names], stage, gone)
    except OSError as error:
        raise UnusableInput(
            f"The output folder {folder} cannot be written: {error.strerror or error}."
        ) from None
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


def _holds_an_evaluation(folder: Path) -> bool:
    """Whether an evaluation wrote here; else pictures of these names are somebody else's."""
    return all((folder / name).is_file() for name in TABLES)
