"""``innerearseg report``: a result as one page to file, with pictures and measurements."""

from __future__ import annotations

import argparse
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UnusableInput
from ..process import cancel_on_kill, end_with_stdin

if TYPE_CHECKING:
    from ..report.subject import Subject

LETTERS = (
    "Note: no font of this computer has all letters of the patient's name; in the PDF some are "
    "'?'. The page has them."
)
NOT_USED = (
    "{} is not as the scene has it, and was not used. Correct landmarks and segment in the "
    "scene, in 3D Slicer, and save that."
)
ASIDE = "Note: somebody had added to the earlier report's PDF: it is now {}."
REMOVED = "Note: {} was of the earlier report and is removed; --pdf makes a new one."
SCENES = (".mrb", ".mrml")


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add the command's arguments."""
    parser = commands.add_parser("report", help="pictures and measurements of a result on a page")
    parser.add_argument(
        "input",
        type=Path,
        metavar="DIR",
        help="folder of `innerearseg segment`, or a scene that 3D Slicer saved (.mrb, .mrml)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE.html", help="by default report.html in DIR"
    )
    parser.add_argument("--pdf", action="store_true", help="also FILE.pdf; needs fpdf2")
    parser.add_argument(
        "--patient",
        default="",
        metavar="TEXT",
        help="who it is, as it shall appear; without it nothing in the report tells",
    )
    parser.add_argument("--ct", metavar="NAME", help="where a scene has results of several CTs")
    parser.add_argument(
        "--handed-over", action="store_true", help="DIR is what the panel wrote for this command"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the report and say where it is."""
    cancel_on_kill()
    if options.handed_over:
        end_with_stdin()
        print(flush=True)  # the panel kills nothing that has not said a word
    from ..mrml.ear_rendering import draw_in_child
    from ..report.content import build_report
    from ..report.files import Names, write_report
    from ..report.subject import PATIENT, read_subject, write_subject

    patient = options.patient
    typed = options.input / PATIENT
    if options.handed_over and typed.is_file():
        patient = typed.read_text(encoding="utf-8")
        typed.unlink()  # whatever becomes of the panel, the name does not stay behind
    page = _page(options)
    names = Names(page, page.with_suffix(".pdf") if options.pdf else None)
    if options.pdf:
        from ..report.pdf import can_show, need_library

        need_library()
        if not can_show(patient):
            print(LETTERS, file=sys.stderr)
    notes: tuple[str, ...] = ()
    if options.handed_over:
        subject = read_subject(options.input)
    else:
        subject, notes = _subject(options)
        for note in (*subject.left_out, *notes):
            print(f"Note: {note}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="ies-") as temporary:
        folder = options.input if options.handed_over else Path(temporary)
        if not options.handed_over:
            write_subject(subject, folder)
        problem = draw_in_child(folder)
        blocks = build_report(
            subject,
            made=datetime.now(),
            patient=patient,
            views=folder,
            notes=(*notes, problem) if problem else notes,
        )
    written = write_report(blocks, subject, names)
    for path in written.files:
        print(path)
    if written.removed is not None:
        print(REMOVED.format(written.removed), file=sys.stderr)
    if written.aside is not None:
        print(ASIDE.format(written.aside), file=sys.stderr)
    return 0


def _page(options: argparse.Namespace) -> Path:
    """Where the page goes.

    Raises:
        UnusableInput: it is no name of a page, or a folder.
    """
    from ..io.result_folder import REPORT_HTML

    given = options.input
    page = options.output or (given if given.is_dir() else given.parent) / REPORT_HTML
    if page.suffix.lower() not in (".html", ".htm"):
        raise UnusableInput(f"--output needs a file that ends in .html, not {page}.")
    if page.is_dir():
        raise UnusableInput(f"{page} is a folder; --output needs a file that ends in .html.")
    return page.absolute()


def _subject(options: argparse.Namespace) -> tuple[Subject, tuple[str, ...]]:
    """What a folder or a scene holds, and notes on what lies beside it."""
    from ..mrml.files import SCENE_FILE, changed_beside
    from ..mrml.results import find_results
    from ..mrml.scene import headless_scene
    from ..mrml.subject import cts_with_results, open_scene, subject_of

    path = options.input
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
    with headless_scene() as session:
        open_scene(session.scene, scene_file)
        found = cts_with_results(session.scene)
        names = [f"{volume.GetName()!r} ({volume.GetID()})" for volume in found]
        if options.ct is not None:
            found = [v for v in found if options.ct in (v.GetName(), v.GetID())]
        if not found:
            raise UnusableInput(
                f"{scene_file} holds no results of InnerEarSeg"
                + (f" for a CT named {options.ct!r}." if options.ct is not None else ".")
            )
        if len(found) > 1:
            raise UnusableInput(
                f"{scene_file} holds results of {len(names)} CTs; choose one with --ct, by its "
                f"name or what stands in brackets: {', '.join(names)}."
            )
        subject = subject_of(session.scene, found[0])
        beside = changed_beside(
            session.scene, find_results(session.scene, found[0]), scene_file.parent
        )
        return subject, tuple(NOT_USED.format(name) for name in beside)
