"""Where a CT is, without what it takes to read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..io.region import Region


@dataclass(frozen=True)
class Source:
    """Which CT.

    Attributes:
        path: a file or a folder with DICOM files.
        series: SeriesInstanceUID, where the folder holds several.
        region: where to look, in RAS mm of the CT; None for everywhere.
    """

    path: Path
    series: str | None = None
    region: Region | None = None
