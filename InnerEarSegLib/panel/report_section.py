"""The report button: what is reviewed goes to a worker, which writes the files."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cochlea.arrays import ChosenArray, chosen_to_text
from ..io.result_folder import REPORT_HTML
from ..mrml.results import find_results
from ..report.subject import CHOSEN_ARRAYS, PATIENT
from .hand_over import HandOverSection, notes_of
from .run_section import Status
from .worker_process import Ending, Outcome, python_command

_READY = "Writes a page with pictures, measurements and the state of each landmark."
_NOTHING = "There is nothing to report on yet: segment the CT first."
_NO_PDF = (
    "No PDF was made, as fpdf2 is missing. Print the page to a PDF from the browser, or run "
    "PythonSlicer -m pip install fpdf2 and make the report again."
)


class ReportSection(HandOverSection):
    """At most one report at a time.

    Args:
        status: where the sentence for the user goes.
        chosen: returns the electrode arrays that the report shall show.
    """

    def __init__(self, ui: Any, status: Status, chosen: Callable[[], list[ChosenArray]]) -> None:
        super().__init__(ui, status)
        self._chosen = chosen
        self._page, self._pdf_missing = Path(), False
        ui.reportButton.connect("clicked()", self._start)
        ui.patientCheckBox.connect("toggled(bool)", ui.patientLineEdit.setEnabled)
        self._show()

    def bind(self, volume: Any) -> None:
        """Offer a report on the results of a CT, or of none."""
        if volume is not self._volume:
            self._forget_patient()  # the next CT may be another patient's
        super().bind(volume)

    @staticmethod
    def make_command(folder: Path, page: Path, pdf: bool) -> list[str]:
        """Return the worker on what was handed over."""
        arguments = ["report", str(folder), "--handed-over", "--output", str(page)]
        return python_command("-m", "InnerEarSegLib", *arguments, *(["--pdf"] if pdf else []))

    def _start(self) -> None:
        if self.active or self._volume is None:
            return
        # Not named after the CT, whose name is mostly the patient's.
        chosen = qt.QFileDialog.getSaveFileName(
            self._ui.reportButton.window(), "Save the report", REPORT_HTML, "Web page (*.html)"
        )
        if not chosen:
            return
        page = Path(chosen)
        if page.suffix.lower() not in (".html", ".htm"):
            page = page.with_name(page.name + ".html")  # "Case 1.1" has no suffix
        self._page = page
        ticked = self._ui.patientCheckBox.checked
        texts = {PATIENT: self._ui.patientLineEdit.text} if ticked else {}
        if chosen_arrays := self._chosen():
            texts[CHOSEN_ARRAYS] = chosen_to_text(chosen_arrays)
        pdf = bool(self._ui.reportPdfCheckBox.checked)
        self._pdf_missing = pdf and find_spec("fpdf") is None
        with_pdf = pdf and not self._pdf_missing
        try:
            self._hand_over.start(
                self._volume, texts, lambda folder: self.make_command(folder, page, with_pdf)
            )
        except Exception as error:  # in a slot nothing else would say so
            self._status.fail("The report could not be made", error)
            self._show()
            return
        self._status.say("Making the report")
        self._show()

    def _ended(self, outcome: Outcome) -> None:
        self._show()
        if outcome.details:
            self._status.log(outcome.details)
        if outcome.ending is not Ending.DONE:
            self._status.say(outcome.sentence, "error")
            return
        self._forget_patient()
        notes = [*notes_of(outcome), *([_NO_PDF] if self._pdf_missing else [])]
        said = f"Report: {self._page}" + (f". {' '.join(notes)}" if notes else "")
        self._status.say(said, "warn" if notes else "success")
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._page)))

    def _forget_patient(self) -> None:
        self._ui.patientCheckBox.checked = False
        self._ui.patientLineEdit.text = ""

    def _show(self) -> None:
        there = bool(find_results(slicer.mrmlScene, self._volume).landmarks)
        self._ui.reportButton.setEnabled(there and not self.active)
        self._ui.reportButton.setToolTip(_READY if there else _NOTHING)
