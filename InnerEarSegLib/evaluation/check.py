"""Look at the cases of a dataset before anything is trained or measured on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..io.case import Case
from ..io.fingerprint import fingerprint
from ..model.provenance import counted
from ..segmentation.pose import handedness
from ..segmentation.quality import SLACK
from ..types import HELICOTREMA, LANDMARKS, OVAL_WINDOW, ROUND_WINDOW, USUAL_VOLUME_MM3, Side

TRAIN, EVALUATE, SCANS, PLAN = "train", "evaluate", "scans", "plan-accuracy"
USES = {
    TRAIN: "`pack`, `train`, `crossval` and `ablate`",
    EVALUATE: "`evaluate`",
    SCANS: "`evaluate --scans` and the simulated scans of `crossval`",
    PLAN: "`plan-accuracy`",
}
"""What a case can be used for, and the commands that do."""

FROM_LABELS_MM = 2.0
"""Landmarks lie this near to the labyrinth; in the human bony labyrinth dataset, within 0.7 mm."""

FINE_MM = 0.25
"""Voxel edge up to which a CT is fine enough to simulate coarser scans from."""

MIN_LANDMARKS = 3
"""That tell how an ear lies."""


@dataclass(frozen=True)
class CheckedCase:
    """What a case holds, and what it can be used for.

    Attributes:
        spacing: voxel edges (i, j, k) in mm.
        labyrinth_mm3: volume of the labels; None without.
        landmarks: names of those that there are, in the order of LANDMARKS and AUXILIARY.
        lacks: why it cannot be used, by name of USES; those that it can be used for are not there.
        doubts: what is improbable, one sentence each.
        remarks: what else became of its files, likewise.
        fingerprint: of its CT.
    """

    name: str
    side: Side | None
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    labyrinth_mm3: float | None
    landmarks: tuple[str, ...]
    group: str | None
    licence: str
    citation: str
    lacks: Mapping[str, str]
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]
    fingerprint: str

    @property
    def uses(self) -> tuple[str, ...]:
        """Names of USES that it can be used for."""
        return tuple(use for use in USES if use not in self.lacks)


def check_case(case: Case) -> CheckedCase:
    """Say what a case holds, whether it is plausible, and what it can be used for."""
    i, j, k = (float(edge) for edge in case.ct.geometry.spacing)
    volume = None
    if case.labels is not None:
        volume = float(np.count_nonzero(case.labels)) * case.label_geometry.voxel_volume
    return CheckedCase(
        case.name, case.side, case.ct.geometry.shape, (i, j, k), volume, tuple(case.landmarks),
        case.group, case.source.licence, case.source.citation, _lacks(case),
        tuple(_doubts(case, volume)), case.remarks, fingerprint(case.ct.array),
    )  # fmt: skip


def _lacks(case: Case) -> dict[str, str]:
    """Why a case cannot be used, by name of USES."""
    found = len(case.landmarks)
    few = "" if found >= MIN_LANDMARKS else f"{found} of the {MIN_LANDMARKS} landmarks"
    side = "" if case.side else "side not stated"
    labels = "no labels" if case.labels is None else ""
    window = "" if ROUND_WINDOW in case.landmarks else "no round window"
    elsewhere = f"{case.outside_ct} outside the CT" if case.outside_ct else ""
    coarse = ""
    if case.ct.geometry.spacing.max() > FINE_MM:
        coarse = f"voxels larger than {FINE_MM} mm"
    reasons = {
        TRAIN: (side, few, elsewhere),
        EVALUATE: ("" if case.has_reference else "no reference at all",),
        SCANS: (side, few, coarse),
        PLAN: (labels, side, few, window),
    }
    return {use: ", ".join(filter(None, why)) for use, why in reasons.items() if any(why)}


def _doubts(case: Case, volume: float | None) -> list[str]:
    """What is improbable, one sentence each."""
    doubts = list(case.points_outside)
    if case.labels is None or volume is None:
        return doubts
    low, high = USUAL_VOLUME_MM3
    if not low * (1 - SLACK) <= volume <= high * (1 + SLACK):
        doubts.append(
            f"The labels hold {volume:.0f} mm³; a labyrinth has about {low:.0f} to {high:.0f}: "
            "is it the whole labyrinth of one ear, and nothing else?"
        )
    voxels = case.label_geometry.to_ras(np.argwhere(case.labels)[:, ::-1])
    outside = float(np.mean(~case.ct.geometry.contains(voxels)))
    if outside > 0.0:
        doubts.append(f"{outside:.0%} of the labels lie outside the CT.")
    for name, ras in case.landmarks.items():
        away = float(np.linalg.norm(voxels - ras, axis=1).min())
        if away > FROM_LABELS_MM:
            doubts.append(f"The {name} lies {away:.1f} mm from the labels.")
    if case.side is not None and all(name in case.landmarks for name in LANDMARKS):
        apex, oval, round_ = (
            case.landmarks[name] for name in (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW)
        )
        sense = handedness(apex, oval, round_, voxels.mean(axis=0))
        handed: Side = "left" if sense > 0.0 else "right"
        if handed != case.side:
            doubts.append(
                f"It is said to be a {case.side} ear, but landmarks and labels have the shape of a "
                f"{handed} one."
            )
    return doubts


def same_cts(cases: Sequence[CheckedCase]) -> list[str]:
    """Say which cases are of one CT although they are no two ears of one patient.

    A head may be listed once for each ear; then both need one group, or folds would divide it.
    """
    sentences = []
    by_ct: dict[str, list[CheckedCase]] = {}
    for case in cases:
        by_ct.setdefault(case.fingerprint, []).append(case)
    for alike in by_ct.values():
        names = " and ".join(case.name for case in alike)
        if len({case.side for case in alike}) < len(alike):
            sentences.append(f"{names} are the same CT and side.")
        elif len({case.group or case.name for case in alike}) > 1:
            sentences.append(f"{names} are the same CT: give them one group.")
    return sentences


def summary(cases: Sequence[CheckedCase], unusable: Mapping[str, str]) -> list[str]:
    """Say how many cases are for what, and which are doubtful, a line each."""
    every = len(cases) + len(unusable)
    lines = [f"Cases: {every}" + (f", {len(unusable)} of them unusable" if unusable else "")]
    for use, commands in USES.items():
        fit = [case for case in cases if use in case.uses]
        line = f"{len(fit)} for {commands}"
        if use == TRAIN and fit:
            labelled = sum(case.labyrinth_mm3 is not None for case in fit)
            groups = len({case.group or case.name for case in fit})
            line += f": {labelled} with labels, {len(fit) - labelled} with landmarks alone"
            line += f"; {counted(groups, 'group')} for folds to keep together"
            line += "" if labelled else "; without labels in one case, no training begins"
        lines.append(line)
    unknown = sum(not case.licence for case in cases)
    if unknown:
        lines.append(
            f"{unknown} without a licence: a model trained on them says `unknown; do not share`"
        )
    for case in cases:
        if case.doubts:
            more = f" ({len(case.doubts) - 1} more above)" if len(case.doubts) > 1 else ""
            lines.append(f"Doubtful: {case.name}: {case.doubts[0]}{more}")
    return [*lines, *same_cts(cases)]
