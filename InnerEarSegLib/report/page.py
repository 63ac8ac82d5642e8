"""A report as one HTML file that needs nothing else: no link, no script, no font.

Plain strings and ``html.escape``: Slicer's Python has no Jinja2, and one fixed page needs no
template language.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape
from pathlib import Path

from ..io.result_folder import MADE_BY
from . import content
from .figures import Dot, Figure, Line, Mark

_STYLE = Path(__file__).with_name("page.css")
_COLUMNS = {2: "two", 3: "three", 4: "four"}
_PAGE, _VALUE = ' class="page"', ' class="value"'
_SIZE = 1000
"""Edge of a picture in the units of its SVG; sizes of marks are in ``page.css``."""


def page(blocks: Iterable[content.Block]) -> str:
    """Return the whole file."""
    return document(content.TITLE, _STYLE, map(_html, blocks))


def document(title: str, style: Path, parts: Iterable[str]) -> str:
    """Return an HTML file of parts, with the CSS of a file in it."""
    head = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="generator" content="{MADE_BY}">\n<title>{escape(title)}</title>\n'
        f"<style>\n{style.read_text(encoding='utf-8')}</style>\n</head>\n<body>\n"
    )
    return head + "\n".join(parts) + "\n</body>\n</html>\n"


def _html(block: content.Block) -> str:
    match block:
        case content.Header(title, facts):
            who = "".join(f"<span><b>{escape(n)}</b>{escape(text)}</span>" for n, text in facts)
            return f'<header><h1>{escape(title)}</h1><div class="who">{who}</div></header>'
        case content.Heading(text, new_page):
            return f"<h2{_PAGE if new_page else ''}>{escape(text)}</h2>"
        case content.Text(text, style):
            return f'<p class="{style}">{escape(text)}</p>'
        case content.Verdicts(ears):
            return '<div class="verdicts">' + "".join(map(_verdict, ears)) + "</div>"
        case content.Bullets(sentences):
            return _list(sentences)
        case content.Caption(name, state, details, unreviewed):
            look = "state look" if unreviewed else "state"
            return (
                f'<div class="caption"><h3>{escape(name.capitalize())}</h3>'
                f'<span class="{look}">{escape(state)}</span>'
                f'<span class="small">{escape(details)}</span></div>'
            )
        case content.Table():
            return _table(block)
        case content.Figures(figures, columns):
            items = "".join(
                f"<figure>{_svg(figure)}<figcaption>{escape(figure.caption)}</figcaption></figure>"
                for figure in figures
            )
            return f'<div class="row {_COLUMNS[columns]}">{items}</div>'
        case content.Signature(labels):
            lines = "".join(f"<div>{escape(label)}</div>" for label in labels)
            return f'<div class="sign">{lines}</div>'
        case content.Together(blocks):
            return '<div class="together">' + "".join(map(_html, blocks)) + "</div>"


def _verdict(ear: content.Verdict) -> str:
    return (
        f'<div class="verdict {ear.level}"><h3>{escape(ear.title)}</h3>{escape(ear.text)}'
        f"{_list(ear.reasons)}</div>"
    )


def _list(items: Iterable[str]) -> str:
    listed = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f"<ul>{listed}</ul>" if listed else ""


def _table(table: content.Table) -> str:
    whole = sum(table.widths)
    columns = "".join(f'<col style="width:{100 * w / whole:.1f}%">' for w in table.widths)
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    heads = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    rows = "".join(_row(row, table) for row in table.rows)
    style = "numbers" if table.values else "small" if table.small else "plain"
    return (
        f'<table class="{style}"><colgroup>{columns}</colgroup>{heads}<tbody>{rows}</tbody></table>'
    )


def _row(row: tuple[str, ...], table: content.Table) -> str:
    first, *rest = map(escape, row)
    if not rest:
        return f'<tr><td class="remark" colspan="{len(table.widths)}">{first}</td></tr>'
    cells = "".join(
        f"<td{_VALUE if index < table.values else ''}>{text}</td>"
        for index, text in enumerate(rest)
    )
    return f"<tr><th>{first}</th>{cells}</tr>"


def _svg(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode("ascii")
    return (
        f'<svg viewBox="0 0 {_SIZE} {_SIZE}" role="img" aria-label="{escape(figure.caption)}">'
        f'<image width="{_SIZE}" height="{_SIZE}" href="data:image/png;base64,{data}"/>'
        f'<g stroke="{figure.halo}">' + "".join(map(_mark, figure.marks)) + "</g></svg>"
    )


def _mark(mark: Mark) -> str:
    if isinstance(mark, Line):
        (x1, y1), (x2, y2) = ((_SIZE * x, _SIZE * y) for x, y in (mark.start, mark.end))
        place = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        return f'<line class="halo" {place}/><line {place} style="stroke:{mark.color}"/>'
    x, y = (_SIZE * value for value in mark.at)
    if isinstance(mark, Dot):
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="11" fill="{mark.color}"/>'
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}" fill="{mark.color}"'
    return f"<text {place}>{escape(mark.text)}</text>"
