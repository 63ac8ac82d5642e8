"""The list of CTs of a cohort: a text file, or a table."""

from __future__ import annotations

import argparse
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..cli import where
from ..errors import UnusableInput
from .source import Source

TABLES = (".csv", ".tsv")
COLUMNS = ("case", "image", "series", "center", "roi")
MAX_NAME = 100
_ENDINGS = (".nii.gz", ".nrrd", ".nhdr", ".nii", ".mha", ".mhd", ".dcm")
_NO_NAME = re.compile(r"[/\\:*?\"<>|\x00-\x1f]|^[.\s]|[.\s]$")
"""What some system forbids in the name of a folder."""
_TAKEN = {"summary.csv", "summary.json", "con", "prn", "aux", "nul"}


@dataclass(frozen=True)
class Case:
    """One CT of a cohort.

    Attributes:
        name: of its output folder; none is twice in a cohort, not even in other letters' case.
        image: its place as the list has it.
        source: what is read; its path is absolute.
        options: what of the list decides about the result besides the CT, as written there.
    """

    name: str
    image: str
    source: Source
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Cohort:
    """A whole list.

    Attributes:
        cases: in the order of the list.
        ignored: columns that mean nothing here.
    """

    cases: tuple[Case, ...]
    ignored: tuple[str, ...] = ()


def read_list(path: Path) -> Cohort:
    """Read a list of CTs.

    Args:
        path: a text file with a CT a line (empty lines and those that begin with # do not count),
            or a .csv or .tsv file whose first line names the columns: ``image``, and if wanted
            ``case``, ``series``, ``center``, ``roi``. Places of CTs are relative to its folder.

    Raises:
        UnusableInput: it cannot be read, names no CT, or a line of it cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # Excel's UTF-8 begins with a mark
    except OSError as error:
        raise UnusableInput(f"The list {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnusableInput(
            f"The list {path} is not UTF-8 text; in Excel, save it as 'CSV UTF-8'."
        ) from None
    is_table = path.suffix.lower() in TABLES
    rows, ignored = _table(path, text) if is_table else (list(_lines(text)), ())
    cases: dict[str, tuple[int, Case]] = {}
    for number, row in rows:
        case = _case(path, number, row)
        earlier = cases.setdefault(case.name.casefold(), (number, case))
        if earlier[0] != number:
            raise UnusableInput(
                f"The list {path.name} names two cases {case.name!r}, in lines {earlier[0]} and "
                f"{number}; give each a name of its own in a column 'case' of a CSV file."
            )
    if not cases:
        raise UnusableInput(f"The list {path} names no CT.")
    return Cohort(tuple(case for _, case in cases.values()), ignored)


def _lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {"image": line.strip()}


def _table(path: Path, text: str) -> tuple[list[tuple[int, dict[str, str]]], tuple[str, ...]]:
    first = text.partition("\n")[0]
    # A German Excel separates by semicolons.
    delimiter = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, restkey="")
    try:
        titles = [str(title or "").strip() for title in reader.fieldnames or ()]
        reader.fieldnames = [title.lower() for title in titles]
        if "image" not in reader.fieldnames:
            raise UnusableInput(
                f"The list {path} has no column 'image' in its first line; that column holds the "
                "places of the CTs."
            )
        twice = {title for title in COLUMNS if reader.fieldnames.count(title) > 1}
        if twice:
            raise UnusableInput(f"The list {path} has two columns {min(twice)!r}.")
        rows = []
        for row in reader:
            if row.get("") and any(row[""]):
                raise UnusableInput(
                    f"Line {reader.line_num} of {path.name} has more cells than the first line; "
                    "put values with separators in them in quotes."
                )
            cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
            if any(cells.values()):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise UnusableInput(f"The list {path} is no CSV table: {error}.") from None
    return rows, tuple(title for title in titles if title and title.lower() not in COLUMNS)


def _case(path: Path, number: int, row: dict[str, str]) -> Case:
    image, line = row["image"], f"Line {number} of {path.name}"
    if not image or "\0" in image:
        raise UnusableInput(f"{line} has no image.")
    name = row.get("case") or _name_of(image)
    if _NO_NAME.search(name) or name.casefold() in _TAKEN or len(name) > MAX_NAME:
        raise UnusableInput(f"{line}: {name!r} cannot be the name of a case's folder.")
    options = {key: row[key] for key in ("series", "center", "roi") if row.get(key)}
    try:
        center = where.center(_commas(options["center"])) if "center" in options else None
        roi = where.roi(_commas(options["roi"])) if "roi" in options else None
        region = where.region(center, roi)
    except (argparse.ArgumentTypeError, UnusableInput) as error:
        said = str(error).replace("--", "")
        raise UnusableInput(f"{line}: {said.rstrip('.')}.") from None
    source = Source((path.parent / image).absolute(), options.get("series"), region)
    return Case(name, image, source, tuple(options.items()))


def _name_of(image: str) -> str:
    """A case's name by its file's or folder's."""
    name = Path(image.replace("\\", "/")).name
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _commas(numbers: str) -> str:
    """Numbers with any of the usual separators, as ``where`` reads them."""
    return ",".join(re.split(r"[,;\s]+", numbers.strip()))
