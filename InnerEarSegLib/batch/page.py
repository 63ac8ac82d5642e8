"""A cohort's page: a thumbnail of every ear, the doubtful ones first, in one HTML file."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..io.result_folder import REPORT_HTML, THUMBNAILS
from ..report.page import document
from ..types import AUTOMATIC, CHECK, GOOD, POOR, Findings
from .summary import Content, Row, ears_of, state_of

PAGE = "cohort.html"

_STYLE = Path(__file__).with_name("page.css")
_ORDER = {POOR: 0, CHECK: 1, None: 1, GOOD: 2}
"""An ear that the user placed by hand has no verdict, and wants a look."""

_SHOWN = (("a_diameter", "A"), ("b_diameter", "B"), ("duct_lateral_wall_360", "wall to 360°"))


def cohort_page(rows: Sequence[Row], folder: Path) -> bytes:
    """Return the page of the cohort in a folder, which has the thumbnails and reports."""
    ears = [
        (row, side, ear)
        for row in rows
        for side, ear in ears_of(row.result, row.measurements).items()
    ]
    ears.sort(key=lambda each: _doubt(*each))
    verdicts = Counter(ear["quality"].get("verdict") or "by hand" for _, _, ear in ears)
    without = [row for row in rows if not ears_of(row.result, row.measurements)]
    said = ", ".join(f"{verdicts[name]} {name}" for name in (POOR, CHECK, GOOD, "by hand")
                     if verdicts[name])  # fmt: skip
    parts = [
        f"<header><h1>Cohort: {len(rows)} cases, {len(ears)} ears</h1>"
        f"<p>{escape(said)}</p></header>",
        '<p class="notice">Not a medical device. For research only. Left the CT in the plane of '
        "the cochlea's basal turn with the labyrinth's outline, right the labyrinth; dots are "
        "landmarks.</p>",
    ]
    if without:
        lines = "".join(
            f"<tr><th>{escape(row.case)}</th><td>{escape(row.status)}</td>"
            f"<td>{escape(row.reason or row.image)}</td></tr>"
            for row in without
        )
        parts.append(f"<h2>Without an ear</h2><table>{lines}</table>")
    if ears:
        cards = "\n".join(_card(row, side, ear, folder) for row, side, ear in ears)
        parts.append(f'<h2>Ears</h2><div class="ears">{cards}</div>')
    text = document(f"Cohort: {len(rows)} cases", _STYLE, parts)
    return text.encode("utf-8", "backslashreplace")


def _doubt(row: Row, side: str, ear: Content) -> tuple[int, bool, int, str, str]:
    """A key that puts the worst verdict first, then what was not reviewed, then most reasons."""
    quality = ear["quality"]
    reviewed = state_of(row.result, row.measurements, side) != AUTOMATIC and not row.uncounted
    reasons = len(quality.get("reasons", ()))
    return _ORDER[quality.get("verdict")], reviewed, -reasons, row.case, side


def _card(row: Row, side: str, ear: Content, folder: Path) -> str:
    quality = ear["quality"]
    verdict = quality.get("verdict") or "by hand"
    badges = [f'<span class="badge {verdict}">{escape(verdict)}</span>']
    state = state_of(row.result, row.measurements, side)
    if state != AUTOMATIC:
        badges.append(f'<span class="badge reviewed">{escape(str(state))}</span>')
    if row.uncounted:
        badges.append('<span class="badge check">corrections not counted yet</span>')
    if row.status == "kept":
        badges.append('<span class="badge">of an earlier run</span>')
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in quality.get("reasons", ()))
    place = quote(row.case)
    report = (folder / row.case / REPORT_HTML).is_file()
    link = f"{place}/{REPORT_HTML}" if report else f"{place}/"
    name = "Report" if report else "Files (no report yet)"
    return (
        f'<div class="ear {verdict if verdict in _ORDER else ""}">{_picture(row, side, folder)}'
        f'<div class="text"><h3>{escape(row.case)}, {side}</h3>{" ".join(badges)}'
        f'<p class="soft">{escape(_numbers(row, side, ear))}</p>'
        f"{f'<ul>{reasons}</ul>' if reasons else ''}"
        f'<a href="{link}">{name}</a></div></div>'
    )


def _picture(row: Row, side: str, folder: Path) -> str:
    try:
        raw = (folder / row.case / THUMBNAILS[side]).read_bytes()
    except OSError:  # of an earlier version, or removed
        return ""
    data = base64.b64encode(raw).decode("ascii")
    said = escape(f"{row.case}, {side} ear")
    return f'<img alt="{said}" src="data:image/jpeg;base64,{data}">'


def _numbers(row: Row, side: str, ear: Content) -> str:
    """Volume, closed canals and some measurements in a line."""
    volume, findings = ear["labyrinth_volume_mm3"], ear.get("findings")
    parts = [] if volume is None else [f"{volume:.0f} mm³"]
    canals = Findings.from_json(findings).canals if findings else ""
    parts += [f"{canals} canals closed"] if canals else []
    measured = row.measurements["ears"] if row.measurements else ()
    items = {x["key"]: x for each in measured if each["side"] == side for x in each["measurements"]}
    for key, label in _SHOWN:
        item = items.get(key, {})
        value, spread = item.get("value"), item.get("uncertainty_90")
        if value is not None:
            about = "≈ " if item.get("extrapolated") else ""
            parts.append(f"{label} {about}{value:.1f}{f' ± {spread:.1f}' if spread else ''} mm")
    return " · ".join(parts)
