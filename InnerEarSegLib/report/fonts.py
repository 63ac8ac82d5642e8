"""A font of this computer for names that PDF's own fonts cannot write."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

FONTS = (
    "{WINDIR}/Fonts/arial.ttf",
    "{WINDIR}/Fonts/segoeui.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation2/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
"""Where Windows, macOS and Linux keep fonts with Latin, Greek and Cyrillic letters."""


def font_with(text: str) -> Path | None:
    """A TrueType font of this computer that has all letters of a text; None if none has.

    Needs fontTools, which fpdf2 brings.
    """
    from fontTools.ttLib import TTFont, TTLibError

    for path in _fonts():
        try:
            with TTFont(path, lazy=True) as font:
                known = font.getBestCmap() or {}
        except (OSError, TTLibError):
            continue
        if all(ord(letter) in known for letter in text):
            return path
    return None


def _fonts() -> Iterator[Path]:
    """Fonts that are there: the system's, then the one that Matplotlib carries."""
    for place in FONTS:
        path = Path(place.format(WINDIR=os.environ.get("WINDIR", "C:/Windows")))
        if path.is_file():
            yield path
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            yield path
