"""Cases with references: what is known of them before and after their files are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import AUXILIARY, LANDMARKS, Geometry, Side, Volume

NO_REFERENCE = "It has no labels, no landmarks and no side."


@dataclass(frozen=True)
class DataSource:
    """Where a case's data come from: licence and citation as the manifest words them, or ""."""

    licence: str = ""
    citation: str = ""


@dataclass(frozen=True, eq=False)
class Case:
    """One case, read.

    Attributes:
        ct: int16 or float32 [k, j, i] in HU; fewer slices than in the header if a specimen's file
            is cut short.
        labels: uint8 [k, j, i] on ``label_geometry``, 1 = labyrinth, or None.
        label_geometry: any grid; that of the CT without labels.
        landmarks: RAS mm by name, of LANDMARKS and AUXILIARY those that there are; see ``missing``.
        side: None if it is not stated.
        remarks: what is wrong with the files, or was left out of them, one sentence each.
        group: what may not be divided among folds, such as the patient; None if not stated.
        source: licence and citation of the data.
    """

    name: str
    ct: Volume
    labels: NDArray[np.uint8] | None
    label_geometry: Geometry
    landmarks: dict[str, NDArray[np.float64]]
    side: Side | None
    remarks: tuple[str, ...] = ()
    group: str | None = None
    source: DataSource = DataSource()

    @property
    def stated_side(self) -> Side:
        """The side; refused if it is not known."""
        if self.side is None:
            raise UnusableInput(
                "Its side is not stated: say in the manifest whether it is a left or right ear."
            )
        return self.side

    @property
    def labels_on_ct(self) -> NDArray[np.uint8] | None:
        """The labels on the grid of the CT, nearest voxel, as training sees them."""
        if self.labels is None:
            return None
        return Volume(self.labels, self.label_geometry).on(self.ct.geometry, nearest=True).array

    @property
    def outside_ct(self) -> str:
        """Which part of the reference lies wholly outside the CT: landmarks, labels or ""."""
        parts = {"landmarks": np.array(list(self.landmarks.values())).reshape(-1, 3)}
        if self.labels is not None:
            parts["labels"] = self.label_geometry.to_ras(np.argwhere(self.labels)[:, ::-1])
        outside = (
            name
            for name, ras in parts.items()
            if len(ras) and not self.ct.geometry.contains(ras).any()
        )
        return next(outside, "")

    @property
    def points_outside(self) -> tuple[str, ...]:
        """A sentence for each landmark that lies outside the CT's voxels."""
        grid = self.ct.geometry
        size = np.array(grid.shape[::-1])
        said = []
        for name, ras in self.landmarks.items():
            beyond = np.maximum(0.0, np.abs(grid.to_ijk(ras) - (size - 1) / 2) - size / 2)
            if beyond.any():
                said.append(
                    f"The {name} lies {np.linalg.norm(beyond * grid.spacing):.1f} mm outside the "
                    "CT: the points may be in other coordinates (RAS or LPS), or of another CT."
                )
        return tuple(said)

    @property
    def has_reference(self) -> bool:
        """Whether there is anything to compare a result with."""
        return self.labels is not None or bool(self.landmarks) or self.side is not None

    @property
    def missing(self) -> tuple[str, ...]:
        """Names of LANDMARKS and AUXILIARY without a point."""
        return tuple(name for name in (*LANDMARKS, *AUXILIARY) if name not in self.landmarks)


@dataclass(frozen=True)
class DatasetCase(ABC):
    """What a manifest, or the folder of a dataset, says of one case; no file is opened yet.

    Attributes:
        name: unique in its dataset.
        image: what ``read_ct`` reads.
        labels: a label map or segmentation, or None.
        label_values: the values that count as labyrinth.
        segments: the names of segments that do, upper or lower case. Without values and segments,
            all values but 0 count.
        landmarks: a file of points, or None.
        landmark_names: of LANDMARKS and AUXILIARY, by the names that the file gives them.
        side: None if it is not stated, or stated in the files.
        series: the SeriesInstanceUID where ``image`` holds several series.
        group: what may not be divided among folds, such as the patient; None if not stated.
        source: licence and citation of the data.
    """

    name: str
    image: Path
    labels: Path | None = None
    label_values: tuple[int, ...] = ()
    segments: tuple[str, ...] = ()
    landmarks: Path | None = None
    landmark_names: Mapping[str, str] = field(default_factory=dict)
    side: Side | None = None
    series: str | None = None
    group: str | None = None
    source: DataSource = DataSource()

    @abstractmethod
    def read(self) -> Case:
        """Read the files; UnusableInput, in one sentence, if they cannot be used."""


@dataclass(frozen=True)
class Dataset:
    """The cases of a manifest, in its order, or of a dataset's folder, by name."""

    path: Path
    cases: tuple[DatasetCase, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the cases."""
        return tuple(case.name for case in self.cases)

    @property
    def readers(self) -> dict[str, Callable[[], Case]]:
        """Functions that read the cases, by name, so that a bad file costs its own case alone."""
        return {case.name: case.read for case in self.cases}


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown names of cases, naming the known ones."""
    existing = list(known)
    for name in names:
        if name not in existing:
            raise UnusableInput(f"There is no case {name!r}; there are {', '.join(existing)}.")
