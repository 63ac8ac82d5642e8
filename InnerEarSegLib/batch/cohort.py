"""The CTs of a cohort, as its list names them: a text file, or a table of a spreadsheet."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..io.region import region_of
from ..io.tables import TABLES, Row, list_text, read_table
from ..io.volume import ITK_READERS, NIFTI
from .segment_case import Source

OPTIONS = ("series", "center", "roi")

_REMARK = re.compile(r"\s+#")
_QUOTES = [tuple(pair) for pair in ('""', "''", "“”", "„“", "‘’", "‚‘", "«»", "»«")]
"""Pairs, also those that word processors make of straight ones."""
_QUOTED_FIRST = re.compile("|".join(rf"{a}.+?{b}(?=\s+#|$)" for a, b in _QUOTES))
_QUOTED = re.compile("|".join(f"{a}.+{b}" for a, b in _QUOTES))

MAX_NAME = 100
_NO_NAME = re.compile(r"[/\\:*?\"<>|\x00-\x1f]|^[.\s]|[.\s]$")
"""What some system forbids in the name of a folder."""
_TAKEN = {"cases.csv", "ears.csv", "measurements.csv", "summary.json", "cohort.html"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$)\s*(\.|$)")
"""What Windows takes for a device, whatever follows a dot."""


@dataclass(frozen=True)
class Case:
    """One CT of a cohort.

    Attributes:
        name: of its output folder, unique in a cohort.
        image: its place as the list has it.
        source: what is read; its path is absolute.
        options: what of the list decides about the result besides the CT, as written there.
    """

    name: str
    image: str
    source: Source
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Skipped:
    """What a folder holds that is no CT: its name in the tables, place, series and why."""

    name: str
    image: str
    series: str
    reason: str


@dataclass(frozen=True)
class Cohort:
    """The CTs of a list or a folder.

    Attributes:
        cases: in the order of the list, or of their names.
        ignored: of a list, titles of columns that mean nothing here; of a folder, how many files
            are not read, in words.
        skipped: series of a folder that are no CT.
    """

    cases: tuple[Case, ...]
    ignored: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def folded(name: str) -> str:
    """A name as systems see it that ignore the case of letters and compose accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_name(name: str) -> bool:
    """Whether every system accepts it as the name of a case's folder."""
    small = name.casefold()
    forbidden = _NO_NAME.search(name) or _DEVICES.match(small) or small in _TAKEN
    return bool(name) and not forbidden and len(name) <= MAX_NAME


def plain_name(text: str) -> str:
    """A text with "_" in place of what a name may not hold."""
    return _NO_NAME.sub("_", text)


def read_list(path: Path) -> Cohort:
    """Read a list of CTs.

    Args:
        path: a text file with a CT a line, empty lines and remarks (a # at the beginning or after a
            blank) left out; or a .csv or .tsv file whose first line names the columns: ``image``,
            and if wanted ``case``, ``series``, ``center``, ``roi``. Places of CTs are relative to
            its folder, and may be in quotes, as Windows and terminals copy them.

    Raises:
        UnusableInput: it cannot be read, names no CT, or a line of it cannot be used.
    """
    rows, ignored = _read_rows(path)
    cases: dict[str, tuple[int, Case]] = {}
    for number, row in rows:
        case = _case(path, number, row)
        earlier = cases.setdefault(folded(case.name), (number, case))
        if earlier[0] != number:
            raise UnusableInput(
                f"The list {path.name} names two cases {case.name!r}, in lines {earlier[0]} and "
                f"{number}; give each a name of its own in a column 'case' of a CSV file."
            )
    if not cases:
        raise UnusableInput(f"The list {path} names no CT.")
    return Cohort(tuple(case for _, case in cases.values()), ignored)


def _case(path: Path, number: int, row: dict[str, str]) -> Case:
    image, line = row["image"], f"Line {number} of {path.name}"
    if not image or "\0" in image:
        raise UnusableInput(f"{line} has no image.")
    name = row.get("case")
    if not name:
        name = Path(image.replace("\\", "/")).name
        endings = (*NIFTI, *ITK_READERS, ".dcm")
        ending = next((each for each in endings if name.lower().endswith(each)), "")
        name = name[: len(name) - len(ending)]
    if not is_name(name):
        raise UnusableInput(
            f"{line}: {name!r} cannot be the name of a case's folder; give it another one in the "
            "column 'case' of a CSV file."
        )
    options = {key: row[key] for key in OPTIONS if row.get(key)}
    try:
        region = region_of(*(_commas(options.get(key, "")) for key in ("center", "roi")))
    except UnusableInput as error:
        said = str(error).replace("--", "")
        raise UnusableInput(f"{line}: {said.rstrip('.')}.") from None
    source = Source((path.parent / image).absolute(), options.get("series"), region)
    return Case(name, image, source, tuple(options.items()))


def _commas(numbers: str) -> str:
    """Numbers with any of the usual separators, as ``region_of`` reads them."""
    parts = [part for part in re.split(r"[;\s]+", numbers.strip()) if part]
    if len(parts) > 1 and any(_DECIMAL_COMMA.fullmatch(part) for part in parts):
        raise UnusableInput(
            f"{numbers!r} has decimal commas; write points, and blanks between the numbers: "
            f"{' '.join(part.replace(',', '.') for part in parts)}."
        )
    return ",".join(re.split(r"[,;\s]+", numbers.strip()))


def _read_rows(path: Path) -> tuple[list[Row], tuple[str, ...]]:
    """Read a list's rows, without quotes around the CTs' places, and the ignored titles."""
    text = list_text(path)
    folder = path.parent
    if path.suffix.lower() in TABLES:
        rows, ignored = read_table(path, text, ("image",), ("case", *OPTIONS))
        return [(n, row | {"image": _unquoted(folder, row["image"])}) for n, row in rows], ignored
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [
        (number, {"image": _unquoted(folder, _without_remark(folder, line))})
        for number, line in lines
        if line and not line.startswith("#")
    ], ()


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
