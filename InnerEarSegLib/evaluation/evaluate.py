"""Why a case was not measured, in a line."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import Cancelled, InnerEarSegError, UnusableModel
from ..io.dataset import Case
from ..io.manifest import check_names
from ..model.bundle import Model
from ..segmentation.pipeline import segment
from ..types import LANDMARKS, Ear, Segmentation
from .metrics import MISSED, CaseMetrics, ear_of, measure
from .summary import MASK_FIELDS, Row


def reason_of(error: Exception) -> str:
    """The sentence of an error, which may also be a mistake of ours."""
    if isinstance(error, MemoryError):
        return "This machine has not enough memory."
    if isinstance(error, InnerEarSegError):
        return " ".join(str(error).split())
    return " ".join(f"Unexpected {type(error).__name__}: {error}".split())


FEW_VOXELS = 3
"""By so many an ear may reach beyond a label map that was cropped to its labels."""

Look = Callable[[Case, Ear, Row], None]
"""Called with each case in which an ear was found, the ear, and its row."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What came of a dataset.

    Attributes:
        rows: a row a case that was measured; see ``row_of``.
        failed: why the others were not, in a sentence, by name.
    """

    rows: list[Row]
    failed: dict[str, str]


def evaluate(
    cases: Mapping[str, Callable[[], Case]],
    bundle: Model,
    names: Sequence[str] | None,
    say: Callable[[str], None],
    look: Look | None = None,
) -> Evaluation:
    """Segment and measure specimens.

    A case that cannot be read or measured does not stop the others.

    Args:
        cases: what reads each of them, by name; from ``cases_of``.
        bundle: the model.
        names: which specimens; None for all.
        say: receives a line a case.
        look: receives what pictures need, while it is in memory.

    Raises:
        UnusableInput: if there is no such case.
        UnusableModel: if the model cannot be run.
    """
    check_names(names or (), cases)
    trained_on = bundle.card.get("training", {}).get("trained_on", ())
    done = Evaluation([], {})
    for name in names or cases:
        try:
            case = cases[name]()
            result = segment(case.ct, bundle)
            row = row_of(case, result) | {"trained_on": name in trained_on}
        except (Cancelled, UnusableModel):
            raise
        except Exception as error:  # also a mistake of ours must not cost the other cases
            done.failed[name] = reason_of(error)
            say(f"{name}: not measured: {done.failed[name]}")
            continue
        done.rows.append(row)
        say(f"{name}: {sentence_of(row)}{' (trained on)' if row['trained_on'] else ''}")
        for remark in (*case.remarks, *filter(None, [row["remark"]])):
            say(f"  {remark}")
        ear = ear_of(result, case)
        if look is not None and ear is not None:
            look(case, ear, row)
    return done


def row_of(case: Case, result: Segmentation) -> Row:
    """One case against its reference.

    A case whose ear was not found counts as Dice, IoU and surface Dice 0, its side as not right and
    its landmarks as missed; its distances are unknown.

    Returns:
        case, found, side, side_right, verdict, expected_dice, the fields of ``MaskMetrics``, and
        for each landmark its error in mm and voxels, its predicted radius, its confidence, and
        whether it was missed; of auxiliary landmarks the error in mm; and a remark where the label
        map does not reach as far as what was found.
    """
    ear = ear_of(result, case)
    row: Row = {"case": case.name, "found": ear is not None}
    if ear is None:
        row |= {"side": None, "side_right": None if case.side is None else False}
        if case.labels is not None:
            row |= dataclasses.asdict(MISSED)
        row |= {f"{name} missed": name in case.landmarks for name in LANDMARKS}
        return row | {"remark": ""}
    measured = measure(ear, case.labels, case.label_geometry, case.landmarks, case.side)
    row |= {"side": ear.side, "side_right": measured.side_right, "verdict": ear.quality.verdict}
    masks = measured.masks
    values: dict[str, Any] = {} if masks is None else dataclasses.asdict(masks)
    row |= {field: values.get(field) for field in MASK_FIELDS}
    row["expected_dice"] = ear.quality.expected_dice
    for landmark in ear.landmarks:
        row[f"{landmark.name} mm"] = measured.landmark_mm.get(landmark.name)
        row[f"{landmark.name} voxels"] = measured.landmark_voxels.get(landmark.name)
        row[f"{landmark.name} radius mm"] = landmark.radius_mm
        row[f"{landmark.name} confidence"] = landmark.confidence
        row[f"{landmark.name} missed"] = landmark.name in case.landmarks and landmark.ras is None
    for landmark in ear.auxiliary:
        row[f"{landmark.name} mm"] = measured.landmark_mm.get(landmark.name)
    row["remark"] = _remark(measured)
    return row


def _remark(measured: CaseMetrics) -> str:
    """What to say of an ear that reaches beyond the reference's label map."""
    if measured.outside_voxels <= FEW_VOXELS:
        return ""
    return (
        f"{measured.outside:.0%} of what was found lies outside the reference's label map, by up "
        f"to {measured.outside_voxels} voxels, and counts as wrong; check that the map holds the "
        "whole labyrinth."
    )


def sentence_of(row: Row) -> str:
    """One case in a line."""
    if not row["found"]:
        return "its inner ear was not found"
    parts = [] if row["dice"] is None else [_overlap(row)]
    for name in LANDMARKS:
        error, radius = row[f"{name} mm"], row[f"{name} radius mm"]
        if row[f"{name} missed"]:
            parts.append(f"{name} missing")
        elif error is not None:
            parts.append(f"{name} {error:.2f} mm" + (f" (± {radius:.2f})" if radius else ""))
    if row["side_right"] is not None:
        parts.append("side right" if row["side_right"] else "SIDE WRONG")
    return ", ".join(parts) or "nothing to compare with"


def _overlap(row: Row) -> str:
    """Dice, and how far off the surface is."""
    if row["assd_mm"] is None:
        return "Dice 0: what was found lies outside the reference's labels"
    return f"Dice {row['dice']:.4f}, ASSD {row['assd_mm']:.4f} mm"
