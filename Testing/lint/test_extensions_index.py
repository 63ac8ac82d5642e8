"""InnerEarSeg.json, our entry in Slicer's Extensions Index.

Source: Slicer/ExtensionsIndex at 07f1d1b,
schemas/slicer-extension-catalog-entry-schema-v1.0.2.json, restated below, and
scripts/check_description_files.py (names and URL).
"""

import json
import re

import pytest

from .cmake_lists import REPOSITORY

SCHEMA_URL = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
    "slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
REQUIRED = {"$schema", "category", "scm_url"}
TEXTS = {*REQUIRED, "scm_revision", "scm_type", "dicom_support_rule", "build_subdirectory"}
TYPES = dict.fromkeys(TEXTS, str) | {"build_dependencies": list, "enabled": bool, "tier": int}


@pytest.fixture
def entry() -> dict:
    """Our entry."""
    return json.loads((REPOSITORY / "InnerEarSeg.json").read_text(encoding="utf-8"))


def test_entry_fits_the_schema(entry):
    assert set(entry) >= REQUIRED and set(entry) <= set(TYPES)
    assert {key: type(value) for key, value in entry.items()} == {key: TYPES[key] for key in entry}
    assert all(isinstance(name, str) for name in entry.get("build_dependencies", []))
    assert entry.get("tier", 1) in range(1, 6)
    assert entry.get("scm_type", "git") in ("git", "local")
    assert entry["$schema"] == SCHEMA_URL


def test_entry_fits_the_extension(entry):
    """check_description_files.py compares name, URL and dependencies; a LICENSE must be there."""
    cmake = (REPOSITORY / "CMakeLists.txt").read_text(encoding="utf-8")
    assert "project(InnerEarSeg)" in cmake
    homepage = re.search(r'EXTENSION_HOMEPAGE "([^"]+)"', cmake)[1]
    assert entry["scm_url"] == f"{homepage}.git"
    assert homepage.startswith("https://") and homepage.rpartition("/")[2].startswith("Slicer")
    depends = re.search(r'EXTENSION_DEPENDS "([^"]+)"', cmake)[1].split()
    assert entry["build_dependencies"] == depends
    assert (REPOSITORY / "LICENSE").is_file()
