"""Progress reports and cancellation, as plain callables."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .errors import Cancelled

ProgressCallback = Callable[[str, float, str], None]
"""Called with (stage, fraction of the whole job from 0 to 1, message)."""

CancelCheck = Callable[[], bool]
"""Returns True once the job should stop."""

_Result = TypeVar("_Result")


def run_steps(steps: Generator[Any, Any, _Result]) -> _Result:
    """Run a task that yields between short steps to its end; return its result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result


@dataclass
class Progress:
    """Reports progress, measures the seconds of each stage and raises when asked to cancel.

    Attributes:
        report: callback for (stage, fraction, message), or None.
        is_cancelled: polled at every step and between network layers, or None.
        seconds: wall-clock seconds per finished stage, in order.
        warnings: what the user should know about the result, one sentence each.
    """

    report: ProgressCallback | None = None
    is_cancelled: CancelCheck | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    _stage: str | None = None
    _started: float = 0.0
    _fraction: float = 0.0
    _end: float = 0.0
    _message: str = ""

    def stage(self, name: str, fraction: float, message: str, end: float = 0.0) -> None:
        """Begin a stage (ending the one before) and report it.

        ``end`` is the fraction that ``advance`` goes towards.

        Raises:
            Cancelled: if the caller asked to stop.
        """
        self.finish()
        self._stage, self._started = name, time.perf_counter()
        self._fraction, self._end = fraction, end
        self.step(fraction, message)

    def step(self, fraction: float, message: str) -> None:
        """Report progress within the current stage.

        Raises:
            Cancelled: if the caller asked to stop.
        """
        self.check()
        self._fraction, self._message = max(fraction, self._fraction), message
        if self.report is not None and self._stage is not None:
            self.report(self._stage, self._fraction, message)

    def advance(self) -> None:
        """Report a part of a stage whose number of parts is not known: a tenth of what is left.

        Raises:
            Cancelled: if the caller asked to stop.
        """
        if self._stage is not None:
            left = max(0.0, self._end - self._fraction)
            self.step(self._fraction + left / 10.0, self._message)

    def warn(self, sentence: str) -> None:
        """Keep a sentence for ``Segmentation.warnings``; said twice, it is kept once."""
        if sentence not in self.warnings:
            self.warnings.append(sentence)

    def check(self) -> None:
        """Raise Cancelled if the caller asked to stop."""
        if self.is_cancelled is not None and self.is_cancelled():
            raise Cancelled("Cancelled.")

    def finish(self) -> None:
        """End the current stage and keep its seconds."""
        if self._stage is not None:
            elapsed = time.perf_counter() - self._started
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + elapsed
            self._stage = None
