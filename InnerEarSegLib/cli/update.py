"""``innerearseg update``: corrections of a cohort's cases into its reports and tables."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import interrupts
from ..errors import InnerEarSegError, UnusableInput
from ..types import AUTOMATIC, CORRECTED, Ear
from .arguments import add_arrays, chosen_arrays, complain, say
from .batch import ARRAY_HELP, SOME_FAILED, say_where
from .report import report_blocks
from .result import subject_of_result

MAX_NAMES = 20


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser(
        "update", help="bring corrections made in 3D Slicer into a cohort's reports and tables"
    )
    parser.add_argument(
        "input", type=Path, metavar="DIR",
        help="output of `innerearseg batch`, or a folder of folders of `innerearseg segment`",
    )  # fmt: skip
    parser.add_argument(
        "--reports", action="store_true", help="also write a report of each case that has none"
    )
    parser.add_argument("--pdf", action="store_true", help="reports as PDF, too; needs fpdf2")
    add_arrays(parser, ARRAY_HELP)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure what was corrected, write reports and tables, and say whose corrections count.

    Return 0; 4 if corrections of a case could not be used or a table is not written.
    """
    from ..batch.run import Tables, rows_in
    from ..io.result_folder import REPORT_HTML, ResultFolder
    from ..mrml.scene import check_logics

    interrupts.left = interrupts.RESUMES
    folder, arrays = options.input, chosen_arrays(options)
    if not folder.is_dir():
        raise UnusableInput(f"{folder} is no folder of a cohort.")
    check_logics()
    if options.pdf:
        from ..report.pdf import need_library

        need_library()
    rows = rows_in(folder)
    if not any(row.result for row in rows):
        raise UnusableInput(
            f"{folder} holds no results of `innerearseg batch` or `segment`; give the folder that "
            "holds the folders of the cases."
        )
    output = ResultFolder(folder)
    unchanged, failed, refused = [], 0, set()
    for row in rows:
        if row.result is None or not row.result["ears"]:
            continue
        case = output.folder / row.case
        new = options.reports and not (case / REPORT_HTML).is_file()
        if not (row.uncounted or row.measurements is None or new):
            unchanged.append(row.case)
            continue
        try:
            said, whole = _update(case, options.pdf)
        except InnerEarSegError as error:
            said, whole = [f"not updated: {error}"], False
            refused.add(row.case)
        failed += not whole
        say(f"{row.case}: {' '.join(said)}")
    if unchanged:
        names = ", ".join(unchanged[:MAX_NAMES])
        more = len(unchanged) - MAX_NAMES
        say(f"Unchanged: {names}{f' and {more} more' if more > 0 else ''}")
    tables = Tables(output, arrays)
    tables.write(rows_in(folder), say)
    complain(tables.sentence)
    say_where(tables, folder, refused)
    return SOME_FAILED if failed or tables.problems else 0


def _update(case: Path, pdf: bool) -> tuple[list[str], bool]:
    """Write report, measurements and thumbnails of a case as it is now.

    Return what was corrected, in sentences, and whether every file with corrections was used.
    """
    from ..io.result_folder import CORRECTABLE, REPORT_HTML
    from ..report.files import Names, write_report

    subject, notes = subject_of_result(case)
    page = case / REPORT_HTML
    paper = page.with_suffix(".pdf")
    names = Names(page, paper if pdf or paper.is_file() else None, thumbnails=True)
    sentences = write_report(report_blocks(subject, notes=notes), subject, names)
    corrected = [each for ear in subject.segmentation.ears for each in _corrected(ear)]
    first = f"taken: {', '.join(corrected)}." if corrected else "written, nothing is corrected."
    there = {name for name in CORRECTABLE if (case / name).is_file()}
    return [first, *subject.left_out, *notes, *sentences], there <= subject.sources.keys()


def _corrected(ear: Ear) -> list[str]:
    """What the user made of an ear, in words."""
    said = [f"{ear.side} segment {ear.segment}"] if ear.segment != AUTOMATIC else []
    for mark in ear.landmarks:
        if mark.reviewed:
            far = f" by {mark.moved_mm:.1f} mm" if mark.state == CORRECTED else ""
            said.append(f"{ear.side} {mark.name} {mark.state}{far}")
    return said
