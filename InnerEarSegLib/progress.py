"""Progress reports and cancellation, as plain callables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .errors import Cancelled

ProgressCallback = Callable[[str, float, str], None]
"""Called with (stage, fraction of the whole job from 0 to 1, message)."""

CancelCheck = Callable[[], bool]
"""Returns True once the job should stop."""


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

    def stage(self, name: str, fraction: float, message: str) -> None:
        """Begin a stage (ending the one before) and report it.

        Raises:
            Cancelled: if the caller asked to stop.
        """
        self.finish()
        self._stage, self._started = name, time.perf_counter()
        self.step(fraction, message)

    def step(self, fraction: float, message: str) -> None:
        """Report progress within the current stage.

        Raises:
            Cancelled: if the caller asked to stop.
        """
        self.check()
        if self.report is not None and self._stage is not None:
            self.report(self._stage, fraction, message)

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
