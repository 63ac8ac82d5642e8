"""Every unit of the catalogue has a code in DICOM and a place in the tables' columns."""

from InnerEarSegLib.cochlea.catalogue import CATALOGUE
from InnerEarSegLib.io.dicom_codes import UNITS
from InnerEarSegLib.report.tables import columns


def test_every_unit_is_known_to_dicom_and_to_tables():
    assert {entry.unit for entry in CATALOGUE.values()} <= set(UNITS)
    assert "left_duct_turns_turns" in columns(None, "left")
