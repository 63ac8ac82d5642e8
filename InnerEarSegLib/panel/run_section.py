"""Starting, watching and stopping a run, what happens at its end, and the status line."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..errors import UnusableInput
from ..types import POOR, Segmentation
from . import devices
from .messages import Status
from .run import Choices, Ears, Run
from .stepper import Stepper
from .worker import timer_for
from .worker_process import CANCELLED, CT_CHANGED, STOPPED, Ending, Outcome, ProgressLine

_KINDS = {Ending.NO_EAR: "warn", Ending.CANCELLED: "info"}
_OTHER_SIDE = (
    "Only a {} ear was found, and Options, Ears asks for the other side: nothing was changed."
)


class RunSection:
    """At most one run at a time.

    Args:
        status: where the sentence for the user goes.
        apply: puts a result into the scene in steps and returns what to say; may raise.
        changed: called when a run begins or ends.
        installed: called after PyTorch was installed.
    """

    def __init__(
        self,
        ui: Any,
        status: Status,
        apply: Callable[[Choices, Segmentation], Generator[None, None, str]],
        changed: Callable[[], None],
        installed: Callable[[], None],
    ) -> None:
        self._ui, self._status = ui, status
        self._apply, self._changed, self._installed = apply, changed, installed
        self._run: Run | None = None
        self._waiting: tuple[Run, Segmentation] | None = None
        self._shown: tuple[Run, Segmentation] | None = None  # what is put into the scene now
        self._stepper = Stepper(self._result_shown, self._result_refused)
        self.away = self._installing = self._kept = False
        self._tick = timer_for(self._show_elapsed, 500, once=False)
        ui.cpuFallbackCheckBox.setChecked(devices.cpu_fallback() is True)
        ui.cpuFallbackCheckBox.connect("clicked(bool)", devices.remember_cpu_fallback)
        ui.cancelButton.connect("clicked()", self._cancel)
        ui.installTorchButton.connect("clicked()", lambda: self._install_torch(None))

    @property
    def can_cancel(self) -> bool:
        """Whether a run is under way whose result is not yet whole in the scene."""
        return self._run is not None or (self._stepper.active and not self._kept)

    @property
    def active(self) -> bool:
        """Whether a run is under way, or what it needs is being installed."""
        return self._run is not None or self._stepper.active or self._installing

    def keep_result(self) -> None:
        """The result is whole in the scene: what is left only shows it, and is not cancelled."""
        self._kept = True
        self._changed()

    @property
    def volume(self) -> Any:
        """The CT of the present run, or of a result that waits; None without."""
        result = self._shown or self._waiting
        run = self._run or (result[0] if result else None)
        return None if run is None else run.choices.volume

    def start(self, choices: Choices) -> None:
        """Start a run, if none is under way; within ``guarded``, as anything may be raised."""
        if self.active:
            return
        self._waiting = None
        self._ui.logTextEdit.clear()
        self._run = Run(choices, self._report, self._ended)
        self._status.hint("Starting")
        self._ui.progressBar.setValue(0)
        self._changed()
        self._run.start()
        self._tick.start()
        self._show_elapsed()
        self._changed()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Stop the run, and say so, whatever is raised in the block."""
        try:
            yield
        except Exception as error:
            if isinstance(error, UnusableInput):
                sentence = str(error)
            elif isinstance(error, OSError) and error.strerror:
                sentence = f"The run was stopped: {error.strerror}."
            else:
                sentence = STOPPED
                self._status.log("".join(traceback.format_exception(error)))
            try:
                self.drop()
                self._stop_showing()
                self._changed()
            finally:
                self._status.say(sentence, "error")

    def _cancel(self) -> None:
        if self._run is not None:
            self._status.say("Cancelling")
            self._ui.cancelButton.setEnabled(False)
            self._run.cancel()
        elif self.can_cancel:
            self._stop_showing()
            self._changed()
            self._status.say(CANCELLED.sentence, _KINDS[CANCELLED.ending])

    def drop(self, sentence: str = "") -> bool:
        """Stop the run before returning, and forget a result that waits; whether there was one."""
        if self._run is not None:
            self._run.stop_now()
            self._run = None
            self._tick.stop()
        elif self._stepper.active:
            self._stop_showing()
        elif self._waiting is None:
            return False
        self._waiting = None
        self._changed()
        if sentence:
            self._status.say(sentence, "warn")
        return True

    def go_away(self) -> None:
        """The user leaves: a run goes on, and its result waits."""
        self._stepper.finish()
        self.away = True

    def come_back(self) -> None:
        """The user is back: a result that waited is shown."""
        self.away = False
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            with self.guarded():
                self._show_result(*waiting)

    def _report(self, line: ProgressLine | str) -> None:
        if isinstance(line, str):
            self._status.log(line)
            return
        self._ui.progressBar.setValue(round(100 * line.fraction))
        if line.stage == "hand over":  # so often that it would fill the log
            self._status.hint(line.message)
        elif line.stage == "read":  # the worker names the temporary file: for the log only
            self._status.hint("Reading the CT")
            self._status.log(line.message)
        elif line.message == self._ui.statusLabel.text:  # only the fraction has changed
            return
        else:
            self._status.say(line.message)

    def _show_elapsed(self) -> None:
        if self._run is not None:
            seconds = int(time.monotonic() - self._run.started)
            self._ui.elapsedLabel.setText(f"{seconds // 60}:{seconds % 60:02d}")

    def _ended(self, outcome: Outcome) -> None:
        with self.guarded():
            self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        run, self._run = self._run, None
        self._tick.stop()
        if outcome.details:
            self._status.log(outcome.details)
        if run is None:
            return
        if outcome.ending is not Ending.DONE:
            self._changed()
        if outcome.result is not None and outcome.ending is Ending.DONE:
            self._done(run, outcome.result)
        elif outcome.ending is Ending.OUT_OF_MEMORY:
            self._without_memory(run.choices, outcome.sentence)
        else:
            self._status.say(outcome.sentence, _KINDS.get(outcome.ending, "error"))
            if outcome.ending is Ending.NO_TORCH:
                self._install_torch(run.choices)

    def _done(self, run: Run, found: Segmentation) -> None:
        one_side = run.choices.ears in (Ears.LEFT, Ears.RIGHT)
        wanted = [x for x in found.ears if not one_side or x.side == run.choices.ears.value]
        result = replace(found, ears=tuple(wanted))
        if not result.ears:
            self._changed()
            side = found.ears[0].side if found.ears else "no"
            self._status.say(_OTHER_SIDE.format(side), "warn")
        elif self.away:  # the scene stays as it is until the user is back
            self._changed()
            self._waiting = (run, result)
            self._status.say("Done. The result is shown when you return to this module.")
        else:
            self._show_result(run, result)

    def _show_result(self, run: Run, result: Segmentation) -> None:
        if run.ct_changed:
            self._changed()
            self._status.say(CT_CHANGED, "error")
            return
        self._shown, self._kept = (run, result), False
        self._status.hint("Showing the result")
        self._stepper.start(self._apply(run.choices, result))
        self._changed()

    def _stop_showing(self) -> None:
        self._shown = None
        self._stepper.stop()

    def _result_shown(self, sentence: str) -> None:
        with self.guarded():
            self._tell_what_is_shown(sentence)

    def _tell_what_is_shown(self, sentence: str) -> None:
        assert self._shown is not None
        (run, result), self._shown = self._shown, None
        self._changed()
        one = run.choices.ears is Ears.BOTH and len(result.ears) < 2
        if one:
            side = result.ears[0].side
            sentence = f"Both ears were asked for, and only the {side} one was found. {sentence}"
        poor = any(ear.quality.verdict == POOR for ear in result.ears)
        self._status.say(sentence, "warn" if one or poor else "success")

    def _result_refused(self, error: Exception) -> None:
        self._shown = None
        self._status.log("".join(traceback.format_exception(error)))
        with self.guarded():
            self._changed()
            said = "The result could not be put into the scene, which is as it was."
            self._status.say(said, "error")

    def _install_torch(self, choices: Choices | None) -> None:
        """Offer to install PyTorch; then go on with a run that lacked it."""
        if self.active or not devices.offer_torch(self._ui.segmentButton.window()):
            return
        self._status.say(
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
            self._status.say(problem, "error")
            return
        self._status.say("PyTorch is installed.", "success")
        self._installed()
        if choices is not None:
            self.start(choices)

    def _without_memory(self, choices: Choices, sentence: str) -> None:
        agreed = devices.cpu_fallback()
        if agreed is None:
            agreed = devices.offer_cpu(self._ui.segmentButton.window())
            devices.remember_cpu_fallback(agreed)
            self._ui.cpuFallbackCheckBox.setChecked(agreed)
        if agreed and choices.device != "cpu":
            self.start(replace(choices, device="cpu"))
            self._status.log(sentence + " Going on with the CPU.")
        else:
            self._status.say(sentence + " Choose CPU under Options, Device.", "error")
