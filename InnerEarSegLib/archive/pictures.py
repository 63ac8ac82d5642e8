"""The pictures of a report as pixels, with the marks that page and PDF draw as vectors."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..report.content import NOT_A_DEVICE, Block, Caption, Figures, Heading, Together
from ..report.figures import Dot, Figure, Line

EDGE = 440
"""Pixels of a picture's edge; that of the report's slices."""
_GAP, _LINE = 12, 26
_INK, _PAPER = "#14202b", "#ffffff"


class Plate(NamedTuple):
    """Pictures side by side under a title: uint8 [row, column, RGB]."""

    title: str
    pixels: NDArray[np.uint8]


def plates(blocks: Iterable[Block]) -> Iterator[Plate]:
    """Draw each row of pictures of a report."""
    heading = ""
    for block in blocks:
        match block:
            case Heading(text):
                heading = text
            case Figures(figures):
                yield _plate(heading if ":" in heading else "Overview", figures)
            case Together(parts):
                yield from _together(heading, parts)


def _together(heading: str, parts: Sequence[Block]) -> Iterator[Plate]:
    title = heading
    side = heading.partition(":")[0]
    for part in parts:
        match part:
            case Heading(text):
                title = f"{side}: {text}"
            case Caption(name, state, details):
                title = f"{side}: {name}, {state}. {details.replace(' · ', ', ')}"
            case Figures(figures):
                yield _plate(title, figures)


def _plate(title: str, figures: Sequence[Figure]) -> Plate:
    from PIL import Image, ImageDraw

    width = len(figures) * (EDGE + _GAP) + _GAP
    sheet = Image.new("RGB", (width, EDGE + 3 * _LINE + 2 * _GAP), _PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((_GAP, _GAP), title, _INK, _font(15, title, width - 2 * _GAP))
    top = _GAP + _LINE
    for index, figure in enumerate(figures):
        left = _GAP + index * (EDGE + _GAP)
        sheet.paste(_picture(figure), (left, top))
        font = _font(13, figure.caption, EDGE)
        draw.text((left, top + EDGE + 5), figure.caption, _INK, font)
    said = _font(12, NOT_A_DEVICE, width - 2 * _GAP)
    draw.text((_GAP, top + EDGE + _LINE + 5), NOT_A_DEVICE, _INK, said)
    return Plate(title, np.asarray(sheet, np.uint8))


def _picture(figure: Figure) -> Any:
    from PIL import Image, ImageDraw

    with Image.open(io.BytesIO(figure.png)) as stored:
        picture = stored.convert("RGB").resize((EDGE, EDGE), Image.Resampling.LANCZOS)
    draw = ImageDraw.Draw(picture)
    for mark in figure.marks:
        match mark:
            case Line(start, end, color):
                ends = [(EDGE * x, EDGE * y) for x, y in (start, end)]
                draw.line(ends, figure.halo, 4)
                draw.line(ends, color, 2)
            case Dot((x, y), color):
                radius = 0.011 * EDGE
                around = (
                    EDGE * x - radius,
                    EDGE * y - radius,
                    EDGE * x + radius,
                    EDGE * y + radius,
                )
                draw.ellipse(around, color)
            case _:
                x, y = mark.at
                anchor = {"start": "ls", "middle": "ms", "end": "rs"}[mark.anchor]
                draw.text(
                    (EDGE * x, EDGE * y), mark.text, mark.color, _font(18), anchor,
                    stroke_width=2, stroke_fill=figure.halo,
                )  # fmt: skip
    return picture


def _font(size: int, text: str = "", width: int = 0) -> Any:
    """Pillow's own font, smaller where a text would not fit into a width."""
    from PIL import ImageFont

    font = ImageFont.load_default(size)
    while text and size > 7 and font.getlength(text) > width:
        size -= 1
        font = ImageFont.load_default(size)
    return font
