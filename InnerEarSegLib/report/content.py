"""What a report says: blocks that page and PDF draw in this order, without a patient's traces."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple

from ..cochlea.catalogue import CATALOGUE, Measurement
from ..cochlea.measurements import CochlearMeasurements, compare
from ..io.result_folder import MADE_BY
from ..types import (
    AUTOMATIC,
    BY_HAND,
    CHECK,
    CORRECTED,
    GOOD,
    POOR,
    Ear,
    Findings,
    Landmark,
    Side,
    Volume,
)
from .figures import LEGEND, Figure, cochlear_figures, landmark_figures, view_figures
from .subject import Subject

TITLE = "Inner ear: CT report"
NOT_A_DEVICE = (
    "Research software, not a medical device. Check every value and every picture against the CT."
)
VERDICTS = {
    GOOD: "good, as found automatically.",
    CHECK: "check, as found automatically. See the reasons before using this ear.",
    POOR: "poor, as found automatically. Do not plan on this ear.",
}
UNCERTAINTY = (
    "± is half the width of the 90 % interval that the uncertainty of landmarks and walls gives; "
    "errors of the published formulas are not in it. ≈: an average cochlea's course has a part in "
    "it, beyond what the segment shows."
)


class Header(NamedTuple):
    """The title and, below it, labelled texts in a line."""

    title: str
    facts: tuple[tuple[str, str], ...]


class Heading(NamedTuple):
    """A heading; ``new_page`` begins a page when printed."""

    text: str
    new_page: bool = False


class Text(NamedTuple):
    """A paragraph: a boxed notice, a small note, or what stands for missing pictures."""

    text: str
    style: Literal["notice", "small", "missing"]


class Verdict(NamedTuple):
    """How far to trust an ear: ``level`` gives the color, ``reasons`` are listed below."""

    level: str
    title: str
    text: str
    reasons: tuple[str, ...]


class Verdicts(NamedTuple):
    """A verdict for each ear."""

    ears: tuple[Verdict, ...]


class Bullets(NamedTuple):
    """A list of sentences."""

    sentences: tuple[str, ...]


class Caption(NamedTuple):
    """A landmark's name and what is known of it; ``unreviewed`` stands out."""

    name: str
    state: str
    details: str
    unreviewed: bool


MANY = 20
"""Rows of the measurements' table above which it is set small, to leave room for pictures."""


class Table(NamedTuple):
    """A table with columns of ``widths`` in mm of a page of 182 mm.

    A row of one cell is a remark on the row before. ``values`` columns after the first hold values;
    with any, all but the first column are aligned to the right.
    """

    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    heads: tuple[str, ...] = ()
    values: int = 0
    small: bool = False


class Figures(NamedTuple):
    """Pictures side by side, as wide as if there were ``columns`` of them."""

    figures: tuple[Figure, ...]
    columns: int


class Signature(NamedTuple):
    """Lines to write on, with a label below each."""

    labels: tuple[str, ...]


class Together(NamedTuple):
    """Blocks that stay on one page."""

    blocks: tuple[Block, ...]


Block = (
    Header | Heading | Text | Verdicts | Bullets | Caption | Table | Figures | Signature | Together
)

SEVERAL = "The folder held several CT series; one was read."
LEFT_OUT = "A remark on the input was left out, as it may name a file."

_SERIES = re.compile(r"^Of \d+ CT series in the folder, .* was read\.$", re.DOTALL)
_ONE_FILE = re.compile(r"is one slice of a series; the whole series was read\.$")
_IDENTIFYING = re.compile(
    r"[/\\^@]|\d+(\.\d+){3,}|\.(nii|nrrd|nhdr|mha|mhd|dcm|gz)\b", re.IGNORECASE
)
"""Paths, names and UIDs of DICOM, names of files."""


def without_names(sentences: Iterable[str]) -> tuple[str, ...]:
    """Replace the reader's warnings that quote names of files or descriptions of series."""
    kept: dict[str, None] = {}  # each once, in their order
    for sentence in sentences:
        if _SERIES.match(sentence):
            kept[SEVERAL] = None
        elif not _ONE_FILE.search(sentence):
            kept[LEFT_OUT if _IDENTIFYING.search(sentence) else sentence] = None
    return tuple(kept)


def build_report(
    subject: Subject,
    *,
    made: datetime,
    patient: str = "",
    views: Path | None = None,
    notes: tuple[str, ...] = (),
    pages: Mapping[Side, Sequence[Block]] | None = None,
) -> list[Block]:
    """Draw the pictures and write the sentences of a report.

    ``patient`` appears as the user wants; nothing else identifies the patient. ``views`` is a
    folder with 3D views, if any; ``notes`` say, for example, why there are none. ``pages`` are
    further blocks after an ear's own.
    """
    cochleae, found = subject.measurements, subject.segmentation
    date = made.strftime("%Y-%m-%d %H:%M")
    details: list[Block] = []
    overview: list[Figure] = []
    for ear in found.ears:
        ct, cochlea = subject.cts[ear.side], cochleae[ear.side]
        in_3d = view_figures(views, ear, cochlea) if views is not None else ()
        planes = cochlear_figures(ct, ear, cochlea)
        each = 2 if len(found.ears) == 1 else 1
        overview += [
            figure._replace(caption=f"{ear.side}: {figure.caption.partition(';')[0]}")
            for figure in (*in_3d[:each], *planes[:each])
        ]
        details.append(Heading(f"{ear.side.capitalize()} ear: landmarks", new_page=True))
        for landmark in ear.landmarks:
            details.append(_landmark(ct, ear, landmark, cochlea.radii.get(landmark.name)))
        if planes:
            title = Heading("Cochlea in its own planes")
            details.append(Together((title, Figures(planes, 2))))
        if in_3d:
            title = Heading("Labyrinth")
            details.append(Together((title, Figures(in_3d, 2), Text(LEGEND, "small"))))
        details += (pages or {}).get(ear.side, ())
    definitions = []
    for item in next(iter(cochleae.values())).measurements:
        usual = CATALOGUE[item.key].range_source
        sources = (item.source, f"range: {usual}" if usual else "")
        definitions.append((item.label, item.definition, "; ".join(filter(None, sources))))
    remarks = (*without_names(found.warnings), *notes)
    facts = (
        ("CT voxels", " × ".join(f"{value:.2f}" for value in subject.spacing_mm) + " mm"),
        *_models(found.ears),
        ("Software", MADE_BY),
        ("Report made", date),
    )
    who = ("Patient", " ".join(patient.split()) or "not stated")
    ears = ("Ears", " and ".join(ear.side for ear in found.ears))
    blocks: list[Block] = [
        Header(TITLE, (who, ears, ("Report made", date))),
        Text(NOT_A_DEVICE, "notice"),
        Verdicts(tuple(_verdict(ear, cochleae[ear.side]) for ear in found.ears)),
        *(Text(sentence, "notice") for sentence in subject.left_out),
        Heading("Measurements"),
        _measurements(cochleae),
        Text(UNCERTAINTY, "small"),
    ]
    if overview:
        blocks.append(Figures(tuple(overview), 4))
    blocks += [
        *details,
        Heading("Definitions and sources", new_page=True),
        Table(
            (42, 80, 60), tuple(definitions), ("Measurement", "Definition", "Source"), small=True
        ),
    ]
    if remarks:
        blocks += [Heading("Remarks on this CT"), Bullets(remarks)]
    return [
        *blocks,
        Together((Heading("How it was made"), Table((34, 148), facts))),
        Signature(("Checked by", "Date", "Signature")),
    ]


def _models(ears: Sequence[Ear]) -> list[tuple[str, str]]:
    """The model that drew the ears; of each ear where they come from runs with different ones."""
    several = len({ear.model for ear in ears}) > 1
    facts = []
    for ear in ears if several else ears[:1]:
        of = f", {ear.side}" if several else ""
        name, sha256 = f"{ear.model.name} {ear.model.version}".strip(), ear.model.sha256
        facts += [(f"Model{of}", name), (f"Model SHA-256{of}", sha256 or "unknown")]
    return facts


def _verdict(ear: Ear, cochlea: CochlearMeasurements) -> Verdict:
    remarks = [*_findings(ear.findings), *cochlea.remarks]
    changed = [f"{x.name} {x.state}" for x in ear.landmarks if x.state in BY_HAND]
    unseen = [x.name for x in ear.landmarks if not x.reviewed]
    for what, names in (("Changed by the user", changed), ("Not yet reviewed", unseen)):
        if names:
            remarks.append(f"{what}: {', '.join(names)}.")
    if ear.segment != AUTOMATIC:
        remarks.append(f"The segment was {ear.segment} by hand after it was found.")
    # The automatic verdict knows nothing of what was removed or mixed up since.
    doubtful = bool(cochlea.remarks) or any(x.ras is None for x in ear.landmarks)
    return Verdict(
        CHECK if doubtful and ear.quality.verdict == GOOD else ear.quality.verdict,
        f"{ear.side.capitalize()} ear",
        f"Quality: {VERDICTS[ear.quality.verdict]}",
        (*ear.quality.reasons, *remarks),
    )


def _findings(findings: Findings | None) -> list[str]:
    if findings is None:  # a result of an earlier version
        return []
    sentences = []
    if findings.canals:
        sentences.append(f"Semicircular canals closed: {findings.canals}.")
    if findings.edge_width_mm is not None:
        width = f"{findings.edge_width_mm:.1f} mm"
        sentences.append(f"Width of the edge between bone and lumen in the CT: {width}.")
    return sentences


def _measurements(cochleae: Mapping[Side, CochlearMeasurements]) -> Table:
    both = len(cochleae) == 2
    differences = {x.key: x for x in compare(cochleae["left"], cochleae["right"])} if both else {}
    rows: list[tuple[str, ...]] = []
    for item in next(iter(cochleae.values())).measurements:
        ears = {side: cochlea[item.key] for side, cochlea in cochleae.items()}
        values = [measurement.text for measurement in ears.values()]
        if both:
            values.append(_signed(differences[item.key]) if item.key in differences else "–")
        remarks = " ".join(
            f"{side.capitalize()}: {x.remark}." if both else f"{x.remark}."
            for side, x in ears.items()
            if x.remark and x.value is not None
        )
        known = CATALOGUE[item.key]
        usual = "" if known.low is None else f"{known.low:g} – {known.high:g} {known.unit}"
        rows += [(item.label, *values, usual), *([(remarks,)] if remarks else [])]
    names = [*(side.capitalize() for side in cochleae), *(["Left − right"] if both else [])]
    widths = (150.0 - 30.0 * len(names), *[30.0] * len(names), 32.0)
    heads = ("Measurement", *names, "Published range")
    return Table(widths, tuple(rows), heads, values=len(cochleae), small=len(rows) > MANY)


def _signed(difference: Measurement) -> str:
    text = difference.text.removeprefix("≈ ").removeprefix("-")
    if not float(text.split()[0].rstrip("°")):
        return text
    return f"{'−' if (difference.value or 0.0) < 0.0 else '+'}{text}"


def _landmark(ct: Volume, ear: Ear, landmark: Landmark, assumed_mm: float | None) -> Together:
    state = landmark.state
    if landmark.ras is None and landmark.confirmed:
        state = "confirmed as not visible"
    elif landmark.confirmed and state in BY_HAND:
        state = f"{state} and confirmed"
    details = []
    if landmark.state == CORRECTED:
        details.append(f"moved by {landmark.moved_mm:.1f} mm")
    if landmark.radius_mm is not None and landmark.state not in BY_HAND:
        within = f"within {landmark.radius_mm:.1f} mm in 90 % of specimens"
        details.append(f"{within}, a lower bound for patients")
    elif assumed_mm is not None:
        details.append(f"assumed to be within {assumed_mm:.1f} mm")
    if landmark.ras is not None:
        details.append("R {:.1f}, A {:.1f}, S {:.1f} mm".format(*landmark.ras))
        if landmark.state not in BY_HAND:
            details.append(f"confidence {landmark.confidence:.2f}")
    caption = Caption(landmark.name, state, " · ".join(details), not landmark.reviewed)
    if landmark.ras is None:
        return Together((caption, Text("No position, so no pictures.", "missing")))
    return Together((caption, Figures(landmark_figures(ct, ear, landmark.ras), 3)))
