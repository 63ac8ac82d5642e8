"""Starting, watching and stopping a run, and what happens at its end."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import qt

from ..errors import UnusableInput
from ..types import POOR, Segmentation
from . import devices, dialogs, settings
from .run import Choices, Run, wanted_ears
from .status import Status
from .worker_process import CT_CHANGED, Ending, Outcome, Report

_TICK_MS = 500
_WORDS = {"read": "Reading the CT"}
_HINTS = ("hand over",)
"""Stages that report so often that they would fill the log."""


class RunSection:
    """At most one run at a time.

    Args:
        ui: the panel's widgets.
        status: where the sentence for the user goes.
        apply: puts a result into the scene and returns what to say; may raise.
        changed: called when a run begins or ends.
    """

    def __init__(
        self,
        ui: Any,
        status: Status,
        apply: Callable[[Choices, Segmentation], str],
        changed: Callable[[], None],
    ) -> None:
        self._ui, self._status = ui, status
        self._apply, self._changed = apply, changed
        self._run: Run | None = None
        self._waiting: tuple[Choices, Segmentation] | None = None
        self._away = self._installing = False
        self._tick = qt.QTimer()
        self._tick.setInterval(_TICK_MS)
        self._tick.connect("timeout()", self._show_elapsed)

    @property
    def active(self) -> bool:
        """Whether a run is under way, or what it needs is being installed."""
        return self._run is not None or self._installing

    @property
    def can_cancel(self) -> bool:
        """Whether there is a run that could be stopped."""
        return self._run is not None

    @property
    def volume(self) -> Any:
        """The CT of the present run, or of a result that waits; None without."""
        if self._run is not None:
            return self._run.choices.volume
        return self._waiting[0].volume if self._waiting else None

    def start(self, choices: Choices) -> None:
        """Starts a run."""
        if self.active:
            return
        self._waiting = None
        self._status.clear_log()
        self._run = Run(choices, self._report, self._ended)
        self._status.hint("Starting")
        self._ui.progressBar.setValue(0)
        self._changed()
        try:
            self._run.start()
        except UnusableInput as error:
            self._run = None
            self._status.error(str(error))
        except OSError as error:
            self._run = None
            self._status.error(f"The run could not be started: {error.strerror or error}.")
        else:
            self._tick.start()
            self._show_elapsed()
        self._changed()

    def cancel(self) -> None:
        """Stops the run; it ends within two seconds."""
        if self._run is not None:
            self._status.info("Cancelling")
            self._ui.cancelButton.setEnabled(False)
            self._run.cancel()

    def drop(self, sentence: str = "") -> None:
        """Stops the run before returning, and forgets a result that waits."""
        if self._run is not None:
            self._run.stop_now()
            self._run = None
            self._tick.stop()
        elif self._waiting is None:
            return
        self._waiting = None
        self._changed()
        if sentence:
            self._status.warn(sentence)

    def leave(self) -> None:
        """The user goes to another module: the run goes on, its result waits."""
        self._away = True

    def come_back(self) -> None:
        """The user is here: a result that waited is shown."""
        self._away = False
        if self._waiting is not None:
            choices, result = self._waiting
            self._waiting = None
            self._show_result(choices, result)

    def _report(self, line: Report | str) -> None:
        if isinstance(line, str):
            self._status.log(line)
            return
        self._ui.progressBar.setValue(round(100 * line.fraction))
        if line.stage in _WORDS:  # the worker names the temporary file: for the log only
            self._status.hint(_WORDS[line.stage])
            self._status.log(line.message)
        elif line.stage in _HINTS:
            self._status.hint(line.message)
        else:
            self._status.info(line.message)

    def _show_elapsed(self) -> None:
        if self._run is not None:
            seconds = int(time.monotonic() - self._run.started)
            self._ui.elapsedLabel.setText(f"{seconds // 60}:{seconds % 60:02d}")

    def _ended(self, outcome: Outcome) -> None:
        run, self._run = self._run, None
        self._tick.stop()
        if outcome.details:
            self._status.log(outcome.details)
        self._changed()
        if run is None:
            return
        handler = {
            Ending.DONE: self._done,
            Ending.NO_EAR: lambda _, o: self._status.warn(o.sentence),
            Ending.CANCELLED: lambda _, o: self._status.info(o.sentence),
            Ending.NO_TORCH: self._without_torch,
            Ending.OUT_OF_MEMORY: self._without_memory,
        }.get(outcome.ending, lambda _, o: self._status.error(o.sentence))
        handler(run.choices, outcome)

    def _done(self, choices: Choices, outcome: Outcome) -> None:
        found = outcome.result
        assert found is not None
        result = wanted_ears(found, choices.sides)
        if not result.ears:
            side = found.ears[0].side if found.ears else "no"
            self._status.warn(
                f"Only a {side} ear was found, and Options, Ears asks for the other side: "
                "nothing was changed."
            )
        elif self._away:
            # Leaving the module leaves the scene as it is until the user is back.
            self._waiting = (choices, result)
            self._status.info("Done. The result is shown when you return to this module.")
        else:
            self._show_result(choices, result)

    def _show_result(self, choices: Choices, result: Segmentation) -> None:
        if choices.ct_changed:
            self._status.error(CT_CHANGED)
            return
        try:
            sentence = self._apply(choices, result)
        except Exception:
            self._status.log(traceback.format_exc())
            self._status.error("The result could not be put into the scene, which is as it was.")
            return
        if choices.both and len(result.ears) < 2:
            self._status.warn(
                f"Both ears were asked for, and only the {result.ears[0].side} one was found. "
                f"{sentence}"
            )
        elif any(ear.quality.verdict == POOR for ear in result.ears):
            self._status.warn(sentence)
        else:
            self._status.success(sentence)

    def _without_torch(self, choices: Choices, outcome: Outcome) -> None:
        self._status.error(outcome.sentence)
        if not dialogs.offer_torch(self._ui.segmentButton.window(), devices.has_extension()):
            return
        self._status.info(
            "Installing PyTorch. This takes some minutes, during which 3D Slicer does not answer."
        )
        self._installing = True  # pip may let events through, and Segment must not start another
        self._changed()
        try:
            problem = devices.install()
        finally:
            self._installing = False
            self._changed()
        if problem:
            self._status.error(problem)
        else:
            self.start(choices)

    def _without_memory(self, choices: Choices, outcome: Outcome) -> None:
        agreed = settings.cpu_fallback()
        if agreed is None:
            agreed = dialogs.offer_cpu(self._ui.segmentButton.window())
            settings.remember_cpu_fallback(agreed)
            self._ui.cpuFallbackCheckBox.setChecked(agreed)
        if agreed and choices.device != "cpu":
            self.start(replace(choices, device="cpu"))
            self._status.log(outcome.sentence + " Going on with the CPU.")
        else:
            self._status.error(outcome.sentence + " Choose CPU under Options, Device.")
