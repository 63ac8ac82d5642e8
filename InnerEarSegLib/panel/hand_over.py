"""What is reviewed, handed over to a worker of its own: for the report, and for DICOM."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cochlea.arrays import ChosenArray, chosen_to_text
from ..mrml.subject import subject_of
from ..process import temporary_folder
from ..report.subject import CHOSEN_ARRAYS, write_subject
from .messages import Status, ask
from .worker import Worker
from .worker_process import Ending, in_panel_words, judge

PACKAGES = {"highdicom": "highdicom", "pynetdicom": "pynetdicom", "fpdf": "fpdf2"}
"""Module and package of what a worker may need beyond 3D Slicer's Python."""

_MISSING = "{} cannot be made, as Python packages are missing: {}."
_INSTALL = (
    "They can be installed now (about 10 MB from the internet). Without internet: "
    "PythonSlicer -m pip install --no-index --find-links FOLDER {}"
)


class HandOverSection:
    """A section of the panel that hands the results of a CT over to at most one worker at a time.

    A subclass says what the worker makes in ``what``, updates its widgets in ``_show``, and does in
    ``_done`` what is left when that is made.

    Args:
        status: where the sentence for the user goes.
        chosen: returns the electrode arrays that are to be shown.
    """

    what = ""

    def __init__(self, ui: Any, status: Status, chosen: Callable[[], list[ChosenArray]]) -> None:
        self._ui, self._status, self._chosen = ui, status, chosen
        self._volume: Any = None
        self._worker: Worker | None = None
        self._folder = Path()  # for the worker; removed at its end
        self._success = ""

    @property
    def active(self) -> bool:
        """Whether a worker runs on what was handed over."""
        return self._worker is not None

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
        if self._worker is not None:
            self._worker.stop_now()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _show(self) -> None:
        raise NotImplementedError

    def _done(self) -> None:
        raise NotImplementedError

    def _hand_over(
        self, texts: Mapping[str, str], command: Callable[[Path], list[str]], success: str
    ) -> None:
        """Start the worker, or say why that cannot be done.

        Args:
            texts: what the user typed, by name of its file; the chosen arrays join it.
            command: returns the worker on the folder with these files and the CT's results.
            success: what to say when it is done.
        """
        if chosen := self._chosen():
            texts = {**texts, CHOSEN_ARRAYS: chosen_to_text(chosen)}
            success += f". Arrays shown: {', '.join(each.array.label for each in chosen)}"
        try:
            self._start_worker(texts, command)
        except Exception as error:  # in a slot nothing else would say so
            self._status.fail(f"The {self.what} could not be made", error)
        else:
            self._success = success
            self._status.say(f"Making the {self.what}")
        self._show()

    def _start_worker(self, texts: Mapping[str, str], command: Callable[[Path], list[str]]) -> None:
        folder = temporary_folder()
        try:
            write_subject(subject_of(slicer.mrmlScene, self._volume), folder)
            for name, text in texts.items():
                (folder / name).write_text(text, encoding="utf-8")
            worker = Worker(lambda line: None, self._ended)
            worker.start(command(folder), folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._folder, self._worker = folder, worker

    def _ended(self, code: int, crashed: bool, stderr: str) -> None:
        self._worker = None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._show()
        outcome = judge(code, crashed, stderr)
        if outcome.details:
            self._status.log(outcome.details)
        if outcome.ending is not Ending.DONE:
            self._status.say(outcome.sentence, "error")
            return
        lines = (line.strip() for line in outcome.details.splitlines())
        notes = [in_panel_words(line) for line in lines if line.startswith("Note: ")]
        said = ". ".join([self._success, *([" ".join(notes)] if notes else [])])
        self._status.say(said, "warn" if notes else "success")
        self._done()

    def _has_packages(self, what: str, modules: Iterable[str]) -> bool:
        """Whether the modules that something needs are there, after offering to install them."""
        missing = [PACKAGES[name] for name in modules if find_spec(name) is None]
        if not missing:
            return True
        names = " ".join(missing)
        text, more = _MISSING.format(what, names), _INSTALL.format(names)
        window, icon = self._ui.reportButton.window(), qt.QMessageBox.Question
        if not ask(window, icon, text, more, ("Install", "Not now")):
            return False
        self._status.say(f"Installing {names}")
        slicer.app.processEvents()  # so that it is on the screen
        try:
            with slicer.util.WaitCursor():
                slicer.util.pip_install(missing)
        except Exception as error:  # whatever pip, the network or the disk do
            self._status.say(f"{names} could not be installed: {error}", "error")
            return False
        return True
