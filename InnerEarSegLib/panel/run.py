"""One run: CT out, worker, result back. The scene is only read.

The CT is written piece by piece between Slicer's other events: Python threads do not run in Slicer
while it waits for events, and one long write would freeze it.
"""

from __future__ import annotations

import enum
import shutil
import time
import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

from ..errors import InnerEarSegError, UnusableInput
from ..io.result_files import read_plain
from ..mrml.populate import ResultNodes, add_result
from ..mrml.transforms import place_of
from ..mrml.volumes import export_steps, slice_thickness, where_to_look
from ..process import temporary_folder
from .worker import Worker, timer_for
from .worker_process import (
    CANCELLED,
    CT_CHANGED,
    CT_REMOVED,
    STOPPED,
    Ending,
    Outcome,
    ProgressLine,
    judge,
    segment_command,
)


class Ears(enum.Enum):
    """Which ears are wanted."""

    AUTOMATIC = "automatic"  # whatever is found
    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


@dataclass(frozen=True, eq=False)
class Choices:
    """What the user chose."""

    volume: Any  # the CT's vtkMRMLScalarVolumeNode
    ears: Ears = Ears.AUTOMATIC
    region: Any = None  # markups node that says where to look
    device: str = "auto"  # for the worker
    model: Path | None = None  # a model file; None: the bundled one
    keep_reviewed: bool = True  # leave what the user reviewed


class Run:
    """A run that is under way, started at ``time.monotonic() == started``."""

    make_command = staticmethod(segment_command)

    def __init__(
        self,
        choices: Choices,
        on_report: Callable[[ProgressLine | str], None],
        on_end: Callable[[Outcome], None],
    ) -> None:
        self.choices, self.started = choices, time.monotonic()
        self._place = place_of(choices.volume)
        self._on_report, self._on_end = on_report, on_end
        self._cancelled = self._over = False
        self._folder: Path | None = None
        self._export: Generator[float, None, None] | None = None
        self._next_piece = timer_for(self._write_piece, once=False)
        self._worker = Worker(on_report, self._ended)

    @property
    def ct_changed(self) -> bool:
        """Whether the CT's own coordinates are others than at the start of the run."""
        return bool(self._place != place_of(self.choices.volume))

    def start(self) -> None:
        """Begin to write the CT; the worker is started when that is done.

        Raises:
            UnusableInput: there is nothing to write, or nowhere to look; nothing is left behind.
            OSError: there is no folder for temporary files.
        """
        choices = self.choices
        region = where_to_look(choices.region, choices.volume)
        self._folder = temporary_folder()
        try:
            self._command = self.make_command(self._folder, choices.device, choices.model, region)
            thickness = slice_thickness(choices.volume)
            self._export = export_steps(choices.volume, self._folder / "ct.nrrd", thickness)
            next(self._export, None)  # what cannot be written at all is said at once
        except BaseException:
            self._clean()
            raise
        self._next_piece.start()

    def cancel(self) -> None:
        """End soon; ``on_end`` is told."""
        self._cancelled = True
        if self._export is None:
            self._worker.cancel()
        else:
            self._end_early(CANCELLED)

    def stop_now(self) -> None:
        """End before returning; ``on_end`` is not told."""
        self._over = True
        self._worker.stop_now()
        self._clean()

    def _write_piece(self) -> None:
        if self._export is None:
            return
        try:
            part = next(self._export, None)
            if part is not None:
                self._on_report(ProgressLine("hand over", 0.0, f"Handing over the CT, {part:.0%}"))
                return
            self._stop_export()
            self._worker.start(self._command, self._folder)
        except UnusableInput as error:
            self._end_early(Outcome(Ending.UNUSABLE, str(error)))
        except Exception:  # in a slot nothing else would hear of it, and the run would never end
            self._worker.stop_now()
            self._end_early(Outcome(Ending.FAILED, STOPPED, traceback.format_exc()))

    def _end_early(self, outcome: Outcome) -> None:
        """End a run whose worker has nothing to say."""
        self._clean()
        # Not before the caller has returned, as for any other end.
        qt.QTimer.singleShot(0, lambda: self._tell(outcome))

    def _tell(self, outcome: Outcome) -> None:
        if not self._over:
            self._over = True
            self._on_end(outcome)

    def _stop_export(self) -> None:
        self._next_piece.stop()
        export, self._export = self._export, None
        if export is not None:
            export.close()  # the file: Windows removes none that is open

    def _ended(self, code: int, crashed: bool, stderr: str) -> None:
        assert self._folder is not None
        outcome = judge(130, False, stderr) if self._cancelled else judge(code, crashed, stderr)
        try:
            if outcome.ending in (Ending.DONE, Ending.NO_EAR):
                outcome = replace(outcome, result=read_plain(self._folder / "out"))
        except Exception:
            if outcome.ending is Ending.DONE:
                sentence = "The worker's result cannot be read."
                outcome = Outcome(Ending.FAILED, sentence, traceback.format_exc())
        finally:
            self._clean()
        self._tell(outcome)

    def _clean(self) -> None:
        self._stop_export()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def run_and_wait(choices: Choices) -> ResultNodes | None:
    """Segment a CT; the event loop runs meanwhile. None: no ear was found.

    Raises:
        InnerEarSegError: whatever went wrong, in one sentence.
    """
    ends: list[Outcome] = []
    loop, scene, observers = qt.QEventLoop(), slicer.mrmlScene, VTKObservationMixin()

    def ended(outcome: Outcome) -> None:
        ends.append(outcome)
        loop.quit()

    def look(*_: Any) -> None:
        if not scene.IsNodePresent(choices.volume):
            loop.quit()

    run = Run(choices, lambda report: None, ended)
    for event in (scene.NodeRemovedEvent, scene.EndCloseEvent):
        observers.addObserver(scene, event, look)
    try:
        run.start()
        if not ends:
            loop.exec_()
    finally:
        observers.removeObservers()
        if not ends:
            run.stop_now()
    if not scene.IsNodePresent(choices.volume):
        raise InnerEarSegError(CT_REMOVED)
    outcome = ends[0]
    if outcome.ending is Ending.NO_EAR:
        return None
    if outcome.result is None:
        raise InnerEarSegError(outcome.sentence)
    if run.ct_changed:
        raise InnerEarSegError(CT_CHANGED)
    with slicer.util.RenderBlocker():
        return add_result(
            scene, choices.volume, outcome.result, keep_reviewed=choices.keep_reviewed
        )
