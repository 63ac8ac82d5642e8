"""Specimens with references: from the dataset's folder, or from a list of one's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from .dataset import Case, case_names, read_case
from .manifest import read_entry, read_manifest


def cases_of(source: Path) -> dict[str, Callable[[], Case]]:
    """What reads each case, by its name, in order.

    Args:
        source: a folder in the layout of the human bony labyrinth dataset, or a CSV manifest.

    Raises:
        UnusableInput: if there is no case, or the manifest cannot be used.
    """
    if source.is_dir() or source.suffix.lower() != ".csv":
        return {name: partial(read_case, source, name) for name in case_names(source)}
    return {entry.case: partial(read_entry, entry) for entry in read_manifest(source)}
