"""Where the landmarks lie in the cochlea's own axes, on average.

``innerearseg plan DATASET --template`` prints these numbers. They are the mean of twelve specimens
of the human bony labyrinth dataset (CC BY 4.0); F06, T03 and F13, on which the frame is measured,
are not among them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..finding.pose import fit_orthonormal
from ..geometry import apply_affine
from ..results import BASAL_TURN, HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, VESTIBULE
from .axes import axes_of

CENTROID = "labyrinth centroid"
"""Mean of the labyrinth's voxels: a sixth point, which every segmentation has."""

POINTS = (HELICOTREMA, OVAL_WINDOW, ROUND_WINDOW, BASAL_TURN, VESTIBULE)

TEMPLATE: dict[str, tuple[float, float, float]] = {
    HELICOTREMA: (-0.05, 0.0, 2.97),
    OVAL_WINDOW: (4.82, -2.70, 0.26),
    ROUND_WINDOW: (5.76, 0.0, 0.0),
    BASAL_TURN: (0.0, 0.0, 0.0),
    VESTIBULE: (4.76, -3.13, -1.63),
    CENTROID: (3.58, -2.11, -1.04),
}
"""Millimetres along x (towards the round window), y (where the basal turn goes) and z (towards the
apex) of the cochlear frame."""

TEMPLATE_SPREAD_MM = 0.2
"""Standard deviation along an axis of a specimen's points about the fitted template; 0.14 (round
window) to 0.25 (vestibule)."""


def mean_template(
    cases: Sequence[dict[str, NDArray]],
) -> tuple[dict[str, NDArray], dict[str, float]]:
    """Generalised Procrustes mean of specimens in the cochlear frame, and the spread about it.

    Args:
        cases: RAS mm by name, all of POINTS and, where there are labels, CENTROID; those of left
            ears mirrored to right ones (any mirror does).

    Returns:
        Mean in mm of the cochlear frame, and standard deviation along an axis in mm, by name.
    """
    shapes = [np.array([case[name] for name in POINTS]) for case in cases]
    mean = shapes[0] - shapes[0].mean(axis=0)
    for _ in range(20):
        fits = [fit_orthonormal(shape, mean, 1.0) for shape in shapes]
        aligned = [apply_affine(fit.matrix, shape) for fit, shape in zip(fits, shapes, strict=True)]
        mean = np.mean(aligned, axis=0)
    names = dict(zip(POINTS, mean, strict=True))
    origin, axes = axes_of(
        names[BASAL_TURN], names[ROUND_WINDOW], names[HELICOTREMA], mirrored=False
    )
    spread = np.sqrt(((np.array(aligned) - mean) ** 2).mean(axis=(0, 2)))
    centroids = [
        apply_affine(fit.matrix, case[CENTROID])
        for fit, case in zip(fits, cases, strict=True)
        if CENTROID in case
    ]
    template = {name: axes @ (point - origin) for name, point in names.items()}
    spreads = dict(zip(POINTS, map(float, spread), strict=True))
    if centroids:
        template[CENTROID] = axes @ (np.mean(centroids, axis=0) - origin)
        spreads[CENTROID] = float(np.sqrt(np.var(centroids, axis=0).mean()))
    return template, spreads
