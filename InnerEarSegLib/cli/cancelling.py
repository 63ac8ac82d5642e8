"""A polite kill is a cancel: what is unfinished is taken away on the way out."""

from __future__ import annotations

import signal
from types import FrameType

from ..errors import Cancelled


def cancel_on_kill() -> None:
    """From now on, SIGTERM and SIGHUP raise ``Cancelled`` in the main thread."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _cancel)


def _cancel(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second one must not stop the cleaning up
    raise Cancelled("Cancelled.")
