"""Files of a report: page, PDF, and the same numbers as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..io.result_folder import (
    MEASUREMENTS_CSV,
    MEASUREMENTS_JSON,
    REPORT_HTML,
    THUMBNAILS,
    ResultFolder,
)
from .content import Block
from .page import page
from .subject import Subject
from .tables import write_measurements
from .thumbnail import write_thumbnail

PDF_REMOVED = "{} was of the earlier report and is removed; --pdf makes a new one."
OUTDATED = (
    "Removed, as made before the result was corrected or saved again: {}. `innerearseg plan` and "
    "`mesh` make them anew."
)


@dataclass(frozen=True)
class Names:
    """Where a report's files go: the HTML page and, if wanted, PDF and thumbnails beside it."""

    page: Path
    pdf: Path | None = None
    thumbnails: bool = False

    @property
    def tables(self) -> tuple[Path, Path]:
        """CSV and JSON of the measurements, beside the page and named after it.

        ``report.html`` has ``measurements.csv`` and ``.json``; ``x.html`` ``x.measurements.csv``.
        """
        stem = "" if self.page.name == REPORT_HTML else f"{self.page.stem}."
        csv, json = (stem + name for name in (MEASUREMENTS_CSV, MEASUREMENTS_JSON))
        return self.page.with_name(csv), self.page.with_name(json)


def write_report(blocks: Sequence[Block], subject: Subject, names: Names) -> list[str]:
    """Write all files, or leave everything as it was.

    Without a PDF, an earlier one of that name is removed, as its numbers are others, and so are
    plans and surfaces in the folder that are of an earlier state of the result. What was changed
    since it was written is renamed.

    Returns:
        What became of earlier files, in sentences.

    Raises:
        UnusableInput: the folder cannot be written, or a PDF is wanted and fpdf2 is missing.
    """
    output = ResultFolder(names.page.parent)
    pdf = output.folder / names.page.with_suffix(".pdf").name
    with output.adding([pdf.name, *output.outdated(subject.sources)]) as folder:
        (folder / names.page.name).write_text(page(blocks), encoding="utf-8")
        if names.pdf is not None:
            from .pdf import write_pdf

            write_pdf(blocks, folder / names.pdf.name)
        ears = subject.segmentation.ears
        write_measurements(subject.measurements, ears, folder, subject.made_of, subject.sources)
        for ear in ears:
            # A case of a cohort has thumbnails, which would show an earlier state.
            if names.thumbnails or (output.folder / THUMBNAILS[ear.side]).exists():
                cochlea, path = subject.measurements[ear.side], folder / THUMBNAILS[ear.side]
                write_thumbnail(subject.cts[ear.side], ear, cochlea, path)
        for made, path in zip((MEASUREMENTS_CSV, MEASUREMENTS_JSON), names.tables, strict=True):
            (folder / made).rename(folder / path.name)
    outdated = ", ".join(path.name for path in output.removed if path != pdf)
    return [
        *([PDF_REMOVED.format(pdf)] if pdf in output.removed else []),
        *([OUTDATED.format(outdated)] if outdated else []),
        *output.sentences,
    ]
