"""Read manifests: CSV or TSV tables of CTs, references, and where the data come from."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..types import AUXILIARY, LANDMARKS, SIDES
from .case import Case, Dataset, DatasetCase, DataSource
from .dataset import case_names, specimen
from .labels import read_labels
from .landmarks import NamedPoints, landmark_of, read_landmarks
from .volume import is_image_file, read_ct

REQUIRED = ("case", "image")
OPTIONAL = (
    "labels", "label_values", "segments", "landmarks", "landmark_names", "side", "series", "group",
    "licence", "citation",
)  # fmt: skip

TABLES = (".csv", ".tsv")
FILES = ("image", "labels", "landmarks")

Row = tuple[int, dict[str, str]]
"""Its line in the file, counted from 1, and its cells by column, stripped."""

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_SEPARATOR = re.compile(r"\"?sep=([^\"\n])[^\n]*\n?", re.IGNORECASE)
"""Excel's own first line, by which it knows the separator; some programs quote it."""


def list_text(path: Path) -> str:
    """Read the text of a list, in UTF-8 or with the mark of UTF-16; UnusableInput if it is none."""
    try:
        with path.open("rb") as file:
            # Windows' PowerShell and old Notepads write UTF-16; Excel's UTF-8 begins with a mark.
            encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise UnusableInput(f"The list {path} cannot be read: {error.strerror}.") from None
    except UnicodeError:
        is_table = path.suffix.lower() in TABLES
        how = "in Excel, save it as 'CSV UTF-8'" if is_table else "save it with that encoding"
        raise UnusableInput(f"The list {path} is not UTF-8 text; {how}.") from None


def read_table(
    path: Path, text: str, required: Sequence[str], optional: Sequence[str]
) -> tuple[list[Row], tuple[str, ...]]:
    """Parse the CSV text of a list whose first line names the columns, in any case of letters.

    Returns:
        Rows that are not blank, "" in cells that they lack; and the titles of all other columns.

    Raise UnusableInput if it is no such table.
    """
    if not text.strip():
        raise UnusableInput(f"The list {path} is empty.")
    said = _SEPARATOR.match(text)
    text = text if said is None else text[said.end() :]
    first = text.partition("\n")[0]
    # A German Excel separates by semicolons.
    delimiter = max(",;\t", key=first.count) if said is None else said[1]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
    columns = (*required, *optional)
    try:
        titles = [str(title or "").strip() for title in reader.fieldnames or ()]
        reader.fieldnames = [title.lower() for title in titles]
        for name in columns:
            if reader.fieldnames.count(name) > 1:
                raise UnusableInput(f"The list {path} has two columns {name!r}.")
            if name in required and name not in reader.fieldnames:
                raise UnusableInput(
                    f"The list {path} has no column {name!r} in its first line; its columns are "
                    f"{', '.join(required)} and, if wanted, {', '.join(optional)}."
                )
        rows = []
        for row in reader:
            number = reader.line_num + (said is not None)
            if any(cell.strip() for cell in row.get("") or ()):
                raise UnusableInput(
                    f"Line {number} of {path.name} has more cells than the first line; put values "
                    "with separators in them in quotes."
                )
            cells = {name: (row.get(name) or "").strip() for name in columns}
            if any(cells.values()):
                rows.append((number, cells))
    except csv.Error as error:
        raise UnusableInput(f"The list {path} is no CSV table: {error}.") from None
    return rows, tuple(title for title in titles if title and title.lower() not in columns)


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
