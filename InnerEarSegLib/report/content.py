"""Sentences about a CT without what may tell whose it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from .. import __version__
from ..cochlea.catalogue import CATALOGUE, Measurement
from ..cochlea.measurements import CochlearMeasurements, compare
from ..types import (
    AUTOMATIC,
    BY_HAND,
    CHECK,
    CONFIRMED,
    CORRECTED,
    GOOD,
    PLACED,
    POOR,
    Ear,
    Landmark,
    Segmentation,
    Side,
    Volume,
)
from .figures import Figure, cochlear_figures, landmark_figures, view_figures
from .subject import Subject

_SERIES = re.compile(r"^Of \d+ CT series in the folder, .* was read\.$", re.DOTALL)
_ONE_FILE = re.compile(r"is one slice of a series; the whole series was read\.$")
_TELLING = re.compile(r"[/\\^@]|\d+(\.\d+){3,}|\.(nii|nrrd|nhdr|mha|mhd|dcm|gz)\b", re.IGNORECASE)
"""Paths, DICOM's names and UIDs, and names of files."""

SEVERAL = "The folder held several CT series; one was read."
LEFT_OUT = "A remark on the input was left out, as it may name a file."


def without_names(sentences: Iterable[str]) -> tuple[str, ...]:
    """Warnings of the reader, which may quote names of files and descriptions of series.

    Those are replaced by a sentence that says as much without them.
    """
    kept = []
    for sentence in sentences:
        if _SERIES.match(sentence):
            sentence = SEVERAL
        elif _ONE_FILE.search(sentence):
            continue
        elif _TELLING.search(sentence):
            sentence = LEFT_OUT
        if sentence not in kept:
            kept.append(sentence)
    return tuple(kept)


TITLE = "Inner ear: CT report"
NOT_A_DEVICE = (
    "Research software, not a medical device. Check every value and every picture against the CT."
)
NO_PATIENT = "not stated"
VERDICTS = {
    GOOD: "good, as found automatically.",
    CHECK: "check, as found automatically. See the reasons before using this ear.",
    POOR: "poor, as found automatically. Do not plan on this ear.",
}
UNCERTAINTY = (
    "± is half the width of the 90 % interval that the uncertainty of landmarks and walls gives; "
    "errors of the published formulas are not in it."
)


@dataclass(frozen=True)
class LandmarkSection:
    """One landmark: its name, what is known of it, and its pictures."""

    name: str
    state: str
    needs_look: bool
    details: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True, eq=False)
class EarSection:
    """One ear."""

    side: Side
    verdict: str
    verdict_text: str
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
    landmarks: tuple[LandmarkSection, ...]
    views: tuple[Figure, ...]
    cochlea: tuple[Figure, ...]


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        label: what it is.
        values: a text a column.
        usual: the published range, empty without one.
        remarks: sentences, with the ear that they are of.
    """

    label: str
    values: tuple[str, ...]
    usual: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Report:
    """The whole.

    Attributes:
        patient: what the user typed, or that nothing was stated.
        made: date and time.
        columns: of the measurements: ears, and their difference if there are two.
        rows: the measurements.
        definitions: label, definition and source of each measurement.
        ears: a section each.
        facts: label and text of where all this comes from.
        notes: sentences about the CT and the run.
        overview: a few of the ears' pictures, four at most.
        plans: the numbers themselves.
        segmentation: the ears that they were made of.
        left_out: a sentence for each ear that is there no more.
    """

    patient: str
    made: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    definitions: tuple[tuple[str, str, str], ...]
    ears: tuple[EarSection, ...]
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    overview: tuple[Figure, ...]
    plans: Mapping[Side, CochlearMeasurements]
    segmentation: Segmentation
    left_out: tuple[str, ...] = ()


def build_report(
    subject: Subject,
    *,
    made: datetime,
    patient: str = "",
    views: Path | None = None,
    notes: tuple[str, ...] = (),
) -> Report:
    """Draw the pictures, and put all into words.

    Args:
        subject: what it is about.
        made: now.
        patient: as the user wants it to appear; nothing else that tells who it is gets in.
        views: folder with pictures in 3D, or None.
        notes: further sentences, such as why there are none.
    """
    plans, found = subject.measurements, subject.segmentation
    both = compare(plans["left"], plans["right"]) if len(plans) == 2 else ()
    model, spacing = found.model, subject.spacing_mm
    ears = tuple(_ear(subject.cts[x.side], x, plans[x.side], views) for x in found.ears)
    each = 2 if len(ears) == 1 else 1
    return Report(
        patient=" ".join(patient.split()) or NO_PATIENT,
        made=made.strftime("%Y-%m-%d %H:%M"),
        columns=(*plans, *(["left − right"] if both else [])),
        rows=_rows(plans, both),
        definitions=tuple(
            (item.label, item.definition, _source(item))
            for item in next(iter(plans.values())).measurements
        ),
        ears=ears,
        overview=tuple(
            replace(figure, caption=f"{ear.side}: {figure.caption}")
            for ear in ears
            for figure in (*ear.views[:each], *ear.cochlea[:each])
        ),
        facts=(
            ("CT voxels", " × ".join(f"{value:.2f}" for value in spacing) + " mm"),
            ("Model", f"{model.name} {model.version}".strip()),
            ("Model SHA-256", model.sha256 or "unknown"),
            ("Software", f"InnerEarSeg {__version__}"),
            ("Report made", made.strftime("%Y-%m-%d %H:%M")),
        ),
        notes=(*without_names(found.warnings), *notes),
        plans=plans,
        segmentation=found,
        left_out=subject.left_out,
    )


def _rows(
    plans: Mapping[Side, CochlearMeasurements], both: tuple[Measurement, ...]
) -> tuple[Row, ...]:
    differences = {item.key: item for item in both}
    rows = []
    for item in next(iter(plans.values())).measurements:
        ears = {side: plan[item.key] for side, plan in plans.items()}
        values = [measurement.text for measurement in ears.values()]
        if both:
            difference = differences.get(item.key)
            values.append("–" if difference is None else _signed(difference))
        remarks = tuple(
            (f"{side.capitalize()}: " if len(plans) > 1 else "") + measurement.remark + "."
            for side, measurement in ears.items()
            if measurement.remark and measurement.value is not None
        )
        known = CATALOGUE[item.key]
        usual = "" if known.low is None else f"{known.low:g} – {known.high:g} {known.unit}"
        rows.append(Row(item.label, tuple(values), usual, remarks))
    return tuple(rows)


def _source(measurement: Measurement) -> str:
    known = CATALOGUE[measurement.key]
    usual = f"range: {known.range_source}" if known.range_source else ""
    return "; ".join(text for text in (measurement.source, usual) if text)


def _signed(difference: Measurement) -> str:
    text = difference.text.removeprefix("-")
    if not float(text.split()[0].rstrip("°")):
        return text
    return f"{'−' if (difference.value or 0.0) < 0.0 else '+'}{text}"


def _ear(ct: Volume, ear: Ear, plan: CochlearMeasurements, views: Path | None) -> EarSection:
    figures = landmark_figures(ct, ear)
    remarks = list(plan.remarks)
    changed = [f"{x.name} {x.state}" for x in ear.landmarks if x.state in BY_HAND]
    if changed:
        remarks.append(f"Other than the automatic result: {', '.join(changed)}.")
    unseen = [x.name for x in ear.landmarks if not x.reviewed]
    if unseen:
        remarks.append(f"Nobody has confirmed or corrected: {', '.join(unseen)}.")
    if ear.segment != AUTOMATIC:
        remarks.append(f"The segment was {ear.segment} by hand after it was found.")
    if ear.quality.expected_dice is not None:
        remarks.append(
            f"Expected overlap with a reference (Dice): {ear.quality.expected_dice:.2f}, by the "
            "model's calibration."
        )
    # The automatic verdict says nothing of what was taken away or mixed up since.
    doubtful = bool(plan.remarks) or any(x.ras is None for x in ear.landmarks)
    shown = CHECK if doubtful and ear.quality.verdict == GOOD else ear.quality.verdict
    return EarSection(
        ear.side,
        shown,
        VERDICTS[ear.quality.verdict],
        ear.quality.reasons,
        tuple(remarks),
        tuple(
            _landmark(x, plan.radii.get(x.name), tuple(figures.get(x.name, ())))
            for x in ear.landmarks
        ),
        tuple(view_figures(views, ear, plan)) if views is not None else (),
        tuple(cochlear_figures(ct, ear, plan)),
    )


def _landmark(
    landmark: Landmark, counted_mm: float | None, figures: tuple[Figure, ...]
) -> LandmarkSection:
    state = landmark.state
    if landmark.ras is None and landmark.confirmed:
        state = "confirmed as not visible"
    elif landmark.confirmed and state in (CORRECTED, PLACED):
        state = f"{state} and confirmed"
    details = []
    if landmark.moved_mm is not None and state.startswith("corrected"):
        details.append(f"moved by {landmark.moved_mm:.1f} mm")
    if landmark.radius_mm is not None and landmark.state not in BY_HAND:
        details.append(f"within {landmark.radius_mm:.1f} mm in 90 % of cases")
    elif counted_mm is not None:
        details.append(f"counted as within {counted_mm:.1f} mm, an assumption")
    if landmark.ras is not None:
        details.append("R {:.1f}, A {:.1f}, S {:.1f} mm".format(*landmark.ras))
    if state in (AUTOMATIC, CONFIRMED) and landmark.ras is not None:
        details.append(f"confidence {landmark.confidence:.2f}")
    return LandmarkSection(
        landmark.name, state, not landmark.reviewed, " · ".join(details), figures
    )
