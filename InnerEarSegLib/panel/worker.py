"""A child process whose output is read as it comes, and that can be stopped at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt

from ..process import HELLO
from .worker_process import Command, ProcessTree

GRACE_MS = 1000
"""Between the polite request and the kill; both together stay below two seconds."""

_LOOK_MS = 1000
_KEPT_STDERR = 65536


class Worker:
    """One child process.

    Args:
        on_output: called with each piece of stdout.
        on_finished: called once at the end with exit status, whether it crashed, and stderr.
    """

    def __init__(
        self,
        on_output: Callable[[bytes], None],
        on_finished: Callable[[int, bool, str], None],
    ) -> None:
        self._on_output, self._on_finished = on_output, on_finished
        self._stderr = b""
        self._tree: ProcessTree | None = None
        self._finished = self._stopped = False
        self._process = qt.QProcess()
        self._process.connect("readyReadStandardOutput()", self._read_output)
        self._process.connect("readyReadStandardError()", self._read_errors)
        self._process.connect("finished(int,QProcess::ExitStatus)", self._ended)
        self._process.connect("errorOccurred(QProcess::ProcessError)", self._failed)
        self._process.connect("started()", self._started)
        # While the launcher lives, its children can be found.
        self._look = qt.QTimer()
        self._look.setInterval(_LOOK_MS)
        self._look.connect("timeout()", self._note_children)
        self._kill = qt.QTimer()
        self._kill.setSingleShot(True)
        self._kill.setInterval(GRACE_MS)
        self._kill.connect("timeout()", self._kill_all)

    def start(self, command: Command) -> None:
        """Starts the program; returns at once."""
        environment = qt.QProcessEnvironment.systemEnvironment()
        for name, value in command.environment.items():
            environment.insert(name, value)
        self._process.setProcessEnvironment(environment)
        self._process.setWorkingDirectory(str(command.folder))
        self._process.start(command.program, list(command.arguments))
        # Held open from now on: its end is the worker's, see ``cli/watch.py``.
        self._process.write(HELLO)

    def cancel(self) -> None:
        """Asks the whole process tree to end, and kills what is left of it after a second."""
        if self._finished:
            return
        if self._tree is None:
            self._process.kill()  # it has not even started
            return
        self._kill.start()  # first, as asking may take long
        self._process.closeWriteChannel()
        self._tree.terminate()

    def stop_now(self) -> None:
        """Kills the whole process tree before returning; ``on_finished`` is not called."""
        self._stopped = True
        if self._finished:
            return
        self._finished = True
        self._kill_all()
        self._process.waitForFinished(1000)
        self._kill_all()
        self._stop_timers()

    def _started(self) -> None:
        self._tree = ProcessTree(int(self._process.processId()))
        self._look.start()

    def _note_children(self) -> None:
        if self._tree is not None:
            self._tree.look()

    def _kill_all(self) -> None:
        if self._tree is None:
            self._process.kill()
            return
        self._tree.kill()

    def _read_output(self) -> None:
        self._on_output(_bytes(self._process.readAllStandardOutput()))

    def _read_errors(self) -> None:
        self._stderr = (self._stderr + _bytes(self._process.readAllStandardError()))[-_KEPT_STDERR:]

    def _failed(self, error: Any) -> None:
        if error == qt.QProcess.FailedToStart:
            self._finish(-1, False, self._process.errorString())

    def _ended(self, code: int, status: Any) -> None:
        if self._finished:
            return
        self._read_output()
        self._read_errors()
        if self._tree is not None:
            self._tree.kill_orphans()
        text = self._stderr.decode("utf-8", errors="replace")
        self._finish(int(code), status == qt.QProcess.CrashExit, text)

    def _finish(self, code: int, crashed: bool, stderr: str) -> None:
        if self._finished:
            return
        self._finished = True
        self._stop_timers()
        # Not from within the process's own signal, as the caller may let go of it.
        qt.QTimer.singleShot(0, lambda: self._tell(code, crashed, stderr))

    def _tell(self, code: int, crashed: bool, stderr: str) -> None:
        if not self._stopped:
            self._on_finished(code, crashed, stderr)

    def _stop_timers(self) -> None:
        self._look.stop()
        self._kill.stop()


def _bytes(array: Any) -> bytes:
    data = array.data()
    return data.encode("utf-8") if isinstance(data, str) else bytes(data)
