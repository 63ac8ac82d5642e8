"""What is in a case's folder: finished, to do, or to be kept as the user worked on it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import __version__
from ..io.dicom_series import DICOMDIR
from ..io.result_folder import (
    CORRECTABLE,
    MANIFEST,
    MEASUREMENTS_JSON,
    RESULT_JSON,
    is_noted,
    is_unchanged,
    names_in,
    read_manifest,
)
from ..io.volume import files_read, is_image_file
from .cohort import Case
from .summary import Row, Status
from .tables import can_show

AGAIN = "--again does it anew and sets these files aside."
UNCOUNTED = (
    "The values here are from before {} was corrected; `innerearseg update` on the cohort's folder "
    "brings it in."
)
_NAMES_SHOWN = 3

_MADE_FROM = {
    "files": "the CT's files are not those any more",
    "options": "the list names another series or place to look",
    "model": "the model is another",
    "version": "InnerEarSeg is of another version",
}
"""What a result depends on, and what to say where it has changed."""


@dataclass(frozen=True)
class CaseStatus:
    """A case's folder.

    Attributes:
        manifest: None without one of a batch.
        result: content of ``result.json``; None without a whole one.
        measurements: content of ``measurements.json``; None without a whole one.
        outdated: why the result would be another today, as parts of a sentence.
        changed: names of files that have another content than the manifest says.
        added: names of files and folders that the manifest does not have.
        broken: names of files that are gone, empty, or not whole.
        noted: which of the changed and added ones a later run of this software wrote.
        uncounted: names of files with corrections that the measurements are not made from.
    """

    folder: Path
    manifest: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    measurements: dict[str, Any] | None = None
    outdated: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    noted: tuple[str, ...] = ()
    uncounted: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """Of a case that is listed no more, or that is not to be done."""
        if self.result is None:
            return "pending"
        return "done" if self.result["ears"] else "no ear"

    def row(self, case: Case) -> Row | None:
        """Return its row; None if it is to be done.

        It is not to be done where its files are whole and of this CT, model and version, and
        never where the user worked on them.
        """
        if self.manifest is None or self.result is None:
            return None
        why = list(self.outdated)
        if not why and not self.broken:
            return self.as_row(case.name, case.image, self.status)
        if not self.changed and not self.added:
            return None
        if self.broken:
            why.append(f"these files are gone or damaged: {_some(self.broken)}")
        return self.as_row(case.name, case.image, "kept", why)

    def as_row(self, case: str, image: str, status: Status, why: Sequence[str] = ()) -> Row:
        """Return a row with the folder's values; ``why`` it would be done again, if it is kept."""
        manifest = self.manifest or {}
        return Row(
            case,
            image,
            status,
            self._remark(why),
            result=self.result,
            measurements=self.measurements,
            ct=manifest.get("ct") or {},
            uncounted=self.uncounted,
            series=str((manifest.get("options") or {}).get("series", "")),
        )

    def _remark(self, why: Sequence[str]) -> str:
        """What to know about the files, in sentences; empty where they are unchanged."""
        groups = ("changed", self.changed), ("added", self.added)
        hands = [(how, [x for x in names if x not in self.noted]) for how, names in groups]
        shown = groups if why else hands
        text = "; ".join(f"{how} since: {_some(names)}" for how, names in shown if names)
        sentences = []
        if why:
            model = (self.result or {}).get("model", {})
            made = f"{model.get('name', 'an unknown model')} {model.get('version', '')}".strip()
            version = (self.manifest or {}).get("version", "of an unknown version")
            now = f"Made by {made}, InnerEarSeg {version}; now {' and '.join(why)}."
            sentences += [f"Kept: {text}.", now, AGAIN]
        elif text:
            sentences.append(f"{text[:1].upper()}{text[1:]}.")
        if self.uncounted:
            sentences.append(UNCOUNTED.format(" and ".join(self.uncounted)))
        return " ".join(sentences)


def status_of(folder: Path, case: Case | None = None, model: str = "") -> CaseStatus:
    """Look at a case's folder, which may be missing.

    Args:
        folder: in the batch's folder.
        case: as the list has it; None for a case of another list, which is never outdated.
        model: SHA-256 of the model file.
    """
    result, measurements = _content(folder / RESULT_JSON), _content(folder / MEASUREMENTS_JSON)
    manifest = read_manifest(folder)
    of_batch = manifest is not None and {"image", *_MADE_FROM} <= manifest.keys()
    if manifest is None or (case is not None and not of_batch):
        return CaseStatus(folder, None, result, measurements)
    outdated = []
    if case is not None:
        outdated = ["its CT is not there"]
        with suppress(OSError):  # trying it says why
            now = {**about(case, folder.parent, manifest), "model": model}
            outdated = [said for key, said in _MADE_FROM.items() if manifest[key] != now[key]]
    whole = {RESULT_JSON: result is not None, MEASUREMENTS_JSON: measurements is not None}
    changed, broken = [], []
    for name, known in manifest["results"].items():
        try:
            if not whole.get(name, True) or not (folder / name).stat().st_size:
                broken.append(name)
            elif not is_unchanged(folder / name, known):
                changed.append(name)
        except OSError:
            broken.append(name)
    added = [name for name in names_in(folder) if name not in {*manifest["results"], MANIFEST}]
    noted = [name for name in (*changed, *added) if is_noted(folder / name)]
    uncounted = _uncounted(folder, manifest, measurements, changed)
    lists = map(tuple, (outdated, changed, added, broken, noted, uncounted))
    return CaseStatus(folder, manifest, result, measurements, *lists)


def _uncounted(
    folder: Path,
    manifest: Mapping[str, Any],
    measurements: Mapping[str, Any] | None,
    changed: Sequence[str],
) -> list[str]:
    """Names of files that the user corrected after the measurements were made."""
    made_from = (measurements or {}).get("made_from", {})
    found = []
    for name in CORRECTABLE:
        with suppress(OSError, KeyError, TypeError):
            path = folder / name
            known = made_from.get(name)
            if known is None and name in manifest["results"]:
                fresh = name not in changed  # measured when it was found, and never again
            else:
                fresh = known is not None and is_unchanged(path, known)
            if path.is_file() and not fresh:
                found.append(name)
    return found


def about(case: Case, output: Path, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what a result depends on besides the model, for its manifest.

    Names, sizes and times of files stand for their content: a cohort has terabytes.

    Args:
        case: which CT.
        output: the batch's folder.
        known: a manifest to be compared with; it spares reading all headers of a DICOM folder in
            which nothing changed.

    Raises:
        OSError: the CT's files cannot be listed.
    """
    path, folder = case.source.path, None
    if not is_image_file(path):
        path.stat()
        folder = _digest(_beside(path, output), path)
    # In this order: a change between the two is seen the next time.
    if folder is not None and known is not None and known.get("folder") == folder:
        digest = known["files"]
    else:
        files: Iterable[Path] | None = files_read(path, case.source.series)
        if files is None:  # it cannot be read
            files = _beside(path) if path.is_dir() else [path]
        digest = _digest(files, path)
    return {
        "image": case.image,
        "path": os.path.normpath(path.absolute()),
        "output": os.path.normpath(output.absolute()),
        "files": digest,
        "folder": folder,
        "options": dict(case.options),
        "version": __version__,
    }


def _beside(path: Path, output: Path | None = None) -> Iterator[Path]:
    """A folder's files, with folders below that are not hidden, or a DICOM file's siblings."""
    root = path if path.is_dir() else path.parent
    deep = path.is_dir() or path.name.upper() == DICOMDIR
    for folder, below, _ in os.walk(root):
        here = Path(folder)
        below[:] = sorted(n for n in below if deep and n[0] != "." and here / n != output)
        yield from (here / name for name in names_in(here) if (here / name).is_file())


def _digest(files: Iterable[Path], path: Path) -> str:
    root = path if path.is_dir() else path.parent
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        name = file.relative_to(root).as_posix() if file.is_relative_to(root) else file.name
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode(errors="replace"))
    return digest.hexdigest()


def _content(path: Path) -> dict[str, Any] | None:
    """A JSON file with the ears of a CT; None where tables cannot show it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    both = (content, None) if path.name == RESULT_JSON else (None, content)
    return content if can_show(*both) else None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
