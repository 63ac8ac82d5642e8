"""Read manifests: CSV or TSV tables of CTs, references, and where the data come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..types import AUXILIARY, LANDMARKS, SIDES
from .case import Case, Dataset, DatasetCase, DataSource
from .dataset import case_names, specimen
from .labels import read_labels
from .landmarks import NamedPoints, landmark_of, read_landmarks
from .tables import TABLES, list_text, read_table
from .volume import is_image_file, read_ct

REQUIRED = ("case", "image")
OPTIONAL = (
    "labels", "label_values", "segments", "landmarks", "landmark_names", "side", "series", "group",
    "licence", "citation",
)  # fmt: skip

FILES = ("image", "labels", "landmarks")


@dataclass(frozen=True)
class ListedCase(DatasetCase):
    """A row of a manifest; ``row`` is its line in the file, counted from 1."""

    row: int = 0

    def read(self) -> Case:
        """Read the files; UnusableInput, in one sentence, if they cannot be used."""
        for key in FILES:
            path: Path | None = getattr(self, key)
            if path is not None and not path.exists():
                raise UnusableInput(f"Row {self.row}: {key} {path} does not exist.")
        ct = read_ct(self.image, self.series)
        labels, geometry, remarks = None, ct.geometry, ct.warnings
        if self.labels is not None:
            labels, geometry, more = read_labels(self.labels, self.label_values, self.segments)
            remarks += more
        landmarks = {}
        if self.landmarks is not None:
            points = read_landmarks(self.landmarks, self.landmark_names)
            landmarks = points.landmarks
            remarks += _remarks(points)
        return Case(
            self.name, ct, labels, geometry, landmarks, self.side, remarks, self.group, self.source
        )


def _remarks(points: NamedPoints) -> tuple[str, ...]:
    """What became of points and names that mean no landmark, one sentence each."""
    remarks = []
    if points.unknown:
        remarks.append(
            f"Left out, as they are no landmarks: {', '.join(points.unknown)}. The manifest's "
            "column landmark_names can say what they are."
        )
    if points.unused:
        remarks.append(f"No point is called {', '.join(points.unused)}, as landmark_names says.")
    return tuple(remarks)


def is_dataset(path: Path) -> bool:
    """Whether a path is a table by its name (.csv, .tsv), or a folder in the dataset's layout."""
    return path.suffix.lower() in TABLES or any(path.glob("*/*_DESC.json"))


def read_dataset(source: Path) -> Dataset:
    """List the cases of a dataset; their files are not opened yet.

    Args:
        source: a folder in the layout of the human bony labyrinth dataset, or a manifest of any
            file name: a table with the columns REQUIRED and, as wanted, OPTIONAL, with paths
            relative to its folder.

    Raise UnusableInput if there is no case, or naming the row and column that cannot be used.

    Example:
        >>> for case in read_dataset(Path("cases.csv")).cases:  # doctest: +SKIP
        ...     print(case.name, case.read().ct.geometry.spacing)
    """
    if source.is_dir() or not (source.is_file() or source.suffix):
        return Dataset(source, tuple(specimen(source, name) for name in case_names(source)))
    if is_image_file(source):
        raise UnusableInput(
            f"{source} is an image; needed is a manifest of cases (docs/own_data.md), or a "
            "dataset's folder."
        )
    rows, unknown = read_table(source, list_text(source), REQUIRED, OPTIONAL)
    if unknown:
        raise UnusableInput(
            f"The manifest {source} has a column {unknown[0]!r}; its columns are "
            f"{', '.join(REQUIRED)} and, if you have them, {', '.join(OPTIONAL)}."
        )
    cases: dict[str, ListedCase] = {}
    for number, row in rows:
        case = _case(number, row, f"{source}, row {number}", source.parent)
        if case.name in cases:
            raise UnusableInput(f"The manifest {source} holds the case {case.name!r} twice.")
        cases[case.name] = case
    if not cases:
        raise UnusableInput(f"The manifest {source} holds no case.")
    return Dataset(source, tuple(cases.values()))


def _case(number: int, row: dict[str, str], where: str, folder: Path) -> ListedCase:
    """Check one row, without opening its files."""
    for key in REQUIRED:
        if not row[key]:
            raise UnusableInput(f"{where}: {key} is empty.")
    side = next((side for side in SIDES if side == row["side"].lower()), None)
    if row["side"] and side is None:
        raise UnusableInput(f"{where}: side {row['side']!r} is neither left nor right.")
    try:
        values = tuple(int(value) for value in row["label_values"].split())
    except ValueError:
        raise UnusableInput(
            f"{where}: label_values must be whole numbers with spaces between them."
        ) from None
    segments = _parts(row["segments"])
    if values and segments:
        raise UnusableInput(f"{where}: give label_values or segments, not both.")
    labels, landmarks = (folder / row[key] if row[key] else None for key in ("labels", "landmarks"))
    return ListedCase(
        row["case"], folder / row["image"], labels, values, segments, landmarks,
        _landmark_names(row["landmark_names"], where), side,
        row["series"] or None, row["group"] or None, DataSource(row["licence"], row["citation"]),
        number,
    )  # fmt: skip


def _parts(cell: str) -> tuple[str, ...]:
    """Split a cell at semicolons."""
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _landmark_names(cell: str, where: str) -> dict[str, str]:
    """Parse ``apex=helicotrema; OW1=oval window``: landmarks by the names that a file has."""
    names = {}
    for part in _parts(cell):
        name, equals, meaning = part.partition("=")
        landmark = landmark_of(meaning)
        if not (equals and name.strip()):
            raise UnusableInput(
                f"{where}: landmark_names must read like apex=helicotrema; FN=oval window."
            )
        if landmark is None:
            raise UnusableInput(
                f"{where}: landmark_names gives {meaning.strip()!r}; the landmarks are "
                f"{', '.join((*LANDMARKS, *AUXILIARY))}."
            )
        names[name.strip()] = landmark
    return names
