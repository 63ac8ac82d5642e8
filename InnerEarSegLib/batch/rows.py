"""The rows of a list of CTs: a text file, or a table as spreadsheets write them."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import UnusableInput

TABLES = (".csv", ".tsv")
COLUMNS = ("case", "image", "series", "center", "roi")

Row = tuple[int, dict[str, str]]
"""Its line in the file, counted from 1, and its cells by column, stripped."""

_SEPARATOR = re.compile(r"\"?sep=([^\"\n])[^\n]*\n?", re.IGNORECASE)
"""Excel's own first line, by which it knows the separator; some programs quote it."""
_REMARK = re.compile(r"\s+#")
_QUOTES = [tuple(pair) for pair in ('""', "''", "“”", "„“", "‘’", "‚‘", "«»", "»«")]
"""Pairs, also those that word processors make of straight ones."""
_QUOTED_FIRST = re.compile("|".join(rf"{a}.+?{b}(?=\s+#|$)" for a, b in _QUOTES))
_QUOTED = re.compile("|".join(f"{a}.+{b}" for a, b in _QUOTES))
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_rows(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Read a list's rows.

    Args:
        path: a text file with a CT a line, empty lines and remarks (a # at the beginning or after a
            blank) left out; or a .csv or .tsv file whose first line names the columns: ``image``,
            and if wanted ``case``, ``series``, ``center``, ``roi``.

    Returns:
        Rows, and titles of columns that mean nothing here. Quotes around a CT's place, as Windows
        and terminals copy it, are gone.

    Raises:
        UnusableInput: it cannot be read or is no such table.
    """
    is_table = path.suffix.lower() in TABLES
    try:
        with path.open("rb") as file:
            # Windows' PowerShell and old Notepads write UTF-16; Excel's UTF-8 begins with a mark.
            encoding = "utf-16" if file.read(2) in _UTF_16 else "utf-8-sig"
        text = path.read_text(encoding=encoding)
    except OSError as error:
        raise UnusableInput(f"The list {path} cannot be read: {error.strerror}.") from None
    except UnicodeError:
        how = "in Excel, save it as 'CSV UTF-8'" if is_table else "save it with that encoding"
        raise UnusableInput(f"The list {path} is not UTF-8 text; {how}.") from None
    if is_table:
        return _table(path, text)
    return list(_lines(path.parent, text)), ()


def _lines(folder: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, {"image": _unquoted(folder, _without_remark(folder, line.strip()))}


def _without_remark(folder: Path, line: str) -> str:
    """A line up to its remark; names may hold blanks and # themselves, so what is there counts."""
    cuts = [match.start() for match in _REMARK.finditer(line)]
    for end in (len(line), *reversed(cuts)):
        if _is_there(folder, _unquoted(folder, line[:end])):
            return line[:end]
    quoted = _QUOTED_FIRST.match(line)
    if quoted is not None:
        return quoted[0]
    return line[: cuts[0]] if cuts else line


def _unquoted(folder: Path, name: str) -> str:
    if _QUOTED.fullmatch(name) is None or _is_there(folder, name):
        return name
    return name[1:-1].strip()


def _is_there(folder: Path, name: str) -> bool:
    try:
        return (folder / name).exists()
    except (OSError, ValueError):  # no name of a file at all
        return False


def _table(path: Path, text: str) -> tuple[list[Row], tuple[str, ...]]:
    said = _SEPARATOR.match(text)
    before = 0 if said is None else 1
    text = text if said is None else text[said.end() :]
    first = text.partition("\n")[0]
    # A German Excel separates by semicolons.
    delimiter = max(",;\t", key=first.count) if said is None else said[1]
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
            number = before + reader.line_num
            if row.get("") and any(row[""]):
                raise UnusableInput(
                    f"Line {number} of {path.name} has more cells than the first line; put values "
                    "with separators in them in quotes."
                )
            cells = {name: (row.get(name) or "").strip() for name in COLUMNS}
            if any(cells.values()):
                rows.append((number, {**cells, "image": _unquoted(path.parent, cells["image"])}))
    except csv.Error as error:
        raise UnusableInput(f"The list {path} is no CSV table: {error}.") from None
    return rows, tuple(title for title in titles if title and title.lower() not in COLUMNS)
