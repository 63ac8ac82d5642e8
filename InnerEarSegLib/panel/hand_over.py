"""What is reviewed, handed over to a worker of its own: for the report, and for DICOM."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import slicer

from ..mrml.subject import subject_of
from ..process import temporary_folder
from ..report.subject import write_subject
from .run_section import Status
from .worker import Worker
from .worker_process import Outcome, in_panel_words, judge


class HandOver:
    """At most one worker at a time, on a folder that is removed at its end.

    Args:
        ended: called at the end, unless ``close`` was.
    """

    def __init__(self, ended: Callable[[Outcome], None]) -> None:
        self._tell = ended
        self._worker: Worker | None = None
        self._folder = Path()

    @property
    def active(self) -> bool:
        """Whether a worker runs."""
        return self._worker is not None

    def start(
        self, volume: Any, texts: Mapping[str, str], command: Callable[[Path], list[str]]
    ) -> None:
        """Write a CT's results into a folder, and what the user typed and chose; start the worker.

        Raises:
            Exception: there is nothing to hand over, or it cannot be written; nothing is left.
        """
        folder = temporary_folder()
        try:
            write_subject(subject_of(slicer.mrmlScene, volume), folder)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            worker = Worker(lambda line: None, self._ended)
            worker.start(command(folder), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder, self._worker = folder, worker

    def close(self) -> None:
        """Stop what goes on before returning."""
        if self._worker is not None:
            self._worker.stop_now()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _ended(self, code: int, crashed: bool, stderr: str) -> None:
        self._worker = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._tell(judge(code, crashed, stderr))


class HandOverSection:
    """A section of the panel that hands the results of a CT over; ``_show`` updates its widgets."""

    def __init__(self, ui: Any, status: Status) -> None:
        self._ui, self._status = ui, status
        self._volume: Any = None
        self._hand_over = HandOver(self._ended)

    @property
    def active(self) -> bool:
        """Whether a worker runs on what was handed over."""
        return self._hand_over.active

    def bind(self, volume: Any) -> None:
        """Offer the results of a CT, or of none."""
        self._volume = volume
        self._show()

    def check_nodes(self) -> None:
        """A node was removed from the scene."""
        there = self._volume is not None and slicer.mrmlScene.IsNodePresent(self._volume)
        self.bind(self._volume if there else None)

    def close(self) -> None:
        """Stop what goes on before returning."""
        self._hand_over.close()

    def _show(self) -> None:
        raise NotImplementedError

    def _ended(self, outcome: Outcome) -> None:
        raise NotImplementedError


def notes_of(outcome: Outcome) -> list[str]:
    """Return the worker's remarks, in words of the panel."""
    lines = (line.strip() for line in outcome.details.splitlines())
    return [in_panel_words(line) for line in lines if line.startswith("Note: ")]
