"""Ending a process with all its children.

``PythonSlicer`` is a launcher: the process that works is its child, and killing the launcher alone
would leave that running. A launcher that has died leaves a child without a parent, so the children
are remembered while it lives; each with its start time, as numbers of processes are used again.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

_Process = tuple[int, str]
"""Number and start time."""


class ProcessTree:
    """A process and all that it started."""

    def __init__(self, root: int) -> None:
        self._root = root
        self._known: set[_Process] = set()
        self.look()

    def look(self) -> None:
        """Notes children that are new."""
        if sys.platform == "win32":
            return  # taskkill finds them
        table = _table()
        members = {pid for pid, start in self._known if pid in table and table[pid][1] == start}
        if self._root in table and not self._known:
            members.add(self._root)
        grown = True
        while grown:
            new = {pid for pid, (parent, _) in table.items() if parent in members} - members
            members |= new
            grown = bool(new)
        self._known |= {(pid, table[pid][1]) for pid in members}

    def terminate(self) -> None:
        """Asks all to end.

        On Windows nothing is done: console programs have no window that could be asked to close.
        The worker there ends as its standard input does.
        """
        if sys.platform != "win32":
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends all at once."""
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))

    def kill_orphans(self) -> None:
        """Ends children that are left when the root has ended by itself."""
        if sys.platform != "win32":  # there the root's number may be another process's by now
            self.kill()

    def alive(self) -> bool:
        """Whether any of them still runs."""
        if sys.platform == "win32":
            return False
        table = _table()
        return any(pid in table and table[pid][1] == start for pid, start in self._known)

    def _signal(self, number: int) -> None:
        if sys.platform == "win32":
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    ["taskkill", "/F", "/T", "/PID", str(self._root)],
                    capture_output=True, check=False, timeout=5,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )  # fmt: skip
            return
        self.look()
        table = _table()
        for pid, start in self._known:
            if pid in table and table[pid][1] == start:
                try:
                    os.kill(pid, number)
                except OSError:
                    continue


def _table() -> dict[int, tuple[int, str]]:
    """All living processes: parent and start time by number."""
    if sys.platform.startswith("linux"):
        return _table_of_proc()
    try:
        listed = subprocess.run(
            ["ps", "-axo", "pid=,ppid=,state=,lstart="],
            capture_output=True, text=True, check=False, timeout=5,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return {}
    table = {}
    for line in listed.splitlines():
        parts = line.split(maxsplit=3)
        if len(parts) == 4 and not parts[2].startswith("Z"):
            table[int(parts[0])] = (int(parts[1]), parts[3])
    return table


def _table_of_proc() -> dict[int, tuple[int, str]]:
    table = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            # The name in brackets may hold anything, also brackets.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (OSError, UnicodeDecodeError):
            continue
        if fields[0] not in "ZX":
            table[int(folder.name)] = (int(fields[1]), fields[19])
    return table
