"""A child process whose output is read as it comes, and that can be stopped at any time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt

from ..process import HELLO
from .worker_process import LIBRARY_PARENT, LineReader, ProgressLine, worker_environment

KILL_MS = 1500  # after cancelling; the worker ends by itself within process.GRACE_SECONDS
FIRST_WORD_MS = 5000  # after cancelling a program that has said nothing yet
_KEPT_STDERR = 65536


def timer_for(function: Callable[[], None], milliseconds: int = 0, once: bool = True) -> Any:
    """Return a timer that, after each ``start``, calls a function once or again and again."""
    timer = qt.QTimer()
    timer.setSingleShot(once)
    timer.setInterval(milliseconds)
    timer.connect("timeout()", function)
    return timer


class Worker:
    """One child process, which ends when its standard input does (``process.end_with_stdin``).

    Closing that reaches the worker behind Slicer's launcher on every system. The launcher itself
    is killed only after the worker's first output: between its fork and the start of Python, it
    would leave a child behind that waits forever.

    Args:
        on_line: called with each line of stdout.
        on_finished: called once at the end with exit status, whether it crashed, and stderr.
    """

    def __init__(
        self,
        on_line: Callable[[ProgressLine | str], None],
        on_finished: Callable[[int, bool, str], None],
    ) -> None:
        self._on_line, self._on_finished = on_line, on_finished
        self._lines, self._stderr = LineReader(), b""
        self._heard = self._finished = self._stopped = False
        self._process = qt.QProcess()
        self._process.connect("readyReadStandardOutput()", self._read_output)
        self._process.connect("readyReadStandardError()", self._read_errors)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._ended)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._kill = timer_for(self._process.kill)

    def start(self, command: Sequence[str], temporary: Path | None = None) -> None:
        """Start a program, which puts its temporary files into a folder; returns at once."""
        environment = qt.QProcessEnvironment.systemEnvironment()
        for name, value in worker_environment(temporary).items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.setWorkingDirectory(str(LIBRARY_PARENT))
        self._process.start(command[0], list(command[1:]))
        self._process.write(HELLO)  # its input stays open from now on

    def cancel(self) -> None:
        """Ask the worker to end, and kill it if it does not; ``on_finished`` is called."""
        if not self._finished:
            self._process.closeWriteChannel()
            self._kill.start(KILL_MS if self._heard else FIRST_WORD_MS)

    def stop_now(self) -> None:
        """End the worker before returning; ``on_finished`` is not called."""
        self._stopped = True
        if self._finished:
            return
        self._finished = True
        self._kill.stop()
        self._process.closeWriteChannel()
        if not self._heard:
            self._process.waitForReadyRead(FIRST_WORD_MS)
        self._process.kill()
        self._process.waitForFinished(1000)

    def _read_output(self) -> None:
        self._heard = True
        if not self._stopped:
            for line in self._lines.feed(_bytes(self._process.readAllStandardOutput())):
                self._on_line(line)

    def _read_errors(self) -> None:
        self._stderr = (self._stderr + _bytes(self._process.readAllStandardError()))[-_KEPT_STDERR:]

    def _failed(self, error: Any) -> None:
        if error == qt.QProcess.FailedToStart:
            self._finish(-1, False, self._process.errorString())

    def _ended(self, code: int, status: Any) -> None:
        if not self._finished:
            self._read_output()
            self._read_errors()
            text = self._stderr.decode("utf-8", errors="replace")
            self._finish(int(code), status == qt.QProcess.CrashExit, text)

    def _finish(self, code: int, crashed: bool, stderr: str) -> None:
        if self._finished:
            return
        self._finished = True
        self._kill.stop()
        # Not from within the process's own signal, as the caller may let go of it.
        qt.QTimer.singleShot(0, lambda: self._tell(code, crashed, stderr))

    def _tell(self, code: int, crashed: bool, stderr: str) -> None:
        if not self._stopped:
            self._on_finished(code, crashed, stderr)


def _bytes(array: Any) -> bytes:
    data = array.data()
    return data.encode("utf-8") if isinstance(data, str) else bytes(data)
