"""Write results so that no file of the user is lost.

Files are made in a hidden folder and appear in one step. What they would replace is replaced only
if a manifest of SHA-256 shows that this software wrote it and that it was not changed since.
Anything else is renamed to NAME-earlier-DATE, and a sentence says so.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from .. import __version__, interrupts
from ..errors import UnusableInput
from ..process import HIDDEN, remove_stale_folders, temporary

MAKER = "InnerEarSeg"
MADE_BY = f"{MAKER} {__version__}"
RESULT_JSON = "result.json"
"""Its presence means a whole result."""
MANIFEST = "case.json"
"""In a result folder: its files by SHA-256, and what they were made from."""
NOTES = ".innerearseg.json"
"""In any other folder: SHA-256 of the single files that were written there."""
MEASUREMENTS_JSON, MEASUREMENTS_CSV = "measurements.json", "measurements.csv"
REPORT_HTML = "report.html"
SCENE_FILE, SEGMENTATION_FILE = "scene.mrb", "labyrinth.seg.nrrd"
LANDMARKS_FILES = {"left": "landmarks_left.mrk.json", "right": "landmarks_right.mrk.json"}
CORRECTABLE = (SCENE_FILE, *LANDMARKS_FILES.values(), SEGMENTATION_FILE)
"""Files of a result that the user corrects in 3D Slicer."""
THUMBNAILS = {"left": "thumbnail_left.jpg", "right": "thumbnail_right.jpg"}
"""Pictures of the ears for a cohort's page, in the folders of its cases."""

MIN_FREE_BYTES = 1_000_000
"""No result with an ear is smaller."""

_OF_SYSTEMS = {".ds_store", "thumbs.db", "desktop.ini"}


class ResultFolder:
    """A folder that results are written to.

    Attributes:
        folder: its resolved path.
        earlier: where files and folders are now that had to be set aside.
        of_other_cts: those of them that are the result of another CT.
        removed: unchanged files of an earlier run that were removed.
    """

    def __init__(self, folder: Path) -> None:
        """Refuse a folder that cannot be made or written, before any work is done."""
        self.earlier: list[Path] = []
        self.of_other_cts: set[Path] = set()
        self.removed: list[Path] = []
        try:
            self.folder = Path(folder).resolve()
            if self.folder.exists() and not self.folder.is_dir():
                raise NotADirectoryError(20, "it is a file")
            place = self._existing()
            if not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
                raise PermissionError(13, f"{place} is no folder that is open for writing")
            with temporary(place):
                pass  # only trying shows what the system allows
        except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
            reason = getattr(error, "strerror", None) or error
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {reason}."
            ) from None
        self.check_room(MIN_FREE_BYTES)

    def check_room(self, needed: int) -> None:
        """Refuse a disk with less free space than a result needs, in bytes."""
        try:
            free = shutil.disk_usage(self._existing()).free
        except OSError:
            return  # writing will tell
        if free < needed:
            raise UnusableInput(
                f"The output folder {self.folder} cannot be written: its disk is full, "
                f"{free / 1e6:.1f} MB are free and {needed / 1e6:.1f} MB needed."
            )

    @property
    def sentences(self) -> list[str]:
        """What was set aside, a sentence each."""
        edited = "What was there before, and may have been edited, is now"
        other = "The result of another CT, which was there before, is now"
        return [f"{other if x in self.of_other_cts else edited} {x}." for x in self.earlier]

    @contextmanager
    def replacing(self, about: Mapping[str, Any]) -> Iterator[Path]:
        """Give a new folder to write into; it takes the result folder's place as a whole.

        What was there is deleted if its manifest has the same ``ct_sha256`` and all its files are
        unchanged, else it is renamed. ``about`` says in the manifest what the files are made from.

        Raise UnusableInput if it cannot be written; all is then as it was.
        """
        # A mount cannot be renamed, and an empty folder keeps its permissions.
        inside = self.folder.is_dir() and (
            os.path.ismount(self.folder)
            or not os.access(self.folder.parent, os.W_OK | os.X_OK)
            or not names_in(self.folder)
        )
        with self._stage(inside) as (stage, new):
            yield new
            _write_manifest(new, about)
            with interrupts.held():
                self._replace_by(new, stage / "before", inside, about.get("ct_sha256"))

    def _replace_by(self, new: Path, before: Path, inside: bool, ct_sha256: str | None) -> None:
        """Let ``new`` take the folder's place; what was there goes to ``before`` or is kept."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        aside, names = None, names_in(self.folder)
        if names:
            aside = earlier_path(self.folder / self.folder.name if inside else self.folder)
        with Moves() as moves:
            if not inside:
                if aside:
                    moves.move(self.folder, aside)
                moves.move(new, self.folder)
            else:
                if aside:
                    moves.move_files(self.folder, aside, names)
                last = sorted(names_in(new), key=lambda name: name == RESULT_JSON)
                moves.move_files(new, self.folder, last)
        interrupts.wrote(self.folder)
        if aside is not None and is_own(aside, ct_sha256):
            # Checked after the renaming: a program may save into it until then.
            aside.rename(before)
        elif aside is not None:
            self.earlier.append(aside)
            of = (read_manifest(aside) or {}).get("ct_sha256")
            if None not in (of, ct_sha256) and of != ct_sha256:
                self.of_other_cts.add(aside)

    @contextmanager
    def adding(self, obsolete: Iterable[str] = ()) -> Iterator[Path]:
        """Give a folder to write files into; they are added to the result folder together.

        A file of the same name is replaced if it is as it was written, else renamed.

        Args:
            obsolete: names of files that an earlier run may have written: unchanged ones are
                removed, changed ones renamed, and others stay.

        Raise UnusableInput if it cannot be written; all is then as it was.
        """
        with self._stage(inside=True) as (stage, new):
            yield new
            names = names_in(new)
            known = _known(self.folder)
            gone = {*obsolete} - {*names}
            notes = {name: digests for name, digests in known.items() if name not in gone}
            notes |= {name: [_sha256(new / name), *known.get(name, [])[:2]] for name in names}
            (stage / NOTES).write_text(json.dumps(notes, indent=2), encoding="utf-8")
            before, earlier, removed = stage / "before", [], []
            before.mkdir()
            with interrupts.held(), Moves() as moves:
                self.folder.mkdir(parents=True, exist_ok=True)
                for name in (*names, *sorted(gone)):
                    path = self.folder / name
                    if not os.path.lexists(path):
                        continue
                    if path.is_file() and _sha256(path) in known.get(name, ()):
                        moves.move(path, before / name)
                        removed += [path] if name in gone else []
                    elif name in names or name in known:
                        earlier.append(earlier_path(path))
                        moves.move(path, earlier[-1])
                # First, so that a kill from here on leaves files that are known.
                (stage / NOTES).replace(self.folder / NOTES)
                moves.move_files(new, self.folder, names)
                interrupts.wrote(self.folder)
            self.earlier += earlier
            self.removed += removed

    def _existing(self) -> Path:
        """The folder, or the nearest above it that exists."""
        return next(each for each in (self.folder, *self.folder.parents) if each.exists())

    @contextmanager
    def _stage(self, inside: bool) -> Iterator[tuple[Path, Path]]:
        """A hidden folder, and the folder in it that is to become the result folder."""
        new = self.folder
        try:
            place = self._existing()  # on the same disk: moving is renaming
            if place == self.folder and not inside:
                place = place.parent
            remove_stale_folders(place)
            with temporary(place) as stage:
                new = stage / "new"
                new.mkdir()
                yield stage, new
        except OSError as error:
            reason = error.strerror or str(error)
            if not error.filename2:
                raise UnusableInput(
                    f"The output folder {self.folder} cannot be written: {reason}."
                ) from None
            raise UnusableInput(
                f"{error.filename2} cannot be replaced: {reason}. All is as it was; close it where "
                "it is open, or choose another --output."
            ) from None
        except UnusableInput as error:
            # The user does not know the hidden folder.
            raise UnusableInput(str(error).replace(str(new), str(self.folder))) from None


class Moves(ExitStack):
    """Moves within one disk, taken back if anything is raised before the block ends.

    On Windows a file that another program holds open cannot be moved; then nothing changes.
    """

    def move(self, source: Path, target: Path) -> None:
        """Move a file or folder to an unused path; an error's ``filename2`` is the user's path."""
        try:
            source.replace(target)
        except OSError as error:
            hidden = any(part.startswith(HIDDEN) for part in source.parts)
            error.filename2 = str(target if hidden else source)
            raise
        self.callback(_try, target.replace, source)

    def move_files(self, source: Path, target: Path, names: Iterable[str]) -> None:
        """Move what has these names from one folder to another, made if it is missing."""
        if not target.exists():
            target.mkdir()
            self.callback(_try, target.rmdir)
        for name in names:
            self.move(source / name, target / name)

    def __exit__(self, kind: Any, *error: Any) -> bool | None:
        if kind is None:
            self.pop_all()
        return super().__exit__(kind, *error)


def _try(action: Callable[..., object], *arguments: Path) -> None:
    with suppress(OSError):  # one that fails must not keep the others from being moved back
        action(*arguments)


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder, sorted, without those that a system or a run left.

    A missing folder has none, and what was set aside in a mounted one does not count.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    aside = f"{folder.name}-earlier-"
    return [
        name
        for name in names
        if not name.startswith((HIDDEN, "._", aside)) and name.lower() not in {*_OF_SYSTEMS, NOTES}
    ]


def earlier_path(path: Path) -> Path:
    """Return an unused backup path of today's date beside a file or folder."""
    stem, suffix = (path.stem, path.suffix) if path.is_file() else (path.name, "")
    day = time.strftime("%Y-%m-%d")
    counted = itertools.chain([""], (f"-{count}" for count in itertools.count(2)))
    places = (path.with_name(f"{stem}-earlier-{day}{more}{suffix}") for more in counted)
    return next(place for place in places if not os.path.lexists(place))


def seal(content: Mapping[str, Any]) -> str:
    """Return a JSON object as text with the SHA-256 of the rest as its last item."""
    text = json.dumps(content, indent=2)
    return json.dumps({**content, "sha256": hashlib.sha256(text.encode()).hexdigest()}, indent=2)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return a result folder's manifest; None without an unchanged one."""
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        content: dict[str, Any] = json.loads(text)
        # Without a seal where version 0.1.0 wrote it: reviewed cohorts must stay known.
        sealed = content.pop("sha256", None) is None or seal(content) == text
        if sealed and all(name == Path(name).name for name in content["results"]):
            return content
    return None


def is_own(folder: Path, ct_sha256: str | None) -> bool:
    """Return whether a folder holds only what a run on a CT wrote, unchanged."""
    manifest, names = read_manifest(folder), names_in(folder)
    if manifest is None or manifest.get("ct_sha256") != ct_sha256:
        return not names
    try:
        return all(
            name == MANIFEST or is_unchanged(folder / name, manifest["results"][name], whole=True)
            for name in names
        )
    except (OSError, KeyError, TypeError):
        return False


def is_unchanged(path: Path, known: Mapping[str, Any], *, whole: bool = False) -> bool:
    """Return whether a file is the one that a manifest has.

    A file of the same size and time is read only if ``whole``: a cohort's scenes are large.
    """
    status = path.stat()
    if status.st_size != known["bytes"]:
        return False
    if status.st_mtime_ns == known["mtime_ns"] and not whole:
        return True
    return bool(_sha256(path) == known["sha256"])


def known_as(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file: its size, time and SHA-256."""
    status = path.stat()
    return {"bytes": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": _sha256(path)}


def is_noted(path: Path) -> bool:
    """Whether a file is as a later run than that of the manifest wrote it into its folder."""
    with suppress(OSError, ValueError, AttributeError, TypeError):
        notes = json.loads((path.parent / NOTES).read_text(encoding="utf-8"))
        return path.name in notes and _sha256(path) == notes[path.name][0]
    return False


def _write_manifest(new: Path, about: Mapping[str, Any]) -> None:
    results = {}
    for path in sorted(new.iterdir()):  # without subfolders
        results[path.name] = known_as(path)
    content = {"made_by": MADE_BY, **about, "results": results}
    (new / MANIFEST).write_text(seal(content), encoding="utf-8")


def _known(folder: Path) -> dict[str, list[str]]:
    """SHA-256 of what was written into a folder, by name."""
    manifest = read_manifest(folder) or {"results": {}}
    known = {name: [str(each["sha256"])] for name, each in manifest["results"].items()}
    with suppress(OSError, ValueError, AttributeError, TypeError):
        notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
        for name, digests in notes.items():
            known[name] = [*map(str, digests), *known.get(name, [])]
    return known


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
