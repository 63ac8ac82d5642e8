"""Follow the turns of the cochlea on a labyrinth's surface: where the lateral wall of each lies.

Bone parts the basal turn from the others over its first 100 to 250 degrees. From there on a
segment is filled: turns are bulges of one dome, with a groove between each and the next.
Positions are mm in the cochlear frame: radius and height at an angle from the round window.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from .curves import interpolated, smoothed
from .frame import CochlearFrame, Vector
from .walls import (
    BELOW_MM,
    FIRST_MM,
    LAST_MM,
    LAYER_MM,
    STEP_MM,
    LabyrinthMask,
    end_of_shadow,
    height,
)

STEP_DEG = 5.0
ANGLES = np.arange(0.0, 1000.0, STEP_DEG)
"""Degrees from the round window at which a wall is given; no cochlea has three turns."""

_ROUND = round(360.0 / STEP_DEG)

BASAL_DEG = 240.0
"""Up to here the lateral wall is where the cochlea's shadow on the basal plane ends; farther on
the vestibule comes near that shadow, and the wall is sought on the dome."""

ENTRY_DEG = 20.0
"""Up to here the lumen opens into round window and vestibule: the lateral wall runs straight from
the round window's centre to the wall at this angle, other curves in step with it."""

DOME_MM = 2.1
"""Depth below the apex of the point from which the dome is seen: on the axis, inside all
specimens' labyrinths."""

AVERAGE_APEX_DEG = 936.0
"""Where the average course below ends: 2.6 turns, the mean of published cochleae (Erixon et al.
2009). No segment shows it."""

_APEX_SPREAD_DEG = 45.0
"""Standard deviation of that angle between cochleae: 2.2 to 2.9 turns in the 73 of Erixon et al.,
a range of which is 5 standard deviations wide."""

_TURN_DEG = 90.0
"""Elevations this far apart err independently."""

COURSE = (
    (240.0, 270.0, 300.0, 330.0, 360.0, 390.0, 450.0, 510.0, 570.0, 630.0, 690.0, 750.0, 810.0,
     870.0, 930.0, 990.0),
    (-19.7, -16.7, -12.1, -4.5, 4.3, 11.5, 22.0, 29.3, 35.1, 43.1, 51.9, 56.1, 59.0, 62.5, 69.0,
     79.0),
)  # fmt: skip
"""Angles from the round window and the elevation at which an average cochlea's lateral wall lies
there, degrees: mean of the 14 labelled specimens of the human bony labyrinth dataset (Wimmer et
al. 2019), each followed as below; the first course was drawn by hand (2026-11).
``python -m InnerEarSegLib.evaluation.averages DATA FILE`` prints the mean of the courses
that are followed near this one, which is within 2 degrees of it."""

COURSE_SPREAD_DEG = 3.0
"""Standard deviation of the specimens' elevations about it: 1.3 to 4.4 degrees."""

_LEEWAY_DEG = 8.0
"""How far from the average course a wall may easily lie: more than the spread, as the course of a
tilted frame is off, too. Less made the course win over visible bulges."""

GROOVE_MM = 0.06
"""A turn is seen where its wall stands out from the groove below it by this much on average over
a third of a turn. In the specimens by 0.07 to 0.4 mm until 870 degrees; in labels blurred by
0.8 mm no more from 600 degrees on."""

_SEEN_FROM_DEG = 540.0
"""Before this, bone below the turn shows it, not a groove."""

_ELEVATIONS = np.arange(-36.0, 88.0, 2.0)
_WITHIN = 8
"""Steps along a ray within which lumen begins, where a segment leaves the modiolus out."""

_BETWEEN_MM = 2.2
"""Lumen that begins within this radius is a turn's own: bone before it parts two turns. In the
specimens bone between basal and second turn ends at 1.2 to 1.7 mm of such a ray, other lumen than
the cochlea's begins at 3.2 mm."""

_BULGE_DEG = 16.0
_MOST_BULGE_MM = 0.25
_GROOVE_DEG = 30.0


@dataclass(frozen=True, eq=False)
class Turns:
    """The lateral wall over ANGLES, in the cochlear frame.

    Attributes:
        radius: (n,) mm from the axis.
        height: (n,) mm along it.
        seen_to_deg: up to where the segment shows the turns; beyond, the wall is where the average
            course meets this segment's surface.
        apex_deg: where it ends.
        elevation: (m,) of the wall seen from the dome's point, degrees, from BASAL_DEG on.
    """

    radius: Vector
    height: Vector
    seen_to_deg: float
    apex_deg: float
    elevation: Vector


def follow_turns(mask: LabyrinthMask, frame: CochlearFrame, round_window: Vector) -> Turns | None:
    """Follow the lateral wall from the round window (RAS mm) to the apex; None without a dome."""
    reach = height(mask, frame)
    basal = _basal_wall(mask, frame)
    if reach is None or basal is None:
        return None
    base = reach[1] - DOME_MM
    surface = _dome(mask, frame, base)
    if surface is None:
        return None
    elevation, seen = _course_on(surface)
    angles = ANGLES[ANGLES >= BASAL_DEG]
    row = (angles / STEP_DEG).astype(int) % _ROUND
    rows = zip(elevation, surface[row], strict=True)
    distance = np.array([np.interp(at, _ELEVATIONS, distances) for at, distances in rows])
    climb = np.radians(elevation)
    radius = np.concatenate([basal[:, 0], distance * np.cos(climb)])
    heights = np.concatenate([basal[:, 1], distance * np.sin(climb) + base])
    x, y, z = frame.from_ras(round_window)
    entry = ANGLES <= ENTRY_DEG
    ends = [0.0, ENTRY_DEG]
    last = int(entry.sum()) - 1
    radius[entry] = np.interp(ANGLES[entry], ends, [np.hypot(x, y), radius[last]])
    heights[entry] = np.interp(ANGLES[entry], ends, [z, heights[last]])
    radius[1:], heights[1:] = (smoothed(values, 2.0)[1:] for values in (radius, heights))
    apex = _apex(angles, elevation, seen)
    return Turns(radius, heights, min(seen, apex), apex, elevation)


def _apex(angles: Vector, elevation: Vector, seen_to_deg: float) -> float:
    """Where the turns end: as far from the average as this course is ahead of the average course.

    The likeliest angle, by the elevations that the segment shows and by how cochleae scatter.
    """
    shown = (angles >= _SEEN_FROM_DEG) & (angles <= seen_to_deg)
    ahead = np.arange(-100.0, ANGLES[-1] - AVERAGE_APEX_DEG)
    off = elevation[shown] - np.interp(angles[shown] - ahead[:, None], *COURSE)
    unlikely = (off**2).sum(axis=1) / COURSE_SPREAD_DEG**2 * (STEP_DEG / _TURN_DEG)
    return float(AVERAGE_APEX_DEG + ahead[(unlikely + (ahead / _APEX_SPREAD_DEG) ** 2).argmin()])


def half_planes(
    mask: LabyrinthMask, frame: CochlearFrame, angles: Vector, radii: Vector, heights: Vector
) -> Vector:
    """How far inside (angle, radius, height) points of half-planes through the axis are, 0 to 1."""
    turn = np.radians(angles)[:, None, None]
    points = np.empty((len(angles), len(radii), len(heights), 3))
    points[..., 0] = radii[:, None] * np.cos(turn)
    points[..., 1] = radii[:, None] * np.sin(turn)
    points[..., 2] = heights
    return mask.inside(frame.to_ras(points))


def _basal_wall(mask: LabyrinthMask, frame: CochlearFrame) -> Vector | None:
    """Radius and height (n, 2) of the lateral wall up to BASAL_DEG; None if much is not there."""
    radii = np.arange(FIRST_MM, LAST_MM, STEP_MM)
    heights = np.arange(BELOW_MM, 4.0, LAYER_MM)
    angles = ANGLES[ANGLES < BASAL_DEG]
    inside = half_planes(mask, frame, angles, radii, heights)
    wall = np.full((len(angles), 2), np.nan)
    for place, section in zip(wall, inside, strict=True):
        end = end_of_shadow(radii, section.max(axis=1))
        if end is not None:
            last, radius = end
            weights = section[max(0, last - 2) : last + 1].sum(axis=0)
            place[:] = radius, weights @ heights / weights.sum()
    known = np.isfinite(wall[:, 0])
    if known[angles >= ENTRY_DEG].mean() < 0.9:
        return None
    return interpolated(angles, angles[known], wall[known])


def _dome(mask: LabyrinthMask, frame: CochlearFrame, base: float) -> Vector | None:
    """Distance (angle, elevation) in mm to the dome's surface, from the axis at height ``base``.

    None if there is no lumen around that point, so that there is no dome.
    """
    distances = np.arange(0.4, 4.6, STEP_MM)
    turn, climb = np.radians(ANGLES[:_ROUND, None]), np.radians(_ELEVATIONS)
    rays = np.stack(
        np.broadcast_arrays(
            np.cos(climb) * np.cos(turn), np.cos(climb) * np.sin(turn), np.sin(climb)
        ),
        axis=-1,
    )
    points = rays[:, :, None] * distances[:, None] + [0.0, 0.0, base]
    inside = mask.inside(frame.to_ras(points))
    entered = np.maximum.accumulate(inside >= 0.5, axis=-1)
    if (~entered[:, _ELEVATIONS > 20.0, _WITHIN]).mean() > 0.1:
        return None
    near = distances <= _BETWEEN_MM
    inside[..., near] = np.maximum.accumulate(inside[..., near][..., ::-1], axis=-1)[..., ::-1]
    outside = (entered | near) & (inside < 0.5)
    first = np.where(outside.any(axis=-1), outside.argmax(axis=-1), len(distances) - 1)
    first = np.maximum(first, 1)[..., None]
    inner, outer = (np.take_along_axis(inside, first - step, -1)[..., 0] for step in (1, 0))
    beyond = np.clip((inner - 0.5) / np.maximum(inner - outer, 1e-3), 0.0, 1.0)
    surface = distances[first[..., 0] - 1] + STEP_MM * beyond
    around = smoothed(surface, 1.5, wrap=True)
    return np.asarray(smoothed(around.T, 1.0).T, np.float64)


def _course_on(surface: Vector) -> tuple[Vector, float]:
    """Elevation of the wall in degrees from BASAL_DEG on, and up to where the segment shows it.

    The path that climbs, stays near the average course, and runs along the bulges, by dynamic
    programming.
    """
    angles = ANGLES[ANGLES >= BASAL_DEG]
    row = (angles / STEP_DEG).astype(int) % _ROUND
    wide = smoothed(surface.T, _BULGE_DEG / 2.0).T
    bulge = np.clip(surface - wide, -_MOST_BULGE_MM, _MOST_BULGE_MM)[row]
    average = np.interp(angles, *COURSE)
    off = (_ELEVATIONS - average[:, None]) / _LEEWAY_DEG
    cost = 0.5 * off**2 - bulge / 0.1  # 0.1 mm of bulge are worth 1.4 leeways
    climbs = np.arange(3)
    back = np.zeros(cost.shape, np.intp)
    total = cost[0]
    for index in range(1, len(angles)):
        ways = np.full((len(climbs), len(total)), np.inf)
        for climb in climbs:
            ways[climb, climb:] = total[: len(total) - climb] + 0.3 * abs(climb - 0.6)
        back[index] = ways.argmin(axis=0)
        total = ways.min(axis=0) + cost[index]
    path = [int(total.argmin())]
    for index in range(len(angles) - 1, 0, -1):
        path.append(path[-1] - int(back[index, path[-1]]))
    places = np.array(path[::-1])
    cells = round(_GROOVE_DEG / float(_ELEVATIONS[1] - _ELEVATIONS[0]))
    depth = [
        bulge[i, at] - bulge[i, max(0, at - cells) : at + 1].min() for i, at in enumerate(places)
    ]
    shown = smoothed(np.array(depth), 6.0)
    hidden = angles[(angles >= _SEEN_FROM_DEG) & (shown < GROOVE_MM)]
    return smoothed(_ELEVATIONS[places], 3.0), float(hidden[0] if len(hidden) else angles[-1])


_AT_A_TIME = 12

LEAST_RADIUS_MM = 0.3
"""A basal turn that reaches nearer to the axis has grown together with the others."""


def basal_sections(
    mask: LabyrinthMask, frame: CochlearFrame, turns: Turns
) -> tuple[Vector, Vector, Vector]:
    """Where bone parts the basal turn from the others: its section's modiolar wall and centre.

    Returns:
        Angles (n,) from ENTRY_DEG on, without a gap; radius and height (n, 2) of the innermost
        place and of the centroid, mm. n may be 0.
    """
    cells = dict(_basal_cells(mask, frame, turns))
    inner = [each[each[:, 0] <= each[:, 0].min() + 1] for each in cells.values()]
    walls, centres = (
        np.reshape([each.mean(axis=0) for each in places], (-1, 2)) * STEP_MM + [0.0, BELOW_MM]
        for places in (inner, cells.values())
    )
    return np.array([*cells]), walls, centres


def _basal_cells(
    mask: LabyrinthMask, frame: CochlearFrame, turns: Turns
) -> Iterator[tuple[float, NDArray[np.intp]]]:
    """Angles, and the cells (n, 2) of radius and height in the basal turn's section there.

    From ENTRY_DEG on, as long as the section is apart from the other turns.
    """
    radii, heights = np.arange(0.0, LAST_MM, STEP_MM), np.arange(BELOW_MM, 4.0, STEP_MM)
    chosen = np.flatnonzero((ANGLES >= ENTRY_DEG) & (ANGLES < 360.0 - ENTRY_DEG))
    for first in range(0, len(chosen), _AT_A_TIME):
        indices = chosen[first : first + _AT_A_TIME]
        sections = half_planes(mask, frame, ANGLES[indices], radii, heights) >= 0.5
        apart = np.zeros((2 * len(sections), *sections.shape[1:]), np.uint8)
        apart[::2] = sections  # empty planes between, so that each has parts of its own
        image = sitk.ConnectedComponent(sitk.GetImageFromArray(apart))
        for index, parts in zip(indices, sitk.GetArrayFromImage(image)[::2], strict=True):
            i = int(np.clip((turns.radius[index] - 0.2) / STEP_MM, 0, len(radii) - 1))
            j = int(np.clip((turns.height[index] - BELOW_MM) / STEP_MM, 0, len(heights) - 1))
            cells = np.argwhere(parts == parts[i, j])
            if not parts[i, j] or radii[cells[:, 0].min()] < LEAST_RADIUS_MM:
                return
            yield float(ANGLES[index]), cells
