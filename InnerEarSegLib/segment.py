"""A CT in, labyrinths and landmarks out: the journey, in one function."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from .decoding.ear import MIN_PRESENCE, decode_ear
from .decoding.quality import Remark
from .decoding.wholeness import Whole, completed, inspected
from .errors import UnusableInput
from .finding.canonical_look import Seen
from .finding.ears import find_ears
from .finding.refine import is_fine, refine
from .finding.region import Region
from .geometry import Geometry, Volume
from .inferring.bundle import Bundle
from .progress import CancelCheck, Progress, ProgressCallback
from .results import CHECK, HELICOTREMA, OVAL_WINDOW, POOR, Ear, Quality, Segmentation

UNSHARP: Remark = (
    CHECK,
    "The CT is too soft for its voxel size; the ear was drawn at lower resolution: check it.",
)
MIRRORED = (
    "The left ear lies on the patient's right of the right ear: the CT's orientation is probably "
    "stored wrongly."
)


def segment(
    ct: Volume,
    bundle: Bundle,
    *,
    region: Region | None = None,
    fine: bool = True,
    report: ProgressCallback | None = None,
    is_cancelled: CancelCheck | None = None,
    progress: Progress | None = None,
) -> Segmentation:
    """Find the inner ears in a CT of any field of view.

    Args:
        ct: [k, j, i] in HU, with its RAS geometry.
        bundle: from ``load_bundle``; its networks say on which device this runs.
        region: where to look, instead of everywhere.
        fine: whether the high-resolution network draws where the CT has the resolution for it.
        report: called with (stage, fraction, message).
        is_cancelled: polled about ten times a second.
        progress: instead of both, where the caller times stages of its own around this call.

    Returns:
        No ear, one, or one of each side, as plain objects.

    Raises:
        Cancelled: within a second of ``is_cancelled`` returning True.
        UnusableInput: if the region lies outside the CT.
        UnusableModel: if a network does not give what its card declares.
    """
    progress = progress or Progress(report, is_cancelled)
    if region is not None and not region.meets(ct.geometry):
        raise UnusableInput("The place to look lies outside the CT; give it in RAS mm of the CT.")
    progress.stage("find", 0.1, "Looking for ears")
    array = torch.from_numpy(np.ascontiguousarray(ct.array))
    found = find_ears(array, ct.geometry, bundle, region, progress)
    progress.stage("infer", 0.45, "Drawing the labyrinth")
    drawn = [_draw(array, ct.geometry, seen, bundle, fine, progress) for seen in found]
    progress.stage("decode", 0.7, "Placing landmarks and surface")
    ears = []
    for seen, remarks in drawn:
        whole = _completed(seen, ct.geometry, bundle)
        ear = decode_ear(whole.seen, ct.geometry, bundle, remarks)
        ears.append(None if ear is None else inspected(ear, whole, ct.slice_mm))
    progress.check()
    progress.finish()
    return Segmentation(
        ears=_in_order([ear for ear in ears if ear is not None]),
        model=bundle.identity,
        device=str(next(bundle.orient.network.parameters()).device),
        seconds=dict(progress.seconds),
        warnings=ct.warnings,
    )


def _draw(
    array: torch.Tensor,
    geometry: Geometry,
    seen: Seen,
    bundle: Bundle,
    fine: bool,
    progress: Progress,
) -> tuple[Seen, tuple[Remark, ...]]:
    """The best drawing of one ear that the CT's resolution allows, and remarks on it."""
    if not fine or not (bundle.draws_any or is_fine(geometry)):
        return seen, ()
    progress.step(0.5, f"Drawing the {seen.pose.side} ear at high resolution")
    drawn = refine(array, geometry, seen, bundle, progress)
    return (seen, (UNSHARP,)) if drawn is None else (drawn, ())


def _completed(seen: Seen, geometry: Geometry, bundle: Bundle) -> Whole:
    """The drawing with its open canals completed where the landmarks tell what to expect."""
    peaks = dict(zip(bundle.landmarks, seen.peaks, strict=True))
    points = {
        name: seen.window.to_ras(peak.ijk)
        for name, peak in peaks.items()
        if peak.presence >= MIN_PRESENCE
    }
    if HELICOTREMA not in points or OVAL_WINDOW not in points:
        return Whole(seen)
    return completed(seen, geometry, points)


def _in_order(ears: list[Ear]) -> tuple[Ear, ...]:
    """Left before right; both marked if they lie on the wrong sides of each other."""
    ears = sorted(ears, key=lambda ear: ear.side)
    if len(ears) == 2 and ears[0].geometry.center[0] > ears[1].geometry.center[0]:
        ears = [
            replace(ear, quality=Quality(POOR, (MIRRORED, *ear.quality.reasons))) for ear in ears
        ]
    return tuple(ears)
