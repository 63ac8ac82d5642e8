"""``slicer.i18n`` without translations. API: Slicer/Slicer, Base/Python/slicer/i18n.py"""

from __future__ import annotations


def tr(text: str) -> str:
    """The text as it is; imported as ``_``."""
    return text
