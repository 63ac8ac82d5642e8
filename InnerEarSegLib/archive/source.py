"""The DICOM series that a result was made from: what its objects are filed under."""

from __future__ import annotations

import copy
import importlib.util
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from ..errors import UnusableInput
from ..io.dicom_series import find_series
from ..io.volume import is_image_file, read_ct
from ..types import Volume

NO_LIBRARY = (
    "DICOM objects need the Python packages highdicom and pynetdicom: `pip install "
    "'innerearseg[dicom]'`."
)
NO_DICOM = "{} is no DICOM, so no DICOM objects can be made: they need the CT's DICOM series."

COPIED = (
    # Patient, clinical trial, and what tells the patient's identity apart
    "PatientName", "PatientID", "IssuerOfPatientID", "TypeOfPatientID",
    "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDs", "OtherPatientIDsSequence",
    "OtherPatientNames", "PatientBirthDate", "PatientBirthTime", "PatientSex", "EthnicGroup",
    "PatientComments", "PatientSpeciesDescription", "PatientIdentityRemoved",
    "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName",
    "ClinicalTrialSiteID", "ClinicalTrialSiteName", "ClinicalTrialSubjectID",
    "ClinicalTrialSubjectReadingID",
    # Study, and the patient at that time
    "StudyInstanceUID", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
    "IssuerOfAccessionNumberSequence", "ReferringPhysicianName", "StudyDescription",
    "ProcedureCodeSequence", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy",
    "PatientAge", "PatientSize", "PatientWeight", "MedicalAlerts", "Allergies",
    "AdmissionID", "PregnancyStatus",
)  # fmt: skip
"""Attributes of DICOM's patient and study modules: each object has them as the source has."""

BLANK = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
"""Attributes that DICOM requires, if only empty."""

SAME_HU = 2.0
"""Values may differ by rounding of the rescale and of a resampled grid."""
OTHER_SHARE = 0.01
"""Share of voxels that may differ by more."""


@dataclass(frozen=True, eq=False)
class SourceSeries:
    """A CT's DICOM series.

    Attributes:
        headers: one pydicom dataset a file, without pixels and without a patient: the libraries
            that make objects from it log values that break the standard.
        original: the first file's dataset, with the patient.
        frame_of_reference: its UID.
        ct: the voxels, in RAS mm; LPS mm of the frame of reference otherwise.
    """

    headers: tuple[Any, ...]
    original: Any
    frame_of_reference: str
    ct: Volume

    def file_under(self, dataset: Any) -> Any:
        """Copy patient and study as they are into an object; return it."""
        dataset.SpecificCharacterSet = "ISO_IR 192"  # holds the letters of every other one
        for keyword in COPIED:
            # New elements, as objects made from each other may share theirs.
            if keyword in dataset:
                del dataset[keyword]
            if keyword in self.original:
                dataset[keyword] = copy.deepcopy(self.original[keyword])
            elif keyword in BLANK:
                setattr(dataset, keyword, "")
        return dataset


def need_library() -> None:
    """Check early that highdicom and pynetdicom are installed; UnusableInput if not."""
    if any(importlib.util.find_spec(name) is None for name in ("highdicom", "pynetdicom")):
        raise UnusableInput(NO_LIBRARY)


@contextmanager
def silent() -> Iterator[None]:
    """Keep pydicom and highdicom from printing what they find odd: it may be a patient's name."""
    loggers = [logging.getLogger(name) for name in ("pydicom", "highdicom", "pynetdicom")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def read_source(path: Path, series: str | None = None) -> SourceSeries:
    """Read the series that ``read_ct`` takes from a folder or file.

    Raise UnusableInput if it is no DICOM, cannot be read, or does not say where it is filed.
    """
    if is_image_file(path):
        raise UnusableInput(NO_DICOM.format(path))
    ct = read_ct(path, series)
    headers = read_headers(path, series)
    return SourceSeries(*headers, ct)


def read_headers(path: Path, series: str | None = None) -> tuple[tuple[Any, ...], Any, str]:
    """Return headers, the first one whole, and the frame of reference; see ``SourceSeries``.

    Raise UnusableInput where objects could not refer to the series.
    """
    import pydicom

    if is_image_file(path):
        raise UnusableInput(NO_DICOM.format(path))
    with silent():
        try:
            chosen, _ = find_series(path, series)
        except OSError as error:
            raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
        files = dict.fromkeys(plane.path for plane in chosen.slices)
        headers = []
        for file in files:
            header = pydicom.dcmread(file, stop_before_pixels=True, force=True)
            header.decode()
            headers.append(header)
        _check_headers(headers, path)
        original = copy.deepcopy(headers[0])
        for header in headers:
            for keyword in COPIED:
                if keyword in header and keyword != "StudyInstanceUID":
                    del header[keyword]
            for keyword in BLANK:
                setattr(header, keyword, "")
            if "SliceThickness" not in header:
                header.SliceThickness = None  # may be empty, but highdicom wants it to be there
    return tuple(headers), original, str(original.FrameOfReferenceUID)


def _check_headers(headers: Sequence[Any], path: Path) -> None:
    """Raise UnusableInput where a series cannot be referred to, or is not of one patient."""
    for keyword, what in (
        ("FrameOfReferenceUID", "frame of reference"),
        ("StudyInstanceUID", "study"),
        ("SeriesInstanceUID", "series"),
        ("PatientID", "patient"),
        ("PatientName", "patient"),
    ):
        values = {str(header.get(keyword, "") or "") for header in headers}
        if len(values) > 1:
            said = "belongs to more than one"
        elif values == {""} and what != "patient":
            said = "does not name its"
        else:
            continue
        raise UnusableInput(
            f"The DICOM series in {path} {said} {what}, so no DICOM objects can refer to it."
        )
    if not all(header.get("SOPInstanceUID") and header.get("SOPClassUID") for header in headers):
        raise UnusableInput(
            f"The DICOM series in {path} has images without a UID or a class, so no DICOM objects "
            "can refer to it."
        )


def check_same_ct(source: SourceSeries, parts: dict[Any, Volume]) -> None:
    """Check that a result's CT around each ear is that of the series.

    Raise UnusableInput if voxels or places differ: objects would lie elsewhere in the patient.
    """
    whole = source.ct.to_sitk()
    for part in parts.values():
        # Not the outermost voxels: rounded places may lie just outside of the other grid.
        target = part.to_sitk()
        sampled = sitk.GetArrayFromImage(
            sitk.Resample(whole, target, sitk.Transform(), sitk.sitkLinear, -1e5, sitk.sitkFloat32)
        )
        inner = tuple(slice(1, -1) for _ in range(3))
        other = np.abs(sampled - part.array)[inner] > SAME_HU
        if other.size == 0 or other.mean() > OTHER_SHARE:
            raise UnusableInput(
                "The source series is not the CT of this result, or the CT was moved in 3D Slicer: "
                "its voxels or their places differ."
            )
