"""Long work in Slicer's own process, in short steps between its other events."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from .worker import timer_for

SLICE_SECONDS = 0.03  # steps are taken for so long before other events have their turn


class Stepper:
    """Takes the steps of one generator after the other; Slicer answers between them.

    Args:
        done: called with what the generator returned.
        failed: called with what it raised; without it, the exception shows in Slicer's log.
    """

    def __init__(
        self, done: Callable[[Any], None], failed: Callable[[Exception], None] | None = None
    ) -> None:
        self._done, self._failed = done, failed
        self._steps: Generator[Any, Any, Any] | None = None
        self._timer = timer_for(self._advance, once=False)

    @property
    def active(self) -> bool:
        """Whether there are steps to take."""
        return self._steps is not None

    def start(self, steps: Generator[Any, Any, Any]) -> None:
        """Take these steps; earlier ones are given up."""
        self.stop()
        self._steps = steps
        self._timer.start()

    def stop(self) -> None:
        """Give up, if there is anything to do; the generator is closed before returning."""
        self._timer.stop()
        steps, self._steps = self._steps, None
        if steps is not None:
            steps.close()

    def finish(self) -> None:
        """Take all steps that are left before returning."""
        while self._steps is not None:
            self._advance()

    def _advance(self) -> None:
        end = time.monotonic() + SLICE_SECONDS
        steps = self._steps
        try:
            while steps is not None and steps is self._steps:
                next(steps)
                if time.monotonic() > end:
                    return
        except StopIteration as ended:
            self._forget()
            self._done(ended.value)
        except Exception as error:
            self._forget()
            if self._failed is None:
                raise
            self._failed(error)

    def _forget(self) -> None:
        self._timer.stop()
        self._steps = None
