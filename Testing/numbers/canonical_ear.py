"""A hand-made labyrinth in canonical pose: a vestibule, a cochlea of one ball, three canals."""

from functools import lru_cache
from itertools import pairwise

import numpy as np

from InnerEarSegLib.segmentation.canal_courses import COURSES
from InnerEarSegLib.segmentation.pose import Pose

SHAPE = (64, 80, 112)
PATCH = Pose(np.eye(4)).patch(0.2, SHAPE)
OVAL, APEX = np.array([0.62, 0.97, -2.13]), np.array([6.69, -0.26, -2.23])
VESTIBULE = (-1.4, 0.8, 0.2)


@lru_cache
def millimetres():
    """Canonical mm of every voxel, [k, j, i, 3]."""
    k, j, i = np.indices(SHAPE)
    return PATCH.to_ras(np.stack([i, j, k], axis=-1)).astype(np.float32)


def from_middle(canal):
    """Distance in mm of each voxel from the middle of a canal's mean course."""
    return np.linalg.norm(millimetres() - np.array(COURSES[canal][6], np.float32), axis=-1)


def tube(points, radius):
    """Distance in mm inside a tube along points; negative outside."""
    mm, points = millimetres(), np.array(points, np.float32)
    best = np.full(SHAPE, np.inf)
    for first, last in pairwise(points):
        edge = last - first
        share = np.clip(((mm - first) @ edge) / (edge @ edge), 0.0, 1.0)
        best = np.minimum(best, np.linalg.norm(mm - first - share[..., None] * edge, axis=-1))
    return radius - best


@lru_cache
def depth(gap=None, width_mm=1.2):
    """Depth inside the labyrinth in mm, negative outside, with a gap in one canal.

    A gap is where the depth stays just below the surface: -0.15 mm at the canal's middle.
    """
    mm = millimetres()
    parts = [
        2.4 - np.linalg.norm(mm - VESTIBULE, axis=-1),
        tube([(5.0, 0.0, -1.0), (2.0, 1.0, -0.5), VESTIBULE], 0.9),
    ]
    for name, line in COURSES.items():
        canal = tube([VESTIBULE, *line, VESTIBULE], 0.5)
        if name == gap:
            middle, ahead = np.array(line[6]), np.array(line[7])
            along = np.abs((mm - middle) @ (ahead - middle)) / np.linalg.norm(ahead - middle)
            here = (along < width_mm / 2) & (np.linalg.norm(mm - middle, axis=-1) < 1.5)
            canal = np.where(here, canal - 0.65, canal)
        parts.append(canal)
    return np.max(parts, axis=0).astype(np.float32)


def ct_of(deep, lumen=0.0, bone=1800.0, blur_mm=0.3):
    """HU of such a labyrinth in bone; gaps are as dark as their depth says."""
    share = np.clip(0.5 + deep / (2 * blur_mm), 0.0, 1.0)
    return (bone + (lumen - bone) * share).astype(np.float32)
