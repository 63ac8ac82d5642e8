"""What is in a case's folder: the batch's own result, whole or not, and what people did to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..io.result_folder import (
    DERIVED,
    LAST,
    MEASUREMENTS_JSON,
    OWN_FILES,
    RECEIPT,
    is_ours,
    visible_names,
)
from .receipt import Receipt, is_unchanged, read_receipt, read_record
from .summary import JSON, can_show


@dataclass(frozen=True)
class Found:
    """A case's folder.

    Attributes:
        receipt: None without a readable one.
        record: the receipt, or what ``segment`` noted of its files; None without either.
        result: content of ``result.json``; None without a whole one.
        measurements: content of ``measurements.json``; None without a whole one.
        changed: names of files that the batch wrote and that have another content now.
        added: names of files and folders that came later.
        broken: names of files that are gone, empty, or no whole JSON.
    """

    receipt: Receipt | None = None
    record: Receipt | None = None
    result: dict[str, Any] | None = None
    measurements: dict[str, Any] | None = None
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether an earlier form of receipt leaves open if somebody changed the files."""
        return self.record is not None and not isinstance(self.record["results"], dict)

    @property
    def reviewed(self) -> bool:
        """Whether the folder is not any more as the run has left it, by somebody's hand."""
        return bool(self.changed or self.added)


def look_at(folder: Path) -> Found:
    """Look at a case's folder, which may be missing."""
    record = read_record(folder)
    result = _content(folder / LAST)
    measurements = _content(folder / MEASUREMENTS_JSON)
    if record is None:
        return Found(result=result, measurements=measurements)
    results = record["results"]
    hashes = results if isinstance(results, dict) else dict.fromkeys(results)
    whole = {LAST: result is not None, MEASUREMENTS_JSON: measurements is not None}
    changed, broken = [], []
    for name, known in hashes.items():
        try:
            if not whole.get(name, True) or not (folder / name).stat().st_size:
                broken.append(name)
            elif known is not None and not is_unchanged(folder / name, known):
                changed.append(name)
        except OSError:
            broken.append(name)
    # A report that lies there now may have the name of a file that did then.
    beside = {name for name in record.get("beside", ()) if not is_ours(folder / name)}
    expected = {*hashes, *beside, RECEIPT, LAST}
    added = [name for name in visible_names(folder) if name not in expected]
    return Found(
        read_receipt(folder),
        record,
        result,
        measurements,
        tuple(changed),
        tuple(added),
        tuple(broken),
    )


def names_to_keep(folder: Path) -> list[str]:
    """What must be set aside, not replaced, when a new result comes into a case's folder.

    Nothing, where a receipt proves that all is as the batch has left it. Otherwise all of the
    result and what was added to it; in a folder that is not the batch's, whatever has the name of
    a result or is a report of ours, unless a record proves that it is just that.
    """
    found = look_at(folder)
    names = {*OWN_FILES, *DERIVED, *_reports(folder), *_written(found)}
    if found.receipt is not None:
        names |= set(found.added)
    return _to_keep(folder, found, names)


def results_to_keep(folder: Path) -> list[str]:
    """What must be set aside when a result without measurements comes into anybody's folder.

    As ``names_to_keep``, but what has no name of the result's files and is no report of ours stays
    in its place, where nothing replaces it.
    """
    found = look_at(folder)
    return _to_keep(folder, found, {*OWN_FILES, *_reports(folder), *_written(found)})


def _reports(folder: Path) -> set[str]:
    """Reports and tables of ours, whatever they are called: not to be filed with a new result."""
    names = set(visible_names(folder)) - {JSON}  # a batch's holds all its cases' measurements
    return {name for name in names if is_ours(folder / name)}


def _written(found: Found) -> set[str]:
    return set(found.record["results"]) if found.record is not None else set()


def _to_keep(folder: Path, found: Found, names: set[str]) -> list[str]:
    """Those of some names that are there, unless all is as a run has left it."""
    worked_on = found.changed or found.unsure or names & set(found.added)
    if found.record is not None and not worked_on:
        return []
    return [name for name in visible_names(folder) if name in names]


def _content(path: Path) -> dict[str, Any] | None:
    """A JSON file with the ears of a CT; None where tables cannot show it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    is_result = path.name == LAST
    shown = can_show(content, None) if is_result else can_show(None, content)
    return content if shown else None
