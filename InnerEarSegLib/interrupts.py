"""End the program when it is interrupted: at once, with nothing left behind, and in one sentence.

By default Python turns Ctrl-C into an exception, wherever the program is: in an import, in a
callback of a library in C, in the cleaning up after a first Ctrl-C. There it is lost, ends in a
traceback, or crashes a library that is half loaded. So the signal's handler itself undoes what must
not stay, and ends the process. It imports little: Ctrl-C may come while libraries load.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

CANCELLED = 130
GRACE_SECONDS = 1.0
"""How long the main thread may stay in code that does not listen, such as a library in C."""
MOST_SECONDS = 10.0
"""How long an interrupt may be put off."""

NOTHING = "nothing was written"
RESUMES = "the same command goes on from here"

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))

left = NOTHING
"""What is said of the files if the program is interrupted now."""
stderr = 2
"""Descriptor of the user's stderr: ``process.quiet`` moves it."""

_undo: dict[object, Callable[[], object]] = {}
_folders: set[Path] = set()
_ending = threading.RLock()
_owner = 0  # the process that listens; those that it forks do not
_held = 0
_raising = 0
_pending = False
_raised = False


def listen() -> None:
    """End this process on Ctrl-C and the signals that ask a process to end. Once, from main."""
    global _owner
    _owner = os.getpid()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup and a shell's background jobs
            signal.signal(number, _interrupted)


def watch() -> None:
    """End this process also where its main thread does not come back to Python for long."""
    import socket

    here, there = socket.socketpair()  # no pipe: Windows wants a socket
    there.setblocking(False)
    signal.set_wakeup_fd(there.detach(), warn_on_full_buffer=False)

    def wait() -> None:
        while heard := here.recv(64):
            if set(SIGNALS) & {*heard} and not _raising:
                time.sleep(GRACE_SECONDS)
                end()

    threading.Thread(target=wait, daemon=True).start()


def interrupt() -> None:
    """Interrupt this process, from a thread that is not the main one."""
    import _thread

    _thread.interrupt_main(signal.SIGTERM)  # does nothing without a Python handler
    time.sleep(GRACE_SECONDS)
    end()


def end() -> NoReturn:
    """Undo what is not finished, say what is left, and end this process now."""
    deadline = time.monotonic() + MOST_SECONDS
    while _held and time.monotonic() < deadline:
        time.sleep(0.02)
    _ending.acquire()  # never released: another thread that comes here waits for the end
    for action in reversed([*_undo.values()]):
        with suppress(Exception):
            action()
    if threading.current_thread() is threading.main_thread():
        with suppress(Exception):  # RuntimeError: it was interrupted in the middle of this
            sys.stdout.flush()
    if os.getpid() == _owner:
        with suppress(OSError):
            os.write(stderr, f"innerearseg: cancelled; {left}.\n".encode(errors="replace"))
    os._exit(CANCELLED)


def _interrupted(number: int, frame: FrameType | None) -> None:
    global _pending, _raised
    if os.getpid() != _owner:  # forked: what is to be undone is the parent's
        os._exit(CANCELLED)
    if _held:
        _pending = True
    elif not _raising:
        for number in SIGNALS:
            signal.signal(number, _ignore)
        end()
    elif not _raised:  # a second one must not stop the cleaning up
        _raised = True
        raise KeyboardInterrupt


def _ignore(number: int, frame: FrameType | None) -> None:
    """Not SIG_IGN: of a signal that is on its way already, Python would then print a warning."""


@contextmanager
def held() -> Iterator[None]:
    """Put an interrupt off to the end of the block, which must be short."""
    global _held, _pending
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if _pending and not _held:
            _pending = False
            _interrupted(signal.SIGINT, None)


@contextmanager
def raised() -> Iterator[None]:
    """Let the first interrupt raise KeyboardInterrupt: for code that ends in its own order."""
    global _raising, _raised
    _raising += 1
    _raised = False
    try:
        yield
    finally:
        _raising -= 1
        _raised = False


def check() -> None:
    """Raise KeyboardInterrupt again within ``raised``: a library may have swallowed the first."""
    if _raised:
        raise KeyboardInterrupt


@contextmanager
def undone(action: Callable[[], object]) -> Iterator[None]:
    """Call a function if the program is interrupted within the block."""
    key = object()
    _undo[key] = action
    try:
        yield
    finally:
        del _undo[key]


@contextmanager
def temporary(make: Callable[[], Path]) -> Iterator[Path]:
    """Make a folder that is gone after the block, however that ends.

    Args:
        make: makes the folder and returns its path.
    """
    import shutil

    key = object()
    try:
        with held():
            folder = make()
            _undo[key] = lambda: _remove(folder)
            _folders.add(folder)
        yield folder
    finally:
        if key in _undo:  # to the end: it may be interrupted while it is being removed
            shutil.rmtree(folder, ignore_errors=True)
            _folders.remove(folder)
            del _undo[key]


def _remove(folder: Path) -> None:
    import shutil

    for _ in range(5):  # a thread in C may still be writing there
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.05)


def wrote(folder: Path) -> None:
    """Note that files are in a folder now, for what is said on an interrupt."""
    global left
    if left == NOTHING and not any(other in folder.parents for other in _folders):
        left = f"what was written by then is in {folder}"
