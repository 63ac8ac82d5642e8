"""The region of a CT to search for ears."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Geometry

CENTER_REACH_MM = 15.0
"""A labyrinth is up to 20 mm long, and a point set by hand lies somewhere in it."""


@dataclass(frozen=True, eq=False)
class Region:
    """A box along RAS in which the ear's centre lies: RAS mm, and from it to the faces, (3,)."""

    center: NDArray[np.float64]
    half_mm: NDArray[np.float64]

    @property
    def low(self) -> NDArray[np.float64]:
        """RAS mm of the corner of least R, A and S."""
        return self.center - self.half_mm

    @property
    def high(self) -> NDArray[np.float64]:
        """RAS mm of the opposite corner."""
        return self.center + self.half_mm

    def meets(self, scan: Geometry) -> bool:
        """Return whether it reaches into the box along RAS around a scan."""
        low, high = scan.corners.min(axis=0), scan.corners.max(axis=0)
        return bool(np.all(self.low < high) and np.all(self.high > low))

    def holds(self, point: NDArray[np.float64]) -> bool:
        """Return whether a RAS point lies inside."""
        return bool(np.all(np.abs(point - self.center) <= self.half_mm))


def region_of(
    center: str | Sequence[float] | None, roi: str | Sequence[float] | None
) -> Region | None:
    """Return the region that the user gave, in mm; None for the whole CT.

    ``center`` is "R,A,S", in or near the ear; ``roi`` "R,A,S,dR,dA,dS", with full edge lengths;
    in Python also as numbers.
    """
    point = _numbers(center, 3, "R,A,S in mm, such as --center=-41.5,12,-3")
    box = _numbers(roi, 6, "R,A,S,dR,dA,dS in mm, such as --roi=-41.5,12,-3,40,40,40")
    if point is not None and box is not None:
        raise UnusableInput("Give either --center or --roi, not both.")
    if point is not None:
        return Region(point, np.full(3, CENTER_REACH_MM))
    if box is None:
        return None
    if box[3:].min() <= 0:
        raise UnusableInput(f"{roi!r} has an edge that is not longer than 0 mm.")
    return Region(box[:3], box[3:] / 2.0)


def _numbers(
    given: str | Sequence[float] | None, count: int, form: str
) -> NDArray[np.float64] | None:
    """Return the finite numbers of an option; None without one."""
    if given is None or (isinstance(given, str) and not given):
        return None
    try:
        values = [float(part) for part in (given.split(",") if isinstance(given, str) else given)]
    except (TypeError, ValueError):
        values = []
    if len(values) != count or not all(map(math.isfinite, values)):
        raise UnusableInput(f"{given!r} is not {form}.")
    return np.array(values)
