"""``--center`` and ``--roi``: where in a CT to look, in RAS mm of the CT."""

from __future__ import annotations

import argparse
import math
from typing import TYPE_CHECKING, Any

from ..errors import UnusableInput

if TYPE_CHECKING:
    from ..finding.region import Region


def center(text: str) -> tuple[float, ...]:
    """R, A and S of a point in or near the ear."""
    return _numbers(text, 3, "R,A,S in mm, such as --center=-41.5,12,-3")


def roi(text: str) -> tuple[float, ...]:
    """R, A and S of a box's centre and its full edge lengths along them."""
    form = "R,A,S,dR,dA,dS in mm, such as --roi=-41.5,12,-3,40,40,40"
    values = _numbers(text, 6, form)
    if min(values[3:]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} has an edge that is not longer than 0 mm")
    return values


def region(center: Any, roi: Any) -> Region | None:
    """Where the user said to look, RAS mm; None for everywhere.

    Args:
        center: three numbers, see ``center``, or None.
        roi: six, see ``roi``, or None.

    Raises:
        UnusableInput: if she said it twice.
    """
    from ..finding.region import Region

    if center and roi:
        raise UnusableInput("Give either --center or --roi, not both.")
    if center:
        return Region.around(center)
    return Region.box(roi) if roi else None


def _numbers(text: str, count: int, form: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise argparse.ArgumentTypeError(f"{text!r} is not {form}")
    return values
