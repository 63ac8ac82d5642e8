"""Every unit of the catalogue has a code in DICOM and a place in the tables' columns."""

from InnerEarSegLib.batch.tables import UNITS as TABLE_UNITS
from InnerEarSegLib.cochlea.catalogue import CATALOGUE
from InnerEarSegLib.io.dicom_codes import UNITS


def test_every_unit_is_known_to_dicom_and_to_tables():
    assert {entry.unit for entry in CATALOGUE.values()} <= set(UNITS)
    assert {entry.unit for entry in CATALOGUE.values()} <= set(TABLE_UNITS)
