"""Signals and standard input that cancel a process, quiet stderr, and temporary folders."""

from __future__ import annotations

import _thread
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from .errors import Cancelled

HELLO = b"watch\n"  # the parent writes it first; else the end of stdin means nothing
GRACE_SECONDS = 1.0  # for removing unfinished files before the process ends in any case
CANCELLED = 130
_PREFIX = "ies-"


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what GDCM, codecs, VTK and MRML print from stderr."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


_asked = threading.Event()
"""Set once a signal has asked to cancel: a library may swallow what its handler raises."""


def cancel_on_kill(*, ctrl_c: bool = False) -> None:
    """Make SIGTERM and SIGHUP, and Ctrl-C if wanted, raise ``Cancelled`` in the main thread.

    Once: a second signal does not stop the cleaning up. ``check_cancelled`` raises it again.
    """
    _asked.clear()
    names = {"SIGTERM", "SIGHUP", *(["SIGINT"] if ctrl_c else [])} & set(dir(signal))
    numbers = [getattr(signal, name) for name in names]  # Windows has no SIGHUP

    def cancel(number: int, frame: FrameType | None) -> None:
        for each in numbers:
            signal.signal(each, signal.SIG_IGN)
        _asked.set()
        raise Cancelled("Cancelled.")

    for each in numbers:
        signal.signal(each, cancel)


def check_cancelled() -> None:
    """Raise ``Cancelled`` if a signal asked for it, also where a library swallowed that."""
    if _asked.is_set():
        raise Cancelled("Cancelled.")


def end_with_stdin(descriptor: int = 0) -> None:
    """Cancel this process once its standard input ends, as when the parent closes it or dies."""

    def watch() -> None:
        # Not sys.stdin: a waiting daemon thread would hold a lock that Python needs at exit.
        heard = b""
        with suppress(OSError):
            while piece := os.read(descriptor, 1024):
                heard = (heard + piece)[: len(HELLO)]
        if heard.replace(b"\r", b"") == HELLO:
            _thread.interrupt_main(signal.SIGTERM)
            time.sleep(GRACE_SECONDS)  # the main thread may be in code that does not listen
            os._exit(CANCELLED)

    threading.Thread(target=watch, daemon=True).start()


def temporary_folder() -> Path:
    """Return a new folder that ``remove_stale_folders`` removes once this process has ended."""
    # Directly in the system's temporary folder: long paths break on Windows.
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def remove_stale_folders() -> None:
    """Remove what ``temporary_folder`` made for processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = path.name[len(_PREFIX) :].partition("-")[0]
        if number.isdecimal() and path.is_dir() and not _is_running(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def _is_running(process: int) -> bool:
    if sys.platform == "win32":  # os.kill would end it there
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x100000, False, process)  # SYNCHRONIZE: for waiting only
        running = bool(handle) and kernel.WaitForSingleObject(handle, 0) == 0x102  # still runs
        kernel.CloseHandle(handle)
        return running
    try:
        os.kill(process, 0)
    except (OSError, OverflowError) as error:  # any other: it is another user's
        return not isinstance(error, ProcessLookupError)
    return True
