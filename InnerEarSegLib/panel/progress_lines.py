"""What the worker prints, as it arrives: pieces of lines, perhaps also other things."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

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
