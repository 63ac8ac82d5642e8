"""A wide vestibular aqueduct, carved into the CT of a specimen."""

from dataclasses import replace

import numpy as np

from InnerEarSegLib.segmentation.canal_courses import REFERENCE
from InnerEarSegLib.segmentation.pose import fit_pose
from InnerEarSegLib.synthetic.anatomy import Tube
from InnerEarSegLib.synthetic.distances import tube_distance
from InnerEarSegLib.types import VESTIBULE, apply_affine

COURSE = [
    (-2.86, 1.40, 2.41), (-3.68, 2.63, 3.03), (-4.59, 3.90, 2.91), (-5.39, 5.32, 2.68),
    (-6.21, 6.87, 2.43), (-7.23, 8.91, 2.27),
]  # fmt: skip
"""Of the aqueducts that the specimens' own scans show, read off by eye, from the common crus to
beyond the posterior fossa: mm in the frame of REFERENCE."""

EDGE_MM = 0.35


def lumen_hu(case):
    """What a labyrinth holds, fluid or air: the HU within 0.5 mm of its vestibule's centre."""
    k, j, i = np.indices(case.ct.array.shape, sparse=True)
    center, spacing = case.ct.geometry.to_ijk(case.landmarks[VESTIBULE]), case.ct.geometry.spacing
    offsets = [(index - c) * mm for index, c, mm in zip((i, j, k), center, spacing, strict=True)]
    return float(np.median(case.ct.array[sum(x**2 for x in offsets) < 0.25]))


def carve_aqueduct(case, width_mm, rng):
    """Return a case with an aqueduct so wide halfway, filled as the labyrinth is; narrower at the
    vestibule, wider at the fossa, and off the usual course by 0.5 mm along each axis.
    """
    corners = np.array(COURSE) + 0.5 * rng.normal(size=3)
    share, knots = np.linspace(0.0, 1.0, 80), np.linspace(0.0, 1.0, len(corners))
    points = np.stack([np.interp(share, knots, corners[:, axis]) for axis in range(3)], axis=1)
    tube = Tube(points, width_mm / 2.0 * np.interp(share, [0.0, 0.4, 0.8], [0.8, 1.0, 1.3]))
    to_reference = np.linalg.inv(fit_pose(REFERENCE, case.landmarks).matrix)
    k, j, i = np.indices(case.ct.array.shape)
    ras = case.ct.geometry.to_ras(np.stack([i, j, k], axis=-1))
    mm = apply_affine(to_reference, ras)
    near = np.all((mm > points.min(axis=0) - 3.0) & (mm < points.max(axis=0) + 3.0), axis=-1)
    inside = np.clip(0.5 - tube_distance(tube, mm[near]) / EDGE_MM, 0.0, 1.0)
    ct = case.ct.array.astype(np.float32)
    ct[near] += inside * np.minimum(lumen_hu(case) - ct[near], 0.0)
    return replace(case, ct=replace(case.ct, array=ct.round().astype(np.int16)))
