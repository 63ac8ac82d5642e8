"""Labyrinths as DICOM Segmentation objects, on their own grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..io.dicom_codes import (
    ANATOMICAL_STRUCTURE,
    INNER_EAR,
    LATERALITY,
    MANUFACTURER,
    SHA256_PARAMETER,
)
from ..report.figures import COLORS
from ..types import AUTOMATIC, RAS_FROM_LPS, Ear, Geometry
from .identity import coded, equipment, new_uid, series_of
from .source import SourceSeries

SAME_LATTICE = 1e-3
"""Voxels by which grids may be off one lattice: it moves a surface by less than 0.001 mm."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Ears on one grid: uint8 [k, j, i], n inside the n-th ear's labyrinth, 0 outside; RAS mm."""

    array: NDArray[np.uint8]
    geometry: Geometry
    ears: tuple[Ear, ...]


def labels_of(ears: Sequence[Ear]) -> list[Labels]:
    """Put ears whose grids are parts of one lattice on one grid; others stay by themselves.

    Nothing is resampled, so that voxels are those of the result. Ears without a voxel are left out.
    """
    groups: list[list[Ear]] = []
    for ear in ears:
        if not ear.labyrinth.any():
            continue
        for group in groups:
            if _offset(ear.geometry, group[0].geometry) is not None:
                group.append(ear)
                break
        else:
            groups.append([ear])
    return [_joined(group) for group in groups]


def _joined(ears: Sequence[Ear]) -> Labels:
    lattice = ears[0].geometry
    firsts = [_offset(ear.geometry, lattice) for ear in ears]
    places = [
        (np.zeros(3, np.int64) if first is None else first, np.array(ear.labyrinth.shape[::-1]))
        for first, ear in zip(firsts, ears, strict=True)
    ]
    low = np.min([first for first, _ in places], axis=0)
    high = np.max([first + size for first, size in places], axis=0)
    array = np.zeros((high - low)[::-1], np.uint8)
    for number, (ear, (first, size)) in enumerate(zip(ears, places, strict=True), start=1):
        i, j, k = (slice(a, a + n) for a, n in zip(first - low, size, strict=True))
        array[k, j, i][ear.labyrinth != 0] = number
    return Labels(array, lattice.part(low, array.shape), tuple(ears))


def _offset(grid: Geometry, lattice: Geometry) -> NDArray[np.int64] | None:
    """Return the IJK index on a lattice of a grid's first voxel; None if they are staggered."""
    corners = np.array([*np.ndindex(2, 2, 2)]) * (np.array(grid.shape[::-1]) - 1)
    mapped = lattice.to_ijk(grid.to_ras(corners))
    offset = np.round(mapped[0])
    if np.abs(mapped - corners - offset).max() > SAME_LATTICE:
        return None
    return offset.astype(np.int64)


def segmentation_object(
    labels: Labels, source: SourceSeries, series_uid: str, instance: int
) -> Any:
    """Return a highdicom Segmentation, not yet filed under the source's patient."""
    import highdicom

    lps = RAS_FROM_LPS @ labels.geometry.ijk_to_ras
    affine = np.eye(4)
    affine[:3, :3] = _right_angled(lps[:3, :3])[:, ::-1]  # highdicom's index is slice, row, column
    middle = (np.array(labels.array.shape) - 1) / 2.0
    affine[:3, 3] = lps[:3, 3] + lps[:3, :3] @ middle[::-1] - affine[:3, :3] @ middle
    volume = highdicom.Volume(
        labels.array, affine, "PATIENT", frame_of_reference_uid=source.frame_of_reference
    )
    return highdicom.seg.Segmentation(
        source_images=source.headers,
        pixel_array=volume,
        segmentation_type="BINARY",
        segment_descriptions=[
            _description(number, ear) for number, ear in enumerate(labels.ears, start=1)
        ],
        content_label="LABYRINTH",
        content_description="Bony labyrinth",
        content_creator_name=f"{MANUFACTURER}^",
        **series_of("segmentation", instance, series_uid),
        **equipment(),
    )


def _right_angled(axes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn axes (3, 3) in mm to exact right angles: headers round them to six digits or fewer.

    By the polar decomposition, which turns each of them least.
    """
    lengths = np.linalg.norm(axes, axis=0)
    u, _, vt = np.linalg.svd(axes / lengths)
    return np.asarray(u @ vt * lengths, np.float64)


def _description(number: int, ear: Ear) -> Any:
    import highdicom
    from pydicom.sr.codedict import codes

    algorithm = highdicom.AlgorithmIdentificationSequence(
        name=ear.model.name[:64],
        family=codes.DCM.ArtificialIntelligence,
        version=(ear.model.version or "unknown")[:64],
        source=MANUFACTURER,
    )
    if ear.model.sha256:
        algorithm[0].AlgorithmParameters = f"{SHA256_PARAMETER}{ear.model.sha256}"
    description = highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=f"Labyrinth {ear.side}",
        segmented_property_category=coded(ANATOMICAL_STRUCTURE),
        segmented_property_type=coded(INNER_EAR),
        algorithm_type="AUTOMATIC" if ear.segment == AUTOMATIC else "SEMIAUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=new_uid(),
        tracking_id=f"Labyrinth {ear.side}",
        display_color=highdicom.color.CIELabColor.from_rgb(*COLORS[ear.side]),
    )
    kind = description.SegmentedPropertyTypeCodeSequence[0]
    kind.SegmentedPropertyTypeModifierCodeSequence = [coded(LATERALITY[ear.side])]
    return description
