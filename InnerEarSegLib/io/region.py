"""Where the user said to look."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import UnusableInput
from ..types import Geometry

CENTER_REACH_MM = 15.0
"""A labyrinth is up to 20 mm long, and a point set by hand lies somewhere in it."""


@dataclass(frozen=True, eq=False)
class Region:
    """A box along RAS in which the ear's centre lies.

    Attributes:
        center: RAS mm, (3,).
        half_mm: from the centre to the faces along R, A and S, (3,).
    """

    center: NDArray[np.float64]
    half_mm: NDArray[np.float64]

    @classmethod
    def around(cls, point: tuple[float, float, float]) -> Region:
        """The region of a point set in or near an ear."""
        return cls(np.array(point, dtype=np.float64), np.full(3, CENTER_REACH_MM))

    @classmethod
    def box(cls, numbers: tuple[float, float, float, float, float, float]) -> Region:
        """The region of a box: centre R, A, S and full edge lengths along them, in mm."""
        return cls(np.array(numbers[:3]), np.abs(np.array(numbers[3:])) / 2.0)

    @property
    def low(self) -> NDArray[np.float64]:
        """RAS mm of the corner of least R, A and S."""
        return self.center - self.half_mm

    @property
    def high(self) -> NDArray[np.float64]:
        """RAS mm of the opposite corner."""
        return self.center + self.half_mm

    def meets(self, scan: Geometry) -> bool:
        """Whether it reaches into the box along RAS around a scan."""
        corners = scan.corners
        return bool(
            np.all(self.low < corners.max(axis=0)) and np.all(self.high > corners.min(axis=0))
        )

    def holds(self, point: NDArray[np.float64]) -> bool:
        """Whether a RAS point lies inside."""
        return bool(np.all(np.abs(point - self.center) <= self.half_mm))


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
    pass

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
