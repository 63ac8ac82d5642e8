"""How a run ended, in one sentence for the user."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from ..results import Segmentation
from .wording import in_panel_words


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
