"""Files of a report: page, PDF, and the same numbers as tables."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UnusableInput
from ..io.result_folder import (
    MEASUREMENTS_CSV,
    MEASUREMENTS_JSON,
    REPORT_HTML,
    clean_stale,
    earlier_place,
    is_ours,
    make_stage,
    replace_together,
    was_added_to,
)
from .content import Block
from .page import page
from .subject import Subject
from .tables import write_measurements


@dataclass(frozen=True)
class Names:
    """Where a report's files go.

    Attributes:
        page: the HTML file.
        pdf: the PDF, or None.
    """

    page: Path
    pdf: Path | None = None

    @property
    def tables(self) -> tuple[Path, Path]:
        """CSV and JSON of the measurements, beside the page and named after it.

        ``report.html`` has ``measurements.csv`` and ``.json``; ``x.html`` ``x.measurements.csv``.
        """
        stem = "" if self.page.name == REPORT_HTML else f"{self.page.stem}."
        csv, json = (stem + name for name in (MEASUREMENTS_CSV, MEASUREMENTS_JSON))
        return self.page.with_name(csv), self.page.with_name(json)


@dataclass(frozen=True)
class Written:
    """Files of a report, and what became of an earlier one's PDF.

    Attributes:
        files: written ones, the page first.
        removed: the earlier PDF that was removed, or None.
        aside: where the earlier PDF was moved that the user had added to, or None.
    """

    files: tuple[Path, ...]
    removed: Path | None = None
    aside: Path | None = None


def write_report(blocks: Sequence[Block], subject: Subject, names: Names) -> Written:
    """Write all files, or leave everything as it was.

    An earlier report's PDF beside the page is replaced or removed, as its numbers are no longer
    the page's. One that the user annotated or signed is moved aside.

    Args:
        blocks: content of page and PDF.
        subject: with the measurements for the tables.
        names: where the files go.

    Raises:
        UnusableInput: a folder cannot be written, one of the names is a folder or a file that
            InnerEarSeg did not make, or a PDF is wanted and fpdf2 is missing.
    """
    folder = names.page.parent
    for path in (names.page, *names.tables, *([names.pdf] if names.pdf else [])):
        if path.is_dir():
            raise UnusableInput(
                f"{path} is a folder; remove it or choose another name for the report."
            )
        if path.exists() and not is_ours(path):
            raise UnusableInput(
                f"{path} is there already and was not made by InnerEarSeg; choose another name for "
                "the report."
            )
    old_pdf = names.page.with_suffix(".pdf")
    ours = is_ours(old_pdf)
    aside = earlier_place(folder, old_pdf.name) if ours and was_added_to(old_pdf) else None
    removed = old_pdf if ours and names.pdf is None and aside is None else None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clean_stale(folder)
        stage = make_stage(folder)
        try:
            made = [(stage / "page", names.page)]
            made[0][0].write_text(page(blocks), encoding="utf-8")
            if names.pdf is not None:
                from .pdf import write_pdf

                write_pdf(blocks, stage / "pdf")
                made.append((stage / "pdf", names.pdf))
            ears, incomplete = subject.segmentation.ears, bool(subject.left_out)
            write_measurements(subject.measurements, ears, stage, incomplete)
            tables = (stage / MEASUREMENTS_CSV, stage / MEASUREMENTS_JSON)
            made += zip(tables, names.tables, strict=True)
            moved = [(old_pdf, aside)] if aside else []
            gone = [removed] if removed else []
            replace_together([*moved, *made], stage, gone)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        where = error.filename2 or names.page
        raise UnusableInput(
            f"The report {where} cannot be written: {error.strerror or error}."
        ) from None
    return Written(tuple(here for _, here in made), removed, aside)
