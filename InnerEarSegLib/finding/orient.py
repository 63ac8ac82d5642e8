"""The side and the exact pose of an ear, from quick looks in the canonical pose."""

from __future__ import annotations

from torch import Tensor

from ..geometry import Geometry
from ..inferring.bundle import Bundle
from ..progress import Progress
from .canonical_look import Seen, look_at_ear
from .pose import Pose

SURE_MM = 0.25
"""Misfit of the landmarks up to which the ear of the other side need not be looked for as well."""

PASSES = 2
"""The second pass starts from the first one's pose, so it hardly depends on the search's."""


def orient(
    ct: Tensor, geometry: Geometry, poses: list[Pose], bundle: Bundle, progress: Progress
) -> Seen | None:
    """Look at an ear in each of some poses, and again in the one that fits best.

    The side in whose pose the landmarks make up a real ear is the right one.

    Args:
        ct: [k, j, i] in HU.
        geometry: grid of ct.
        poses: about where the ear is, of one or both sides.
        bundle: the model.
        progress: polled for a cancel.

    Returns:
        The last look, or None if what is there turns out to be no ear.
    """
    seen: Seen | None = None
    for pose in poses:
        found = look_at_ear(ct, geometry, pose, bundle.orient, bundle, progress)
        if found is not None and (seen is None or found.pose.residual < seen.pose.residual):
            seen = found
        if seen is not None and seen.pose.residual <= SURE_MM:
            break
    for _ in range(1, PASSES):
        if seen is not None:
            seen = look_at_ear(ct, geometry, seen.pose, bundle.orient, bundle, progress)
    return seen
