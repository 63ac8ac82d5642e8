"""Hidden folders in which a run's files are made, and those that killed runs left."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from .moves import PREFIX, Moves

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
