"""Files of a report: page, PDF, and the same numbers as tables."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..derived import MEASUREMENTS_CSV, MEASUREMENTS_JSON, is_ours
from ..errors import UnusableInput
from ..staging import clean_stale, make_stage
from .content import Report
from .measurements import write_measurements
from .page import page


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
        stem = "" if self.page.stem == "report" else f"{self.page.stem}."
        csv, json = (stem + name for name in (MEASUREMENTS_CSV, MEASUREMENTS_JSON))
        return self.page.with_name(csv), self.page.with_name(json)


def write_report(report: Report, names: Names) -> list[Path]:
    """Write all files; each is whole, and none is there before all are made.

    Returns:
        The files, the page first.

    Raises:
        UnusableInput: a folder cannot be written, one of the names is somebody else's file, or a
            PDF is wanted and its library is missing.
    """
    folder = names.page.parent
    for path in (names.page, *names.tables, *([names.pdf] if names.pdf else [])):
        if path.exists() and not is_ours(path):
            raise UnusableInput(
                f"{path} is there already and was not made by InnerEarSeg; choose another --output."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clean_stale(folder)
        stage = make_stage(folder)
        try:
            made = [(stage / "page", names.page)]
            made[0][0].write_text(page(report), encoding="utf-8")
            if names.pdf is not None:
                from .pdf import write_pdf

                write_pdf(report, stage / "pdf")
                made.append((stage / "pdf", names.pdf))
            write_measurements(report.plans, stage)
            tables = (stage / MEASUREMENTS_CSV, stage / MEASUREMENTS_JSON)
            made += zip(tables, names.tables, strict=True)
            for there, here in made:
                there.replace(here)
        finally:
            shutil.rmtree(stage, ignore_errors=True)
    except OSError as error:
        raise UnusableInput(
            f"The report {names.page} cannot be written: {error.strerror or error}."
        ) from None
    return [here for _, here in made]
