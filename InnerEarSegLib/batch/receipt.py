"""A receipt in each case's folder: of which CT its files are, what made them, and their content.

``segment`` writes only the last part, a record of its files.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import __version__
from ..io.result_folder import DERIVED, MAKER, OWN_FILES, RECEIPT, visible_names
from .cohort import Case
from .ct_files import of_files, of_folder

Receipt = dict[str, Any]

MADE_FROM = {
    "files": "the CT's files are not those any more",
    "options": "the list names another series or place to look",
    "model": "the model is another",
    "version": "InnerEarSeg is of another version",
}
"""What a result depends on, and what to say where it has changed."""


def receipt_of(case: Case, model: str, outputs: Path, kept: Receipt | None = None) -> Receipt:
    """What a result depends on.

    Args:
        case: which CT.
        model: SHA-256 of the model file.
        outputs: the batch's folder.
        kept: a receipt to be compared with: it spares a look into each DICOM file where nothing in
            their folder has changed.

    Raises:
        OSError: the CT cannot be listed.
    """
    folder = of_folder(case.source, outputs)
    # In this order: what comes between the two is not missed the next time.
    same = folder is not None and kept is not None and kept.get("folder") == folder
    return {
        "image": case.image,
        "path": str(_plain(case.source.path)),
        "output": str(_plain(outputs)),
        "files": kept["files"] if same and kept else of_files(case.source),
        "folder": folder,
        "options": dict(case.options),
        "model": model,
        "version": __version__,
    }


def _plain(path: Path) -> Path:
    """Without ``..``, so that lists in two folders name a CT alike; links stay as they are."""
    return Path(os.path.normpath(path.absolute()))


def write_receipt(receipt: Receipt, stage: Path, folder: Path) -> None:
    """Write a receipt among the files that are to appear with it, all of which are there.

    Args:
        receipt: what they were made from.
        stage: where they are made.
        folder: where they will be. What is there already and is none of ours is noted, so that it
            is not taken for something that was added to the result.
    """
    beside = [name for name in visible_names(folder) if name not in (*OWN_FILES, *DERIVED)]
    _write(receipt | {"beside": beside}, stage)


def write_record(stage: Path) -> None:
    """Write what tells later whether the files are still those, and nothing that tells whose.

    Args:
        stage: as for ``write_receipt``.
    """
    _write({"made_by": f"{MAKER} {__version__}"}, stage)


def _write(content: Receipt, stage: Path) -> None:
    results = {path.name: fingerprint(path) for path in sorted(stage.iterdir())}
    text = json.dumps(content | {"results": results}, indent=2)
    (stage / RECEIPT).write_text(text, encoding="utf-8")


def read_record(folder: Path) -> Receipt | None:
    """What the run that made a folder's files noted of them; None without a readable note."""
    try:
        record = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        return record if _is_plain(record["results"]) else None
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None


def read_receipt(folder: Path) -> Receipt | None:
    """The receipt in a case's folder; None without a readable one."""
    record = read_record(folder)
    return record if record is not None and {"image", *MADE_FROM} <= record.keys() else None


def _is_plain(names: Iterable[str]) -> bool:
    """Names of files in this very folder."""
    return all(name and name == Path(name).name for name in names)


def fingerprint(path: Path) -> dict[str, Any]:
    """A file's size, time and SHA-256.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while piece := file.read(1 << 20):
            digest.update(piece)
    return {
        "bytes": status.st_size,
        "mtime_ns": status.st_mtime_ns,
        "sha256": digest.hexdigest(),
    }


def is_unchanged(path: Path, known: dict[str, Any]) -> bool:
    """Whether a file is the one that was written.

    With its size and time, it is not read: a cohort's scenes are many gigabytes. Copied files have
    other times, and then their content counts.

    Raises:
        OSError: it cannot be read.
    """
    status = path.stat()
    if status.st_size != known.get("bytes"):
        return False
    if status.st_mtime_ns == known.get("mtime_ns"):
        return True
    return fingerprint(path)["sha256"] == known.get("sha256")


def differences(kept: Receipt, now: Receipt) -> list[str]:
    """In what a result differs from what would be made now, as parts of a sentence."""
    return [said for key, said in MADE_FROM.items() if kept[key] != now[key]]


def same_image(kept: Receipt, case: Case, now: Receipt | None, outputs: Path) -> bool:
    """Whether a receipt is of the CT that the list names, changed or not.

    It is the same at the same place, also where CTs and results were moved together, and where
    its files are the same ones and nothing is at the old place any more. Receipts of the first
    form know no place: there the list's words count.

    Args:
        kept: the receipt in the case's folder.
        case: as the list has it.
        now: the receipt that the case would get, None where its CT is not there.
        outputs: the batch's folder.
    """
    if "path" not in kept:
        return bool(kept["image"] == case.image)
    place, old = _plain(case.source.path), Path(kept["path"])
    if place == old or _same_file(place, old):
        return True
    try:
        # The old output's place to the old CT's, and the same today.
        steps = os.path.relpath(old, kept["output"])
        if os.path.relpath(place, _plain(outputs)) == steps:
            return True
    except ValueError:  # two drives of Windows
        pass
    return now is not None and kept["files"] == now["files"] and not old.exists()


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
