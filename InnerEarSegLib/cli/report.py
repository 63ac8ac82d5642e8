"""``innerearseg report``: pictures and measurements of a result as HTML and PDF."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..process import temporary
from .arguments import add_arrays, chosen_arrays, note
from .result import (
    add_handed_over,
    add_result,
    end_with_panel,
    folder_of,
    handed_over_arrays,
    read_handed_over,
    typed,
)

if TYPE_CHECKING:
    from ..cochlea.arrays import ChosenArray
    from ..report.content import Block
    from ..report.subject import Subject

LETTERS = (
    "no font of this computer has all letters of the patient's name; in the PDF some are '?'. The "
    "page has them."
)
REMOVED = "{} was of the earlier report and is removed; --pdf makes a new one."


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("report", help="pictures and measurements of a result on a page")
    add_result(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE.html", help="by default report.html in DIR"
    )
    parser.add_argument("--pdf", action="store_true", help="also FILE.pdf; needs fpdf2")
    parser.add_argument(
        "--patient", default="", metavar="TEXT",
        help="name as it shall appear; without it, the report does not identify the patient",
    )  # fmt: skip
    add_arrays(parser, "show this electrode array in the duct; see `innerearseg plan --list`")
    add_handed_over(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    end_with_panel(options)
    from ..report.files import Names, write_report
    from ..report.subject import PATIENT

    chosen = _chosen(options)
    patient, page = typed(options, PATIENT, options.patient), _page(options)
    names = Names(page, page.with_suffix(".pdf") if options.pdf else None)
    if options.pdf:
        from ..report.pdf import font_for, need_library

        need_library()
        if font_for(patient) is None:
            note(LETTERS)
    subject, notes = read_handed_over(options)
    blocks = report_blocks(subject, patient=patient, notes=notes, chosen=chosen)
    output = write_report(blocks, subject, names)
    for path in (names.page, *([names.pdf] if names.pdf else []), *names.tables):
        print(path)
    for sentence in (*(REMOVED.format(path) for path in output.removed), *output.sentences):
        note(sentence)
    return 0


def _chosen(options: argparse.Namespace) -> list[ChosenArray]:
    """Return the arrays of ``--array``, or those that the panel handed over.

    UnusableInput if one is unknown or they are too many.
    """
    from ..cochlea.arrays import ChosenArray
    from ..report.duct_figures import MOST_DRAWN

    if options.handed_over:
        return handed_over_arrays(options)
    arrays = chosen_arrays(options)
    if len(arrays) > MOST_DRAWN:
        raise UnusableInput(f"A report shows at most {MOST_DRAWN} arrays; `plan` takes more.")
    return [ChosenArray(each) for each in arrays]


def report_blocks(
    subject: Subject,
    *,
    patient: str = "",
    notes: Sequence[str] = (),
    chosen: Sequence[ChosenArray] = (),
) -> list[Block]:
    """Draw a subject in 3D, and put its report together, with a page on each ear's duct.

    Args:
        subject: the ears as they are now.
        patient: as for ``report.content.build_report``.
        notes: remarks on how it was read.
        chosen: electrode arrays to show in the ducts.
    """
    from ..report.content import build_report
    from ..report.duct_page import duct_pages
    from ..report.views import draw_in_child

    with temporary() as folder:
        problem = draw_in_child(subject.segmentation, folder)
        return build_report(
            subject,
            made=datetime.now(),
            patient=patient,
            views=folder,
            notes=(*notes, *([problem] if problem else [])),
            pages=duct_pages(subject.measurements, chosen),
        )


def _page(options: argparse.Namespace) -> Path:
    """The path of the page; UnusableInput if it is a folder or does not end in .html."""
    from ..io.result_folder import REPORT_HTML

    page = options.output or folder_of(options) / REPORT_HTML
    if page.suffix.lower() not in (".html", ".htm"):
        raise UnusableInput(f"--output needs a file that ends in .html, not {page}.")
    if page.is_dir():
        raise UnusableInput(f"{page} is a folder; --output needs a file that ends in .html.")
    return page.absolute()
