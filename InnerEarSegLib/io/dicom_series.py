"""Choose the series of a DICOM folder that is the CT to read."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UnusableInput
from .checks import MAX_SLICE_MM, MIN_SLICES
from .dicom_headers import DicomFile, Slice

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SCOUT_WORDS = {"LOCALIZER", "SCOUT", "TOPOGRAM", "SURVIEW", "SCANOGRAM"}
NO_SCAN_WORDS = {"DOSE_INFO", "SCREEN SAVE", "PROT", "DOSE"}
REFORMAT_WORDS = {
    "MPR", "REFORMATTED", "PROJECTION IMAGE", "MIP", "MINIP", "AVERAGE", "VRT", "RENDERING",
    "CURVED", "CSA PARALLEL", "CSA MPR", "DERIVED",
}  # fmt: skip
LISTED = 20

BONE_WORDS = re.compile(
    r"bone|knochen|\bos\b|osse|hueso|felsenbein|petros|temporal|innenohr|inner ?ear|edge|sharp"
    r"|ultra|lung\+?\b|^y[a-d]$|^[de]$|^fc[38]\d",
    re.IGNORECASE,
)
SIEMENS = re.compile(r"^[A-Z][a-z]{0,2}(\d\d)[a-z]?\b")
"""B70s, H60f, U75u, Hr68h, Ub80: the number is the sharpness."""

SIEMENS_BONE = 60


@dataclass(frozen=True, eq=False)
class Series:
    """One series, by its headers.

    Attributes:
        files: all of its images.
        slices: the planes of its largest group of equal orientation and size.
        left_out: how many planes are in other groups.
    """

    uid: str
    files: tuple[DicomFile, ...]
    slices: tuple[Slice, ...]
    left_out: int

    @property
    def head(self) -> DicomFile:
        """The first file, whose header stands for all."""
        return self.files[0]

    @property
    def distance(self) -> float:
        """Median distance of slices in mm; infinite without positions."""
        places = [s.position @ s.normal for s in self.slices if np.isfinite(s.position).all()]
        steps = np.diff(np.unique(np.round(places, 3)))
        return float(np.median(steps)) if len(steps) else float("inf")

    @property
    def is_bone(self) -> bool:
        """Whether its kernel or description is for bone."""
        siemens = SIEMENS.match(self.head.kernel)
        if siemens:
            return int(siemens[1]) >= SIEMENS_BONE
        return bool(BONE_WORDS.search(self.head.kernel) or BONE_WORDS.search(self.head.description))

    @property
    def is_reformat(self) -> bool:
        """Whether it was made from another series."""
        return bool(REFORMAT_WORDS & set(self.head.kind))

    @property
    def is_scan(self) -> bool:
        """Whether it is a CT, and no scout, dose report or screenshot."""
        words = set(self.head.kind)
        return (
            self.head.modality == "CT"
            and not words & (SCOUT_WORDS | NO_SCAN_WORDS)
            and not self.head.sop_class.startswith(SECONDARY_CAPTURE)
            and self.head.samples == 1
        )

    @property
    def is_usable(self) -> bool:
        """Whether it has enough slices that are thin enough."""
        return len(self.slices) >= MIN_SLICES and self.distance <= MAX_SLICE_MM

    def __str__(self) -> str:
        description = f', "{self.head.description}"' if self.head.description else ""
        kernel = f", kernel {self.head.kernel}" if self.head.kernel else ""
        distance = f" of {self.distance:.2f} mm" if np.isfinite(self.distance) else ""
        about = f"{self.head.modality}{description}{kernel}, {len(self.slices)} slices{distance}"
        return f"{self.uid} ({about})"


def all_series(files: Sequence[DicomFile]) -> list[Series]:
    """Group images into series, ordered by UID."""
    groups: dict[str, list[DicomFile]] = defaultdict(list)
    for file in files:
        groups[file.series].append(file)
    found = []
    for uid, group in sorted(groups.items()):
        # Scouts are sometimes filed in the series that was planned on them.
        scans = [file for file in group if not SCOUT_WORDS & set(file.kind)] or group
        planes = [plane for file in scans for plane in file.slices]
        keys = [
            (p.shape, *np.round(p.spacing, 4), *np.round([*p.row, *p.column], 3) + 0.0)
            for p in planes
        ]
        largest = Counter(keys).most_common(1)[0][0]
        kept = tuple(plane for plane, key in zip(planes, keys, strict=True) if key == largest)
        left_out = sum(len(file.slices) for file in group) - len(kept)
        found.append(Series(uid, tuple(scans), kept, left_out))
    return found


def choose(
    found: Sequence[Series], uid: str | None, folder: Path
) -> tuple[Series, tuple[str, ...]]:
    """Return the series to read, and a warning if there was a choice; refuse an unclear one."""
    if uid is not None:
        for series in found:
            if series.uid == uid.strip():
                return series, ()
        raise UnusableInput(f"The folder {folder} has no series {uid}; it holds {_list(found)}.")
    scans = [series for series in found if series.is_scan]
    if not scans:
        others = sorted({series.head.modality for series in found})
        if "CT" in others:
            reason = f"CT scan, only scouts, reports or screenshots: {_list(found)}"
        else:
            reason = f"CT, only DICOM of modality {', '.join(others)}"
        raise UnusableInput(f"The folder {folder} holds no {reason}.")
    originals = [s for s in scans if not s.is_reformat and s.is_usable]
    candidates = originals or [s for s in scans if s.is_usable] or scans
    chosen = candidates[0] if len(candidates) == 1 else _thinnest_bone(candidates)
    if chosen is None:
        raise UnusableInput(
            f"The folder {folder} holds {len(candidates)} CT series, choose one with --series UID: "
            f"{_list(candidates)}."
        )
    if len(scans) == 1:
        return chosen, ()
    return chosen, (f"Of {len(scans)} CT series in the folder, {chosen} was read.",)


def _thinnest_bone(candidates: Sequence[Series]) -> Series | None:
    """Return the series with a bone kernel that is clearly thinner than others with one."""
    bone = sorted((s for s in candidates if s.is_bone), key=lambda series: series.distance)
    if not bone or (len(bone) > 1 and bone[1].distance < 1.05 * bone[0].distance):
        return None
    # A bone kernel in thick slices against a soft one in thin slices is for the user to weigh.
    thinnest = min(series.distance for series in candidates)
    return bone[0] if bone[0].distance <= max(1.0, 1.05 * thinnest) else None


def _list(found: Sequence[Series]) -> str:
    shown = "; ".join(str(series) for series in found[:LISTED])
    return shown + (f"; and {len(found) - LISTED} more" if len(found) > LISTED else "")
