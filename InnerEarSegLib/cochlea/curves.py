"""Curves as rows of points: lengths along them, points between, smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .frame import Vector


def lengths_along(points: Vector) -> Vector:
    """Length in mm from the first of points (n, 3) to each: (n,)."""
    return np.append(0.0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1)))


def interpolated(at: Any, places: ArrayLike, values: Vector) -> Vector:
    """Values (m, d) at m places, linear between values (n, d) at places (n,) that increase."""
    return np.stack([np.interp(at, np.asarray(places), column) for column in values.T], axis=-1)


def smoothed(values: Vector, sigma: float, wrap: bool = False) -> Vector:
    """Smooth values (n, ...) along the first axis by a normal distribution, sigma in steps.

    Values go on as they end, or around with ``wrap``.
    """
    reach = round(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    index = np.arange(len(values))[:, None] + np.arange(-reach, reach + 1)
    index = index % len(values) if wrap else np.clip(index, 0, len(values) - 1)
    return np.asarray(np.einsum("ij...,j->i...", values[index], kernel / kernel.sum()), np.float64)
