"""Which cases need not be done again: a receipt in each case's folder says what made its files."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from .. import __version__
from ..output import LAST, RECEIPT
from .cohort import Case

_WHOLE = (".nrrd", ".nii", ".nii.gz", ".mha")
"""Files that are a CT by themselves; others belong to files beside them."""

Receipt = dict[str, Any]


def receipt_of(case: Case, model: str, outputs: Path) -> Receipt:
    """What a result depends on.

    Args:
        case: which CT. What is taken of it are names, sizes and times of its files, not their
            content: a cohort has terabytes.
        model: SHA-256 of the model file.
        outputs: the batch's folder, whose files never count as a CT's.

    Raises:
        OSError: the CT cannot be listed.
    """
    digest = hashlib.sha256()
    for name, path in _files(case.source.path, outputs):
        status = path.stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace"))
    return {
        "image": case.image,
        "files": digest.hexdigest(),
        "options": dict(case.options),
        "model": model,
        "version": __version__,
    }


def _files(path: Path, outputs: Path) -> list[tuple[str, Path]]:
    if path.is_file() and path.name.lower().endswith(_WHOLE):
        return [(path.name, path)]
    found = []
    # A folder is read with those below it; a file of DICOM or a detached header, with its siblings.
    deep = path.is_dir()
    root = path if deep else path.parent
    if not path.exists():
        raise FileNotFoundError(path)
    for folder, below, names in os.walk(root):
        here = Path(folder)
        below[:] = sorted(name for name in below if deep and (here / name) != outputs)
        found += [
            (str((here / name).relative_to(root)), here / name)
            for name in sorted(names)
            if (here / name).is_file()
        ]
    return found


def write_receipt(receipt: Receipt, folder: Path) -> None:
    """Write a receipt among the files that are to appear with it."""
    receipt = receipt | {"results": sorted(path.name for path in folder.iterdir())}
    (folder / RECEIPT).write_text(json.dumps(receipt, indent=2), encoding="utf-8")


def finished(folder: Path, receipt: Receipt) -> dict[str, Any] | None:
    """The content of a case's ``result.json``, if that is a whole result of this very CT.

    Returns:
        None where a file is missing or empty, or was made from other files, with other options,
        by another model or version.
    """
    there = content_of(folder / LAST)
    try:
        kept = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        names = kept.pop("results")
        whole = all((folder / name).stat().st_size > 0 for name in names)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if there is None or kept != receipt or not whole:
        return None
    return there


def content_of(path: Path) -> dict[str, Any] | None:
    """A JSON file with the ears of a CT; None without a readable one."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) and "ears" in content else None
