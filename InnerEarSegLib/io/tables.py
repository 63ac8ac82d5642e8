"""Read tables that users wrote: CSV or TSV, as spreadsheets save them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import UnusableInput

TABLES = (".csv", ".tsv")

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
                    "with separators in them in quotes, and write decimal points."
                )
            cells = {name: (row.get(name) or "").strip() for name in columns}
            if any(cells.values()):
                rows.append((number, cells))
    except csv.Error as error:
        raise UnusableInput(f"The list {path} is no CSV table: {error}.") from None
    return rows, tuple(title for title in titles if title and title.lower() not in columns)
