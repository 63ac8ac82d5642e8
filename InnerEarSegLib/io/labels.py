"""Read references: label maps with values, and segmentations of 3D Slicer with names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..process import quiet
from ..types import Geometry

FULL = 0.5
"""Share of voxels that a label map does not exceed; in a CT, hardly a voxel is 0."""

MANY = 256
"""Values that a label map does not exceed; a CT has thousands."""

_SEGMENT = re.compile(r"Segment(\d+)_Name")


def read_labels(
    path: Path, values: Sequence[int] = (), segments: Sequence[str] = ()
) -> tuple[NDArray[np.uint8], Geometry, tuple[str, ...]]:
    """Read a labyrinth from a label map, or from a segmentation with named segments.

    Args:
        path: any 3D image that SimpleITK reads; overlapping segments of a .seg.nrrd are all right.
        values: those that count as labyrinth. Without values and segments, all but 0 do.
        segments: names of segments that do, in any case of letters.

    Return uint8 [k, j, i], 1 inside; its grid; and remarks. Raise UnusableInput if there is no such
    voxel, naming the values and segments that there are.
    """
    try:
        with quiet():
            image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise UnusableInput(
            f"The labels {path} are missing or cannot be read as an image."
        ) from None
    if image.GetDimension() == 4 and image.GetSize()[3] == 1:
        image = image[:, :, :, 0]
    named = {} if image.GetDimension() != 3 else _segments(image)
    if image.GetDimension() != 3 or (image.GetNumberOfComponentsPerPixel() != 1 and not named):
        raise UnusableInput(f"The labels {path} are not one 3D label map; export them as one.")
    array = sitk.GetArrayFromImage(image)
    geometry = Geometry.of_image(image)
    layers = array[..., None] if array.ndim == 3 else array
    if segments:
        return _of_segments(path, layers, named, segments), geometry, ()
    if values and layers.shape[-1] > 1:
        raise UnusableInput(
            f"The labels {path} have segments that overlap and share values; give segments instead "
            f"of label_values: {', '.join(named)}."
        )
    there = np.unique(layers[layers != 0]).tolist()
    chosen = layers != 0 if not values else np.isin(layers, values)
    mask = np.asarray(chosen.any(axis=-1))
    if not mask.any():
        wanted = f" of value {_listed(values)}" if values else ""
        raise UnusableInput(f"The labels {path} hold no voxel{wanted}{_instead(there, named)}.")
    if len(there) > MANY or (not values and mask.mean() > FULL):
        raise UnusableInput(f"The labels {path} look like a CT: they hold {len(there)} values.")
    remarks: tuple[str, ...] = ()
    if absent := [value for value in values if value not in there]:
        remarks = (f"The labels hold no voxel of value {_listed(absent)}{_instead(there, {})}.",)
    if not values and max(len(there), len(named)) > 1:
        what = ", ".join(named) if named else f"the values {_listed(there)}"
        remarks = (f"All labels count as labyrinth: {what}.",)
    return mask.astype(np.uint8), geometry, remarks


def _segments(image: sitk.Image) -> dict[str, tuple[int, int]]:
    """Return layer and value by name of segment; none in an image without segments."""
    about = {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()}
    found = {}
    for key, name in about.items():
        if match := _SEGMENT.fullmatch(key):
            prefix = f"Segment{match[1]}_"
            layer, value = about.get(f"{prefix}Layer", "0"), about.get(f"{prefix}LabelValue", "1")
            numbers = layer.isdecimal() and value.isdecimal()
            if numbers and int(layer) < image.GetNumberOfComponentsPerPixel():
                found[name.strip()] = int(layer), int(value)
    return found


def _of_segments(
    path: Path,
    layers: NDArray[Any],
    named: dict[str, tuple[int, int]],
    segments: Sequence[str],
) -> NDArray[np.uint8]:
    """The union of segments, uint8 [k, j, i]; refuse one that is not there or empty."""
    by_name = {name.lower(): place for name, place in named.items()}
    mask = np.zeros(layers.shape[:3], np.uint8)
    for name in segments:
        if name.lower() not in by_name:
            those = ", ".join(named) or "none; give label_values instead"
            raise UnusableInput(f"The labels {path} hold no segment {name!r}; there are {those}.")
        layer, value = by_name[name.lower()]
        part = layers[..., layer] == value
        if not part.any():
            raise UnusableInput(f"The segment {name!r} in {path} is empty.")
        mask |= part.astype(np.uint8)
    return mask


def _listed(values: Sequence[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _instead(there: Sequence[float], named: Mapping[str, tuple[int, int]]) -> str:
    """What the file holds instead of what was asked for."""
    if named:
        return f"; its segments are {', '.join(named)}"
    if len(there) > MANY:
        return f"; they look like a CT, with {len(there)} values"
    return f"; they hold the values {_listed(there)}" if there else ": they are empty"
