"""The button that writes a result as DICOM objects, for a CT of 3D Slicer's DICOM database."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import qt
import slicer

from ..errors import UnusableInput
from ..mrml.results import find_results
from ..mrml.volumes import dicom_database, dicom_instances
from ..report.subject import OBSERVER
from .devices import ask
from .hand_over import HandOverSection, notes_of
from .run_section import Status
from .worker_process import Ending, Outcome, python_command

PACKAGES = {"highdicom": "highdicom", "pynetdicom": "pynetdicom", "fpdf": "fpdf2"}
"""Module and package of what the worker needs."""

_READY = (
    "Writes a segmentation, a structured report, a PDF and pictures for the hospital's archive."
)
_NOTHING = "There is nothing to export yet: segment the CT first."
_NO_SOURCE = "Only for a CT of 3D Slicer's DICOM database: the objects refer to its series."
_GONE = "The CT's DICOM files are not where 3D Slicer's DICOM database has them; import them again."
_MISSING = "DICOM objects need Python packages that are missing: {}."
_INSTALL = (
    "They can be installed now (about 10 MB from the internet). Without internet: "
    "PythonSlicer -m pip install --no-index --find-links FOLDER {}"
)


class Source(NamedTuple):
    """Where a CT's series lies: a folder with all of its files, and its SeriesInstanceUID."""

    folder: Path
    series: str


def is_in_database(volume: Any) -> bool:
    """Whether a volume node, or None, was loaded from a series that the DICOM database has."""
    uids = [] if volume is None else dicom_instances(volume)
    database = dicom_database()
    return bool(uids) and database is not None and bool(database.fileForInstance(uids[0]))


def source_of(volume: Any) -> Source:
    """Return the series that a volume node was loaded from; UnusableInput if files are missing."""
    database = dicom_database()
    files = [database.fileForInstance(uid) for uid in dicom_instances(volume)]
    if not files or not all(file and Path(file).is_file() for file in files):
        raise UnusableInput(_GONE)
    folders = {str(Path(file).resolve().parent) for file in files}
    try:
        folder = os.path.commonpath(folders)
    except ValueError:  # on several drives
        raise UnusableInput(_GONE) from None
    return Source(Path(folder), database.seriesForFile(files[0]))


class DicomSection(HandOverSection):
    """At most one export at a time; ``status`` shows the sentence for the user."""

    def __init__(self, ui: Any, status: Status) -> None:
        super().__init__(ui, status)
        self._output = Path()
        ui.dicomButton.connect("clicked()", self._start)
        self._show()

    @staticmethod
    def make_command(folder: Path, source: Source, output: Path) -> list[str]:
        """Return the worker on what was handed over."""
        return python_command(
            "-m", "InnerEarSegLib", "dicom", str(folder), "--handed-over",
            "--source", str(source.folder), "--series", source.series, "--output", str(output),
        )  # fmt: skip

    def _start(self) -> None:
        if self.active or self._volume is None or not self._has_packages():
            return
        window = self._ui.dicomButton.window()
        # No folder is proposed: its name is often the patient's.
        chosen = qt.QFileDialog.getExistingDirectory(window, "Folder for the DICOM objects")
        if not chosen:
            return
        self._output = output = Path(chosen)
        observer = self._ui.observerLineEdit.text.strip()
        try:
            source = source_of(self._volume)
            self._hand_over.start(
                self._volume,
                {OBSERVER: observer} if observer else {},
                lambda folder: self.make_command(folder, source, output),
            )
        except Exception as error:  # in a slot nothing else would say so
            self._status.fail("The DICOM objects could not be made", error)
            self._show()
            return
        self._status.say("Making the DICOM objects")
        self._show()

    def _has_packages(self) -> bool:
        """Whether the packages are there, after offering to install them."""
        missing = [package for name, package in PACKAGES.items() if find_spec(name) is None]
        if not missing:
            return True
        names = " ".join(missing)
        window = self._ui.dicomButton.window()
        buttons = ("Install", "Not now")
        text, more = _MISSING.format(names), _INSTALL.format(names)
        if not ask(window, qt.QMessageBox.Question, text, more, buttons):
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

    def _ended(self, outcome: Outcome) -> None:
        self._show()
        if outcome.details:
            self._status.log(outcome.details)
        if outcome.ending is not Ending.DONE:
            self._status.say(outcome.sentence, "error")
            return
        self._ui.observerLineEdit.text = ""
        notes = notes_of(outcome)
        said = f"DICOM objects: {self._output}" + (f". {' '.join(notes)}" if notes else "")
        self._status.say(said, "warn" if notes else "success")

    def _show(self) -> None:
        volume = self._volume
        results = bool(find_results(slicer.mrmlScene, volume).landmarks)
        source = results and is_in_database(volume)
        self._ui.dicomButton.setEnabled(source and not self.active)
        self._ui.observerLineEdit.setEnabled(source and not self.active)
        self._ui.dicomButton.setToolTip(_READY if source else _NO_SOURCE if results else _NOTHING)
