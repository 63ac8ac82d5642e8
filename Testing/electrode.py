"""A simulated electrode array in the cochlea of a specimen."""

from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from InnerEarSegLib.types import HELICOTREMA, ROUND_WINDOW, Volume

INSERTED = 0.8
"""Share of the way from the round window to the helicotrema."""

METAL_HU = 8000.0
"""Before the scanner's range clips it to 3071."""

RADIUS_MM = 0.4


def electrode_array(case) -> NDArray[np.bool_]:
    """Return the voxels [k, j, i] of a tube along the middle of a case's cochlear duct."""
    labels, grid = case.labels > 0, case.label_geometry
    depth = -distance_to(labels, grid)
    front = np.where(labels, np.maximum(depth, 0.1) ** 2, 0.0)
    start, end = (nearest(labels, grid, case.landmarks[x]) for x in (ROUND_WINDOW, HELICOTREMA))
    arrival = sitk.GetArrayFromImage(
        sitk.FastMarching(sitk.GetImageFromArray(front), [start[::-1].tolist()])
    )
    arrival[~labels] = np.inf
    around = np.array([step for step in product((-1, 0, 1), repeat=3) if any(step)])
    path = [end]
    while arrival[tuple(path[-1])] > 0:
        near = path[-1] + around
        path.append(near[arrival[tuple(near.T)].argmin()])
    wire = np.zeros(labels.shape, bool)
    wire[tuple(np.array(path[int((1.0 - INSERTED) * len(path)) :]).T)] = True
    return distance_to(wire, grid) < RADIUS_MM


def distance_to(mask, grid):
    """Millimetres to a mask [k, j, i], negative inside."""
    image = Volume(mask.astype(np.uint8), grid).to_sitk()
    return sitk.GetArrayFromImage(
        sitk.SignedMaurerDistanceMap(image, squaredDistance=False, useImageSpacing=True)
    )


def nearest(mask, grid, ras):
    """(k, j, i) of the voxel of a mask that is nearest to a point."""
    voxels = np.argwhere(mask)
    return voxels[np.linalg.norm(grid.to_ras(voxels[:, ::-1]) - ras, axis=1).argmin()]
