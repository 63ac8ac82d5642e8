"""Specimens with references: from the dataset's folder, or from a list of one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ..errors import UnusableInput
from .dataset import Case, case_names, read_case
from .manifest import read_entry, read_manifest


def cases_of(source: Path) -> dict[str, Callable[[], Case]]:
    """What reads each case, by its name, in order.

    Args:
        source: a folder in the layout of the human bony labyrinth dataset, or a CSV manifest,
            whatever its name ends in.

    Raises:
        UnusableInput: if there is no case, or the manifest cannot be used.
    """
    if source.is_dir() or not (source.is_file() or source.suffix):
        return {name: partial(read_case, source, name) for name in case_names(source)}
    return {entry.case: partial(read_entry, entry) for entry in read_manifest(source)}


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse names of cases that are not there.

    Raises:
        UnusableInput: naming the first of them, and those that there are.
    """
    there = list(known)
    for name in names:
        if name not in there:
            raise UnusableInput(f"There is no case {name!r}; there are {', '.join(there)}.")
