"""What a CT is like at an ear: how sharp it is there, and whether metal lies in it.

All arrays are [k, j, i] in the canonical window, with cubic voxels.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

PROFILE_MM = 1.4
STEP_MM = 0.1
INNER_MM, OUTER_MM = (-1.0, -0.7), (0.8, 1.2)
"""Where along a profile fluid and bone are, seen from the surface."""

MIN_STEP_HU = 500.0
MIN_BONE_HU = 900.0
MAX_PROFILES = 3000
MIN_PROFILES = 30

METAL_HU = 2800.0
BLURRED_METAL_HU = 2500.0
BLURRED_MM = 0.65
"""What only metal reaches: on sharp CT, and on one whose edges are wider than this, where bone
reaches less and thin metal, too."""

MIN_METAL_MM3 = 1.0
"""Denser bone than this beside the labyrinth has 0.5 mm³ at most in the specimens' own scans, and
none in coarser ones; an electrode array in a cochlea has about 10 mm³."""

METAL_NEAR_MM = 0.6
"""Metal this near to the labyrinth is in or beside it."""


def edge_width_mm(
    ct: NDArray[np.float32], logits: NDArray[np.float32], spacing_mm: float
) -> float | None:
    """Width of the edge between lumen and bone: about the CT's full width at half maximum.

    The step between the two divided by the steepest slope, along normals of the surface where
    lumen and bone are both wide; the median over all of these.

    Args:
        ct: HU.
        logits: of the labyrinth.
        spacing_mm: voxel edge.

    Returns:
        None where too little surface lies between wide lumen and bone.
    """
    inside = logits > 0
    eroded = sitk.GetArrayFromImage(
        sitk.BinaryErode(sitk.GetImageFromArray(inside.astype(np.uint8)), [1, 1, 1])
    )
    surface = np.argwhere(inside & (eroded == 0))
    surface = surface[:: max(1, len(surface) // MAX_PROFILES)]
    outwards = _outwards(logits, surface)
    at = np.arange(-PROFILE_MM, PROFILE_MM + STEP_MM / 2, STEP_MM)
    points = surface[:, None] + outwards[:, None] * at[None, :, None] / spacing_mm
    hu, logit = (_at(values, points) for values in (ct, np.clip(logits, -8.0, 8.0)))
    lumen = (at >= INNER_MM[0]) & (at <= INNER_MM[1])
    bone = (at >= OUTER_MM[0]) & (at <= OUTER_MM[1])
    wide = (logit[:, (at <= -0.3) & (at >= INNER_MM[0])] > 0).all(axis=1)
    wide &= (logit[:, (at >= 0.4) & (at <= OUTER_MM[1])] < 0).all(axis=1)
    low, high = hu[:, lumen].mean(axis=1), hu[:, bone].mean(axis=1)
    wide &= (high - low >= MIN_STEP_HU) & (high >= MIN_BONE_HU)
    if wide.sum() < MIN_PROFILES:
        return None
    slopes = (hu[:, 3:] - hu[:, :-3]) / (3 * STEP_MM)
    middle = np.abs(at[1:-2] + STEP_MM / 2) <= 0.7
    steepest = slopes[:, middle].max(axis=1)
    return float(np.median((high - low)[wide] / np.maximum(steepest[wide], 1.0)))


def metal_mm3(
    ct: NDArray[np.float32],
    logits: NDArray[np.float32],
    spacing_mm: float,
    edge_mm: float | None = None,
) -> float:
    """Volume of the largest piece of metal in or beside the labyrinth, 0 without any.

    Args:
        ct: HU.
        logits: of the labyrinth.
        spacing_mm: voxel edge.
        edge_mm: from ``edge_width_mm``.
    """
    blurred = edge_mm is not None and edge_mm > BLURRED_MM
    bright = ct >= (BLURRED_METAL_HU if blurred else METAL_HU)
    if not bright.any():
        return 0.0
    reach = [round(METAL_NEAR_MM / spacing_mm)] * 3
    mask = sitk.GetImageFromArray((logits > 0).astype(np.uint8))
    near = sitk.GetArrayFromImage(sitk.BinaryDilate(mask, reach)) > 0
    parts = sitk.GetArrayFromImage(
        sitk.ConnectedComponent(sitk.GetImageFromArray((bright & near).astype(np.uint8)), False)
    )
    sizes = np.bincount(parts.ravel())[1:]
    return float(sizes.max(initial=0)) * spacing_mm**3


def _outwards(logits: NDArray[np.float32], surface: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unit normals (n, 3) over (k, j, i) at voxels (n, 3), out of the labyrinth."""
    smooth = torch.from_numpy(np.clip(logits, -4.0, 4.0))[None, None]
    for _ in range(2):
        smooth = F.avg_pool3d(smooth, 3, stride=1, padding=1)
    steps = np.concatenate([np.eye(3), -np.eye(3)])
    values = _at(smooth[0, 0].numpy(), surface[:, None] + steps[None])
    gradient = (values[:, 3:] - values[:, :3]).astype(np.float64)
    return gradient / np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-6)


def _at(values: NDArray[np.float32], points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Trilinear values [n, m] at (k, j, i) points (n, m, 3)."""
    size = np.array(values.shape) - 1
    grid = torch.from_numpy((2.0 * points / size - 1.0)[None, None, :, :, ::-1].copy()).float()
    source = torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))[None, None]
    sampled = F.grid_sample(source, grid, padding_mode="border", align_corners=True)
    return sampled[0, 0, 0].numpy()
