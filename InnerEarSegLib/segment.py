"""One ear's CT in, labyrinth and landmarks out: the journey, in one function."""

from __future__ import annotations

import torch

from .decoding.ear import decode_ear
from .finding.locate import locate
from .finding.refine import refine
from .geometry import Volume
from .inferring.bundle import Bundle
from .progress import CancelCheck, Progress, ProgressCallback
from .results import Segmentation

COARSE_MM = 0.8


def segment(
    ct: Volume,
    bundle: Bundle,
    *,
    report: ProgressCallback | None = None,
    is_cancelled: CancelCheck | None = None,
    progress: Progress | None = None,
) -> Segmentation:
    """Find the inner ear in a CT of one ear.

    Args:
        ct: [k, j, i] in HU, with its RAS geometry.
        bundle: from ``load_bundle``; its networks say on which device this runs.
        report: called with (stage, fraction, message).
        is_cancelled: polled about ten times a second.
        progress: instead of both, where the caller times stages of its own around this call.

    Returns:
        The ear, or no ear, as plain objects.

    Raises:
        Cancelled: within a second of ``is_cancelled`` returning True.
        UnusableInput: if the field of view is far larger than one ear.
        UnusableModel: if the network does not give what its card declares.
    """
    progress = progress or Progress(report, is_cancelled)
    progress.stage("find", 0.1, "Looking for the ear")
    # Scanners pad with values far below air, which would bleed into bone when interpolated.
    array = torch.from_numpy(ct.array).to(torch.float32).clamp(min=bundle.intensity.low)
    poses = locate(array, ct.geometry, bundle, progress)
    ear = None
    if poses:
        progress.stage("infer", 0.35, "Drawing the labyrinth")
        refined = refine(array, ct.geometry, poses, bundle, progress)
        progress.stage("decode", 0.75, "Placing landmarks and surface")
        if refined is not None:
            ear = decode_ear(refined, ct.geometry, bundle)
    progress.check()
    progress.finish()
    warnings = list(ct.warnings)
    if ct.geometry.spacing.max() > COARSE_MM:
        warnings.append(
            f"The CT's voxels are up to {ct.geometry.spacing.max():.2f} mm; results are less "
            f"accurate above {COARSE_MM} mm."
        )
    return Segmentation(
        ears=() if ear is None else (ear,),
        model=bundle.identity,
        device=str(next(bundle.refine.network.parameters()).device),
        seconds=dict(progress.seconds),
        warnings=tuple(warnings),
    )
