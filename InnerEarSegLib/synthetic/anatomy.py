"""The bony labyrinth as tubes around centrelines and one ellipsoid.

Ear frame, mm, of a left ear: the origin is the centre of the basal turn, z runs along the modiolus
to the apex, x points to the round window's side, y = z cross x. The canals are easier to describe
in a frame turned about x, (x, u, v): u superior, v the normal of the posterior canal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .parameters import (
    ABSENT_LATERAL_CANAL,
    COMMON_CAVITY,
    INCOMPLETE_PARTITION,
    SHORT_LATERAL_CANAL,
    WIDE_AQUEDUCT,
    EarParameters,
)

Array = NDArray[np.float64]

_TILT = np.radians(27.0)
_COS, _SIN = np.cos(_TILT), np.sin(_TILT)
EAR_FROM_CANAL = np.array([[1.0, 0.0, 0.0], [0.0, _COS, _SIN], [0.0, -_SIN, _COS]])
"""3 x 3: columns are the directions x, u and v in the ear frame."""

STEP = 0.12
"""mm between the spheres that make a tube."""


@dataclass(frozen=True, eq=False)
class Tube:
    """The union of spheres along a centreline: ``points`` (n, 3) and ``radii`` (n,), in mm."""

    points: Array
    radii: Array


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """``center`` (3,), ``axes`` (3, 3) with unit vectors in its rows, ``semi_axes`` (3,), in mm."""

    center: Array
    axes: Array
    semi_axes: Array


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A labyrinth in the ear frame: tubes and the vestibule, joined smoothly.

    ``window_rays`` are (start, unit direction) from inside the lumen out through the centre of a
    window; where they leave the lumen is the landmark.
    """

    cochlea: Tube
    canals: tuple[Tube, ...]
    vestibule: Ellipsoid
    helicotrema: Array
    round_window_ray: tuple[Array, Array]
    oval_window_ray: tuple[Array, Array]
    aqueduct: Tube | None = None

    @property
    def tubes(self) -> tuple[Tube, ...]:
        """The cochlea, then the superior, posterior and lateral canal, as far as there are any."""
        return (self.cochlea, *self.canals, *([self.aqueduct] if self.aqueduct else []))

    @property
    def middle(self) -> Array:
        """(3,) middle of the bounding box of the centrelines."""
        points = np.concatenate([tube.points for tube in (self.cochlea, *self.canals)])
        return (points.min(axis=0) + points.max(axis=0)) / 2.0


def build_anatomy(parameters: EarParameters) -> Anatomy:
    """Build the labyrinth that the parameters describe.

    The malformations follow Sennaroglu and Bajin 2017 (doi:10.4274/balkanmedj.2017.0367).
    """
    p, size = parameters, parameters.scale
    if p.malformation == INCOMPLETE_PARTITION:  # type II: one and a half turns, a cystic apex
        p = replace(p, cochlea_turns=1.5, cochlea_rise=0.7 * p.cochlea_rise, apex_lumen_radius=1.3)
    if p.malformation == SHORT_LATERAL_CANAL:
        superior, posterior, _ = p.canal_arc_radii
        p = replace(p, canal_arc_radii=(superior, posterior, 1.6))
    axes = np.array([[0.55, 0.0, -0.835], [0.0, 1.0, 0.0], [0.835, 0.0, 0.55]])
    axes /= np.linalg.norm(axes, axis=1, keepdims=True)
    center = size * np.array([4.75, 3.2, -1.6])
    cochlea = _cavity(size) if p.malformation == COMMON_CAVITY else _cochlea(p)
    length, up, across = axes
    oval = center + size * (-1.35 * length - 0.45 * up + 0.2 * across)
    base = size * np.array([p.basal_radius, 0.0, 0.1])
    return Anatomy(
        cochlea=cochlea,
        canals=_canals(p)[: 2 if p.malformation == ABSENT_LATERAL_CANAL else 3],
        vestibule=Ellipsoid(center, axes, size * np.array(p.vestibule_semi_axes)),
        helicotrema=cochlea.points[-1],
        round_window_ray=(base, np.array([1.0, 0.0, 0.0])),
        oval_window_ray=(oval, across),
        aqueduct=_wide_aqueduct(size) if p.malformation == WIDE_AQUEDUCT else None,
    )


def _cavity(size: float) -> Tube:
    """A cochlea that forms one cavity with the vestibule."""
    points, along = _resample(np.array([[4.2, 1.8, -0.8], [1.0, 0.0, 0.5]]), STEP)
    return Tube(size * points, size * (2.6 - 0.4 * along))


def _wide_aqueduct(size: float) -> Tube:
    """A vestibular aqueduct 2 mm wide, from the vestibule to the posterior fossa; (x, u, v)."""
    controls = np.array([[4.3, 4.0, -1.2], [3.9, 3.5, -3.0], [4.3, 2.9, -4.8], [5.0, 1.9, -6.4]])
    points, along = _resample(_spline(controls @ EAR_FROM_CANAL.T), STEP)
    return Tube(size * points, size * (0.8 + 0.4 * along))


def _cochlea(p: EarParameters) -> Tube:
    """The spiral from the vestibule (negative angles) to the helicotrema."""
    end = 2.0 * np.pi * p.cochlea_turns
    quarter = np.pi / 2.0
    angle = np.linspace(0.0, end, 1200)
    # Cohen's two parts: a steep logarithm in the first quarter turn, then an exponential.
    start = 0.25
    steep = np.log((angle + start) / start) / np.log((quarter + start) / start)
    radius = np.where(
        angle < quarter,
        p.basal_radius + (p.spiral_radius - p.basal_radius) * (0.6 * steep + 0.4 * angle / quarter),
        p.spiral_radius * np.exp(-p.spiral_decay * (angle - quarter)),
    )
    # In the last half turn the spiral closes on the modiolar axis: the helicotrema.
    radius *= 1.0 - 0.7 * np.clip((angle - end) / np.pi + 1.0, 0.0, 1.0) ** 2
    climb = np.clip((angle - quarter) / (end - quarter), 0.0, 1.0)
    height = p.cochlea_rise * np.sin(quarter * climb**1.1)
    height = height - 0.25 * np.sin(np.minimum(angle, np.pi)) + 0.1
    points = np.stack([radius * np.cos(angle), -radius * np.sin(angle), height], axis=1)
    lumen = p.base_lumen_radius + (p.apex_lumen_radius - p.base_lumen_radius) * (angle / end) ** 0.8
    points, along = _resample(points, STEP)
    angle, lumen = (np.interp(along, np.linspace(0, 1, 1200), v) for v in (angle, lumen))
    lumen = _keep_septum(points, angle, lumen, p.septum)
    hook = np.array([[4.45, 2.7, -0.9], [p.basal_radius + 0.05, 1.3, -0.3], points[0]])
    hook = _resample(_spline(hook), STEP)[0][:-1]
    lumen = np.concatenate([np.full(len(hook), p.base_lumen_radius), lumen])
    return Tube(p.scale * np.concatenate([hook, points]), p.scale * lumen)


def _keep_septum(points: Array, angle: Array, lumen: Array, septum: float) -> Array:
    """Narrow the lumen where turns would come closer than ``septum``, but for the apex."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    share = (distance - septum) / (lumen[:, None] + lumen[None])
    share[np.abs(angle[:, None] - angle[None]) < 0.9 * np.pi] = 1.0
    last = angle > angle[-1] - np.pi  # There the turns share one dome.
    share[last] = share[:, last] = 1.0
    return np.maximum(lumen * np.clip(share.min(axis=1), 0.0, 1.0), 0.45)


def _canals(p: EarParameters) -> tuple[Tube, Tube, Tube]:
    """Superior, posterior and lateral canal; controls in (x, u, v), see the module."""
    radii, tilt = p.canal_arc_radii, np.radians(p.canal_tilts)
    superior = _arc(
        [4.3, 4.75, 0.1], [-0.26, 0.965, 0.0], [-0.18, 0.0, 0.98], radii[0], 130, -95, tilt[0]
    )
    superior = [[4.4, 4.6, 1.0], [4.15, 5.3, 1.9], *superior]
    posterior = _arc(
        [5.9, 5.4, -3.2], [0.99, 0.0, 0.12], [0.0, -0.98, 0.2], radii[1], 110, -130, tilt[1]
    )
    posterior = [[5.2, 3.0, -0.9], [6.0, 2.6, -1.8], *posterior]
    lateral = _arc(
        [4.2, 5.27, 1.1], [0.97, 0.22, 0.0], [0.0, 0.1, 0.99], radii[2], 130, -80, tilt[2]
    )
    lateral = [[4.7, 4.7, 1.1], [5.0, 5.15, 2.2], *lateral, [5.9, 4.4, -1.4], [5.1, 3.9, -0.9]]
    crus = [[4.9, 6.9, -3.2], [4.75, 5.6, -2.2], [4.7, 4.4, -1.2]]
    return (
        _canal(superior + crus, p, crus=True),
        _canal(posterior + crus, p, crus=True),
        _canal(lateral, p, crus=False),
    )


def _arc(base, out, side, radius, first, last, tilt) -> list:
    """Points of a circle that touches ``base``; ``tilt`` (radians) leans ``out`` off its plane.

    ``first`` and ``last`` are degrees from ``out`` towards ``side``.
    """
    out, side = (np.array(v) / np.linalg.norm(v) for v in (out, side))
    normal = np.cross(out, side)
    out = out * np.cos(tilt) + normal * np.sin(tilt)
    angles = np.radians(np.linspace(first, last, 9))[:, None]
    center = np.array(base) + radius * out
    return list(center + radius * (np.cos(angles) * out + np.sin(angles) * side))


def _canal(controls: list, p: EarParameters, crus: bool) -> Tube:
    """A tube through the controls (x, u, v), with an ampulla at its start."""
    curve = _spline(np.array(controls, dtype=np.float64) @ EAR_FROM_CANAL.T)
    points, along = _resample(curve, STEP)
    length = along * (len(points) - 1) * STEP
    bump = np.exp(-(((length - 1.8) / 0.85) ** 2))
    radii = p.canal_lumen_radius + (p.ampulla_radius - p.canal_lumen_radius) * bump
    if crus:
        wide = np.clip((length - length[-1] + 4.4) / 1.2, 0.0, 1.0)
        radii += (p.crus_radius - p.canal_lumen_radius) * wide
    return Tube(p.scale * points, p.scale * radii)


def _spline(controls: Array, per_piece: int = 40) -> Array:
    """Catmull-Rom curve through (n, 3) controls, its ends included."""
    padded = np.concatenate(
        [2 * controls[:1] - controls[1:2], controls, 2 * controls[-1:] - controls[-2:-1]]
    )
    t = np.linspace(0.0, 1.0, per_piece, endpoint=False)[:, None]
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        cubic = 3 * b - a - 3 * c + d
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + cubic * t**3)
        )
    return np.concatenate([*pieces, controls[-1:]])


def _resample(curve: Array, step: float) -> tuple[Array, Array]:
    """Points about ``step`` mm apart, and the position of each in the curve's index, 0 to 1."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.linspace(0.0, length[-1], int(np.ceil(length[-1] / step)) + 1)
    points = np.stack([np.interp(wanted, length, curve[:, axis]) for axis in range(3)], axis=1)
    return points, np.interp(wanted, length, np.linspace(0.0, 1.0, len(curve)))
