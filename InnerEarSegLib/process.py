"""Standard input that cancels a process, quiet stderr, child processes, temporary folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from . import interrupts

HELLO = b"watch\n"  # the parent writes it first; else the end of stdin means nothing
_PREFIX = "ies-"


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


def end_with_stdin(descriptor: int = 0) -> None:
    """Cancel this process once its standard input ends, as when the parent closes it or dies."""

    def watch() -> None:
        # Not sys.stdin: a waiting daemon thread would hold a lock that Python needs at exit.
        heard = b""
        with suppress(OSError):
            while piece := os.read(descriptor, 1024):
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


def temporary() -> AbstractContextManager[Path]:
    """Return a context manager of a new folder that is gone after the block; see ``interrupts``."""
    return interrupts.temporary(temporary_folder)


def temporary_folder() -> Path:
    """Return a new folder that ``remove_stale_folders`` removes once this process has ended."""
    # Directly in the system's temporary folder: long paths break on Windows.
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def remove_stale_folders() -> None:
    """Remove what ``temporary_folder`` made for processes that were killed."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        number = path.name[len(_PREFIX) :].partition("-")[0]
        if number.isdecimal() and path.is_dir() and not is_running(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def is_running(process: int, start: str = "") -> bool:
    """Return whether a process lives; with ``started`` of it, not another one of its number."""
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
        if isinstance(error, ProcessLookupError):
            return False
    return not start or started(process) == start


def started(process: int) -> str:
    """Return when a process started, in ticks since boot; "0" where the system does not say."""
    try:
        # The name in brackets may hold anything, also brackets.
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError, UnicodeDecodeError):
        return "0"
