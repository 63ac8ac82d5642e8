"""The button that writes a result as DICOM objects, for a CT of 3D Slicer's DICOM database."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import qt
import slicer

from ..cochlea.arrays import ChosenArray
from ..errors import UnusableInput
from ..mrml.results import find_results
from ..mrml.volumes import dicom_database, dicom_instances
from ..report.subject import OBSERVER
from .hand_over import PACKAGES, HandOverSection
from .messages import Status
from .worker_process import python_command

_READY = (
    "Writes a segmentation, a structured report, a PDF and pictures for the hospital's archive."
)
_NOTHING = "There is nothing to export yet: segment the CT first."
_NO_SOURCE = "Only for a CT of 3D Slicer's DICOM database: the objects refer to its series."
_GONE = "The CT's DICOM files are not where 3D Slicer's DICOM database has them; import them again."


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
    """The export's button."""

    what = "DICOM objects"

    def __init__(self, ui: Any, status: Status, chosen: Callable[[], list[ChosenArray]]) -> None:
        super().__init__(ui, status, chosen)
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
        if self.active or self._volume is None:
            return
        if not self._has_packages("DICOM objects", PACKAGES):
            return
        window = self._ui.dicomButton.window()
        # No folder is proposed: its name is often the patient's.
        chosen = qt.QFileDialog.getExistingDirectory(window, "Folder for the DICOM objects")
        if not chosen:
            return
        observer = self._ui.observerLineEdit.text.strip()
        self._hand_over(
            {OBSERVER: observer} if observer else {},
            lambda folder: self.make_command(folder, source_of(self._volume), Path(chosen)),
            f"DICOM objects: {Path(chosen)}",
        )

    def _done(self) -> None:
        self._ui.observerLineEdit.text = ""

    def _show(self) -> None:
        volume = self._volume
        results = bool(find_results(slicer.mrmlScene, volume).landmarks)
        source = results and is_in_database(volume)
        self._ui.dicomButton.setEnabled(source and not self.active)
        self._ui.observerLineEdit.setEnabled(source and not self.active)
        self._ui.dicomButton.setToolTip(_READY if source else _NO_SOURCE if results else _NOTHING)
