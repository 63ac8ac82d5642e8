"""Segment a CT: from a volume to ears with labyrinth and landmarks, in one function."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ..errors import UnusableInput
from ..io.region import Region
from ..model.bundle import Model
from ..progress import Progress
from ..types import CHECK, POOR, Quality, Segmentation, Volume
from .ct_at_ear import slices_follow
from .ear import decode_ear
from .localization import find_ears
from .prediction import EarPrediction, Predictor, is_fine
from .quality import Reason

UNSHARP: Reason = (
    CHECK,
    "The two networks contradict each other; the ear was drawn at lower resolution: check it.",
)
DISPLACED: Reason = (
    CHECK,
    "Slices of the CT are missing, repeated or displaced at the ear, so that distances across them "
    "are wrong. Check it.",
)
MIRRORED = (
    "The left ear lies on the patient's right of the right ear: the CT's orientation is probably "
    "stored wrongly."
)


def segment(
    ct: Volume,
    model: Model,
    *,
    region: Region | None = None,
    fine: bool = True,
    progress: Progress | None = None,
) -> Segmentation:
    """Find the inner ears in a CT of any field of view.

    Args:
        ct: in HU.
        model: from ``load_model``; runs on the device of its networks.
        region: where to search, instead of everywhere.
        fine: whether the high-resolution network is used if the CT has the resolution for it.
        progress: is told of each stage, and stops it.

    Returns:
        No ear, one, or one of each side, as plain objects.

    Raises:
        Cancelled: within a second of ``progress`` being cancelled.
        UnusableInput: if the region lies outside the CT.
        UnusableModel: if a network's output is not as its card declares.
    """
    progress = progress or Progress()
    if region is not None and not region.meets(ct.geometry):
        raise UnusableInput("The place to look lies outside the CT; give it in RAS mm of the CT.")
    progress.stage("find", 0.1, "Looking for ears", end=0.45)
    array = torch.from_numpy(np.ascontiguousarray(ct.array))
    predictor = Predictor(array, ct.geometry, model, progress)
    found = find_ears(predictor, region)
    progress.stage("infer", 0.45, "Drawing the labyrinth", end=0.7)
    drawn = [_draw(predictor, prediction, fine) for prediction in found]
    progress.stage("decode", 0.7, "Placing landmarks and surface")
    decoded = (
        decode_ear(one, ct.geometry, model, (*notes, *_on_slices(ct, one)), ct.slice_mm)
        for one, notes in drawn
    )
    ears = sorted((ear for ear in decoded if ear is not None), key=lambda ear: ear.side)
    if len(ears) == 2 and ears[0].geometry.center[0] > ears[1].geometry.center[0]:
        bad = [Quality(POOR, (MIRRORED, *ear.quality.reasons)) for ear in ears]
        ears = [replace(ear, quality=quality) for ear, quality in zip(ears, bad, strict=True)]
    progress.check()
    progress.finish()
    return Segmentation(
        ears=tuple(ears),
        model=model.identity,
        device=str(model.orient.device),
        seconds=dict(progress.seconds),
        warnings=tuple(dict.fromkeys((*ct.warnings, *progress.warnings))),
    )


def _draw(
    predictor: Predictor, oriented: EarPrediction, fine: bool
) -> tuple[EarPrediction, tuple[Reason, ...]]:
    """Return the finest prediction that the CT's resolution allows, and reasons to check it."""
    if not fine or not (predictor.model.draws_any or is_fine(predictor.geometry)):
        return oriented, ()
    predictor.progress.step(0.5, f"Drawing the {oriented.pose.side} ear at high resolution")
    refined = predictor.refine(oriented)
    return (oriented, (UNSHARP,)) if refined is None else (refined, ())


def _on_slices(ct: Volume, drawn: EarPrediction) -> tuple[Reason, ...]:
    """Return a reason where slices of the CT do not follow on each other around a labyrinth."""
    voxels = torch.nonzero(drawn.labyrinth > 0).numpy()[:, ::-1]
    follow = len(voxels) == 0 or slices_follow(ct, drawn.patch.to_ras(voxels))
    return () if follow else (DISPLACED,)
