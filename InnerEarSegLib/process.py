"""Signals and standard input that cancel a process, and stderr kept free of libraries' output."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Cancelled

STDERR = 2


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing that GDCM, a codec, VTK or MRML prints reaches stderr."""
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
    """From now on, SIGTERM and SIGHUP raise ``Cancelled`` in the main thread."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _cancel)


def _cancel(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    raise Cancelled("Cancelled.")


HELLO = b"watch\n"
"""What the other side writes first: an input that was closed from the start says nothing."""

GRACE_SECONDS = 1.5
"""For taking unfinished files away before the process is ended as it is."""

CANCELLED = 130


def end_with_stdin(descriptor: int = 0) -> None:
    """Watches standard input from now on; its end is a cancel."""
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
