"""A folder of results that is written completely or not at all."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from ..errors import UnusableInput

MEASUREMENTS_JSON, MEASUREMENTS_CSV = "measurements.json", "measurements.csv"
REPORT_HTML, REPORT_PDF = "report.html", "report.pdf"
DERIVED = (MEASUREMENTS_JSON, MEASUREMENTS_CSV, REPORT_HTML, REPORT_PDF)

MAKER = "InnerEarSeg"
CSV_START = "side,key,label,"

_MARKS = {
    ".html": f'<meta name="generator" content="{MAKER}',
    ".htm": f'<meta name="generator" content="{MAKER}',
    ".pdf": f"/Creator ({MAKER})",
    ".json": f'"made_by": "{MAKER}',
    ".csv": CSV_START,
}


def is_ours(path: Path) -> bool:
    """Whether a file is a report or a table of measurements that this software wrote."""
    mark = _MARKS.get(path.suffix.lower())
    try:
        return mark is not None and mark.encode() in path.read_bytes()
    except OSError:
        return False


def was_added_to(pdf: Path) -> bool:
    """Whether somebody annotated, filled in or signed one of our PDFs.

    Such changes are appended with a further end mark, or the file is written anew by another
    program, which then calls itself its producer.
    """
    try:
        raw = pdf.read_bytes()
    except OSError:
        return False
    return raw.count(b"%%EOF") != 1 or b"/Producer" in raw  # ours names none


PREFIX = ".innerearseg-"
"""Begins the names of hidden folders in which files are made."""


class Moves:
    """Moves within one disk, taken back if anything is raised before the block ends.

    A file that another program holds open, as Windows does not let it go, then changes nothing.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Path, Path]] = []

    def move(self, source: Path, target: Path) -> None:
        """Move a file or folder to a place where nothing is.

        Raises:
            OSError: it cannot be moved; ``filename2`` is the one of the two that a user knows: the
                first, unless that is in a hidden folder.
        """
        try:
            source.replace(target)
        except OSError as error:
            hidden = any(part.startswith(PREFIX) for part in source.parts)
            error.filename2 = str(target if hidden else source)
            raise
        self._done.append((source, target))

    def __enter__(self) -> Moves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        for source, target in reversed(self._done):
            with suppress(OSError):  # one that is held now must not keep the others away
                target.replace(source)


OLD_S = 24 * 3600.0
"""Nothing writes for a day: by then it is left over, whoever made it."""

_NAME = re.compile(re.escape(PREFIX) + r"(?P<host>[^-]+)-(?P<pid>\d+)-(?P<start>\d+)-")


def make_stage(place: Path) -> Path:
    """A new hidden folder whose name says which process made it.

    The name and not a file within: a folder without its file would belong to nobody if the run
    were killed between the two.
    """
    owner = f"{PREFIX}{_host()}-{os.getpid()}-{_start(os.getpid())}-"
    return Path(tempfile.mkdtemp(prefix=owner, dir=place))


def replace_together(
    pairs: Iterable[tuple[Path, Path]], stage: Path, gone: Iterable[Path] = ()
) -> None:
    """Move files to their places, and put everything back if one of them cannot be moved.

    Args:
        pairs: each file in the stage with its place on the same disk, which may hold a file.
        stage: the hidden folder; what was in the places stays in it.
        gone: files that are to go.

    Raises:
        OSError: one could not be moved; all places are as they were. ``filename2`` is the file
            that could not be moved, by the name that a user knows.
    """
    with Moves() as moves:
        for number, (there, here) in enumerate([*pairs, *((None, path) for path in gone)]):
            if here.exists():
                moves.move(here, stage / f"before-{number}")
            if there is not None:
                moves.move(there, here)


def clean_stale(place: Path) -> None:
    """Remove what runs that were killed have left in a folder; those of living runs stay."""
    try:
        left = [path for path in place.iterdir() if path.name.startswith(PREFIX)]
    except OSError:
        return
    for path in left:
        if _is_stale(path):
            shutil.rmtree(path, ignore_errors=True)


def _is_stale(path: Path) -> bool:
    match = _NAME.match(path.name)
    # Windows cannot be asked for a process without harm (os.kill ends it).
    if match and match["host"] == _host() and sys.platform != "win32":
        return not _is_alive(int(match["pid"]), match["start"])
    try:
        return time.time() - path.stat().st_mtime > OLD_S
    except OSError:
        return False


def _is_alive(pid: int, start: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass  # it is another user's, so it lives
    # Numbers of processes are used again, with another start time.
    return _start(pid) == start


def _start(pid: int) -> str:
    """When a process started, in ticks since boot; 0 where the system does not say."""
    try:
        # The name in brackets may hold anything, also brackets.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return "0"


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:40] or "_"


LAST = "result.json"
"""Appears after all others and goes before them, so that its presence means a whole result."""

RECEIPT = "case.json"
"""What a run keeps beside its result, to know it again; see ``batch/receipt.py``."""

EARLIER = "earlier-"
"""How folders begin into which a result that somebody has worked on is set aside."""

MIN_FREE_BYTES = 1_000_000
"""No result with an ear is smaller."""

OWN_FILES = (
    LAST,
    "labyrinth.seg.nrrd",
    "landmarks_left.mrk.json",
    "landmarks_right.mrk.json",
    "scene.mrb",
    "labyrinth_left.npz",
    "labyrinth_right.npz",
    RECEIPT,
)

_NOBODYS = {"thumbs.db", "desktop.ini"}
"""Systems leave these in folders that were looked at."""


def visible_names(folder: Path) -> list[str]:
    """What a person sees in a folder, sorted; none where there is no folder.

    Hidden files and what was set aside earlier do not count.
    """
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    return [
        name
        for name in names
        if not name.startswith((".", EARLIER)) and name.lower() not in _NOBODYS
    ]


def earlier_folders(folder: Path) -> set[str]:
    """Names of the folders in it into which results were set aside."""
    try:
        return {path.name for path in folder.iterdir() if path.name.startswith(EARLIER)}
    except OSError:
        return set()


def earlier_place(folder: Path, name: str = "") -> Path:
    """A place of today's date that is not taken, for what must not be replaced.

    Args:
        folder: that it is in.
        name: of a file that goes there; empty for a folder.
    """
    day = f"{EARLIER}{time.strftime('%Y-%m-%d')}"
    end = f"-{name}" if name else ""
    place, count = folder / f"{day}{end}", 1
    while place.exists():
        count += 1
        place = folder / f"{day}-{count}{end}"
    return place


class Output:
    """Where a run's files go.

    A folder that is not there yet appears with all its files in one step, so that not even a kill
    leaves a part of a result. In a folder that exists, the files of an earlier run are replaced
    one by one, ``result.json`` going first and coming last; measurements and reports that were made
    from them go. If one of them cannot be replaced, or the run is cancelled, all are put back; only
    a kill in that moment leaves a folder without ``result.json``.

    Attributes:
        folder: where the files go.
        aside: once they are there, where what must not be replaced is now; None if nothing was.
    """

    aside: Path | None = None

    def __init__(
        self, folder: Path, to_keep: Callable[[Path], Sequence[str]] = lambda folder: ()
    ) -> None:
        """Check that the folder can be written, before any work is done.

        Args:
            folder: where the files go.
            to_keep: asked, once the new files are made, for names of what is in the folder and must
                not be replaced; it is set aside in a folder ``earlier-DATE`` in it.

        Raises:
            UnusableInput: if it is a file, or cannot be made or written, or something in it has
                the name of a result and is none.
        """
        try:
            self._to_keep = to_keep
            self.folder = Path(folder).resolve()
            if self.folder.exists() and not self.folder.is_dir():
                raise UnusableInput(f"{folder} is a file; --output needs a folder.")
            place = self._place()
            in_the_way = [name for name in OWN_FILES if (self.folder / name).is_dir()]
            open_for_writing = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
            if open_for_writing and not in_the_way:
                make_stage(place).rmdir()  # what the system allows is only known by trying
        except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
            reason = getattr(error, "strerror", None) or error
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {reason}."
            ) from None
        if not open_for_writing:
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {place} is no folder that is open "
                "for writing."
            )
        self.check_room(MIN_FREE_BYTES)
        if in_the_way:
            raise UnusableInput(
                f"The output folder {folder} cannot be written: {in_the_way[0]} in it is a folder."
            )

    def check_room(self, needed: int) -> None:
        """Refuse a disk that cannot hold a result, before time is spent on making it.

        Args:
            needed: bytes, at least.

        Raises:
            UnusableInput: if fewer are free.
        """
        try:
            free = shutil.disk_usage(self._place()).free
        except OSError:
            return  # then writing will tell
        if free < needed:
            raise UnusableInput(
                f"The output folder {self.folder} cannot be written: its disk is full, "
                f"{free / 1e6:.1f} MB are free and {needed / 1e6:.1f} MB needed."
            )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write into; its files move to the output folder if nothing was raised.

        Raises:
            UnusableInput: if the disk is full or the folder cannot be written.
        """
        stage, inner = None, self.folder
        try:
            place = self._place()
            clean_stale(place)
            # In the output folder or as near as there is one: on the same disk, so that moving is
            # renaming.
            stage = make_stage(place)
            inner = stage / "new" / self.folder.relative_to(place)
            inner.mkdir(parents=True)
            yield inner
            self._publish(stage, inner, place)
        except OSError as error:
            raise UnusableInput(self._why_not(error)) from None
        except UnusableInput as error:
            if stage is None:
                raise
            # The hidden folder is no place that a user knows.
            said = str(error).replace(str(inner), str(self.folder))
            raise UnusableInput(said) from None
        finally:
            if stage is not None:
                shutil.rmtree(stage, ignore_errors=True)

    def _place(self) -> Path:
        """The output folder, or the nearest above it that exists."""
        place = self.folder
        while not place.exists():
            place = place.parent
        return place

    def _why_not(self, error: OSError) -> str:
        reason = error.strerror or str(error)
        known = Path(error.filename2) if error.filename2 else None
        if known is None or not known.is_relative_to(self.folder) or known == self.folder:
            return f"The output folder {self.folder} cannot be written: {reason}."
        return (
            f"{known} cannot be replaced: {reason}. All is as it was; close it where it is open, "
            "or choose another --output."
        )

    def _publish(self, stage: Path, inner: Path, place: Path) -> None:
        missing = self.folder.relative_to(place).parts
        if missing and not (place / missing[0]).exists():
            (stage / "new" / missing[0]).rename(place / missing[0])
            return
        self.folder.mkdir(parents=True, exist_ok=True)  # another run may have made it meanwhile
        self._replace(inner, stage / "before")

    def _replace(self, inner: Path, before: Path) -> None:
        """Replace the files of an earlier run by those of this one, all or none.

        Args:
            inner: holds the new files.
            before: a folder to be made, for what they replace.
        """
        before.mkdir()
        kept = self._to_keep(self.folder)
        aside = earlier_place(self.folder) if kept else None
        if aside is not None:
            aside.mkdir()
        try:
            with Moves() as moves:
                # Without its receipt, what a kill leaves in place is taken for somebody's work.
                for name in sorted(kept, key=lambda name: (name != LAST, name != RECEIPT, name)):
                    assert aside is not None
                    moves.move(self.folder / name, aside / name)
                for name in (*OWN_FILES, *self._derived()):  # LAST is the first of them
                    if os.path.lexists(self.folder / name):
                        moves.move(self.folder / name, before / name)
                for path in sorted(inner.iterdir(), key=lambda path: path.name == LAST):
                    moves.move(path, self.folder / path.name)
        except BaseException:
            if aside is not None:
                with suppress(OSError):
                    aside.rmdir()
            raise
        self.aside = aside

    def _derived(self) -> list[str]:
        """Our reports and tables of the result that goes; nobody should file them with another."""
        return [name for name in DERIVED if is_ours(self.folder / name)]
