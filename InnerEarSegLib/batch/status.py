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
    LAST,
    MANIFEST,
    MEASUREMENTS_JSON,
    is_unchanged,
    names_in,
    read_manifest,
)
from ..io.volume import files_read, is_image_file
from .cohort import Case
from .summary import Row, Status, can_show

SCENE = "scene.mrb"
AGAIN = "--again does it anew and sets these files aside."
BEFORE = (
    "The values here are from before the scene was changed: `innerearseg report` on its folder, "
    "then the batch again, bring in what the scene says now. If report refuses that scene, as "
    "without the landmarks of any ear, the values stay these; --again makes new ones and sets "
    "these files aside."
)
NO_COUNT = (
    "Edits of these files do not count, as only the scene is read: correct scene.mrb in 3D Slicer, "
    "save it in its place, then `innerearseg report` on its folder and the batch again."
)
_UNREAD = {"labyrinth.seg.nrrd", "landmarks_left.mrk.json", "landmarks_right.mrk.json"}
"""Copies of what the scene holds, for other programs."""
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
    """

    folder: Path
    manifest: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    measurements: dict[str, Any] | None = None
    outdated: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()

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
        return Row(case, image, status, self._remark(why), "", self.result, self.measurements)

    def _remark(self, why: Sequence[str]) -> str:
        """What to know about the files, in sentences; empty where they are unchanged."""
        groups = ("changed", self.changed), ("added", self.added)
        text = "; ".join(f"{how} since: {_some(names)}" for how, names in groups if names)
        sentences = []
        if why:
            model = (self.result or {}).get("model", {})
            made = f"{model.get('name', 'an unknown model')} {model.get('version', '')}".strip()
            version = (self.manifest or {}).get("version", "of an unknown version")
            now = f"Made by {made}, InnerEarSeg {version}; now {' and '.join(why)}."
            sentences += [f"Kept: {text}.", now, AGAIN]
        elif text:
            sentences.append(f"{text[:1].upper()}{text[1:]}.")
        touched = {*self.changed, *self.added}
        newer = True
        with suppress(OSError):
            measured = (self.folder / MEASUREMENTS_JSON).stat().st_mtime_ns
            newer = (self.folder / SCENE).stat().st_mtime_ns > measured
        if SCENE in touched and newer:
            sentences.append(BEFORE)
        elif SCENE not in self.changed and _UNREAD & touched:
            sentences.append(NO_COUNT)
        return " ".join(sentences)


def status_of(folder: Path, case: Case | None = None, model: str = "") -> CaseStatus:
    """Look at a case's folder, which may be missing.

    Args:
        folder: in the batch's folder.
        case: as the list has it; None for a case of another list, which is never outdated.
        model: SHA-256 of the model file.
    """
    result, measurements = _content(folder / LAST), _content(folder / MEASUREMENTS_JSON)
    manifest = read_manifest(folder)
    if manifest is None or not {"image", *_MADE_FROM} <= manifest.keys():
        return CaseStatus(folder, None, result, measurements)
    outdated = []
    if case is not None:
        outdated = ["its CT is not there"]
        with suppress(OSError):  # trying it says why
            now = {**about(case, folder.parent, manifest), "model": model}
            outdated = [said for key, said in _MADE_FROM.items() if manifest[key] != now[key]]
    whole = {LAST: result is not None, MEASUREMENTS_JSON: measurements is not None}
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
    lists = map(tuple, (outdated, changed, added, broken))
    return CaseStatus(folder, manifest, result, measurements, *lists)


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
    both = (content, None) if path.name == LAST else (None, content)
    return content if can_show(*both) else None


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    return ", ".join(names[:_NAMES_SHOWN]) + more
