"""A report as PDF by fpdf2, a page of A4 at a time."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..io.result_folder import MAKER
from . import content
from .figures import Dot, Figure, Line, Mark

FONT_FOLDERS = ("C:/Windows/Fonts", "/System/Library/Fonts/Supplemental", "/usr/share/fonts")
FONTS = (
    *("Arial Unicode.ttf", "arial.ttf", "Arial.ttf", "segoeui.ttf"),
    *("LiberationSans-Regular.ttf", "NotoSans-Regular.ttf", "DejaVuSans.ttf"),
)
"""Of Windows, macOS and Linux, with Latin, Greek and Cyrillic letters."""

ABSENT = (
    "A PDF needs the Python package fpdf2: `pip install fpdf2`. Without it, open the HTML report "
    "in a browser and print it as PDF."
)
_MARGIN, _WIDTH = 14.0, 182.0
_INK, _SOFT, _LINE, _ACCENT = (20, 32, 43), (90, 104, 117), (211, 218, 224), (15, 76, 110)
_NOTICE, _LOOK, _REMARK = (255, 246, 224), (122, 83, 0), (138, 75, 0)
_VERDICTS = {"good": (44, 138, 87), "check": (217, 154, 28), "poor": (194, 24, 60)}
_GAPS = {2: 4.0, 3: 2.0, 4: 2.0}
"""mm between pictures, by how many stand side by side."""

_FONT = "helvetica"
_REPLACED = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "“": '"', "”": '"', "’": "'", "„": '"', "≈": "~"}
)


def need_library() -> None:
    """Check early that fpdf2 is installed; UnusableInput if not."""
    if importlib.util.find_spec("fpdf") is None:
        raise UnusableInput(ABSENT)


def font_for(text: str) -> Path | str | None:
    """Return PDF's own font or a TrueType one of this computer that has all letters, or None.

    Needs fontTools, which fpdf2 brings.
    """
    from fontTools.ttLib import TTFont, TTLibError

    if _latin(text) == text.translate(_REPLACED):
        return _FONT
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
    """Fonts of the system, then the one that Matplotlib brings."""
    for folder in map(Path, FONT_FOLDERS):
        yield from (path for name in FONTS for path in folder.rglob(name))
    found = importlib.util.find_spec("matplotlib")
    if found is not None and found.origin:
        yield from Path(found.origin).parent.rglob("DejaVuSans.ttf")


def _latin(text: str) -> str:
    """Replace letters that PDF's built-in fonts lack by similar ones or a question mark."""
    return text.translate(_REPLACED).encode("latin-1", "replace").decode("latin-1")


def write_pdf(blocks: Iterable[content.Block], path: Path) -> None:
    """Write the PDF; UnusableInput if fpdf2 is missing."""
    need_library()
    from fpdf import FPDF

    class Pages(FPDF):
        def footer(self) -> None:
            self.set_y(-11)
            self.set_font(_FONT, size=7.5)
            self.set_text_color(*_SOFT)
            self.cell(0, 4, "Not a medical device")
            self.set_x(_MARGIN)
            self.cell(0, 4, f"{self.page_no()} / {{nb}}", align="R")

        def normalize_text(self, text: str) -> str:
            return super().normalize_text(text if self.is_ttf_font else _latin(text))

    pdf = Pages(format="A4")
    pdf.set_margins(_MARGIN, 13, _MARGIN)
    pdf.set_auto_page_break(True, 15)
    pdf.set_title(content.TITLE)
    pdf.set_creator(MAKER)
    pdf.set_lang("en")
    pdf.add_page()
    for block in blocks:
        _draw(pdf, block)
    path.write_bytes(bytes(pdf.output()))


def _draw(pdf: Any, block: content.Block) -> None:
    """Draw a block below what is there, or on a new page; ``pdf`` is an FPDF."""
    wanted = isinstance(block, content.Heading) and block.new_page
    if wanted or pdf.will_page_break(_height(block)):
        pdf.add_page()
    match block:
        case content.Header(title, facts):
            _text(pdf, title, 19, bold=True, color=_ACCENT, height=9)
            text = "     ".join(f"{name}: {value}" for name, value in facts)
            font = font_for(text)
            if isinstance(font, Path):
                pdf.add_font("any", fname=font)
            _text(pdf, text, 9.5, font="any" if isinstance(font, Path) else _FONT)
            _pen(pdf, _ACCENT, 0.8)
            pdf.line(_MARGIN, pdf.y + 1.5, _MARGIN + _WIDTH, pdf.y + 1.5)
            pdf.ln(4)
        case content.Heading(text):
            pdf.ln(2)
            _text(pdf, text, 13, bold=True, color=_ACCENT, height=7)
        case content.Text(text, "notice"):
            pdf.set_fill_color(*_NOTICE)
            _text(pdf, text, 9, fill=True, height=6)
            pdf.ln(2)
        case content.Text(text, _):
            _text(pdf, text, 8, color=_SOFT, height=3.6)
            pdf.ln(2)
        case content.Verdicts(ears):
            for ear in ears:
                _verdict(pdf, ear)
        case content.Bullets(sentences):
            for sentence in sentences:
                _text(pdf, f"- {sentence}", 9, height=4.5)
        case content.Caption(name, state, details, unreviewed):
            _font(pdf, 10.5, bold=True)
            pdf.cell(pdf.get_string_width(name.capitalize()) + 3, 5, name.capitalize())
            _font(pdf, 9, bold=unreviewed, color=_LOOK if unreviewed else _SOFT)
            pdf.cell(pdf.get_string_width(state) + 3, 5, state)
            _font(pdf, 9, color=_SOFT)
            if pdf.x + pdf.get_string_width(details) > _MARGIN + _WIDTH:
                pdf.ln(4.5)
            pdf.cell(0, 5, details, align="R")
            pdf.ln(5.5)
        case content.Table():
            _table(pdf, block)
        case content.Figures(figures, columns):
            edge, top = _edge(columns), pdf.y
            for index, figure in enumerate(figures):
                _figure(pdf, figure, _MARGIN + index * (edge + _GAPS[columns]), top, edge)
            pdf.set_xy(_MARGIN, top + edge + 5)
        case content.Signature(labels):
            pdf.ln(12)
            y, width = pdf.y, (_WIDTH - 16) / 3
            _pen(pdf, _INK, 0.25)
            _font(pdf, 8, color=_SOFT)
            for index, label in enumerate(labels):
                x = _MARGIN + index * (width + 8)
                pdf.line(x, y, x + width, y)
                pdf.set_xy(x, y + 1)
                pdf.cell(width, 4, label)
        case content.Together(blocks):
            for part in blocks:
                _draw(pdf, part)


def _height(block: content.Block) -> float:
    """Estimate the mm that must be left on a page for a block, or for its beginning."""
    match block:
        case content.Figures(_, columns):
            return _edge(columns) + 5.0
        case content.Table(_, rows):
            return min(5.4 * len(rows), 30.0)
        case content.Heading():
            return 20.0  # with something below it
        case content.Signature():
            return 18.0
        case content.Together(blocks):
            return sum(map(_height, blocks)) - 8.0
    return 6.0


def _edge(columns: int) -> float:
    return (_WIDTH - (columns - 1) * _GAPS[columns]) / columns


def _verdict(pdf: Any, ear: content.Verdict) -> None:
    top = pdf.y
    pdf.set_x(_MARGIN + 5)
    _text(pdf, f"{ear.title}. {ear.text}", 10, bold=True)
    for text in ear.reasons:
        pdf.set_x(_MARGIN + 5)
        _text(pdf, f"- {text}", 9, height=4.4)
    if pdf.y > top:
        pdf.set_fill_color(*_VERDICTS[ear.level])
        pdf.rect(_MARGIN, top + 0.3, 2.2, pdf.y - top - 0.6, style="F")
    pdf.ln(1.5)


def _table(pdf: Any, table: content.Table) -> None:
    from fpdf.fonts import FontFace

    bold, remark = FontFace(emphasis="BOLD"), FontFace(size_pt=8, color=_REMARK)
    _font(pdf, 8 if table.small else 9.5)
    _pen(pdf, _LINE, 0.2)
    pdf.set_fill_color(255, 255, 255)
    with pdf.table(
        col_widths=table.widths,
        text_align=("LEFT", *["RIGHT" if table.values else "LEFT"] * (len(table.widths) - 1)),
        line_height=4.2 if table.small else 5.4,
        num_heading_rows=1 if table.heads else 0,
        first_row_as_headings=bool(table.heads),
        headings_style=FontFace(emphasis="BOLD", color=_SOFT),
        borders_layout="HORIZONTAL_LINES",
    ) as drawn:
        if table.heads:
            drawn.row(table.heads)
        for row in table.rows:
            line = drawn.row()
            if len(row) == 1:
                line.cell(row[0], colspan=len(table.widths), style=remark)
            else:
                for index, text in enumerate(row):
                    line.cell(text, style=bold if 1 <= index <= table.values else None)
    pdf.ln(1)


def _figure(pdf: Any, figure: Figure, x: float, y: float, edge: float) -> None:
    pdf.image(io.BytesIO(figure.png), x, y, edge, edge, alt_text=figure.caption)
    for mark in figure.marks:
        _mark(pdf, mark, figure.halo, x, y, edge)
    _pen(pdf, _LINE, 0.2)
    pdf.rect(x, y, edge, edge)
    _font(pdf, 7.5, color=_SOFT)
    pdf.set_xy(x, y + edge + 0.4)
    pdf.cell(edge, 3.6, figure.caption, align="C")


def _mark(pdf: Any, mark: Mark, halo: str, left: float, top: float, edge: float) -> None:
    from fpdf.enums import TextMode

    if isinstance(mark, Line):
        for color, width in ((halo, 0.0099), (mark.color, 0.0055)):
            pdf.set_draw_color(color)
            pdf.set_line_width(width * edge)
            (x1, y1), (x2, y2) = mark.start, mark.end
            pdf.line(left + edge * x1, top + edge * y1, left + edge * x2, top + edge * y2)
        return
    x, y = left + edge * mark.at[0], top + edge * mark.at[1]
    if isinstance(mark, Dot):
        pdf.set_fill_color(mark.color)
        pdf.circle(x, y, 0.011 * edge, style="F")
        return
    pdf.set_font(_FONT, "B", 0.042 * edge * 72 / 25.4)
    pdf.set_text_color(mark.color)
    pdf.set_draw_color(halo)
    pdf.set_line_width(0.006 * edge)
    x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[mark.anchor] * pdf.get_string_width(mark.text)
    with pdf.local_context(text_mode=TextMode.STROKE):
        pdf.text(x, y, mark.text)
    pdf.text(x, y, mark.text)


def _pen(pdf: Any, color: tuple[int, int, int], width: float) -> None:
    pdf.set_draw_color(*color)
    pdf.set_line_width(width)


def _font(
    pdf: Any, size: float, *, bold: bool = False, color: Any = _INK, font: str = _FONT
) -> None:
    pdf.set_font(font, "B" if bold else "", size)
    pdf.set_text_color(*color)


def _text(
    pdf: Any, text: str, size: float, *, fill: bool = False, height: float = 5.0, **style: Any
) -> None:
    """A paragraph from here to the right margin."""
    _font(pdf, size, **style)
    pdf.multi_cell(0, height, text, fill=fill, new_x="LMARGIN", new_y="NEXT")
