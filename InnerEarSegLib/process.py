"""Standard input that cancels a process, quiet stderr, child processes, temporary folders."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from . import interrupts

HELLO = b"watch\n"  # the parent writes it first; else the end of stdin means nothing
HIDDEN, _PREFIX = ".innerearseg-", "ies-"
"""Begin the names of temporary folders: hidden ones beside results, and those of the system's."""
_MAKER = re.compile(r"(?P<host>[^-]+)-(?P<process>\d+)-(?P<start>\d+)-")
_OLD_SECONDS = 24 * 3600.0
"""Age at which a temporary folder of another machine is left over."""


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what GDCM, codecs, VTK and MRML print from stderr."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr: nothing to keep quiet
        yield
        return
    users = interrupts.stderr
    try:
        interrupts.stderr = kept if users == 2 else users
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        interrupts.stderr = users
        os.close(kept)


def end_with_stdin() -> None:
    """Cancel this process once its standard input ends, as when the parent closes it or dies."""

    def watch() -> None:
        # Not sys.stdin: a waiting daemon thread would hold a lock that Python needs at exit.
        heard = b""
        with suppress(OSError):
            while piece := os.read(0, 1024):
                heard = (heard + piece)[: len(HELLO)]
        if heard.replace(b"\r", b"") == HELLO:
            interrupts.interrupt()

    threading.Thread(target=watch, daemon=True).start()


def run_child(command: Sequence[str], folder: Path, timeout: float) -> int:
    """Run a command in a folder, without its output, and return how it ended.

    It ends with this process, also if that is interrupted.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it was ended after so many seconds.
    """
    nowhere = subprocess.DEVNULL
    with ExitStack() as stack:
        with interrupts.held():
            child = subprocess.Popen(
                command, cwd=folder, stdin=nowhere, stdout=nowhere, stderr=nowhere
            )
            stack.enter_context(interrupts.undone(lambda: _kill(child)))
            stack.enter_context(child)
            stack.callback(child.kill)
        return child.wait(timeout)


def _kill(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    with suppress(OSError, AttributeError):  # no child.wait: its lock may be taken
        os.waitpid(child.pid, 0)


def temporary(place: Path | None = None) -> AbstractContextManager[Path]:
    """Return a context manager of a ``temporary_folder`` that is gone after the block."""
    return interrupts.temporary(lambda: temporary_folder(place))


def temporary_folder(place: Path | None = None) -> Path:
    """Return a new folder that ``remove_stale_folders`` removes once this process has ended.

    It lies in the system's temporary folder, or hidden in ``place``.
    """
    start = f"{_host()}-{os.getpid()}-{started(os.getpid())}-"
    if place is None:
        # Directly in the system's temporary folder: long paths break on Windows.
        return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{start}"))
    return Path(tempfile.mkdtemp(prefix=f"{HIDDEN}{start}", dir=place))


def remove_stale_folders(place: Path | None = None) -> None:
    """Remove what ``temporary_folder`` made there for processes that were killed."""
    prefix, place = (_PREFIX, Path(tempfile.gettempdir())) if place is None else (HIDDEN, place)
    with suppress(OSError):
        for path in place.glob(f"{prefix}*"):
            match = _MAKER.match(path.name, len(prefix))
            if match is None:  # of another program
                continue
            if match["host"] == _host():
                stale = not is_running(int(match["process"]), match["start"])
            else:
                stale = time.time() - path.stat().st_mtime > _OLD_SECONDS
            if stale:
                shutil.rmtree(path, ignore_errors=True)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.]", "_", platform.node())[:40] or "_"


def is_running(process: int, start: str) -> bool:
    """Return whether a process lives that ``started`` at ``start``, not another of its number."""
    if sys.platform == "win32":  # os.kill would end it there
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x100000, False, process)  # SYNCHRONIZE: for waiting only
        running = bool(handle) and kernel.WaitForSingleObject(handle, 0) == 0x102  # timed out: runs
        kernel.CloseHandle(handle)
        return running
    try:
        os.kill(process, 0)
    except (OSError, OverflowError) as error:  # any other: it is another user's
        if isinstance(error, ProcessLookupError):
            return False
    return started(process) == start


def started(process: int) -> str:
    """Return when a process started, in ticks since boot; "0" where the system does not say."""
    try:
        # The name in brackets may hold anything, also brackets.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return "0"
