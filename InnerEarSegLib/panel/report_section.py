"""The report button: what is reviewed goes to a worker, which writes the files."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import qt
import slicer

from ..errors import UnusableInput
from ..io.result_folder import REPORT_HTML
from ..mrml.results import find_results
from ..mrml.subject import subject_of
from ..report.subject import PATIENT, write_subject
from .status import Status
from .worker import Worker
from .worker_process import Command, Ending, judge, notes_in, python_command

_READY = "Writes a page with pictures, measurements and the state of each landmark."
_NOTHING = "There is nothing to report on yet: segment the CT first."


class ReportSection:
    """At most one report at a time.

    Args:
        ui: the panel's widgets.
        status: where the sentence for the user goes.
    """

    def __init__(self, ui: Any, status: Status) -> None:
        self._ui, self._status = ui, status
        self._volume: Any = None
        self._worker: Worker | None = None
        self._folder: Path | None = None
        self._page: Path | None = None
        ui.reportButton.connect("clicked()", self._start)
        ui.patientCheckBox.connect("toggled(bool)", ui.patientLineEdit.setEnabled)
        self._show()

    @property
    def active(self) -> bool:
        """Whether a report is being made."""
        return self._worker is not None

    def bind(self, volume: Any) -> None:
        """The CT whose results are shown, or None."""
        if volume is not self._volume:
            self._volume = volume
            self._forget_patient()  # the next CT may be somebody else's
        self._show()

    def check_nodes(self) -> None:
        """A node was removed from the scene."""
        volume = self._volume
        if volume is not None and not slicer.mrmlScene.IsNodePresent(volume):
            volume = None
        self.bind(volume)

    def close(self) -> None:
        """Stops what goes on before returning."""
        if self._worker is not None:
            self._worker.stop_now()
        self._clean()

    @staticmethod
    def make_command(folder: Path, page: Path, pdf: bool) -> Command:
        """The worker on what was handed over."""
        arguments = ["-m", "InnerEarSegLib", "report", str(folder), "--handed-over"]
        arguments += ["--output", str(page), *(["--pdf"] if pdf else [])]
        return python_command(arguments)

    def _start(self) -> None:
        if self.active or self._volume is None:
            return
        page = self._ask_where()
        if page is None:
            return
        try:
            # Directly in the temporary folder: long paths break on Windows.
            self._folder = Path(tempfile.mkdtemp(prefix="ies-"))
            write_subject(subject_of(slicer.mrmlScene, self._volume), self._folder)
            if self._ui.patientCheckBox.checked:
                text = self._ui.patientLineEdit.text
                (self._folder / PATIENT).write_text(text, encoding="utf-8")
            command = self.make_command(self._folder, page, self._ui.reportPdfCheckBox.checked)
        except (UnusableInput, OSError) as error:
            self._clean()
            self._status.error(f"The report could not be made: {error}")
            return
        self._page = page
        self._worker = Worker(lambda piece: None, self._ended)
        self._worker.start(command)
        self._status.info("Making the report")
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
        page = self._page
        outcome = judge(code, crashed, stderr)
        self._worker = None
        self._clean()
        self._show()
        if outcome.details:
            self._status.log(outcome.details)
        if outcome.ending is not Ending.DONE or page is None:
            self._status.error(outcome.sentence)
            return
        self._forget_patient()
        notes = notes_in(outcome.details)
        if notes:
            self._status.warn(" ".join([f"Report: {page}.", *notes]))
        else:
            self._status.success(f"Report: {page}")
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(page)))

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
