"""Signals and standard input that cancel a process, and stderr kept free of libraries' output."""

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
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from .errors import Cancelled

STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what GDCM, codecs, VTK and MRML print from stderr."""
    try:
        kept = os.dup(STDERR)
    except OSError:  # there is no stderr: nothing to keep quiet
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), STDERR)
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


def cancel_on_kill() -> None:
    """Make SIGTERM and SIGHUP raise ``Cancelled`` in the main thread."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _cancel)


def _cancel(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    raise Cancelled("Cancelled.")


HELLO = b"watch\n"
"""What the parent writes first; without it, the end of standard input means nothing."""

GRACE_SECONDS = 1.0
"""For removing unfinished files before the process ends in any case."""

CANCELLED = 130


def end_with_stdin(descriptor: int = 0) -> None:
    """Cancel this process once its standard input ends, as when the parent closes it or dies."""
    threading.Thread(target=_watch, args=(descriptor,), daemon=True).start()


def _watch(descriptor: int) -> None:
    # Not sys.stdin: a daemon thread that waits in it would hold a lock that Python needs at exit.
    heard = b""
    try:
        while piece := os.read(descriptor, 1024):
            heard = (heard + piece)[: len(HELLO)]
    except OSError:
        pass
    if heard.replace(b"\r", b"") != HELLO:
        return
    _thread.interrupt_main(signal.SIGTERM)
    time.sleep(GRACE_SECONDS)  # the main thread may be in code that does not listen
    os._exit(CANCELLED)


_PREFIX = "ies-"


def temporary_folder() -> Path:
    """Return a new folder that ``remove_stale_folders`` removes once this process has ended.

    It lies directly in the system's temporary folder: long paths break on Windows.
    """
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def remove_stale_folders() -> None:
    """Remove what ``temporary_folder`` made for processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = path.name[len(_PREFIX) :].partition("-")[0]
        if number.isdecimal() and path.is_dir() and not is_running(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def is_running(process: int) -> bool:
    """Whether a process of this number runs."""
    if sys.platform == "win32":  # os.kill would end it there
        import ctypes

        kernel, code = ctypes.windll.kernel32, ctypes.c_ulong()
        handle = kernel.OpenProcess(0x1000, False, process)  # for asking only
        asked = handle and kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        if handle:
            kernel.CloseHandle(handle)
        return bool(asked) and code.value == 259  # STILL_ACTIVE
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is another user's
    return True
