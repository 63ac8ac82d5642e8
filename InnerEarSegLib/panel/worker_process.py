"""The worker's command line, its lines of progress, and how it ended. Plain Python, no Qt."""

from __future__ import annotations

import enum
import json
import math
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..io.region import Region
from ..types import Segmentation

LIBRARY_PARENT = Path(__file__).resolve().parents[2]


def python_command(*arguments: str) -> list[str]:
    """Return a call of Slicer's Python, a program of its own; raise UnusableInput without."""
    own = Path(sys.executable).resolve()
    beside = (own.with_name(name) for name in ("PythonSlicer", "PythonSlicer.exe"))
    found = shutil.which("PythonSlicer")  # Slicer puts it on the path
    found = found or next((str(path) for path in beside if path.is_file()), None)
    if found is None and own.name.lower().startswith("python"):  # outside of Slicer
        found = sys.executable
    if found is None:
        raise UnusableInput("PythonSlicer was not found beside 3D Slicer; reinstall 3D Slicer.")
    return [found, *arguments]


def worker_environment(temporary: Path | None) -> dict[str, str]:
    """Return variables for a worker that puts its temporary files into a folder."""
    environment = {"PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"}
    if temporary is not None:
        environment |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary))
    if "OMP_NUM_THREADS" not in os.environ:
        # One core stays free, so that Slicer answers while the CPU computes.
        environment["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 2) - 1))
    return environment


def segment_command(
    folder: Path, device: str, model: Path | None, region: Region | None = None
) -> list[str]:
    """Return the worker on FOLDER/ct.nrrd, which writes to FOLDER/out."""
    arguments = [
        "-m", "InnerEarSegLib", "segment", str(folder / "ct.nrrd"),
        "--output", str(folder / "out"), "--device", device,
        "--json-progress", "--plain",
    ]  # fmt: skip
    if region is not None:
        numbers = (*region.center, *(2 * region.half_mm))
        # With "=", as a value that begins with a minus would be taken for an option.
        arguments.append("--roi=" + ",".join(f"{value:.4f}" for value in numbers))
    if model is not None:
        arguments += ["--model", str(model)]
    return python_command(*arguments)


@dataclass(frozen=True)
class ProgressLine:
    """One line of progress."""

    stage: str  # as the worker names it
    fraction: float  # of the whole job, 0 to 1
    message: str  # for the user


class LineReader:
    """Puts lines together from pieces."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[ProgressLine | str]:
        """Return the lines that this piece ends; text where a line is no progress report."""
        *lines, rest = (self._rest + piece).split(b"\n")
        self._rest = rest[-65536:]  # output without any line ends
        texts = (line.decode("utf-8", errors="replace").strip() for line in lines)
        return [_parse(text) or text[:2000] for text in texts if text]


def _parse(text: str) -> ProgressLine | None:
    try:
        content = json.loads(text)
        fraction = float(content["fraction"])
        stage, message = content["stage"], content["message"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not (math.isfinite(fraction) and isinstance(stage, str) and isinstance(message, str)):
        return None
    return ProgressLine(stage, min(1.0, max(0.0, fraction)), message)


_WORDS = (
    ("choose another --output", "choose another file"),
    ("--output needs a file", "the report needs a file"),
    ("--observer needs", "“Reviewed by” needs"),
    ("--pdf makes", "“PDF too” makes"),
    ("use --device cpu", "choose the CPU under Options"),
)


def in_panel_words(sentence: str) -> str:
    """Replace command-line options in a sentence of the worker."""
    for option, words in _WORDS:
        sentence = sentence.replace(option, words)
    return sentence


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
    """The end of a run."""

    ending: Ending
    sentence: str  # for the user
    details: str = ""  # what the worker wrote to stderr
    result: Segmentation | None = None  # what was found, when DONE


_OF_ENDINGS = {
    Ending.DONE: "",
    Ending.NO_EAR: "No inner ear was found in this CT. If there is one, place a point in it, "
    "choose it under Options, Where to look, and try again.",
    Ending.CANCELLED: "Cancelled. The scene is as it was.",
    Ending.NO_TORCH: "PyTorch is not installed, so the networks cannot run.",
    Ending.OUT_OF_MEMORY: "The memory of the graphics card is not enough for this CT.",
}
_BY_STATUS = {0: Ending.DONE, 3: Ending.NO_EAR, 130: Ending.CANCELLED}
CANCELLED = Outcome(Ending.CANCELLED, _OF_ENDINGS[Ending.CANCELLED])
CT_CHANGED = (
    "The CT was changed while it was segmented, as by hardening its transform, and the result does "
    "not fit it any more. Press Segment again."
)
CT_REMOVED = "The CT was removed from the scene; the run was stopped."
STOPPED = "The run was stopped by an error in InnerEarSeg. Please report what Details says."


def judge(exit_code: int, crashed: bool, stderr: str) -> Outcome:
    """Tell how a worker ended; for DONE the result is still to be read."""
    details = stderr.strip()
    lower, last = details.lower(), details[details.rfind("\n") + 1 :].strip()
    ending = None if crashed else _BY_STATUS.get(exit_code)
    if ending is None:
        if "no module named 'torch'" in lower or "pytorch is not installed" in lower:
            ending = Ending.NO_TORCH
        elif "out of memory" in lower and any(x in lower for x in ("cuda", "mps", "hip")):
            ending = Ending.OUT_OF_MEMORY
    if ending is not None:
        return Outcome(ending, _OF_ENDINGS[ending], details)
    if not crashed and exit_code == 2 and last:
        sentence = in_panel_words(last.removeprefix("innerearseg: "))
        return Outcome(Ending.UNUSABLE, sentence[:1].upper() + sentence[1:], details)
    if crashed or exit_code in (-9, 137):
        sentence = "The worker process was ended by the system, perhaps for lack of memory."
    else:
        sentence = f"The worker process failed with status {exit_code}"
        sentence += f": {last[:200]}" if last else "."
    return Outcome(Ending.FAILED, sentence, details)
