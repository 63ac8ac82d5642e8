"""The page of `innerearseg check`: a table of all cases, and a picture of each."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from ..io.case import Case
from ..report.page import document
from ..types import LANDMARKS
from .check import USES, CheckedCase
from .plots import COLORS, REFERENCE, Shown, draw_slice

PAGE = "check.html"
OTHER = "#ffffff"
"""Colour of auxiliary landmarks."""

_STYLE = Path(__file__).with_name("check.css")


def draw_reference(case: Case) -> bytes:
    """Draw a case's CT with its reference, as JPEG: through its middle, and through each landmark.

    The labels are shown on the CT's grid, as training sees them.
    """
    grid = case.ct.geometry
    labels = case.labels_on_ct
    points = [([at], COLORS.get(name, OTHER), "+") for name, at in case.landmarks.items()]
    shown = Shown(case.ct, [(labels, REFERENCE)], points)
    if labels is not None and labels.any():
        middle = np.argwhere(labels).mean(axis=0)[::-1]
    elif case.landmarks:
        middle = grid.to_ijk(np.mean(list(case.landmarks.values()), axis=0))
    else:
        middle = (np.array(grid.shape[::-1]) - 1) / 2.0
    places = [("middle", middle, axis) for axis in range(3)]
    places += [
        (name, grid.to_ijk(case.landmarks[name]), 2) for name in LANDMARKS if name in case.landmarks
    ]
    figure = Figure(figsize=(2.4 * len(places), 2.7), facecolor="black")
    panels = figure.subplots(1, len(places), squeeze=False)[0]
    for panel, (name, ijk, axis) in zip(panels, places, strict=True):
        draw_slice(panel, shown, ijk, axis)
        panel.set_title(name, color=COLORS.get(name, "white"), fontsize=9)
    figure.tight_layout()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="jpeg", dpi=80, facecolor="black")
    return buffer.getvalue()


def page(
    title: str,
    cases: Sequence[CheckedCase],
    unusable: Mapping[str, str],
    lines: Sequence[str],
    pictures: Mapping[str, bytes],
) -> str:
    """Return a page that needs no other file; ``pictures`` are JPEG by case, ``lines`` its summary.

    Cases that cannot be used come first, then those with remarks.
    """
    ranked = sorted(cases, key=lambda case: not case.remarks)
    parts = [f"<h1>{escape(title)}</h1>", _list(lines)]
    if unusable:
        reasons = [f"{name}: {reason}" for name, reason in unusable.items()]
        parts += ["<h2>Cannot be used</h2>", _list(reasons, "bad")]
    titles = ("case", "side", "group", "CT", "labyrinth, mm³", "landmarks", *USES, "licence")
    parts += ["<h2>Cases</h2>", f"<table><tr>{''.join(f'<th>{each}</th>' for each in titles)}</tr>"]
    parts += [_row(case) for case in ranked]
    parts += [
        "</table>",
        "<p>Outline: labels. Crosses: "
        + ", ".join(f'<b style="color:{color}">{name}</b>' for name, color in COLORS.items())
        + ", auxiliary landmarks (white). Each slice is shown across the axes of its CT.</p>",
    ]
    parts += [_figure(case, pictures[case.name]) for case in ranked if case.name in pictures]
    return document(title, _STYLE, parts)


def _list(lines: Sequence[str], kind: str = "") -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f'<ul class="{kind}">{items}</ul>'


def _row(case: CheckedCase) -> str:
    """One line of the table."""
    size = " × ".join(f"{edge:.2f}" for edge in case.spacing)
    volume = "" if case.labyrinth_mm3 is None else f"{case.labyrinth_mm3:.0f}"
    cells = [
        case.name, case.side or "", case.group or "", f"{size} mm", volume,
        ", ".join(case.landmarks), *(f"no: {case.lacks[use]}" if use in case.lacks else "yes"
        for use in USES), case.licence or "unknown",
    ]  # fmt: skip
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _figure(case: CheckedCase, picture: bytes) -> str:
    """A picture with the remarks on the case under it."""
    source = base64.b64encode(picture).decode()
    sentences = (*case.doubts, *case.remarks)
    remarks = _list(sentences, "bad") if sentences else ""
    return (
        f'<figure><img src="data:image/jpeg;base64,{source}" alt="Slices of {escape(case.name)}">'
        f"<figcaption><b>{escape(case.name)}</b>{remarks}</figcaption></figure>"
    )
