"""Distances to the plain shapes that a head is made of: negative inside, mm.

Points are (n, 3) float32; distances are (n,) float32, right at the surface and near enough
elsewhere: they are only used to paint a surface and to keep shapes apart.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .implicit import Array

Vector = Sequence[float] | NDArray


def ellipsoid(
    points: Array, center: Vector, semi_axes: Vector, turn: NDArray | None = None
) -> Array:
    """Distance to an ellipsoid, right to first order; ``turn`` (3, 3) has its axes in its rows."""
    offset = points - np.asarray(center, np.float32)
    if turn is not None:
        offset = offset @ turn.T.astype(np.float32)
    sizes = np.asarray(semi_axes, np.float32)
    scaled: Array = offset / sizes
    far, slope = _length(scaled), _length(scaled / sizes)
    # In the very middle both are 0; there the distance is the least semi-axis.
    middle = slope < 1e-6
    slope[middle] = 1.0
    result: Array = far * (far - np.float32(1.0)) / slope
    result[middle] = -float(np.min(semi_axes))
    return result


def capsule(points: Array, start: Vector, end: Vector, first: float, last: float) -> Array:
    """Distance to a rod with round ends whose radius goes from ``first`` to ``last`` mm."""
    begin = np.asarray(start, np.float32)
    way = np.asarray(end, np.float32) - begin
    offset = points - begin
    along = np.clip(offset @ way / (way @ way), 0.0, 1.0)
    gap = _length(offset - along[:, None] * way)
    return gap - (first + (last - first) * along).astype(np.float32)


def box(points: Array, center: Vector, half: Vector, rounding: float = 2.0) -> Array:
    """Distance to a box with edges rounded by ``rounding`` mm; ``half`` is half of its size."""
    beyond = np.abs(points - np.asarray(center, np.float32))
    beyond -= np.asarray(half, np.float32) - np.float32(rounding)
    outside = _length(np.maximum(beyond, 0.0))
    return outside + np.minimum(beyond.max(axis=1), 0.0) - np.float32(rounding)


def chain(points: Array, nodes: Sequence[Vector], radii: Sequence[float]) -> Array:
    """Distance to rods from node to node."""
    result = capsule(points, nodes[0], nodes[1], radii[0], radii[1])
    for n in range(1, len(nodes) - 1):
        piece = capsule(points, nodes[n], nodes[n + 1], radii[n], radii[n + 1])
        result = np.minimum(result, piece)
    return result


def union(*distances: Array) -> Array:
    """The least of several distances."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def smooth_maximum(a: Array, b: Array, width: float) -> Array:
    """Intersection of two shapes with its edge rounded over ``width`` mm."""
    overlap = np.maximum(width - np.abs(a - b), 0.0)
    return np.maximum(a, b) + overlap**2 / (4.0 * width)


def _length(vectors: NDArray) -> Array:
    # Several times faster than a sum along so short an axis.
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
