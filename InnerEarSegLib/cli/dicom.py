"""``innerearseg dicom`` and ``from-dicom``: results into an archive, and back."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .. import interrupts
from ..errors import UnusableInput
from .arguments import note, say
from .report import report_blocks
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
    from ..archive.send import Archive
    from ..cochlea.arrays import ChosenArray
    from ..report.subject import Subject


MAX_NAME = 64
"""Characters that a person's name may have in DICOM."""


def add_to(commands: argparse._SubParsersAction) -> None:
    """Add both commands with their arguments."""
    parser = commands.add_parser("dicom", help="a result as DICOM objects, also sent to an archive")
    add_result(parser)
    parser.add_argument(
        "--source", type=Path, metavar="CT",
        help="the DICOM folder or file that the result was made from; without it, --send sends the "
        "objects that an earlier export left in DIR",
    )  # fmt: skip
    parser.add_argument("--series", metavar="UID", help="where the folder holds several")
    parser.add_argument("--output", type=Path, metavar="DIR", help="by default the result's folder")
    add_handed_over(parser)
    add_sending(parser)
    parser.set_defaults(run=run)
    parser = commands.add_parser(
        "from-dicom", help="a result folder from DICOM objects that an archive kept"
    )
    parser.add_argument(
        "input", type=Path, metavar="STUDY",
        help="folder with the CT's series and InnerEarSeg's objects, searched with those below",
    )  # fmt: skip
    parser.add_argument("--output", type=Path, required=True, metavar="DIR")
    parser.set_defaults(run=run_back)


def add_sending(parser: argparse.ArgumentParser) -> None:
    """Add who reviewed the result, and where to send it."""
    parser.add_argument(
        "--observer", default="", metavar="NAME",
        help="who reviewed the result, as Family^Given; by default no person is named",
    )  # fmt: skip
    parser.add_argument("--send", metavar="HOST:PORT", help="send the objects to this archive")
    parser.add_argument("--called", metavar="AET", help="the archive's AE title")
    parser.add_argument("--calling", metavar="AET", help="this program's; by default INNEREARSEG")
    parser.add_argument("--tls", action="store_true", help="encrypt")
    parser.add_argument(
        "--tls-authority", type=Path, metavar="FILE.pem",
        help="who signed the archive's certificate; by default the authorities of this computer",
    )  # fmt: skip
    parser.add_argument("--tls-certificate", type=Path, metavar="FILE.pem", help="this computer's")
    parser.add_argument("--tls-key", type=Path, metavar="FILE.pem", help="of --tls-certificate")


def check_source(source: Path, series: str | None) -> None:
    """Refuse early what no objects can be made of, and missing packages; raises UnusableInput."""
    from ..archive.source import need_library, read_headers
    from ..report import pdf

    need_library()
    pdf.need_library()
    read_headers(source, series)


def chosen_archive(options: argparse.Namespace) -> Archive | None:
    """Return the archive to send to, after it has answered; None if nothing is to be sent.

    Raise UnusableInput, also for a name that DICOM cannot hold.
    """
    from ..archive.send import Tls, archive_of, check_archive

    if len(options.observer) > MAX_NAME or set(options.observer) & set("\\=\r\n"):
        raise UnusableInput(
            f"--observer needs a name of at most {MAX_NAME} letters, without \\ and =."
        )

    files = (options.tls_authority, options.tls_certificate, options.tls_key)
    tls = Tls(*files) if options.tls or any(files) else None
    if options.send is None:
        if tls or options.called or options.calling:
            raise UnusableInput("--called, --calling and --tls go with --send.")
        return None
    archive = archive_of(options.send, options.called, options.calling, tls)
    check_archive(archive)
    return archive


def run(options: argparse.Namespace) -> int:
    """Write the objects and, if wanted, send them."""
    end_with_panel(options)
    if options.source is None:
        return send_again(options)
    from ..report.subject import OBSERVER

    check_source(options.source, options.series)
    options.observer = typed(options, OBSERVER, options.observer)
    archive = chosen_archive(options)
    subject, notes = read_handed_over(options)
    export_subject(
        subject, options, options.source, folder_of(options), archive,
        notes=notes, chosen=handed_over_arrays(options),
    )  # fmt: skip
    return 0


def export_subject(
    subject: Subject,
    options: argparse.Namespace,
    source: Path,
    output: Path,
    archive: Archive | None,
    *,
    notes: Sequence[str] = (),
    chosen: Sequence[ChosenArray] = (),
) -> None:
    """Write the objects of a result, say where they are, and send them if wanted.

    ``notes`` and ``chosen`` are for the PDF, as of ``report_blocks``.
    """
    from ..archive.export import export
    from ..archive.source import read_source

    series = read_source(source, options.series)
    blocks = report_blocks(subject, notes=notes, chosen=chosen)
    folder, files, difference = export(subject, blocks, series, output, options.observer.strip())
    interrupts.left = "the DICOM objects are written"
    for path in files:
        say(path)
    say(difference.sentence)
    for sentence in folder.sentences:
        note(sentence)
    if archive is not None:
        send_files(files, archive, options)


def send_again(options: argparse.Namespace) -> int:
    """Send what an earlier export wrote."""
    from ..archive.export import exported_files
    from ..archive.source import need_library

    if options.send is None:
        raise UnusableInput("Give --source to make DICOM objects, or --send to send those in DIR.")
    if options.observer:
        raise UnusableInput("--observer goes with --source: the objects are made already.")
    need_library()
    files = exported_files(folder_of(options))
    archive = chosen_archive(options)
    if archive is not None:
        send_files(files, archive, options)
    return 0


def send_files(files: list[Path], archive: Archive, options: argparse.Namespace) -> None:
    """Send objects and say what came of it, also if it is cancelled."""
    from ..archive.send import send

    def sent(count: int) -> None:
        interrupts.left = f"{count} of {len(files)} objects arrived at {archive}; the files stay"

    sent(0)
    for sentence in send(files, archive, sent):
        note(sentence)
    say(f"Sent {len(files)} objects to {archive}.")


def run_back(options: argparse.Namespace) -> int:
    """Write a result folder from what an archive kept."""
    from ..io.dicom_results import check_images, read_archived
    from ..io.overlap import refuse_overlap
    from ..io.volume import read_ct
    from ..mrml.files import write_result

    refuse_overlap([options.output], [options.input])
    archived = read_archived(options.input)
    check_images(archived, options.input)
    ct = read_ct(options.input, archived.series)
    earlier = write_result(archived.segmentation, ct, options.output)
    for ear in archived.segmentation.ears:
        states = ", ".join(f"{mark.name} {mark.state}" for mark in ear.landmarks)
        say(f"Labyrinth {ear.side}: {ear.volume_mm3:.0f} mm³, {ear.segment}; {states}")
    if earlier is not None:
        note(f"What was there before, and may have been edited, is now {earlier}.")
    say(f"Files: {options.output}")
    return 0
