"""Where the semicircular canals of an average ear run.

Without torch, so that a panel in 3D Slicer can use it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import BASAL_TURN, HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, VESTIBULE
from .pose import fit_orthonormal

ANTERIOR, POSTERIOR, LATERAL = "anterior", "posterior", "lateral"

COURSES = {
    LATERAL: (
        (-1.62, -1.17, -3.11), (-2.29, -1.22, -3.68), (-3.01, -1.12, -4.07), (-3.72, -0.79, -4.30),
        (-4.37, -0.40, -4.59), (-4.86, 0.18, -4.52), (-5.22, 0.82, -3.97), (-5.58, 1.45, -3.41),
        (-5.73, 1.99, -2.83), (-5.43, 2.10, -2.11), (-4.99, 2.17, -1.41), (-4.45, 2.10, -0.74),
        (-3.84, 2.08, -0.19),
    ),
    POSTERIOR: (
        (-3.75, 0.85, 2.85), (-5.01, 0.85, 2.97), (-6.22, 0.97, 2.68), (-7.14, 1.49, 1.96),
        (-7.92, 2.13, 1.12), (-8.39, 2.81, 0.24), (-7.95, 3.85, -0.46), (-7.40, 4.86, -1.03),
        (-6.39, 5.57, -0.90), (-5.16, 5.74, -0.76), (-3.92, 5.60, -0.55), (-2.77, 5.27, -0.27),
        (-1.68, 4.86, 0.09),
    ),
    ANTERIOR: (
        (-1.31, -3.05, -1.93), (-2.05, -3.94, -2.04), (-2.80, -4.72, -1.65), (-3.42, -5.34, -0.95),
        (-4.01, -5.70, -0.07), (-4.45, -5.63, 0.83), (-4.54, -4.95, 1.84), (-4.55, -4.24, 2.81),
        (-4.39, -3.40, 3.52), (-4.26, -2.33, 3.78), (-4.03, -1.24, 3.70), (-3.78, -0.22, 3.37),
        (-3.34, 0.63, 2.83),
    ),
}  # fmt: skip
"""Mean course of each canal outside the vestibule in the training specimens, mm in the frame of
REFERENCE; their own courses are 0.5 mm off on average and 1.7 mm at most."""

REFERENCE = {
    HELICOTREMA: (6.69, -0.26, -2.23), OVAL_WINDOW: (0.62, 0.97, -2.13),
    ROUND_WINDOW: (1.51, 3.69, -1.95), BASAL_TURN: (5.47, 0.26, 0.43),
    VESTIBULE: (-0.36, 0.91, -0.46),
}  # fmt: skip
"""The canonical ear that courses and usual measures are in. The axes of another model's may point
the other way."""


def frame_of(template: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """Return the 4 x 4 affine from the frame of REFERENCE to another of an average ear, mm."""
    names = [name for name in REFERENCE if name in template]
    reference, own = (np.array([of[name] for name in names], float) for of in (REFERENCE, template))
    return fit_orthonormal(reference, own, 1.0).matrix
