"""Compare masks, landmarks and sides with a reference."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..types import Ear, Geometry, Segmentation, Volume, dice

if TYPE_CHECKING:
    from ..io.case import Case

SURFACE_DICE_MM = 0.1
"""Tolerance of the surface Dice."""

NEAR_MM = 15.0
"""Largest distance between the middle of an ear and that of its landmarks; the two ears of a head
are more than 60 mm apart."""

Mask = NDArray[np.uint8] | NDArray[np.bool_]

# Surface within a cube of 2 x 2 x 2 voxel centres, by which of them lie inside the mask: area
# vectors in eighths of a voxel face (Lorensen and Cline 1987; the triangles of Nikolov et al. 2021,
# doi:10.2196/26151). Turned, mirrored and complementary patterns have the same surface.
_FACETS: dict[int, list[tuple[int, int, int]]] = {
    1: [(1, 1, 1)],
    3: [(2, 2, 0)] * 2,
    6: [(1, 1, 1)] * 2,
    7: [(1, 1, 1), (2, 2, 2), (4, 0, 0)],
    15: [(4, 0, 0)] * 2,
    22: [(1, 1, 1)] * 3,
    23: [(1, 1, 1), (2, 2, 2)] * 2,
    24: [(1, 1, 1)] * 2,
    25: [(0, 2, 2), (0, 2, 2), (1, 1, 1)],
    27: [(0, 2, 2), (1, 1, 1), (2, 0, 2), (3, 3, 3)],
    30: [(1, 1, 1), (1, 1, 1), (2, 2, 2), (4, 0, 0)],
    60: [(2, 2, 0)] * 4,
    105: [(1, 1, 1)] * 4,
}
_BITS = 2 ** np.arange(7, -1, -1).reshape(2, 2, 2)


@dataclass(frozen=True)
class MaskMetrics:
    """A mask against its reference.

    Attributes:
        dice: 2 |A ∩ B| / (|A| + |B|).
        iou: |A ∩ B| / |A ∪ B|.
        average_hausdorff_voxels: mean over both directions of the mean distance from *all voxels*
            of one mask to the nearest voxel of the other (0 where they overlap), in voxels:
            (mean_a min_b |a - b| + mean_b min_a |a - b|) / 2, Aydin et al. 2021,
            doi:10.1186/s41747-020-00200-2. Much smaller than a surface distance.
        average_hausdorff_mm: the same in mm.
        assd_mm: average symmetric surface distance, over the surface voxels of both
            (Yeghiazaryan and Voiculescu 2018, doi:10.1117/1.JMI.5.1.015006).
        hd95_mm: 95th percentile of the surface distance, the larger of both directions.
        hd_mm: its maximum (the Hausdorff distance).
        surface_dice: share of both surfaces within SURFACE_DICE_MM of the other, by area
            (Nikolov et al. 2021). Surfaces lie between voxels and coincide or are a voxel and more
            apart, so this tolerance counts what coincides.
        volume_error: (found - reference) / reference.

    The defaults are those of a labyrinth without a voxel on the reference's grid: it has no
    overlap, and no distances.
    """

    dice: float = 0.0
    iou: float = 0.0
    average_hausdorff_voxels: float | None = None
    average_hausdorff_mm: float | None = None
    assd_mm: float | None = None
    hd95_mm: float | None = None
    hd_mm: float | None = None
    surface_dice: float = 0.0
    volume_error: float | None = None


def compare_masks(found: Mask, truth: Mask, spacing: NDArray[np.float64]) -> MaskMetrics:
    """Compare masks [k, j, i], ``spacing`` (k, j, i) in mm; ValueError if one has no voxel."""
    if not found.any() or not truth.any():
        raise ValueError("both masks need a voxel")
    where = np.argwhere(found | truth)  # the rest of the grid costs time
    box = tuple(slice(a, b + 1) for a, b in zip(where.min(axis=0), where.max(axis=0), strict=True))
    a, b = (np.pad(mask[box].astype(bool), 1) for mask in (found, truth))
    surface = surface_distances(a, b, spacing)
    in_voxels, in_mm = (
        float(np.mean([direction.mean() for direction in _distances(a, b, edges)]))
        for edges in (np.ones(3), spacing)
    )
    return MaskMetrics(
        dice=dice(a, b),
        iou=int((a & b).sum()) / int((a | b).sum()),
        average_hausdorff_voxels=in_voxels,
        average_hausdorff_mm=in_mm,
        assd_mm=float(np.concatenate(surface).mean()),
        hd95_mm=float(max(np.percentile(direction, 95) for direction in surface)),
        hd_mm=float(max(direction.max() for direction in surface)),
        surface_dice=_surface_dice(a, b, spacing),
        volume_error=(int(a.sum()) - int(b.sum())) / int(b.sum()),
    )


def surface_voxels(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of a mask [k, j, i] with a face towards the outside or the border."""
    from scipy.ndimage import binary_erosion

    return mask & ~binary_erosion(mask)


def surface_distances(
    found: NDArray[np.bool_], truth: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the distance in mm of each surface voxel to the other surface, in both directions.

    Both masks [k, j, i] have a voxel; ``spacing`` is (k, j, i) mm.
    """
    return _distances(surface_voxels(found), surface_voxels(truth), spacing)


def _distances(
    a: NDArray[np.bool_], b: NDArray[np.bool_], spacing: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of each voxel of one mask to the nearest one of the other, in both directions."""
    from scipy.ndimage import distance_transform_edt

    to_a, to_b = (distance_transform_edt(~mask, sampling=spacing) for mask in (a, b))
    return to_b[a], to_a[b]


def _surface_dice(a: NDArray[np.bool_], b: NDArray[np.bool_], spacing: NDArray) -> float:
    """Share of both surfaces that is near the other; masks [k, j, i] with an empty border."""
    areas = _areas(spacing)
    codes = [
        sum(
            bit * mask[tuple(slice(o, n - 1 + o) for o, n in zip(at, mask.shape, strict=True))]
            for at, bit in np.ndenumerate(_BITS)
        )
        for mask in (a, b)
    ]
    crossed = [(code > 0) & (code < 255) for code in codes]
    near = [mm <= SURFACE_DICE_MM for mm in _distances(crossed[0], crossed[1], spacing)]
    area = [areas[code[cubes]] for code, cubes in zip(codes, crossed, strict=True)]
    inside = sum(float(of[which].sum()) for of, which in zip(area, near, strict=True))
    return inside / float(sum(of.sum() for of in area))


def _areas(spacing: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area in mm² of the surface in a cube, by the pattern of its corners, (256,)."""
    faces = spacing.prod() / spacing
    areas = np.zeros(256)
    for code, facets in _FACETS.items():
        corners = (code & _BITS) > 0
        for axes in itertools.permutations(range(3)):
            area = np.linalg.norm(np.array(facets)[:, axes] / 8.0 * faces, axis=1).sum()
            for steps in itertools.product((1, -1), repeat=3):
                turned = corners.transpose(axes)[tuple(slice(None, None, step) for step in steps)]
                same = int(_BITS[turned].sum())
                areas[[same, 255 - same]] = area
    return areas


def on_grid(ear: Ear, geometry: Geometry) -> NDArray[np.uint8]:
    """Resample an ear's mask to another grid, nearest voxel: uint8 [k, j, i]."""
    return Volume(ear.labyrinth, ear.geometry).on(geometry, nearest=True).array


def on_common_grid(
    ear: Ear, labels: NDArray[np.uint8], geometry: Geometry
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int64]]:
    """Put an ear and its reference on the reference's grid, continued to hold the whole ear.

    Slicer saves segmentations cropped to their segments; what was found beside such a map is as
    wrong as beside one of the whole CT. The ear has a voxel on the grid (``geometry``) of the
    labels.

    Return both masks, uint8 [k, j, i]; and how many voxels beyond the reference's own grid each
    voxel of the ear lies, (n,).
    """
    shape = np.array(geometry.shape)
    voxels = np.argwhere(ear.labyrinth)
    ends = zip(voxels.min(axis=0) - 0.5, voxels.max(axis=0) + 0.5, strict=True)
    outer = np.array(list(itertools.product(*ends)))[:, ::-1]
    corners = geometry.to_ijk(ear.geometry.to_ras(outer))[:, ::-1]
    low = np.maximum(0, -np.ceil(corners.min(axis=0))).astype(int)
    high = np.maximum(0, np.floor(corners.max(axis=0)) - (shape - 1)).astype(int)
    matrix = geometry.ijk_to_ras.copy()
    matrix[:3, 3] = geometry.to_ras(-low[::-1])
    k, j, i = map(int, low + shape + high)
    found = on_grid(ear, Geometry(matrix, (k, j, i)))
    where = np.argwhere(found) - low
    beyond = np.maximum(0, np.maximum(-where, where - (shape - 1)).max(axis=1))
    return found, np.pad(labels, np.stack([low, high], axis=1)), beyond


def ear_of(result: Segmentation, case: Case) -> Ear | None:
    """Return the ear that a reference describes; None if it was not found.

    If the reference has a side, it is the ear of that side, unless another one lies at the
    reference; an ear of the other side only then, and it is of the wrong side. Without a side, it
    is the ear that lies at the reference, or, if none does or there is nothing to tell where, the
    surest one, by the mean confidence of its landmarks.
    """
    there = [ear for ear in result.ears if _lies_at_reference(ear, case)]
    if case.side is None:
        return max(
            there or result.ears, default=None,
            key=lambda ear: float(np.mean([landmark.confidence for landmark in ear.landmarks])),
        )  # fmt: skip
    of_side = [ear for ear in result.ears if ear.side == case.side]
    ranked = [*(ear for ear in there if ear.side == case.side), *there, *of_side]
    return ranked[0] if ranked else None


def _lies_at_reference(ear: Ear, case: Case) -> bool:
    """Whether an ear overlaps the reference's labels, or lies about where its landmarks do."""
    if case.labels is not None and (on_grid(ear, case.label_geometry) & case.labels).any():
        return True
    if not case.landmarks:
        return False
    middle = np.mean(list(case.landmarks.values()), axis=0)
    return float(np.linalg.norm(ear.geometry.center - middle)) < NEAR_MM


def bootstrap_interval(values: ArrayLike, resamples: int = 10_000) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean of cases drawn with replacement."""
    from scipy.stats import bootstrap

    array = np.asarray(values, dtype=float)
    if len(array) < 2 or np.ptp(array) == 0.0:
        return float(array.min()), float(array.max())
    interval = bootstrap(
        (array,), np.mean, n_resamples=resamples, method="percentile", rng=np.random.default_rng(0)
    ).confidence_interval
    return float(interval.low), float(interval.high)
