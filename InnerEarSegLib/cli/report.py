"""``innerearseg report``: pictures and measurements of a result as HTML and PDF."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..process import end_with_stdin, temporary
from .arguments import add_arrays, chosen_arrays, note

if TYPE_CHECKING:
    from ..cochlea.arrays import ChosenArray
    from ..io.result_folder import ResultFolder
    from ..report.files import Names
    from ..report.subject import Subject

LETTERS = (
    "no font of this computer has all letters of the patient's name; in the PDF some are '?'. The "
    "page has them."
)
REMOVED = "{} was of the earlier report and is removed; --pdf makes a new one."
SCENES = (".mrb", ".mrml")


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("report", help="pictures and measurements of a result on a page")
    parser.add_argument(
        "input", type=Path, metavar="DIR",
        help="folder of `innerearseg segment`, or a scene that 3D Slicer saved (.mrb, .mrml)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=Path, metavar="FILE.html", help="by default report.html in DIR"
    )
    parser.add_argument("--pdf", action="store_true", help="also FILE.pdf; needs fpdf2")
    parser.add_argument(
        "--patient", default="", metavar="TEXT",
        help="name as it shall appear; without it, the report does not identify the patient",
    )  # fmt: skip
    add_arrays(parser, "show this electrode array in the duct; see `innerearseg plan --list`")
    parser.add_argument("--ct", metavar="NAME", help="where a scene has results of several CTs")
    parser.add_argument(
        "--handed-over", action="store_true", help="DIR is what the panel wrote for this command"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report and print where it is."""
    if options.handed_over:
        end_with_stdin()
        print(flush=True)  # the panel kills nothing that has not said a word
    from ..report.files import Names
    from ..report.subject import read_subject, write_subject

    chosen = _chosen(options)
    patient, page = _patient(options), _page(options)
    names = Names(page, page.with_suffix(".pdf") if options.pdf else None)
    if options.pdf:
        from ..report.pdf import font_for, need_library

        need_library()
        if font_for(patient) is None:
            note(LETTERS)
    if options.handed_over:
        output = write(read_subject(options.input), options.input, names, patient, (), chosen)
    else:
        subject, notes = subject_of_result(options.input, options.ct)
        for sentence in (*subject.left_out, *notes):
            note(sentence)
        with temporary() as views:
            write_subject(subject, views)
            output = write(subject, views, names, patient, notes, chosen)
    for path in (names.page, *([names.pdf] if names.pdf else []), *names.tables):
        print(path)
    for sentence in (*(REMOVED.format(path) for path in output.removed), *output.sentences):
        note(sentence)
    return 0


def _chosen(options: argparse.Namespace) -> list[ChosenArray]:
    """Return the arrays of ``--array``, or of what the panel wrote.

    UnusableInput if one is unknown or they are too many.
    """
    from ..cochlea.arrays import ChosenArray, chosen_from_text
    from ..report.duct_figures import MOST_ARRAYS
    from ..report.subject import CHOSEN_ARRAYS

    handed_over = options.input / CHOSEN_ARRAYS
    if options.handed_over and handed_over.is_file():
        return chosen_from_text(handed_over.read_text(encoding="utf-8"), str(handed_over))
    arrays = chosen_arrays(options)
    if len(arrays) > MOST_ARRAYS:
        raise UnusableInput(f"A report shows at most {MOST_ARRAYS} arrays; `plan` takes more.")
    return [ChosenArray(each) for each in arrays]


def write(
    subject: Subject,
    folder: Path,
    names: Names,
    patient: str = "",
    notes: Sequence[str] = (),
    chosen: Sequence[ChosenArray] = (),
) -> ResultFolder:
    """Draw a written subject in 3D in its folder, and write the report."""
    from ..mrml.ear_rendering import draw_in_child
    from ..report.content import build_report
    from ..report.duct_page import duct_pages
    from ..report.files import write_report

    if problem := draw_in_child(folder):
        notes = (*notes, problem)
    blocks = build_report(
        subject,
        made=datetime.now(),
        patient=patient,
        views=folder,
        notes=tuple(notes),
        pages=duct_pages(subject.measurements, chosen),
    )
    return write_report(blocks, subject, names)


def _patient(options: argparse.Namespace) -> str:
    from ..report.subject import PATIENT

    typed = options.input / PATIENT
    if not options.handed_over or not typed.is_file():
        return options.patient
    patient = typed.read_text(encoding="utf-8")
    typed.unlink()  # so that the name does not stay behind if the panel ends
    return patient


def _page(options: argparse.Namespace) -> Path:
    """The path of the page; UnusableInput if it is a folder or does not end in .html."""
    from ..io.result_folder import REPORT_HTML

    given = options.input
    page = options.output or (given if given.is_dir() else given.parent) / REPORT_HTML
    if page.suffix.lower() not in (".html", ".htm"):
        raise UnusableInput(f"--output needs a file that ends in .html, not {page}.")
    if page.is_dir():
        raise UnusableInput(f"{page} is a folder; --output needs a file that ends in .html.")
    return page.absolute()


def subject_of_result(path: Path, ct: str | None = None) -> tuple[Subject, list[str]]:
    """Read a scene, or a folder's with the corrections in files beside it, and notes on these.

    Raise UnusableInput if there are no results of InnerEarSeg, or of several CTs.
    """
    from ..io.result_folder import CORRECTABLE, SCENE_FILE, known_as
    from ..mrml.corrections import take_corrections
    from ..mrml.results import find_results
    from ..mrml.scene import headless_scene
    from ..mrml.subject import cts_with_results, open_scene, subject_of

    if not path.exists():
        raise UnusableInput(f"{path} does not exist.")
    scene_file = path / SCENE_FILE if path.is_dir() else path
    if path.is_dir() and not scene_file.is_file():
        raise UnusableInput(
            f"{path} holds no {SCENE_FILE}: it is no result of `innerearseg segment`, or no ear "
            "was found."
        )
    if scene_file.suffix.lower() not in SCENES:
        raise UnusableInput(f"{path} is neither a folder nor a Slicer scene (.mrb, .mrml).")
    beside = [path / name for name in CORRECTABLE] if path.is_dir() else []
    # Before they are read: what is saved meanwhile is seen the next time.
    sources = {each.name: known_as(each) for each in beside if each.is_file()}
    with headless_scene() as session:
        open_scene(session.scene, scene_file)
        found = cts_with_results(session.scene)
        if ct is not None:
            found = [v for v in found if ct in (v.GetName(), v.GetID())]
        if not found:
            named = "" if ct is None else f" for a CT named {ct!r}"
            raise UnusableInput(f"{scene_file} holds no results of InnerEarSeg{named}.")
        if len(found) > 1:
            names = ", ".join(f"{volume.GetName()!r} ({volume.GetID()})" for volume in found)
            raise UnusableInput(
                f"{scene_file} holds results of {len(found)} CTs; choose one with --ct, by its "
                f"name or what stands in brackets: {names}."
            )
        notes = []
        if path.is_dir():
            results = find_results(session.scene, found[0])
            corrections = take_corrections(session.scene, results, path)
            notes = corrections.notes
            for name in corrections.unused:  # so that they are looked at again
                sources.pop(name, None)
        return replace(subject_of(session.scene, found[0]), sources=sources), notes
