"""The CTs of a cohort, as its list names them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..io.region import region_of
from .rows import read_rows
from .source import Source

MAX_NAME = 100
_ENDINGS = (".nii.gz", ".nrrd", ".nhdr", ".nii", ".mha", ".mhd", ".dcm")
_NO_NAME = re.compile(r"[/\\:*?\"<>|\x00-\x1f]|^[.\s]|[.\s]$")
"""What some system forbids in the name of a folder."""
_TAKEN = {"summary.csv", "summary.json"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DEVICES = re.compile(r"(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$)\s*(\.|$)")
"""What Windows takes for a device, whatever follows a dot."""


@dataclass(frozen=True)
class Case:
    """One CT of a cohort.

    Attributes:
        name: of its output folder; none is twice in a cohort, not even in other letters' case or
            with letters and accents composed in another way.
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
        path: as for ``read_rows``. Places of CTs are relative to its folder.

    Raises:
        UnusableInput: it cannot be read, names no CT, or a line of it cannot be used.
    """
    rows, ignored = read_rows(path)
    cases: dict[str, tuple[int, Case]] = {}
    for number, row in rows:
        case = _case(path, number, row)
        earlier = cases.setdefault(_folder_of(case.name), (number, case))
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
    name = row.get("case") or _name_of(image)
    if not _can_be_folder(name):
        raise UnusableInput(
            f"{line}: {name!r} cannot be the name of a case's folder; give it another one in the "
            "column 'case' of a CSV file."
        )
    options = {key: row[key] for key in ("series", "center", "roi") if row.get(key)}
    try:
        region = region_of(*(_commas(options.get(key, "")) for key in ("center", "roi")))
    except UnusableInput as error:
        said = str(error).replace("--", "")
        raise UnusableInput(f"{line}: {said.rstrip('.')}.") from None
    source = Source((path.parent / image).absolute(), options.get("series"), region)
    return Case(name, image, source, tuple(options.items()))


def _folder_of(name: str) -> str:
    """The same for names that are one folder on some system: macOS composes letters itself."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _can_be_folder(name: str) -> bool:
    """On any system, and beside the summary."""
    small = name.casefold()
    forbidden = _NO_NAME.search(name) or small in _TAKEN or _DEVICES.match(small)
    return not forbidden and len(name) <= MAX_NAME


def _name_of(image: str) -> str:
    """A case's name by its file's or folder's."""
    name = Path(image.replace("\\", "/")).name
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name


def _commas(numbers: str) -> str:
    """Numbers with any of the usual separators, as ``region_of`` reads them.

    Raises:
        UnusableInput: they have decimal commas, which would be taken for separators.
    """
    parts = [part for part in re.split(r"[;\s]+", numbers.strip()) if part]
    if len(parts) > 1 and any(_DECIMAL_COMMA.fullmatch(part) for part in parts):
        raise UnusableInput(
            f"{numbers!r} has decimal commas; write points, and blanks between the numbers: "
            f"{' '.join(part.replace(',', '.') for part in parts)}."
        )
    return ",".join(re.split(r"[,;\s]+", numbers.strip()))
