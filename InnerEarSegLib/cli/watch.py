"""A worker that ends when whoever started it is gone.

The panel holds the worker's standard input open. It closes with the panel, with Slicer, and with
the launcher between the two, however they end and on every system, where signals and process
groups do not reach: a child whose launcher died on Windows belongs to nobody.
"""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time

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
