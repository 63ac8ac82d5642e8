"""Signed distances in mm: negative inside, changing by at most 1 mm per mm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ..types import trilinear
from .anatomy import Anatomy, Ellipsoid, Tube

Array = NDArray[np.float32]
Distance = Callable[[Array], Array]
"""From points (n, 3) in mm to signed distances (n,) in mm."""

Vector = Sequence[float] | NDArray

LATTICE = 0.8
"""mm between the nodes of the coarse lattice."""

REACH = 4.0
"""mm within which a ray from inside the labyrinth leaves it."""

_CHUNK = 8192
_BLEND = 0.5
"""mm over which the parts of the labyrinth are rounded into each other."""


def labyrinth_distance(anatomy: Anatomy, points: Array) -> Array:
    """(n,) mm from (n, 3) points to the wall of the lumen, negative inside."""
    distance = ellipsoid_distance(anatomy.vestibule, points)
    superior, posterior, *lateral = anatomy.canals
    apart = [*lateral, anatomy.cochlea, *([anatomy.aqueduct] if anatomy.aqueduct else [])]
    # The two canals of the common crus share their last spheres and must not swell each other.
    crus = np.minimum(tube_distance(superior, points), tube_distance(posterior, points))
    for part in (crus, *(tube_distance(tube, points) for tube in apart)):
        distance = smooth_minimum(distance, part, _BLEND)
    return distance


def tube_distance(tube: Tube, points: Array) -> Array:
    """(n,) mm from (n, 3) points to the surface of a tube."""
    points = np.asarray(points, dtype=np.float32)
    nodes, radii = tube.points.astype(np.float32), tube.radii.astype(np.float32)
    squares = (nodes**2).sum(axis=1)
    result = np.empty(len(points), dtype=np.float32)
    for first in range(0, len(points), _CHUNK):
        block = points[first : first + _CHUNK]
        gap = block @ (-2.0 * nodes.T)
        gap += squares
        gap += (block**2).sum(axis=1, keepdims=True)
        np.maximum(gap, 0.0, out=gap)
        np.sqrt(gap, out=gap)
        gap -= radii
        result[first : first + _CHUNK] = gap.min(axis=1)
    return result


def ellipsoid_distance(ellipsoid: Ellipsoid, points: Array) -> Array:
    """(n,) mm: exact in sign; never more than the true distance elsewhere."""
    local = (np.asarray(points) - ellipsoid.center) @ ellipsoid.axes.T / ellipsoid.semi_axes
    value = (np.linalg.norm(local, axis=1) - 1.0) * ellipsoid.semi_axes.min()
    return value.astype(np.float32)


def smooth_minimum(a: Array, b: Array, width: float) -> Array:
    """Minimum of two distances, rounded where they differ by less than ``width`` mm."""
    overlap = np.maximum(width - np.abs(a - b), 0.0)
    return np.minimum(a, b) - overlap**2 / (4.0 * width)


def leave(distance: Distance, start: NDArray, direction: NDArray) -> NDArray:
    """Return the point (3,) where a ray from inside meets the surface, to 0.001 mm.

    Raises:
        ValueError: the start is outside, or the surface is not within REACH.
    """
    steps = np.linspace(0.0, REACH, 81)
    outside = distance((start + steps[:, None] * direction).astype(np.float32)) > 0
    index = int(outside.argmax())
    if index == 0:
        raise ValueError("The ray does not start inside, or does not leave within its reach.")
    low, high = steps[index - 1], steps[index]
    while high - low > 1e-3:
        middle = (low + high) / 2.0
        point = (start + middle * direction)[None].astype(np.float32)
        low, high = (low, middle) if distance(point)[0] > 0 else (middle, high)
    return start + 0.5 * (low + high) * direction


def distance_map(
    distance: Distance, points: Array, low: NDArray, high: NDArray, exact: bool = True
) -> Array:
    """Evaluate ``distance`` at many points (n, 3) by interpolation from a lattice.

    The lattice covers the box ``low`` to ``high``; beyond it, the box's rim counts. If ``exact``,
    values whose sign the lattice leaves open are computed anew.
    """
    counts = np.ceil((np.asarray(high) - low) / LATTICE).astype(int) + 1
    axes = [low[axis] + LATTICE * np.arange(counts[axis]) for axis in range(3)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = distance(nodes.astype(np.float32))
    position = (points - np.float32(low)) / np.float32(LATTICE)
    result = trilinear(lattice.reshape(counts).T, position)
    if exact:
        # A function that changes by at most 1 mm per mm is interpolated to half a cell's diagonal.
        unsure = np.flatnonzero(np.abs(result) < LATTICE * np.sqrt(3.0) / 2.0 + 0.01)
        result[unsure] = distance(points[unsure])
    return result


def ellipsoid(
    points: Array, center: Vector, semi_axes: Vector, turn: NDArray | None = None
) -> Array:
    """Distance to an ellipsoid, to first order; ``turn`` (3, 3) has its axes in its rows."""
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
    rods = zip(nodes, nodes[1:], radii, radii[1:], strict=False)
    return union(*(capsule(points, *rod) for rod in rods))


def union(*distances: Array) -> Array:
    """The least of several distances."""
    return reduce(np.minimum, distances)


def smooth_maximum(a: Array, b: Array, width: float) -> Array:
    """Intersection of two shapes with its edge rounded over ``width`` mm."""
    return -smooth_minimum(-a, -b, width)


def _length(vectors: NDArray) -> Array:
    # Several times faster than a sum along so short an axis.
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
