"""Turn stored values into Hounsfield units, or refuse them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput

AIR = -1024
"""Everything below is padding: scanners write -2000 or -3024 outside the scan circle."""

MAX_HU = 32767
"""More than the densest metal; also what int16 holds."""

MAX_MISSING = 0.01
"""Share of voxels that may be NaN, infinite or beyond all HU."""

MIN_RANGE = 200
MIN_LEVELS = 32
"""A CT has noise and so thousands of different values; label maps have a few."""

MAX_BELOW, MAX_RINGING = 0.001, 0.05
"""Share of voxels below 0 in files of unsigned values: of stray ones, and of those where resampling
with a sharp kernel overshoots beside air. A temporal bone with air in HU has more of either."""

SAMPLE, FEW = 2_000_000, 200_000
"""Voxels to look at for a share, and for the number of different values."""


def to_hounsfield(
    stored: NDArray[Any], slope: float, intercept: float, what: object
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Rescale, clean and check the values of a CT.

    Args:
        stored: [k, j, i], any integer or floating type; may be overwritten.
        slope, intercept: stored values times ``slope`` plus ``intercept`` should be HU.
        what: the file or folder, for sentences.

    Return [k, j, i], int16 where the values are whole, else float32, none below AIR; and warnings.
    Raise UnusableInput if these are no HU.
    """
    array, warnings = _rescaled(stored, slope, intercept), []
    if array.dtype.kind == "f":
        missing = 0
        for part in array:  # slice by slice: no mask of the whole volume
            wrong = ~np.isfinite(part)
            missing += int(np.count_nonzero(wrong))
            part[wrong] = AIR
        if missing > MAX_MISSING * array.size:
            raise UnusableInput(
                f"{what} holds {missing / array.size:.0%} voxels that are not numbers (NaN or "
                "infinite), too many to be padding."
            )
        if missing:
            warnings.append(f"{missing} voxels were not numbers and are taken for air.")
    lowest, highest = array.min().item(), array.max().item()
    if lowest == highest:
        raise UnusableInput(f"{what} is empty: all its voxels are {lowest:g}.")
    sample, few = _sample(array, SAMPLE), _sample(array, FEW)
    levels = len(np.unique(few[few > AIR]))
    real = sample[sample > AIR]  # neither missing nor padding, which say nothing of the rest
    low, high = (real.min().item(), real.max().item()) if real.size else (AIR, AIR)
    offset = _unsigned_offset(real) if real.size else 0
    why, perhaps = "", " (a label map, perhaps)"
    if high - low < MIN_RANGE:
        why = f"values from {low:g} to {high:g}"
    elif np.count_nonzero(sample > 2 * MAX_HU) > MAX_MISSING * sample.size:
        why, perhaps = f"values up to {highest:g}", ""
    elif levels < MIN_LEVELS:
        why = f"only {levels} different values"
    elif offset is None:
        why = "next to no value below 0, so no air"
        perhaps = " (an MR, perhaps, or values that were shifted or cut off)"
    if why:
        raise UnusableInput(f"{what} has {why}; that is no CT in Hounsfield units{perhaps}.")
    if offset:
        if array.dtype.kind == "f":
            array = array - np.asarray(offset, array.dtype)  # not in place: it may be the caller's
        else:
            fits = array.dtype.itemsize <= 2
            clipped = array if fits else np.clip(array, max(lowest, AIR), 2 * MAX_HU)
            array = clipped.astype(np.int32) - offset
        warnings.append(f"The values were stored without sign; {offset} was subtracted.")
    return _compact(array), tuple(warnings)


def _unsigned_offset(values: NDArray[Any]) -> int | None:
    """Return what was added to HU to fit an unsigned type: 0 for HU, None if that is not certain.

    CT values start at -1024, so files of unsigned values hold HU + 1024 or HU + 1000. In such a
    file air lies at 0 to 200, hardly anything lies between air and fat, and there is a narrow
    peak of soft tissue at 1000 to 1100, or, in a crop of a temporal bone, dense bone above 2950,
    which is more than bone has in HU. Dense bone alone is no proof if more than stray values lie
    below 0.
    """

    def density(low: float, high: float) -> float:
        return np.count_nonzero((values >= low) & (values < high)) / values.size / (high - low)

    below = np.count_nonzero(values < 0) / values.size
    if below > MAX_RINGING:
        return 0
    stray = below < MAX_BELOW
    air, valley = density(0, 250), density(300, 750)
    soft_peak = density(980, 1130) > 3 * max(valley, density(1250, 1600))
    dense_bone = stray and np.count_nonzero(values > 2950) > 0.01 * values.size
    if air * 250 < 0.03 or valley > 0.5 * air or not (soft_peak or dense_bone):
        return None if stray else 0
    # Air, apart from what was cut off at 0, is at 24 in HU + 1024.
    near = values[(values > 0) & (values < 200)]
    return 1024 if near.size and float(np.median(near)) > 12 else 1000


def _rescaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    if slope == 1 and intercept == 0:
        return stored
    whole = float(slope).is_integer() and float(intercept).is_integer()
    short = stored.dtype.kind in "iu" and stored.dtype.itemsize <= 2
    exact = whole and short and max(abs(slope), abs(intercept)) < 2**15
    scaled: NDArray[Any] = stored.astype(np.int32 if exact else np.float32)
    scaled *= np.asarray(slope, scaled.dtype)
    scaled += np.asarray(intercept, scaled.dtype)
    return scaled


def _sample(array: NDArray[Any], count: int) -> NDArray[Any]:
    step = max(1, array.size // count)
    # A step that shares no factor with the rows' length sees all columns.
    while step > 1 and np.gcd(step, array.shape[2]) != 1:
        step += 1
    return array.reshape(-1)[::step]


def _compact(array: NDArray[Any]) -> NDArray[Any]:
    """Clip to AIR and MAX_HU, as int16 or float32; in place, to hold large volumes once."""
    if array.dtype.kind in "iu":
        low = AIR if array.dtype.kind == "i" and array.dtype.itemsize > 1 else array.min()
        high = min(MAX_HU, np.iinfo(array.dtype).max)
        return np.clip(array, low, high, out=array).astype(np.int16, copy=False)
    return np.clip(array, AIR, MAX_HU, out=array).astype(np.float32, copy=False)
