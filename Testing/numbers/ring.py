"""A ring as a cochlea: every measure of it is known by hand."""

import numpy as np

from InnerEarSegLib.cochlea.frame import POINTS, TEMPLATE
from InnerEarSegLib.types import Geometry, apply_affine

RING_MM, TUBE_MM = 2.5, 1.0
"""Radius of the ring's centreline and of its tube: its outer wall is 3.5 mm from the axis."""


def ring_ear(matrix, spacing=0.2):
    """A ring around the average ear's axis, anywhere.

    Args:
        matrix: 4 x 4 from the cochlear frame to RAS; mirrored for a left ear.
        spacing: voxel edge in mm, along the frame's axes.

    Returns:
        Labyrinth [k, j, i], its geometry, and the average ear's points in RAS mm by name.
    """
    size = np.arange(-5.0, 5.0 + spacing / 2, spacing)
    z, y, x = np.meshgrid(size, size, size, indexing="ij")
    mask = (np.hypot(x, y) - RING_MM) ** 2 + z**2 <= TUBE_MM**2
    ijk_to_frame = np.diag([spacing, spacing, spacing, 1.0])
    ijk_to_frame[:3, 3] = size[0]
    points = {name: apply_affine(matrix, TEMPLATE[name]) for name in POINTS}
    return mask.astype(np.uint8), Geometry(matrix @ ijk_to_frame, mask.shape), points
