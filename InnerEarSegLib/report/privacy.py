"""Sentences about a CT without what may tell whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SERIES = re.compile(r"^Of \d+ CT series in the folder, .* was read\.$", re.DOTALL)
_ONE_FILE = re.compile(r"is one slice of a series; the whole series was read\.$")
_TELLING = re.compile(r"[/\\^@]|\d+(\.\d+){3,}|\.(nii|nrrd|nhdr|mha|mhd|dcm|gz)\b", re.IGNORECASE)
"""Paths, DICOM's names and UIDs, and names of files."""

SEVERAL = "The folder held several CT series; one was read."
LEFT_OUT = "A remark on the input was left out, as it may name a file."


def without_names(sentences: Iterable[str]) -> tuple[str, ...]:
    """Warnings of the reader, which may quote names of files and descriptions of series.

    Those are replaced by a sentence that says as much without them.
    """
    kept = []
    for sentence in sentences:
        if _SERIES.match(sentence):
            sentence = SEVERAL
        elif _ONE_FILE.search(sentence):
            continue
        elif _TELLING.search(sentence):
            sentence = LEFT_OUT
        if sentence not in kept:
            kept.append(sentence)
    return tuple(kept)
