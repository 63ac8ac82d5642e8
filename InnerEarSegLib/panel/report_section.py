"""The report button: what is reviewed goes to a worker, which writes the files."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import qt
import slicer

from ..errors import UnusableInput
from ..io.result_folder import REPORT_HTML
from ..mrml.results import find_results
from ..mrml.subject import subject_of
from ..process import temporary_folder
from ..report.subject import PATIENT, write_subject
from .run_section import Status
from .worker import Worker
from .worker_process import Ending, judge, notes_in, python_command

_READY = "Writes a page with pictures, measurements and the state of each landmark."
_NOTHING = "There is nothing to report on yet: segment the CT first."


class ReportSection:
    """At most one report at a time.

    Args:
        status: where the sentence for the user goes.
    """

    def __init__(self, ui: Any, status: Status) -> None:
        self._ui, self._status = ui, status
        self._volume: Any = None
        self._worker: Worker | None = None
        self._folder: Path | None = None
        self._page = Path()
        ui.reportButton.connect("clicked()", self._start)
        ui.patientCheckBox.connect("toggled(bool)", ui.patientLineEdit.setEnabled)
        self._show()

    @property
    def active(self) -> bool:
        """Whether a report is being made."""
        return self._worker is not None

    def bind(self, volume: Any) -> None:
        """Offer a report on the results of a CT, or of none."""
        if volume is not self._volume:
            self._volume = volume
            self._forget_patient()  # the next CT may be another patient's
        self._show()

    def check_nodes(self) -> None:
        """A node was removed from the scene."""
        there = self._volume is not None and slicer.mrmlScene.IsNodePresent(self._volume)
        self.bind(self._volume if there else None)

    def close(self) -> None:
        """Stop what goes on before returning."""
        if self._worker is not None:
            self._worker.stop_now()
        self._clean()

    @staticmethod
    def make_command(folder: Path, page: Path, pdf: bool) -> list[str]:
        """Return the worker on what was handed over."""
        arguments = ["report", str(folder), "--handed-over", "--output", str(page)]
        return python_command("-m", "InnerEarSegLib", *arguments, *(["--pdf"] if pdf else []))

    def _start(self) -> None:
        page = None if self.active or self._volume is None else self._ask_where()
        if page is None:
            return
        try:
            self._folder, self._page = temporary_folder(), page
            write_subject(subject_of(slicer.mrmlScene, self._volume), self._folder)
            if self._ui.patientCheckBox.checked:
                text = self._ui.patientLineEdit.text
                (self._folder / PATIENT).write_text(text, encoding="utf-8")
            command = self.make_command(self._folder, page, self._ui.reportPdfCheckBox.checked)
        except (UnusableInput, OSError) as error:
            self._clean()
            self._status.say(f"The report could not be made: {error}", "error")
            return
        self._worker = Worker(lambda piece: None, self._ended)
        self._worker.start(command, self._folder)
        self._status.say("Making the report")
        self._show()

    def _ask_where(self) -> Path | None:
        # Not named after the CT, whose name is mostly the patient's.
        text = qt.QFileDialog.getSaveFileName(
            self._ui.reportButton.window(), "Save the report", REPORT_HTML, "Web page (*.html)"
        )
        if not text:
            return None
        page = Path(text)
        return page if page.suffix.lower() in (".html", ".htm") else page.with_suffix(".html")

    def _ended(self, code: int, crashed: bool, stderr: str) -> None:
        outcome = judge(code, crashed, stderr)
        self._worker = None
        self._clean()
        self._show()
        if outcome.details:
            self._status.log(outcome.details)
        if outcome.ending is not Ending.DONE:
            self._status.say(outcome.sentence, "error")
            return
        self._forget_patient()
        notes = notes_in(outcome.details)
        if notes:
            self._status.say(" ".join([f"Report: {self._page}.", *notes]), "warn")
        else:
            self._status.say(f"Report: {self._page}", "success")
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._page)))

    def _forget_patient(self) -> None:
        self._ui.patientCheckBox.checked = False
        self._ui.patientLineEdit.text = ""

    def _clean(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _show(self) -> None:
        there = bool(find_results(slicer.mrmlScene, self._volume).landmarks)
        self._ui.reportButton.setEnabled(there and not self.active)
        self._ui.reportButton.setToolTip(_READY if there else _NOTHING)
