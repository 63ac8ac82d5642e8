"""Read lists of CTs and references: CSV, ``case,image,labels,landmarks,side,label_values``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Geometry, Side
from .dataset import Case, case_names, read_case, read_landmarks
from .volume import geometry_of, read_ct

REQUIRED = ("case", "image")
OPTIONAL = ("labels", "landmarks", "side", "label_values")
FILES = ("image", "labels", "landmarks")

Row = tuple[int, dict[str, str]]
"""Its line in the file, counted from 1, and its cells by column, stripped."""

_SEPARATOR = re.compile(r"\"?sep=([^\"\n])[^\n]*\n?", re.IGNORECASE)
"""Excel's own first line, by which it knows the separator; some programs quote it."""


def read_table(
    path: Path, text: str, required: Sequence[str], optional: Sequence[str]
) -> tuple[list[Row], tuple[str, ...]]:
    """Parse the CSV text of a list whose first line names the columns, in any case of letters.

    Returns:
        Rows that are not blank, "" in cells that they lack; and the titles of all other columns.

    Raise UnusableInput if it is no such table.
    """
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


def cases_of(source: Path) -> dict[str, Callable[[], Case]]:
    """Return functions that read the cases, by name, in order.

    Their files are not opened yet, so that a missing one costs its own case alone.

    Args:
        source: a folder in the layout of the human bony labyrinth dataset, or a list of any file
            name, with paths relative to its folder.

    Raise UnusableInput if there is no case, or naming the row and column that cannot be used.
    """
    if source.is_dir() or not (source.is_file() or source.suffix):
        return {name: partial(read_case, source, name) for name in case_names(source)}
    try:
        text = source.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnusableInput(f"The list {source} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnusableInput(f"{source} is no CSV text in UTF-8.") from None
    rows, unknown = read_table(source, text, REQUIRED, OPTIONAL)
    if unknown:
        raise UnusableInput(
            f"The list {source} has a column {unknown[0]!r}; its columns are "
            f"{', '.join(REQUIRED)} and, if you have them, {', '.join(OPTIONAL)}."
        )
    cases: dict[str, Callable[[], Case]] = {}
    for number, row in rows:
        reader = _case(row, f"{source}, row {number}", source.parent)
        if row["case"] in cases:
            raise UnusableInput(f"The list {source} holds the case {row['case']!r} more than once.")
        cases[row["case"]] = reader
    if not cases:
        raise UnusableInput(f"The list {source} holds no case.")
    return cases


def _case(row: dict[str, str], where: str, folder: Path) -> Callable[[], Case]:
    """Check one row; return a function that reads its files."""
    for key in REQUIRED:
        if not row[key]:
            raise UnusableInput(f"{where}: {key} is empty.")
    side = row["side"].lower()
    if side not in ("", "left", "right"):
        raise UnusableInput(f"{where}: side {side!r} is neither left nor right.")
    try:
        values = tuple(int(value) for value in row["label_values"].split())
    except ValueError:
        raise UnusableInput(
            f"{where}: label_values must be whole numbers with spaces between them."
        ) from None
    paths = {key: folder / row[key] for key in FILES if row[key]}

    def read() -> Case:
        for key, path in paths.items():
            if not path.exists():
                raise UnusableInput(f"{where}: {key} {path} does not exist.")
        ct = read_ct(paths["image"])
        labels, geometry = None, ct.geometry
        if "labels" in paths:
            labels, geometry = _read_labels(paths["labels"], values)
        landmarks = read_landmarks(paths["landmarks"]) if "landmarks" in paths else {}
        stated = cast(Side, side) if side else None
        return Case(row["case"], ct, labels, geometry, landmarks, stated, ct.warnings)

    return read


def _read_labels(path: Path, values: tuple[int, ...]) -> tuple[NDArray[np.uint8], Geometry]:
    """Read a label map: uint8 [k, j, i] with 1 inside the labyrinth, and its grid."""
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise UnusableInput(f"The labels {path} cannot be read as an image.") from None
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise UnusableInput(f"The labels {path} are not one 3D label map; export them as one.")
    array = sitk.GetArrayFromImage(image)
    mask = np.isin(array, values) if values else array != 0
    if not mask.any():
        which = f" with the values {list(values)}" if values else ""
        raise UnusableInput(f"The labels {path} hold no voxel{which}.")
    if not values and mask.mean() > 0.5:
        raise UnusableInput(f"The labels {path} fill the volume: they look like a CT.")
    return mask.astype(np.uint8), geometry_of(image)


def check_names(names: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown names of cases, naming the known ones."""
    existing = list(known)
    for name in names:
        if name not in existing:
            raise UnusableInput(f"There is no case {name!r}; there are {', '.join(existing)}.")
