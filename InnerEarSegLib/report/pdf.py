"""A font of this computer for names that PDF's own fonts cannot write."""

from __future__ import annotations

import importlib.util
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..io.result_folder import MAKER
from .content import NOT_A_DEVICE, TITLE, UNCERTAINTY, EarSection, LandmarkSection, Report
from .figures import LEGEND, Figure

FONTS = (
    "{WINDIR}/Fonts/arial.ttf",
    "{WINDIR}/Fonts/segoeui.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation2/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
"""Where Windows, macOS and Linux keep fonts with Latin, Greek and Cyrillic letters."""


def font_with(text: str) -> Path | None:
    """A TrueType font of this computer that has all letters of a text; None if none has.

    Needs fontTools, which fpdf2 brings.
    """
    from fontTools.ttLib import TTFont, TTLibError

    for path in _fonts():
        try:
            with TTFont(path, lazy=True) as font:
                known = font.getBestCmap() or {}
        except (OSError, TTLibError):
            continue
        if all(ord(letter) in known for letter in text):
            return path
    return None


def _fonts() -> Iterator[Path]:
    """Fonts that are there: the system's, then the one that Matplotlib carries."""
    for place in FONTS:
        path = Path(place.format(WINDIR=os.environ.get("WINDIR", "C:/Windows")))
        if path.is_file():
            yield path
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin:
        path = Path(found.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf"
        if path.is_file():
            yield path


ABSENT = (
    "A PDF needs the Python package fpdf2: `pip install fpdf2`. Without it, open the HTML report "
    "in a browser and print it as PDF."
)
_MARGIN, _WIDTH = 14.0, 182.0
_INK, _SOFT, _LINE, _ACCENT = (20, 32, 43), (90, 104, 117), (211, 218, 224), (15, 76, 110)
_VERDICTS = {"good": (44, 138, 87), "check": (217, 154, 28), "poor": (194, 24, 60)}
_FONT = "helvetica"
_REPLACED = str.maketrans({"−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "„": '"'})


def need_library() -> None:
    """Say early that fpdf2 is missing.

    Raises:
        UnusableInput: it is.
    """
    if importlib.util.find_spec("fpdf") is None:
        raise UnusableInput(ABSENT)


def can_show(text: str) -> bool:
    """Whether a PDF can have all letters of a text, in its own fonts or one of this computer's."""
    return _is_latin(text) or font_with(text) is not None


def write_pdf(report: Report, path: Path) -> None:
    """Write the PDF.

    Raises:
        UnusableInput: fpdf2 is missing.
    """
    need_library()
    paper = _Paper(report)
    paper.first_page()
    for ear in report.ears:
        paper.ear(ear)
    paper.last_page()
    path.write_bytes(bytes(paper.pdf.output()))


class _Paper:
    def __init__(self, report: Report) -> None:
        from fpdf import FPDF

        class Pages(FPDF):
            def footer(self) -> None:
                self.set_y(-11)
                self.set_font(_FONT, size=7.5)
                self.set_text_color(*_SOFT)
                self.cell(0, 4, "Not a medical device")
                self.set_x(_MARGIN)
                self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

        self.report = report
        self.pdf: Any = Pages(format="A4")
        self.pdf.set_margins(_MARGIN, 13, _MARGIN)
        self.pdf.set_auto_page_break(True, 15)
        self.pdf.set_title(TITLE)
        self.pdf.set_creator(MAKER)
        self.pdf.set_lang("en")

    def first_page(self) -> None:
        """Who, verdicts, measurements."""
        pdf, report = self.pdf, self.report
        pdf.add_page()
        self._text(TITLE, 19, bold=True, color=_ACCENT, height=9)
        ears = " and ".join(ear.side for ear in report.ears)
        self._line(f"Patient: {report.patient}     Ears: {ears}     Report made: {report.made}")
        pdf.set_draw_color(*_ACCENT)
        pdf.set_line_width(0.8)
        pdf.line(_MARGIN, pdf.get_y() + 1.5, _MARGIN + _WIDTH, pdf.get_y() + 1.5)
        pdf.ln(4)
        pdf.set_fill_color(255, 246, 224)
        self._text(NOT_A_DEVICE, 9, fill=True, height=6)
        pdf.ln(2)
        for ear in report.ears:
            self._verdict(ear)
        for sentence in report.left_out:
            pdf.set_fill_color(255, 246, 224)
            self._text(sentence, 9, fill=True, height=5)
        self._heading("Measurements")
        self._measurements()
        pdf.ln(1)
        self._text(UNCERTAINTY, 8, color=_SOFT, height=3.6)
        if report.overview:
            self._room(_WIDTH / 4 + 8)
            pdf.ln(3)
            self._figures(report.overview, 4, 2.0)

    def ear(self, ear: EarSection) -> None:
        """Pictures of an ear."""
        self.pdf.add_page()
        self._heading(f"{ear.side.capitalize()} ear: landmarks")
        for landmark in ear.landmarks:
            self._landmark(landmark)
        for title, figures in (
            ("Cochlea in its own planes", ear.cochlea),
            ("Labyrinth", ear.views),
        ):
            if figures:
                self._room(8 + (_WIDTH - 4) / 2 + 5)
                self._heading(title)
                self._figures(figures, 2, 4.0)
        if ear.views:
            self._text(LEGEND, 8, color=_SOFT, height=3.6)

    def last_page(self) -> None:
        """Definitions, and how it was made."""
        pdf, report = self.pdf, self.report
        pdf.add_page()
        self._heading("Definitions and sources")
        pdf.set_font(_FONT, size=8)
        with self._table((42, 98, 42), ("LEFT", "LEFT", "LEFT")) as table:
            for cells in (("Measurement", "Definition", "Source"), *report.definitions):
                table.row([_latin(cell) for cell in cells])
        if report.notes:
            self._heading("Remarks on this CT")
            for note in report.notes:
                self._text(f"- {note}", 9, height=4.5)
        self._heading("How it was made")
        pdf.set_font(_FONT, size=8.5)
        with self._table((34, 148), ("LEFT", "LEFT"), headings=0) as table:
            for row in report.facts:
                table.row([_latin(cell) for cell in row])
        self._room(16)
        pdf.ln(12)
        y, width = pdf.get_y(), (_WIDTH - 16) / 3
        pdf.set_draw_color(*_INK)
        pdf.set_line_width(0.25)
        for index, label in enumerate(("Checked by", "Date", "Signature")):
            x = _MARGIN + index * (width + 8)
            pdf.line(x, y, x + width, y)
            pdf.set_xy(x, y + 1)
            self._font(8, color=_SOFT)
            pdf.cell(width, 4, label)

    def _line(self, text: str) -> None:
        """A line that may have letters of any language."""
        font = None if _is_latin(text) else font_with(text)
        if font is None:
            self._text(text, 9.5)
            return
        self.pdf.add_font("any", fname=font)
        self.pdf.set_font("any", size=9.5)
        self.pdf.set_text_color(*_INK)
        self.pdf.multi_cell(0, 5.0, text, new_x="LMARGIN", new_y="NEXT")

    def _verdict(self, ear: EarSection) -> None:
        pdf = self.pdf
        top = pdf.get_y()
        pdf.set_x(_MARGIN + 5)
        self._text(f"{ear.side.capitalize()} ear, quality: {ear.verdict_text}", 10, bold=True)
        for text in (*ear.reasons, *ear.remarks):
            pdf.set_x(_MARGIN + 5)
            self._text(f"- {text}", 9, height=4.4)
        if pdf.get_y() > top:
            pdf.set_fill_color(*_VERDICTS[ear.verdict])
            pdf.rect(_MARGIN, top + 0.3, 2.2, pdf.get_y() - top - 0.6, style="F")
        pdf.ln(1.5)

    def _measurements(self) -> None:
        report, pdf = self.report, self.pdf
        names = (*report.columns, "published range")
        count, wide = len(names), 32.0
        widths = (_WIDTH - wide * count, *[wide] * count)
        pdf.set_font(_FONT, size=9.5)
        with self._table(widths, ("LEFT", *["RIGHT"] * count), 5.4) as table:
            table.row(["Measurement", *(_latin(name.capitalize()) for name in names)])
            for row in report.rows:
                table.row([_latin(row.label), *map(_latin, (*row.values, row.usual))])
                if row.remarks:
                    line = table.row()
                    line.cell(
                        _latin(" ".join(row.remarks)), colspan=count + 1, style=self._remark()
                    )

    def _remark(self) -> Any:
        from fpdf.fonts import FontFace

        return FontFace(size_pt=8, color=(138, 75, 0))

    def _table(
        self, widths: tuple[float, ...], align: tuple[str, ...], height: float = 4.2,
        headings: int = 1,
    ) -> Any:  # fmt: skip
        from fpdf.fonts import FontFace

        self.pdf.set_draw_color(*_LINE)
        self.pdf.set_line_width(0.2)
        self.pdf.set_text_color(*_INK)
        self.pdf.set_fill_color(255, 255, 255)
        return self.pdf.table(
            col_widths=widths,
            text_align=align,
            line_height=height,
            num_heading_rows=headings,
            first_row_as_headings=bool(headings),
            headings_style=FontFace(emphasis="BOLD", color=_SOFT),
            borders_layout="HORIZONTAL_LINES",
        )

    def _landmark(self, landmark: LandmarkSection) -> None:
        gap = 2.0
        edge = (_WIDTH - 2 * gap) / 3
        self._room(5.5 + (edge + 5 if landmark.figures else 6))
        self._font(10.5, bold=True)
        name = _latin(landmark.name.capitalize())
        self.pdf.cell(self.pdf.get_string_width(name) + 3, 5, name)
        self._font(
            9, bold=landmark.needs_look, color=(122, 83, 0) if landmark.needs_look else _SOFT
        )
        self.pdf.cell(0, 5, _latin(f"{landmark.state}   {landmark.details}"))
        self.pdf.ln(5.5)
        if landmark.figures:
            self._figures(landmark.figures, 3, gap)
        else:
            self._text("No position, so no pictures.", 9, color=_SOFT)

    def _figures(self, figures: tuple[Figure, ...], columns: int, gap: float) -> None:
        pdf = self.pdf
        edge = (_WIDTH - (columns - 1) * gap) / columns
        top = pdf.get_y()
        for index, figure in enumerate(figures):
            x = _MARGIN + index * (edge + gap)
            self._figure(figure, x, top, edge)
            self._font(7.5, color=_SOFT)
            pdf.set_xy(x, top + edge + 0.4)
            pdf.cell(edge, 3.6, _latin(figure.caption), align="C")
        pdf.set_xy(_MARGIN, top + edge + 5)

    def _figure(self, figure: Figure, x: float, y: float, edge: float) -> None:
        from fpdf.enums import TextMode

        pdf = self.pdf
        pdf.image(io.BytesIO(figure.png), x, y, edge, edge, alt_text=_latin(figure.caption))
        halo = figure.halo
        for line in figure.lines:
            (x1, y1), (x2, y2) = line.start, line.end
            for color, width in ((halo, line.width + 0.8), (line.color, line.width)):
                pdf.set_draw_color(color)
                pdf.set_line_width(0.0055 * edge * width)
                pdf.line(x + edge * x1, y + edge * y1, x + edge * x2, y + edge * y2)
        for dot in figure.dots:
            pdf.set_fill_color(dot.color)
            pdf.circle(x + edge * dot.at[0], y + edge * dot.at[1], 0.011 * edge, style="F")
        for word in figure.words:
            pdf.set_font(_FONT, "B" if word.bold else "", 0.042 * edge * 72 / 25.4)
            pdf.set_text_color(word.color)
            text = _latin(word.text)
            shift = {"start": 0.0, "middle": 0.5, "end": 1.0}[word.anchor]
            left = x + edge * word.at[0] - shift * pdf.get_string_width(text)
            pdf.set_draw_color(halo)
            pdf.set_line_width(0.006 * edge)
            with pdf.local_context(text_mode=TextMode.STROKE):
                pdf.text(left, y + edge * word.at[1], text)
            pdf.text(left, y + edge * word.at[1], text)
        pdf.set_draw_color(*_LINE)
        pdf.set_line_width(0.2)
        pdf.rect(x, y, edge, edge)

    def _heading(self, text: str) -> None:
        self.pdf.ln(2)
        self._text(text, 13, bold=True, color=_ACCENT, height=7)

    def _room(self, height: float) -> None:
        """Begin a new page where the rest of this one is too short."""
        if self.pdf.will_page_break(height):
            self.pdf.add_page()

    def _font(self, size: float, bold: bool = False, color: tuple[int, int, int] = _INK) -> None:
        self.pdf.set_font(_FONT, "B" if bold else "", size)
        self.pdf.set_text_color(*color)

    def _text(
        self,
        text: str,
        size: float,
        *,
        bold: bool = False,
        color: tuple[int, int, int] = _INK,
        fill: bool = False,
        height: float = 5.0,
    ) -> None:
        self._font(size, bold, color)
        self.pdf.multi_cell(0, height, _latin(text), fill=fill, new_x="LMARGIN", new_y="NEXT")


def _is_latin(text: str) -> bool:
    """Whether the fonts that every PDF has know all letters."""
    return _latin(text) == text.translate(_REPLACED)


def _latin(text: str) -> str:
    """What the built-in fonts of PDF can show; other letters become a question mark."""
    return (
        text.translate(_REPLACED)
        .encode("cp1252", "replace")
        .decode("cp1252")
        .encode("latin-1", "replace")
        .decode("latin-1")
    )
