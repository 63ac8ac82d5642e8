"""A report as one HTML file that needs nothing else: no link, no script, no font.

Plain strings and ``html.escape``: Slicer's Python has no Jinja2, clinics have no internet to
install it from, and one fixed page needs no template language.
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from .. import __version__
from ..io.result_folder import MAKER
from .content import NOT_A_DEVICE, TITLE, UNCERTAINTY, EarSection, LandmarkSection, Report, Row
from .figures import LEGEND, Figure, figure_svg

_STYLE = Path(__file__).with_name("page.css")


def page(report: Report) -> str:
    """The whole file."""
    style = _STYLE.read_text(encoding="utf-8")
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta name="generator" content="{MAKER} {__version__}">',
        f"<title>{TITLE}</title>",
        f"<style>\n{style}</style>\n</head>\n<body>",
        _header(report),
        f'<p class="device">{escape(NOT_A_DEVICE)}</p>',
        '<div class="verdicts">' + "".join(map(_verdict, report.ears)) + "</div>",
        *(f'<p class="device">{escape(sentence)}</p>' for sentence in report.left_out),
        _measurements(report),
        _figures(report.overview, "four"),
        *map(_ear, report.ears),
        _definitions(report),
        _facts(report),
        '<div class="sign"><div>Checked by</div><div>Date</div><div>Signature</div></div>',
        "</body>\n</html>\n",
    ]
    return "\n".join(parts)


def _header(report: Report) -> str:
    ears = " and ".join(f"{ear.side}" for ear in report.ears)
    items = (("Patient", report.patient), ("Ears", ears), ("Report made", report.made))
    who = "".join(f"<span><b>{name}</b>{escape(text)}</span>" for name, text in items)
    return f'<header><h1>{TITLE}</h1><div class="who">{who}</div></header>'


def _verdict(ear: EarSection) -> str:
    reasons = "".join(f"<li>{escape(text)}</li>" for text in (*ear.reasons, *ear.remarks))
    listed = f"<ul>{reasons}</ul>" if reasons else ""
    return (
        f'<div class="verdict {ear.verdict}"><h3>{ear.side.capitalize()} ear</h3>'
        f"Quality: {escape(ear.verdict_text)}{listed}</div>"
    )


def _measurements(report: Report) -> str:
    names = (*report.columns, "published range")
    titles = "".join(f'<th class="number">{name.capitalize()}</th>' for name in names)
    rows = "".join(_row(row, len(names)) for row in report.rows)
    return (
        f"<h2>Measurements</h2><table><thead><tr><th>Measurement</th>{titles}</tr></thead>"
        f'<tbody>{rows}</tbody></table><p class="small">{escape(UNCERTAINTY)}</p>'
    )


def _row(row: Row, columns: int) -> str:
    cells = "".join(
        f'<td class="number{" difference" if index >= 2 else ""}">{escape(text)}</td>'
        for index, text in enumerate(row.values)
    )
    cells += f'<td class="number usual">{escape(row.usual)}</td>'
    more = ' class="more"' if row.remarks else ""
    line = f"<tr{more}><th>{escape(row.label)}</th>{cells}</tr>"
    if row.remarks:
        remarks = escape(" ".join(row.remarks))
        line += f'<tr><td class="remark" colspan="{columns + 1}">{remarks}</td></tr>'
    return line


def _ear(ear: EarSection) -> str:
    landmarks = "".join(map(_landmark, ear.landmarks))
    rest = ""
    if ear.cochlea:
        rest += _together("Cochlea in its own planes", ear.cochlea)
    if ear.views:
        rest += _together("Labyrinth", ear.views, LEGEND)
    return (
        f'<section class="ear"><h2>{ear.side.capitalize()} ear: landmarks</h2>{landmarks}{rest}'
        "</section>"
    )


def _together(title: str, figures: tuple[Figure, ...], legend: str = "") -> str:
    note = f'<p class="small">{escape(legend)}</p>' if legend else ""
    return f'<div class="together"><h2>{title}</h2>{_figures(figures, "two")}{note}</div>'


def _landmark(landmark: LandmarkSection) -> str:
    look = " look" if landmark.needs_look else ""
    caption = (
        f'<div class="caption"><h3>{escape(landmark.name.capitalize())}</h3>'
        f'<span class="state{look}">{escape(landmark.state)}</span>'
        f'<span class="small">{escape(landmark.details)}</span></div>'
    )
    pictures = (
        _figures(landmark.figures, "three")
        if landmark.figures
        else '<div class="missing">No position, so no pictures.</div>'
    )
    return f'<div class="landmark">{caption}{pictures}</div>'


def _figures(figures: tuple[Figure, ...], columns: str) -> str:
    items = "".join(
        f"<figure>{figure_svg(figure)}<figcaption>{escape(figure.caption)}</figcaption></figure>"
        for figure in figures
    )
    return f'<div class="row {columns}">{items}</div>'


def _definitions(report: Report) -> str:
    rows = "".join(
        f"<tr><th>{escape(label)}</th><td>{escape(text)}</td><td>{escape(source)}</td></tr>"
        for label, text, source in report.definitions
    )
    return (
        '<section class="ear"><h2>Definitions and sources</h2><table class="definitions"><thead>'
        "<tr><th>Measurement</th><th>Definition</th><th>Source</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></section>"
    )


def _facts(report: Report) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in report.facts
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in report.notes)
    remarks = f"<h2>Remarks on this CT</h2><ul>{notes}</ul>" if notes else ""
    return f'{remarks}<h2>How it was made</h2><table class="facts"><tbody>{rows}</tbody></table>'
