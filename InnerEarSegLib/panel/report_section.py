"""The report button: what is reviewed goes to a worker, which writes the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer

from ..cochlea.arrays import ChosenArray
from ..io.result_folder import REPORT_HTML
from ..mrml.results import find_results
from ..report.subject import PATIENT
from .hand_over import HandOverSection
from .messages import Status
from .worker_process import python_command

_READY = "Writes a page with pictures, measurements and the state of each landmark."
_NOTHING = "There is nothing to report on yet: segment the CT first."
_NO_PDF = ". No PDF was made, as fpdf2 is missing"


class ReportSection(HandOverSection):
    """The report's button and choices."""

    what = "report"

    def __init__(self, ui: Any, status: Status, chosen: Callable[[], list[ChosenArray]]) -> None:
        super().__init__(ui, status, chosen)
        self._page = Path()
        ui.reportButton.connect("clicked()", self._start)
        ui.patientCheckBox.connect("toggled(bool)", lambda ticked: self._show())
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
        wanted = self._ui.reportPdfCheckBox.checked
        pdf = bool(wanted and self._has_packages("A PDF", ["fpdf"]))
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
        self._hand_over(
            texts,
            lambda folder: self.make_command(folder, page, pdf),
            f"Report: {page}{_NO_PDF if wanted and not pdf else ''}",
        )

    def _done(self) -> None:
        self._forget_patient()
        qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self._page)))

    def _forget_patient(self) -> None:
        self._ui.patientCheckBox.checked = False
        self._ui.patientLineEdit.text = ""

    def _show(self) -> None:
        ui = self._ui
        there = bool(find_results(slicer.mrmlScene, self._volume).landmarks)
        ui.reportButton.setEnabled(there and not self.active)
        ui.reportButton.setToolTip(_READY if there else _NOTHING)
        # What is typed while a report is made would be forgotten at its end.
        ui.patientCheckBox.setEnabled(not self.active)
        ui.patientLineEdit.setEnabled(ui.patientCheckBox.checked and not self.active)
