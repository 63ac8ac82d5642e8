"""The worker's command line, its lines of progress, and how it ended. Plain Python, no Qt."""

from __future__ import annotations

import contextlib
import enum
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..types import Segmentation

if TYPE_CHECKING:
    from ..mrml.volumes import Where


LIBRARY_PARENT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Command:
    """A program to start.

    Attributes:
        program: the executable.
        arguments: for it.
        folder: working directory; ``python -m`` finds the library there.
        environment: variables on top of this process's own.
    """

    program: str
    arguments: tuple[str, ...]
    folder: Path = LIBRARY_PARENT
    environment: dict[str, str] = field(default_factory=dict)


def python_executable() -> str:
    """Slicer's Python as a program of its own.

    Raises:
        UnusableInput: there is none.
    """
    found = shutil.which("PythonSlicer")  # Slicer puts it on the path
    if found:
        return found
    folder = Path(sys.executable).resolve().parent
    for name in ("PythonSlicer", "PythonSlicer.exe"):
        if (folder / name).is_file():
            return str(folder / name)
    if Path(sys.executable).name.lower().startswith("python"):  # outside of Slicer
        return sys.executable
    raise UnusableInput("PythonSlicer was not found beside 3D Slicer; reinstall 3D Slicer.")


def python_command(arguments: Sequence[str]) -> Command:
    """A call of Python that finds this library."""
    environment = {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    if "OMP_NUM_THREADS" not in os.environ:
        # One core stays free, so that Slicer answers while the CPU computes.
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 2) - 1))
    return Command(python_executable(), tuple(arguments), environment=environment)


def segment_command(
    ct: Path, output: Path, device: str, model: Path | None, where: Where | None = None
) -> Command:
    """The worker on one CT."""
    arguments = [
        "-m", "InnerEarSegLib", "segment", str(ct), "--output", str(output),
        "--device", device, "--json-progress", "--plain", "--watch-stdin",
    ]  # fmt: skip
    if where is not None:
        # With "=", as a value that begins with a minus would be taken for an option.
        for name, numbers in (("center", where.center), ("roi", where.roi)):
            if numbers is not None:
                arguments.append(f"--{name}=" + ",".join(map(str, numbers)))
    if model is not None:
        arguments += ["--model", str(model)]
    return python_command(arguments)


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


_MAX_LINE = 65536


@dataclass(frozen=True)
class Report:
    """One line of progress.

    Attributes:
        stage: as the worker names it.
        fraction: of the whole job, 0 to 1.
        message: for the user.
    """

    stage: str
    fraction: float
    message: str


class LineReader:
    """Puts lines together from pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[Report | str]:
        """The lines that this piece ends; text where a line is not a progress report."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        self._rest = self._rest[-_MAX_LINE:]  # something without any line ends
        found = []
        for line in lines:
            text = line.decode("utf-8", errors="replace").strip()
            if text:
                found.append(_parse(text) or text[:2000])
        return found


def _parse(text: str) -> Report | None:
    try:
        content = json.loads(text)
        fraction = float(content["fraction"])
        stage, message = content["stage"], content["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (math.isfinite(fraction) and isinstance(stage, str) and isinstance(message, str)):
        return None
    return Report(stage, min(1.0, max(0.0, fraction)), message)


_WORDS = (
    ("choose another --output", "choose another file"),
    ("--output needs a file", "the report needs a file"),
    ("--pdf makes", "“PDF too” makes"),
    ("use --device cpu", "choose the CPU under Options"),
)

_NOTE = "Note: "


def in_panel_words(sentence: str) -> str:
    """A sentence of the worker without the names of its options."""
    for option, words in _WORDS:
        sentence = sentence.replace(option, words)
    return sentence


def notes_in(stderr: str) -> list[str]:
    """What a worker that has done its work wants to be known, a sentence each."""
    lines = (line.strip() for line in stderr.splitlines())
    return [in_panel_words(line) for line in lines if line.startswith(_NOTE)]


class Ending(enum.Enum):
    """Kinds of ends, as far as the panel reacts differently."""

    DONE = "done"
    NO_EAR = "no ear"
    CANCELLED = "cancelled"
    UNUSABLE = "unusable"
    NO_TORCH = "no torch"
    OUT_OF_MEMORY = "out of memory"
    FAILED = "failed"


@dataclass(frozen=True, eq=False)
class Outcome:
    """The end of a run.

    Attributes:
        ending: which kind.
        sentence: for the user.
        details: what the worker wrote to stderr, for those who want to know.
        result: what was found, when DONE.
    """

    ending: Ending
    sentence: str
    details: str = ""
    result: Segmentation | None = None


NO_EAR = (
    "No inner ear was found in this CT. If there is one, place a point in it, "
    "choose it under Options, Where to look, and try again."
)
NO_TORCH = "PyTorch is not installed, so the networks cannot run."
OUT_OF_MEMORY = "The memory of the graphics card is not enough for this CT."
CANCELLED = "Cancelled. The scene is as it was."
CT_CHANGED = (
    "The CT was changed while it was segmented, as by hardening its transform, and the result does "
    "not fit it any more. Press Segment again."
)
_PREFIX = "innerearseg: "


def judge(exit_code: int, crashed: bool, stderr: str) -> Outcome:
    """What an ended worker means; for DONE the result is still to be read."""
    details = stderr.strip()
    if not crashed and exit_code == 0:
        return Outcome(Ending.DONE, "", details)
    if not crashed and exit_code == 3:
        return Outcome(Ending.NO_EAR, NO_EAR, details)
    if not crashed and exit_code == 130:
        return Outcome(Ending.CANCELLED, CANCELLED, details)
    lower = details.lower()
    if "no module named 'torch'" in lower or "pytorch is not installed" in lower:
        return Outcome(Ending.NO_TORCH, NO_TORCH, details)
    if "out of memory" in lower and ("cuda" in lower or "mps" in lower or "hip" in lower):
        return Outcome(Ending.OUT_OF_MEMORY, OUT_OF_MEMORY, details)
    last = details.splitlines()[-1].strip() if details else ""
    if not crashed and exit_code == 2 and last:
        sentence = in_panel_words(last.removeprefix(_PREFIX))
        return Outcome(Ending.UNUSABLE, sentence[:1].upper() + sentence[1:], details)
    if crashed or exit_code in (-9, 137):
        sentence = "The worker process was ended by the system, perhaps for lack of memory."
    else:
        sentence = f"The worker process failed with status {exit_code}"
        sentence += f": {last[:200]}" if last else "."
    return Outcome(Ending.FAILED, sentence, details)
