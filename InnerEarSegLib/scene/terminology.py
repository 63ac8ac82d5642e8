"""Standard codes for the labyrinth, as Slicer's own term lists hold them.

Those lists know neither labyrinth nor cochlea; "Inner ear" is the nearest term that they have.
"""

from __future__ import annotations

from ..results import Side

_CONTEXT = "Segmentation category and type - 3D Slicer General Anatomy list"
_CATEGORY = "SCT^123037004^Anatomical Structure"
_TYPE = "SCT^22945000^Inner ear"
_LATERALITY = {"left": "SCT^7771000^Left", "right": "SCT^24028007^Right"}
_REGION_CONTEXT = "Anatomic codes - DICOM master list"


def inner_ear_term(side: Side) -> str:
    """Slicer's seven-part terminology entry: context, category, type, modifier, region."""
    return "~".join([_CONTEXT, _CATEGORY, _TYPE, _LATERALITY[side], _REGION_CONTEXT, "^^", "^^"])
