"""A figure as inline SVG: the pixels as a data URI, what is drawn on them as vectors."""

from __future__ import annotations

import base64
from html import escape

from .figures import Dot, Figure, Line, Word

SIZE = 1000
_TEXT, _LINE, _DOT = 42, 6, 11


def figure_svg(figure: Figure) -> str:
    """The picture, as wide as what it stands in."""
    data = base64.b64encode(figure.png).decode("ascii")
    halo = figure.halo
    parts = [
        f'<svg viewBox="0 0 {SIZE} {SIZE}" role="img" aria-label="{escape(figure.caption)}">',
        f'<image width="{SIZE}" height="{SIZE}" href="data:image/png;base64,{data}"/>',
        *(_line(line, halo) for line in figure.lines),
        *(_dot(dot, halo) for dot in figure.dots),
        *(_word(word, halo) for word in figure.words),
        "</svg>",
    ]
    return "".join(parts)


def _line(line: Line, halo: str) -> str:
    (x1, y1), (x2, y2) = ((SIZE * x, SIZE * y) for x, y in (line.start, line.end))
    place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    width = _LINE * line.width
    return (
        f'<line {place} stroke="{halo}" stroke-opacity=".55" stroke-width="{width + 5:.1f}"/>'
        f'<line {place} stroke="{line.color}" stroke-width="{width:.1f}"/>'
    )


def _dot(dot: Dot, halo: str) -> str:
    x, y = (SIZE * value for value in dot.at)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT}" fill="{dot.color}" stroke="{halo}" '
        'stroke-width="4"/>'
    )


def _word(word: Word, halo: str) -> str:
    x, y = (SIZE * value for value in word.at)
    weight = ' font-weight="700"' if word.bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{_TEXT}" text-anchor="{word.anchor}" '
        f'fill="{word.color}" stroke="{halo}" stroke-width="5" '
        f'stroke-opacity=".7" stroke-linejoin="round" paint-order="stroke"{weight}>'
        f"{escape(word.text)}</text>"
    )
