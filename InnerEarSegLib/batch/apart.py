"""Folders of results and CTs are kept apart: whatever moves or replaces results never meets a CT.

Folders are compared as the system knows them: links, and systems to which capitals are all one,
have many names for one folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import UnusableInput
from ..io.result_folder import OWN_FILES
from .cohort import Case

Key = str | tuple[int, int]
"""A place that is there by its device and number, which no other one has; else its whole path."""


def refuse_folders_of_cts(cases: Sequence[Case], output: Path) -> None:
    """Refuse a cohort in which a case's folder is the place of a CT, its own or another's.

    What comes into a case's folder later is somebody's work on its result, and moves with it.

    Args:
        cases: the whole list.
        output: the batch's folder.

    Raises:
        UnusableInput: a folder is, or holds, what is listed.
    """
    folders = {key: case for case in cases for key in _keys(output / case.name)}
    keys: dict[Path, set[Key]] = {}
    for case in cases:
        for place in _places(case.source.path):
            if place not in keys:
                keys[place] = set(_keys(place))
            for owner in (folders[key] for key in keys[place] if key in folders):
                raise UnusableInput(
                    f"The folder of the case {owner.name!r}, {output / owner.name}, would be, or "
                    f"hold, the list's CT {case.source.path}; choose another --output, or give the "
                    "case another name in the list's column 'case'."
                )


def refuse_place_of_ct(ct: Path, output: Path) -> None:
    """Refuse to write a result among the slices of a CT, or over it.

    A CT's file may lie in the output folder; none but results are replaced or moved there.

    Args:
        ct: a file, or a folder with DICOM files.
        output: where the result goes.

    Raises:
        UnusableInput: the output is the CT's folder, or the CT has the name of a result there.
    """
    try:
        is_folder, is_file = ct.is_dir(), ct.is_file()
    except (OSError, ValueError):
        return  # reading says in a sentence what is wrong
    if is_folder and _are_one(ct, output):
        raise UnusableInput(
            f"--output {output} is the CT's own folder; choose another one, or a new one in it."
        )
    for name in OWN_FILES:
        if is_file and _are_one(ct, output / name):
            raise UnusableInput(
                f"The CT {ct} would be replaced, as results are called {name}; choose another "
                "--output."
            )


def _places(path: Path) -> Iterator[Path]:
    """A file or folder and all that it lies in, by its own name and by what a link leads to."""
    for each in {Path(os.path.normpath(path.absolute())), _resolved(path)}:
        yield each
        yield from each.parents


def _keys(path: Path) -> Iterator[Key]:
    yield str(_resolved(path))
    try:
        status = path.stat()
    except (OSError, ValueError):
        return
    if status.st_ino:  # some network drives number nothing
        yield status.st_dev, status.st_ino


def _are_one(path: Path, other: Path) -> bool:
    return not set(_keys(path)).isdisjoint(_keys(other))


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # links in a circle, no name of a file
        return Path(os.path.normpath(path.absolute()))
