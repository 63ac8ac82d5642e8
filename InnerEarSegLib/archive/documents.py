"""A report as encapsulated PDF, and its pictures as secondary capture."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ..report.content import TITLE
from .identity import SERIES, equipment, new_uid, series_of
from .pictures import Plate
from .source import SourceSeries


def encapsulated_pdf(pdf: bytes) -> Any:
    """Return a report's PDF as a pydicom dataset, not yet filed under the source's patient.

    highdicom has no class for it.
    """
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

    number, description = SERIES["pdf"]
    made, now = Dataset(), datetime.now()
    for keyword, value in {
        "SOPClassUID": EncapsulatedPDFStorage,
        "SOPInstanceUID": new_uid(),
        "SeriesInstanceUID": new_uid(),
        "SeriesNumber": number,
        "SeriesDescription": description,
        "InstanceNumber": 1,
        "Modality": "DOC",
        "ConversionType": "WSD",
        "Manufacturer": equipment()["manufacturer"],
        "ManufacturerModelName": equipment()["manufacturer_model_name"],
        "SoftwareVersions": equipment()["software_versions"],
        "ContentDate": now.strftime("%Y%m%d"),
        "ContentTime": now.strftime("%H%M%S"),
        "AcquisitionDateTime": "",
        "InstanceCreationDate": now.strftime("%Y%m%d"),
        "InstanceCreationTime": now.strftime("%H%M%S"),
        "BurnedInAnnotation": "NO",
        "DocumentTitle": TITLE,
        "ConceptNameCodeSequence": [],
        "MIMETypeOfEncapsulatedDocument": "application/pdf",
        # A value of odd length gets a byte at its end, which is not the document's.
        "EncapsulatedDocument": pdf + b"\0" * (len(pdf) % 2),
        "EncapsulatedDocumentLength": len(pdf),
    }.items():
        setattr(made, keyword, value)
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    return made


def secondary_captures(plates: Iterable[Plate], source: SourceSeries) -> list[Any]:
    """Return a report's pictures as highdicom objects of one series, not yet filed."""
    from highdicom.sc import SCImage
    from pydicom.uid import ExplicitVRLittleEndian

    made: list[Any] = []
    series = new_uid()
    for number, plate in enumerate(plates, start=1):
        # The pictures look from several directions: the rows of one have no single orientation.
        image: Any = SCImage.from_ref_dataset(
            source.headers[0],
            pixel_array=plate.pixels,
            photometric_interpretation="RGB",
            bits_allocated=8,
            coordinate_system="PATIENT",
            patient_orientation=("L", "P"),
            transfer_syntax_uid=ExplicitVRLittleEndian,
            **series_of("pictures", number, series),
            **equipment(),
        )
        image.PatientOrientation = ""
        image.Laterality = ""  # of a series, and this one shows both ears
        image.BurnedInAnnotation = "NO"
        image.ImageComments = plate.title
        made.append(image)
    return made
