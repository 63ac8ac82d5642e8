"""Auxiliary landmarks of cases whose references only have helicotrema, oval and round window."""

from __future__ import annotations

import numpy as np

from ..cochlea.frame import MIN_POINTS, POINTS, TEMPLATE, PrincipalAxes, Vector, fit_template
from ..errors import UnusableInput
from ..io.case import Case
from ..types import AUXILIARY, apply_affine


def auxiliary_landmarks(case: Case) -> dict[str, Vector]:
    """Compute the auxiliary landmarks that a reference lacks: RAS mm by name.

    The average ear that comes with InnerEarSeg is fitted to the reference's landmarks and to the
    principal axes of its segment. A reference without a segment gets none: it trains without them.

    Raise UnusableInput if there are fewer than three landmarks, or no side.
    """
    known = {name: case.landmarks[name] for name in POINTS if name in case.landmarks}
    if len(known) < MIN_POINTS:
        raise UnusableInput(
            f"It has {len(known)} landmarks; training needs three, helicotrema, oval window and "
            "round window."
        )
    missing = [name for name in AUXILIARY if name not in known]
    if not missing or case.labels is None or not case.labels.any():
        return {}
    voxels = case.label_geometry.to_ras(np.argwhere(case.labels)[:, ::-1])
    axes = PrincipalAxes.of(voxels)
    to_ras = fit_template(case.stated_side, known, {}, axes, TEMPLATE)
    return {name: apply_affine(to_ras, np.asarray(TEMPLATE[name])) for name in missing}
