"""What the CT itself says about a labyrinth that a network drew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..finding.canonical_look import Seen
from ..geometry import Geometry

SHELL_MM = (0.8, 2.0)
"""How far from the labyrinth its bony capsule is looked for."""

MIN_CAPSULE_HU = 900.0
MIN_CONTRAST_HU = 500.0
"""Measured on specimens and on a head with kernels from sharp to soft and slices up to 1.9 mm: the
capsule has 1500 to 1900 HU, the lumen at most 400."""

CORE_MM = 0.4
BORDER_MM = 0.25
"""A labyrinth this near to the border of the scan may go on beyond it. The whole one of F13 comes
nearer than 0.8 mm."""

NEAR_VOXELS = 1.75
"""A labyrinth that is cut off by up to 2 mm is drawn to 1.1 to 1.6 of the scan's voxels before the
border (measured on the real head at 0.5 and 0.6 mm), and so is a whole one that just fits."""


@dataclass(frozen=True)
class Evidence:
    """Measured on the window in which the labyrinth was drawn.

    Attributes:
        capsule_hu: third quartile of the voxels around the labyrinth. Not the median: a part of
            them lies in the middle ear and in the internal auditory canal.
        lumen_hu: median of the voxels well inside, where bone does not blur in.
        cut: whether the labyrinth reaches the border of the scan.
        near_border: whether it comes so near that it may have been cut off.
    """

    capsule_hu: float
    lumen_hu: float
    cut: bool
    near_border: bool

    @property
    def is_cavity_in_bone(self) -> bool:
        """Whether something softer lies in bone, whatever fills it; noise and MR have no such."""
        return (
            self.capsule_hu >= MIN_CAPSULE_HU and self.capsule_hu - self.lumen_hu >= MIN_CONTRAST_HU
        )


def evidence_of(seen: Seen, scan: Geometry) -> Evidence | None:
    """Measure; None if nothing was drawn.

    Args:
        seen: what the network drew, and the CT in the same window.
        scan: grid of the whole CT.
    """
    inside = (seen.labyrinth > 0).float()
    if not inside.any():
        return None
    spacing = seen.stage.spacing_mm
    shell = _grown(inside, SHELL_MM[1] / spacing) - _grown(inside, SHELL_MM[0] / spacing)
    near = torch.nonzero(_grown(inside, BORDER_MM / spacing)).numpy()[:, ::-1]
    in_scan = scan.contains(seen.window.to_ras(near))
    drawn = scan.to_ijk(seen.window.to_ras(torch.nonzero(inside).numpy()[:, ::-1]))
    last = np.array(scan.shape[::-1]) - 0.5
    ijk = torch.nonzero(shell > 0).numpy()
    kept = scan.contains(seen.window.to_ras(ijk[:, ::-1]))
    around = seen.ct[tuple(torch.from_numpy(np.ascontiguousarray(ijk[kept])).T)]
    core = 1.0 - _grown(1.0 - inside, CORE_MM / spacing)
    lumen = seen.ct[core > 0] if core.any() else seen.ct[inside > 0]
    return Evidence(
        capsule_hu=float(around.quantile(0.75)) if len(around) else float("-inf"),
        lumen_hu=float(lumen.median()),
        cut=not bool(in_scan.all()),
        near_border=bool(np.minimum(drawn + 0.5, last - drawn).min() < NEAR_VOXELS),
    )


def _grown(mask: Tensor, radius: float) -> Tensor:
    """A mask [k, j, i] grown by about this many voxels, with a cube."""
    edge = 2 * max(1, round(radius)) + 1
    for axis in range(3):  # one axis after the other costs far less than the whole cube
        window = [edge if other == axis else 1 for other in range(3)]
        padding = [size // 2 for size in window]
        mask = F.max_pool3d(mask[None, None], window, stride=1, padding=padding)[0, 0]
    return mask
