"""Files made from a result: measurements and reports, which must not outlive it.

Their names are such that a folder may hold somebody else's file of the same name. That is never
removed or overwritten: ours are known by a mark in them.
"""

from __future__ import annotations

from pathlib import Path

MEASUREMENTS_JSON, MEASUREMENTS_CSV = "measurements.json", "measurements.csv"
REPORT_HTML, REPORT_PDF = "report.html", "report.pdf"
DERIVED = (MEASUREMENTS_JSON, MEASUREMENTS_CSV, REPORT_HTML, REPORT_PDF)

MAKER = "InnerEarSeg"
CSV_START = "side,key,label,"

_MARKS = {
    ".html": f'<meta name="generator" content="{MAKER}',
    ".htm": f'<meta name="generator" content="{MAKER}',
    ".pdf": f"/Creator ({MAKER})",
    ".json": f'"made_by": "{MAKER}',
    ".csv": CSV_START,
}


def is_ours(path: Path) -> bool:
    """Whether a file is a report or a table of measurements that this software wrote."""
    mark = _MARKS.get(path.suffix.lower())
    try:
        return mark is not None and mark.encode() in path.read_bytes()
    except OSError:
        return False


def was_added_to(pdf: Path) -> bool:
    """Whether somebody annotated, filled in or signed one of our PDFs.

    Such changes are appended with a further end mark, or the file is written anew by another
    program, which then calls itself its producer.
    """
    try:
        raw = pdf.read_bytes()
    except OSError:
        return False
    return raw.count(b"%%EOF") != 1 or b"/Producer" in raw  # ours names none
