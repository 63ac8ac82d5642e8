"""Whether a summary is as a batch wrote it; what is not, is set aside and never replaced."""

from __future__ import annotations

import codecs
import json
from pathlib import Path

from ..errors import UnusableInput
from ..io.result_folder import earlier_place
from .seal import digest_of, is_sealed
from .summary import CSV, CSV_DIGESTS, FIRST_COLUMNS, JSON

_BEGINNINGS = {CSV: ",".join(FIRST_COLUMNS), JSON: '{"innerearseg":'}
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def refuse_foreign_tables(output: Path) -> None:
    """Refuse an output folder in which the summary's names are somebody else's.

    Where one of the tables is, or was, a batch's, the folder is one, and the other is set aside
    when it is replaced.

    Raises:
        UnusableInput: they are, or cannot be read to see.
    """
    began = {name: _beginning(output / name) for name in (CSV, JSON)}
    there = {name: text for name, text in began.items() if text}
    if any(
        text.startswith(_BEGINNINGS[name]) or _BEGINNINGS[name].startswith(text)
        for name, text in there.items()
    ):
        return
    for name in there:
        raise UnusableInput(
            f"{output / name} is there already and was not made by InnerEarSeg; choose another "
            "--output."
        )


def digests_noted(output: Path) -> set[str]:
    """SHA-256 of what summary.csv may be, as summary.json has it; nothing without a whole one."""
    try:
        noted = json.loads((output / JSON).read_bytes())[CSV_DIGESTS]
        return {each for each in noted if isinstance(each, str)}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def is_own(path: Path, csv_digests: set[str]) -> bool:
    """Whether nothing is lost where one of the tables is replaced.

    Args:
        path: of the table, which may be missing or empty.
        csv_digests: SHA-256 of what a batch has written to summary.csv.

    Raises:
        OSError: it cannot be read.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return True
    if path.name == JSON:
        return not content or is_sealed(content)
    return not content or digest_of(content) in csv_digests


def set_aside(path: Path) -> Path:
    """Give a table a name of today's date, and return that.

    Raises:
        OSError: it cannot be moved, and is where it was.
    """
    return path.rename(earlier_place(path.parent, path.name))


def _beginning(path: Path) -> str:
    """How a table begins, without blanks and quotes, and with commas as its separators.

    A spreadsheet may have saved it with others, and in UTF-16.
    """
    try:
        with path.open("rb") as file:
            start = file.read(400)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror or error}.") from None
    encoding = "utf-16" if start.startswith(_UTF_16) else "utf-8-sig"
    text = "".join(start.decode(encoding, "ignore").split(" "))
    if path.name == JSON:
        return "".join(text.split())
    first = (text.splitlines() or [""])[0]
    return first.replace('"', "").replace(";", ",").replace("\t", ",").strip()
