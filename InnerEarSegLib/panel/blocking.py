"""A run that is waited for, for scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
import slicer

from ..errors import InnerEarSegError
from ..scene.observers import Observers
from ..scene.populate import ResultNodes, add_result
from .outcome import CT_CHANGED, Ending, Outcome
from .run import Choices, Run


def run_and_wait(
    volume: Any, device: str, model: str | Path | None, keep_reviewed: bool
) -> ResultNodes | None:
    """Segments a CT; the event loop runs meanwhile.

    Raises:
        InnerEarSegError: whatever went wrong, in one sentence.
    """
    ends: list[Outcome] = []
    loop = qt.QEventLoop()

    def ended(outcome: Outcome) -> None:
        ends.append(outcome)
        loop.quit()

    choices = Choices(
        volume=volume,
        device=device,
        model=None if model is None else Path(model),
        keep_reviewed=keep_reviewed,
    )
    run = Run(choices, lambda report: None, ended)
    scene, observers = slicer.mrmlScene, Observers()

    def look(*_: Any) -> None:
        if not scene.IsNodePresent(volume):
            loop.quit()

    observers.add(scene, scene.NodeRemovedEvent, look)
    observers.add(scene, scene.EndCloseEvent, look)
    run.start()
    try:
        if not ends:
            loop.exec_()
    finally:
        observers.clear()
        if not ends:
            run.stop_now()
    if not scene.IsNodePresent(volume):
        raise InnerEarSegError("The CT was removed from the scene; the run was stopped.")
    outcome = ends[0]
    if outcome.ending is Ending.NO_EAR:
        return None
    if outcome.result is None:
        raise InnerEarSegError(outcome.sentence)
    if run.choices.ct_changed:
        raise InnerEarSegError(CT_CHANGED)
    return add_result(slicer.mrmlScene, volume, outcome.result, keep_reviewed=keep_reviewed)
