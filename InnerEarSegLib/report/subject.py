"""What a report is about: ears as they are now, after review, with the CT around them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..cochlea.measurements import CochlearMeasurements, measure
from ..errors import UnusableInput
from ..io.result_files import read_arrays, segmentation_from_json, write_plain
from ..types import AUTOMATIC, REVIEWED, Geometry, Segmentation, Side, Volume

MARGIN_MM = 15.0
"""CT around a labyrinth that pictures can show: 10 mm to each side of a landmark, and oblique."""


@dataclass(frozen=True, eq=False)
class Subject:
    """All of one CT, in its RAS mm, its parent transform not applied.

    Attributes:
        segmentation: the ears as they are now, left before right.
        cts: HU around each ear's labyrinth.
        spacing_mm: of the CT along (i, j, k).
        left_out: a sentence for each ear that is there no more, and why.
        sources: what it was read from, as ``io.result_folder.known_as`` by name of the file.
    """

    segmentation: Segmentation
    cts: dict[Side, Volume]
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_out: tuple[str, ...] = ()
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def made_of(self) -> str:
        """REVIEWED if the user changed, confirmed or removed anything, else AUTOMATIC."""
        reviewed = self.left_out or any(ear.reviewed for ear in self.segmentation.ears)
        return REVIEWED if reviewed else AUTOMATIC

    @cached_property
    def measurements(self) -> dict[Side, CochlearMeasurements]:
        """Those of each ear."""
        return {ear.side: measure(ear) for ear in self.segmentation.ears}


def ct_around(array: NDArray, grid: Geometry, points: NDArray) -> Volume:
    """Copy the voxels of a CT [k, j, i] around points (n, 3), RAS mm, with MARGIN_MM to each side.

    Those of the nearest border if there are none.
    """
    low, high = points.min(axis=0) - MARGIN_MM, points.max(axis=0) + MARGIN_MM
    ijk = grid.to_ijk(np.array(list(product(*zip(low, high, strict=True)))))
    last = np.array(grid.shape[::-1]) - 1
    low = np.clip(np.floor(ijk.min(axis=0)), 0, last - 1).astype(int)
    high = np.clip(np.ceil(ijk.max(axis=0)), low + 1, last).astype(int)
    part = array[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1].copy()
    return Volume(part, grid.part(low, part.shape))


SUBJECT = "subject.json"
PATIENT, OBSERVER = "patient.txt", "observer.txt"
"""What the user typed. In files: the arguments of a process can be read by others."""

CHOSEN_ARRAYS = "arrays.json"
"""The electrode arrays that the user chose in the panel."""


def write_subject(subject: Subject, folder: Path) -> None:
    """Write a subject into an existing folder; UnusableInput if that fails."""
    content = {
        "segmentation": subject.segmentation.review_to_json(),
        "spacing_mm": list(subject.spacing_mm),
        "left_out": list(subject.left_out),
    }
    try:
        write_plain(subject.segmentation, folder)
        for side, ct in subject.cts.items():
            np.savez(folder / f"ct_{side}.npz", ct=ct.array, ijk_to_ras=ct.geometry.ijk_to_ras)
        (folder / SUBJECT).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        why = error.strerror or error
        raise UnusableInput(f"The report's data cannot be written to {folder}: {why}.") from None


def read_subject(folder: Path) -> Subject:
    """Read what ``write_subject`` wrote; UnusableInput if the folder holds no whole subject."""
    try:
        content = json.loads((folder / SUBJECT).read_text(encoding="utf-8"))
        segmentation = segmentation_from_json(content["segmentation"], folder)
        return Subject(
            segmentation,
            {ear.side: _read_ct(folder / f"ct_{ear.side}.npz") for ear in segmentation.ears},
            tuple(content["spacing_mm"]),
            tuple(content["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"The report's data in {folder} cannot be read: {error}.") from None


def _read_ct(path: Path) -> Volume:
    ct, ijk_to_ras = read_arrays(path, "ct", "ijk_to_ras")
    return Volume(ct, Geometry(ijk_to_ras, ct.shape))
