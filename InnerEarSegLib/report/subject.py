"""What a report is about: ears as they are now, after review, with the CT around them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import CHECK, Ear, Geometry, ModelIdentity, Quality, Side, Volume

AUTOMATIC, EDITED, REMOVED = "automatic", "edited", "removed"
"""What a segment is: as it was found, changed by hand, or gone."""

MARGIN_MM = 15.0
"""CT around a labyrinth that pictures can show: 10 mm to each side of a landmark, and oblique."""


@dataclass(frozen=True)
class ReviewedLandmark:
    """One landmark after review.

    Attributes:
        name: one of LANDMARKS.
        ras: RAS mm of the CT; None where it was not found.
        state: "automatic", "confirmed", "corrected", "placed by hand", "removed by hand" or
            "not found".
        moved_mm: how far it was moved from where it was found; None where one of both is missing.
        settled: somebody confirmed exactly what is there now, also that nothing is.
        confidence: of the automatic position, 0 to 1.
        radius_mm: of the ball that holds the true point in 90 % of cases; None if it was moved or
            the model has no calibration.
    """

    name: str
    ras: tuple[float, float, float] | None
    state: str
    moved_mm: float | None
    settled: bool
    confidence: float
    radius_mm: float | None = None


@dataclass(frozen=True, eq=False)
class ReviewedEar:
    """One ear after review; all in RAS mm of the CT, its parent transform not applied.

    Attributes:
        side: of the ear.
        ct: HU [k, j, i] around the labyrinth.
        labyrinth: uint8 [k, j, i], 1 inside, on ``geometry``; may be empty.
        geometry: its grid.
        landmarks: in the order of LANDMARKS.
        auxiliary: RAS mm of auxiliary landmarks by name, those that are there.
        radii: 90 % radius in mm by name that planning counts with, also of auxiliary landmarks and
            of those that were moved by hand.
        quality: of the automatic result.
        segment: AUTOMATIC, EDITED or REMOVED.
    """

    side: Side
    ct: Volume
    labyrinth: NDArray[np.uint8]
    geometry: Geometry
    landmarks: tuple[ReviewedLandmark, ...]
    auxiliary: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    radii: dict[str, float] = field(default_factory=dict)
    quality: Quality = field(default_factory=lambda: Quality(CHECK))
    segment: str = AUTOMATIC


@dataclass(frozen=True, eq=False)
class Subject:
    """All of one CT.

    Attributes:
        ears: left before right.
        model: which network found them.
        warnings: of the run, one sentence each.
        spacing_mm: voxel size (i, j, k) of the CT.
        left_out: a sentence for each ear that is there no more, and why.
    """

    ears: tuple[ReviewedEar, ...]
    model: ModelIdentity
    warnings: tuple[str, ...] = ()
    spacing_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    left_out: tuple[str, ...] = ()


def ct_around(array: NDArray, grid: Geometry, center: NDArray, half_mm: NDArray) -> Volume:
    """The part of a CT around a box.

    Args:
        array: HU [k, j, i].
        grid: its geometry.
        center: of the box, RAS mm.
        half_mm: from there to its faces along R, A and S; the margin is added.

    Returns:
        A copy of the voxels within; those of the nearest border if there are none.
    """
    reach = np.asarray(half_mm) + MARGIN_MM
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) * reach
    ijk = grid.to_ijk(center + corners)
    last = np.array(grid.shape[::-1]) - 1
    low = np.clip(np.floor(ijk.min(axis=0)), 0, last - 1).astype(int)
    high = np.clip(np.ceil(ijk.max(axis=0)), low + 1, last).astype(int)
    part = array[low[2] : high[2] + 1, low[1] : high[1] + 1, low[0] : high[0] + 1].copy()
    matrix = grid.ijk_to_ras.copy()
    matrix[:3, 3] = grid.to_ras(low)
    k, j, i = part.shape
    return Volume(part, Geometry(matrix, (k, j, i)))


REVIEWED = "reviewed"
_UNTOUCHED = (AUTOMATIC, "not found")


@dataclass(frozen=True)
class EarState:
    """The landmarks and the segment that one ear was measured with.

    Attributes:
        landmarks: in the order of LANDMARKS, in RAS mm of the CT.
        segment: AUTOMATIC, EDITED or REMOVED.
    """

    landmarks: tuple[ReviewedLandmark, ...]
    segment: str = AUTOMATIC

    @property
    def reviewed(self) -> bool:
        """Whether somebody changed, placed or confirmed anything of it."""
        return self.segment != AUTOMATIC or any(
            x.settled or x.state not in _UNTOUCHED for x in self.landmarks
        )

    def to_json(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, named as in ``result.json``."""
        return {
            "segment": self.segment,
            "landmarks": [
                {
                    "name": x.name,
                    "ras_mm": None if x.ras is None else [round(value, 4) for value in x.ras],
                    "state": x.state,
                    "confirmed": x.settled,
                    "moved_mm": None if x.moved_mm is None else round(x.moved_mm, 3),
                    "radius_90_mm": None if x.radius_mm is None else round(x.radius_mm, 3),
                }
                for x in self.landmarks
            ],
        }


States = Mapping[Side, EarState]


def state_found(ear: Ear) -> EarState:
    """Of an ear as it was found."""
    return EarState(
        tuple(
            ReviewedLandmark(
                x.name,
                x.ras,
                "not found" if x.ras is None else AUTOMATIC,
                None if x.ras is None else 0.0,
                False,
                x.confidence,
                x.radius_mm,
            )
            for x in ear.landmarks
        )
    )


def state_reviewed(ear: ReviewedEar) -> EarState:
    """Of an ear as a scene has it."""
    return EarState(ear.landmarks, ear.segment)


def made_of(states: States) -> str:
    """AUTOMATIC, or REVIEWED as soon as one ear is."""
    return REVIEWED if any(state.reviewed for state in states.values()) else AUTOMATIC


SUBJECT = "subject.json"
PATIENT = "patient.txt"
"""What the user typed. In a file: the arguments of a process can be read by others."""


def write_subject(subject: Subject, folder: Path) -> None:
    """Write a subject into an existing folder.

    Raises:
        UnusableInput: it cannot be written.
    """
    content: dict[str, Any] = {
        "model": asdict(subject.model),
        "warnings": list(subject.warnings),
        "spacing_mm": list(subject.spacing_mm),
        "left_out": list(subject.left_out),
        "ears": [],
    }
    try:
        for ear in subject.ears:
            np.savez(
                folder / f"{ear.side}.npz",
                ct=ear.ct.array,
                ct_ijk_to_ras=ear.ct.geometry.ijk_to_ras,
                labyrinth=ear.labyrinth,
                ijk_to_ras=ear.geometry.ijk_to_ras,
            )
            content["ears"].append(
                {
                    "side": ear.side,
                    "landmarks": [asdict(landmark) for landmark in ear.landmarks],
                    "auxiliary": ear.auxiliary,
                    "radii": ear.radii,
                    "quality": asdict(ear.quality),
                    "segment": ear.segment,
                }
            )
        (folder / SUBJECT).write_text(json.dumps(content), encoding="utf-8")
    except OSError as error:
        raise UnusableInput(
            f"The report's data cannot be written to {folder}: {error.strerror or error}."
        ) from None


def read_subject(folder: Path) -> Subject:
    """Read what ``write_subject`` wrote.

    Raises:
        UnusableInput: the folder holds no whole subject.
    """
    try:
        content = json.loads((folder / SUBJECT).read_text(encoding="utf-8"))
        return Subject(
            ears=tuple(_ear(item, folder) for item in content["ears"]),
            model=ModelIdentity(**content["model"]),
            warnings=tuple(content["warnings"]),
            spacing_mm=tuple(content["spacing_mm"]),
            left_out=tuple(content["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusableInput(f"The report's data in {folder} cannot be read: {error}.") from None


def _ear(item: dict[str, Any], folder: Path) -> ReviewedEar:
    with np.load(folder / f"{item['side']}.npz", allow_pickle=False) as arrays:
        ct, labyrinth = arrays["ct"], arrays["labyrinth"]
        grids = (arrays["ct_ijk_to_ras"], arrays["ijk_to_ras"])
    quality = item["quality"]
    return ReviewedEar(
        side=item["side"],
        ct=Volume(ct, Geometry(grids[0], ct.shape)),
        labyrinth=labyrinth,
        geometry=Geometry(grids[1], labyrinth.shape),
        landmarks=tuple(_landmark(landmark) for landmark in item["landmarks"]),
        auxiliary={name: tuple(ras) for name, ras in item["auxiliary"].items()},
        radii=item["radii"],
        quality=Quality(quality["verdict"], tuple(quality["reasons"]), quality["expected_dice"]),
        segment=item["segment"],
    )


def _landmark(item: dict[str, Any]) -> ReviewedLandmark:
    ras = item.pop("ras")
    return ReviewedLandmark(ras=None if ras is None else tuple(ras), **item)
