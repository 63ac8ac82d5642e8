"""What all objects of one export have in common: equipment, series, UIDs and coded concepts."""

from __future__ import annotations

from typing import Any

from .. import __version__
from ..io.dicom_codes import MANUFACTURER, SCHEME, Concept

SERIES = {
    "segmentation": (9701, "InnerEarSeg labyrinth"),
    "report": (9702, "InnerEarSeg landmarks and measurements"),
    "pdf": (9703, "InnerEarSeg report"),
    "pictures": (9704, "InnerEarSeg pictures"),
}
"""Number and description of each kind's series; the numbers are above those of scanners."""


def new_uid() -> str:
    """Return a UID of DICOM's branch for random numbers, 2.25."""
    from pydicom.uid import generate_uid

    return str(generate_uid(prefix=None))


def equipment() -> dict[str, Any]:
    """Return highdicom's arguments on what made an object."""
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": __version__,
        "device_serial_number": __version__,
    }


def series_of(kind: str, instance: int = 1, series_uid: str = "") -> dict[str, Any]:
    """Return highdicom's arguments on an object's place: a new series unless one is given."""
    number, description = SERIES[kind]
    return {
        "series_instance_uid": series_uid or new_uid(),
        "series_number": number,
        "sop_instance_uid": new_uid(),
        "instance_number": instance,
        "series_description": description,
    }


def coded(concept: Concept) -> Any:
    """Return a concept as highdicom's."""
    from highdicom.sr import CodedConcept

    return CodedConcept(concept.value, concept.scheme, concept.meaning)


def add_coding_scheme(dataset: Any) -> None:
    """Say in an object what the private coding scheme is."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    item = CodingSchemeIdentificationItem(
        designator=SCHEME,
        name="InnerEarSeg: landmarks and measurements of the inner ear",
        version=__version__,
        responsible_organization=MANUFACTURER,
    )
    dataset.CodingSchemeIdentificationSequence = [item]
