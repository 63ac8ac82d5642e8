"""The parts of a labyrinth: cochlea, vestibule and three canals, and the planes of the canals.

An average ear's canals are fitted to landmarks and shape, and drawn to the segment's own.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..progress import run_steps
from ..segmentation import canal_courses
from ..types import VESTIBULE, Ear, Geometry, Side, apply_affine
from .curves import interpolated, lengths_along, smoothed
from .duct import CENTRE, Duct
from .frame import TEMPLATE, Points, Vector, fit_template
from .measurements import CochlearMeasurements
from .walls import LabyrinthMask

COCHLEA, VESTIBULE_PART = "cochlea", "vestibule"
_COURSE_OF = {
    f"{name} canal": name
    for name in (canal_courses.ANTERIOR, canal_courses.POSTERIOR, canal_courses.LATERAL)
}
CANALS = tuple(_COURSE_OF)
PARTS = (COCHLEA, VESTIBULE_PART, *CANALS)
"""In the order of their labels, from 1 on."""

_SAMPLES = 40
_RADII_MM = {COCHLEA: 1.2, VESTIBULE_PART: 2.0} | dict.fromkeys(CANALS, 0.6)
"""About how thick each part is: a voxel belongs to the part whose surface it is nearest to."""

_CAPTURE_MM = 2.0
"""How far a canal may lie from where it is looked for; courses differ by 0.5 mm on average, 1.7 mm
at most."""

_ROUNDS, _EVERY = 4, 4
"""Rounds in which courses are drawn to the segment, by every fourth of its voxels."""

_VOXELS_A_STEP = 20_000

_LEAST_SHARE = 0.7
"""So much of a canal's course must be there for its plane to be told."""


@dataclass(frozen=True, eq=False)
class Canal:
    """One semicircular canal.

    Attributes:
        course: (n, 3) RAS mm along its middle, outside the vestibule.
        normal: (3,) unit vector of its plane, in RAS; its sign means nothing.
        radius_mm: of the circle that fits its course.
        length_mm: of the course.
    """

    course: Vector
    normal: Vector
    radius_mm: float
    length_mm: float

    def degrees_to(self, other: Canal) -> float:
        """Angle between two canals' planes, degrees from 0 to 90."""
        return float(np.degrees(np.arccos(np.clip(abs(self.normal @ other.normal), 0.0, 1.0))))

    @classmethod
    def of(cls, course: Vector) -> Canal:
        """Fit plane and circle to a course, least squares."""
        middle = course.mean(axis=0)
        axes = np.linalg.svd(course - middle, full_matrices=False)[2]
        flat = (course - middle) @ axes[:2].T
        # x² + y² = 2 a x + 2 b y + c, with c = r² - a² - b²
        system = np.column_stack([2.0 * flat, np.ones(len(flat))])
        a, b, c = np.linalg.lstsq(system, (flat**2).sum(axis=1), rcond=None)[0]
        length = float(np.linalg.norm(np.diff(course, axis=0), axis=1).sum())
        return cls(course, axes[2], float(np.sqrt(c + a * a + b * b)), length)


@dataclass(frozen=True, eq=False)
class LabyrinthParts:
    """A labyrinth in parts.

    Attributes:
        labels: uint8 [k, j, i], 0 outside, else 1 + the part's index in PARTS.
        geometry: its grid.
        canals: by name, those of which enough is there.
    """

    labels: NDArray[np.uint8]
    geometry: Geometry
    canals: dict[str, Canal]

    def part(self, name: str) -> NDArray[np.uint8]:
        """The mask [k, j, i] of a part."""
        return np.asarray(self.labels == 1 + PARTS.index(name), np.uint8)

    @property
    def angles(self) -> dict[tuple[str, str], float]:
        """Angle between the planes of each two canals, degrees from 0 to 90."""
        return {
            (one, other): self.canals[one].degrees_to(self.canals[other])
            for one, other in combinations(self.canals, 2)
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values: mm, mm³, degrees, RAS."""
        voxel = self.geometry.voxel_volume
        return {
            "volumes_mm3": {name: round(float(self.part(name).sum()) * voxel, 2) for name in PARTS},
            "canals": {
                name: {
                    "normal_ras": np.round(canal.normal, 4).tolist(),
                    "radius_mm": round(canal.radius_mm, 2),
                    "length_mm": round(canal.length_mm, 2),
                }
                for name, canal in self.canals.items()
            },
            "angles_deg": {
                f"{one} to {other}": round(angle, 1) for (one, other), angle in self.angles.items()
            },
        }


def divide(mask: LabyrinthMask, side: Side, points: Points, duct: Duct) -> LabyrinthParts:
    """Divide a labyrinth into its parts.

    Args:
        mask: the labyrinth.
        side: of the ear.
        points: RAS mm by name, landmarks and auxiliary landmarks, three at least.
        duct: its cochlea.
    """
    return run_steps(divide_steps(mask, side, points, duct))


def divide_steps(
    mask: LabyrinthMask, side: Side, points: Points, duct: Duct
) -> Generator[None, None, LabyrinthParts]:
    """``divide`` in steps short enough for a panel that must not freeze."""
    to_ras = fit_template(side, points, {}, mask.principal_axes, TEMPLATE)
    voxels = np.argwhere(mask.labyrinth)
    places = mask.geometry.to_ras(voxels[:, ::-1])
    to_ras_from_courses = to_ras @ canal_courses.frame_of(TEMPLATE)
    lines = {
        canal: _resampled(apply_affine(to_ras_from_courses, canal_courses.COURSES[name]))
        for canal, name in _COURSE_OF.items()
    }
    vestibule = np.asarray(points.get(VESTIBULE, apply_affine(to_ras, TEMPLATE[VESTIBULE])))
    fixed = {COCHLEA: _cochlea(duct), VESTIBULE_PART: vestibule[None]}
    found: dict[str, NDArray[np.bool_]] = {}
    # In the order of their places, whatever the order of the file's axes.
    some = places[np.lexsort(np.round(places, 3).T)][::_EVERY]
    for _ in range(_ROUNDS):
        yield
        owner, nearest, off = _owners(some, fixed | lines)
        for name in CANALS:
            mine = (owner == PARTS.index(name)) & (off[:, PARTS.index(name)] <= _CAPTURE_MM)
            at = nearest[mine, PARTS.index(name)]
            count = np.bincount(at, minlength=_SAMPLES)
            sums = [np.bincount(at, column, _SAMPLES) for column in some[mine].T]
            middle = np.column_stack(sums) / np.maximum(count, 1)[:, None]
            there = count > 0
            found.setdefault(name, there)  # later a course has drawn together to what is there
            if there.sum() >= 2:
                index = np.arange(_SAMPLES)
                drawn = interpolated(index, index[there], middle[there])
                lines[name] = _resampled(smoothed(drawn, 1.5))
    labels = np.zeros_like(mask.labyrinth)
    for first in range(0, len(voxels), _VOXELS_A_STEP):
        yield
        piece = slice(first, first + _VOXELS_A_STEP)
        labels[tuple(voxels[piece].T)] = 1 + _owners(places[piece], fixed | lines)[0]
    canals = {name: Canal.of(lines[name]) for name in CANALS if found[name].mean() >= _LEAST_SHARE}
    return LabyrinthParts(labels, mask.geometry, canals)


def parts_steps(ear: Ear, cochlea: CochlearMeasurements) -> Generator[None, None, LabyrinthParts]:
    """Divide the labyrinth of an ear that was measured, in short steps.

    Raises:
        ValueError: it has no duct.
    """
    if cochlea.duct is None:
        raise ValueError("no duct")
    mask = LabyrinthMask.of(ear.labyrinth, ear.geometry)
    return (yield from divide_steps(mask, ear.side, cochlea.points, cochlea.duct))


def _owners(
    places: Vector, skeletons: Mapping[str, Vector]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
    """Index in PARTS of each place's part; of each part its nearest point, and how far it is."""
    near = np.empty((len(places), len(PARTS)), np.intp)
    off = np.empty((len(places), len(PARTS)))
    for column, name in enumerate(PARTS):
        points = skeletons[name]
        squared = (
            (places**2).sum(axis=1)[:, None] - 2.0 * places @ points.T + (points**2).sum(axis=1)
        )
        near[:, column] = squared.argmin(axis=1)
        off[:, column] = np.sqrt(np.maximum(squared.min(axis=1), 0.0))
    return (off - [_RADII_MM[name] for name in PARTS]).argmin(axis=1), near, off


def _cochlea(duct: Duct) -> Vector:
    """Centre line of the canal, and what lies inside of it above the basal turn."""
    line = duct.curves[CENTRE].points[::2]
    upper = line[duct.angles[::2] > 360.0]
    return np.vstack([line, 0.5 * (upper + upper.mean(axis=0))])


def _resampled(course: Vector) -> Vector:
    """_SAMPLES points (n, 3), evenly spaced along a course."""
    along = lengths_along(course)
    return interpolated(np.linspace(0.0, along[-1], _SAMPLES), along, course)
