"""InnerEarSeg.json, our entry in Slicer's Extensions Index.

Source: Slicer/ExtensionsIndex at 07f1d1b,
schemas/slicer-extension-catalog-entry-schema-v1.0.2.json, restated below, and
scripts/check_description_files.py (names and URL).
"""

import json
import re

import pytest

from .cmake_lists import REPOSITORY

jsonschema = pytest.importorskip("jsonschema")

SCHEMA_URL = (
    "https://raw.githubusercontent.com/Slicer/Slicer/main/Schemas/"
    "slicer-extension-catalog-entry-schema-v1.0.2.json#"
)
_text = {"type": "string"}
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema",
    "type": "object",
    "required": ["$schema", "category", "scm_url"],
    "additionalProperties": False,
    "properties": {
        "$schema": _text,
        "category": _text,
        "scm_url": _text,
        "scm_revision": _text,
        "scm_type": {"type": "string", "enum": ["git", "local"]},
        "build_dependencies": {"type": "array", "items": _text},
        "dicom_support_rule": _text,
        "build_subdirectory": _text,
        "enabled": {"type": "boolean"},
        "tier": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}


@pytest.fixture
def entry() -> dict:
    """Our entry."""
    return json.loads((REPOSITORY / "InnerEarSeg.json").read_text(encoding="utf-8"))


def test_entry_fits_the_schema(entry):
    jsonschema.validate(entry, SCHEMA)
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
