"""The cochlear canal in 3D: lateral wall, modiolar wall and centre line over the angle.

Angles are degrees from the round window (0° by the consensus of Verbist et al. 2010) about the axis
of an average cochlea that is fitted to the segment (``duct_axis``), and grow along the spiral.
Beyond what a segment shows, each curve is extended by an average cochlea, and is marked as
extrapolated there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .curves import interpolated, lengths_along, smoothed
from .duct_axis import about_axis
from .frame import CochlearFrame, Vector
from .turns import ANGLES, ENTRY_DEG, STEP_DEG, basal_sections, follow_turns
from .walls import WALL_MM, LabyrinthMask

LATERAL, MODIOLAR, CENTRE = "lateral wall", "modiolar wall", "centre line"

LENGTHS: dict[str, tuple[str, float | None]] = {
    "duct_lateral_wall_360": (LATERAL, 360.0),
    "duct_lateral_wall_720": (LATERAL, 720.0),
    "duct_lateral_wall": (LATERAL, None),
    "duct_centre_line_360": (CENTRE, 360.0),
    "duct_centre_line": (CENTRE, None),
    "duct_modiolar_wall_360": (MODIOLAR, 360.0),
    "duct_modiolar_wall": (MODIOLAR, None),
}
"""Measurements of the catalogue: a curve, and the angle that its length goes to (None: apex)."""

TURNS, APICAL_ANGLE = "duct_turns", "duct_apical_angle"

_AVERAGE = {MODIOLAR: (0.29, 0.12), CENTRE: (0.65, 0.04)}
"""Where these curves lie once bone no longer shows them: radius, and how far below the lateral
wall, as shares of the lateral wall's radius. Means at 140 to 200 degrees of the 3 to 7 labelled
specimens of the human bony labyrinth dataset (Wimmer et al. 2019) that show it so far; that the
canal narrows in proportion to its radius farther on is an assumption."""

_SPREAD = {MODIOLAR: 0.06, CENTRE: 0.03}
"""Standard deviation of that radius between specimens, as the same share."""

_LATERAL_SPREAD = 0.03
"""Of a length along the lateral wall beyond what is seen, as a share of it: an elevation off by
COURSE_SPREAD_DEG moves the wall's radius on a dome by so much and more towards the apex."""

_FADE_DEG = 90.0
"""Over this angle a curve goes over from what is seen to the average."""

_APEX_DEG = 15.6
"""Standard deviation of the angle at the apex, from what the same measurement of the reference
says: cross-validated, in scans as scanned and with bone and soft kernel."""

_AXIS_MM, _AXIS_RADIANS = 0.06, 0.02
"""Standard deviation of the axis that angles are about, along each direction: where it passes, and
its slope. Assumptions: ``LENGTHS_WIDER`` makes up for what they leave out."""

LENGTHS_WIDER = 1.2
"""By how much more than drawn lengths scatter their ± is wide; see ``measurements.WIDER``."""


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve of the duct.

    Attributes:
        points: (n, 3) RAS mm, at the duct's angles.
        lengths: (n,) mm along it from 0°.
        measured_to_deg: beyond this angle it is extrapolated.
        plus_minus: (n,) half width of the 90 % interval of ``lengths`` in mm.
    """

    points: Vector
    lengths: Vector
    measured_to_deg: float
    plus_minus: Vector = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True, eq=False)
class Duct:
    """The cochlear canal of one ear.

    Attributes:
        angles: (n,) degrees from 0 to the apex, the last of them.
        curves: by LATERAL, MODIOLAR, CENTRE.
        heights: (n,) mm of the centre line along the modiolar axis above its start.
        seen_to_deg: up to where the segment shows its turns.
        apex_plus_minus: half width of the 90 % interval of ``apex_deg``, degrees.
    """

    angles: Vector
    curves: dict[str, Curve]
    heights: Vector
    seen_to_deg: float
    apex_plus_minus: float = 0.0

    @property
    def apex_deg(self) -> float:
        """Angle at which the duct ends."""
        return float(self.angles[-1])

    def length(self, curve: str, angle_deg: float) -> float | None:
        """Millimetres along a curve from 0° to an angle; None beyond the apex."""
        if angle_deg > self.apex_deg:
            return None
        return float(np.interp(angle_deg, self.angles, self.curves[curve].lengths))

    def length_plus_minus(self, curve: str, angle_deg: float) -> float:
        """Half width of that length's 90 % interval."""
        return float(np.interp(angle_deg, self.angles, self.curves[curve].plus_minus))

    def numbers(self) -> dict[str, float]:
        """Measurements by key of the catalogue; lengths end at the apex at the latest."""
        found = {
            key: float(np.interp(angle or self.apex_deg, self.angles, self.curves[curve].lengths))
            for key, (curve, angle) in LENGTHS.items()
        }
        return found | {TURNS: self.seen_to_deg / 360.0, APICAL_ANGLE: self.apex_deg}

    def drawn_numbers(self, drawn: DrawnDuct) -> dict[str, float]:
        """The same of a duct that was drawn, as far as it differs."""
        found = {}
        for key, (curve, angle) in LENGTHS.items():
            lengths = drawn.lengths[curve]
            # Drawn ducts may end later: they go on as they end.
            rate = (lengths[-1] - lengths[-10]) / (self.angles[-1] - self.angles[-10])
            end = angle or drawn.apex_deg
            beyond = max(0.0, end - self.apex_deg) * rate
            found[key] = float(np.interp(end, self.angles, lengths) + beyond)
        return found | {APICAL_ANGLE: drawn.apex_deg}

    def extrapolated_numbers(self) -> set[str]:
        """Keys of the measurements that are extrapolated."""
        beyond = {
            key
            for key, (curve, angle) in LENGTHS.items()
            if angle is None or self.extrapolated(curve, angle)
        }
        return beyond | {APICAL_ANGLE}

    def extrapolated(self, curve: str, angle_deg: float) -> bool:
        """Whether a curve is extrapolated at an angle."""
        return angle_deg > self.curves[curve].measured_to_deg

    def rows(self) -> list[dict[str, Any]]:
        """A table every 30 degrees: length, ± and whether extrapolated of each curve; height."""
        rows = []
        for angle in [*np.arange(0.0, self.apex_deg, 30.0), self.apex_deg]:
            row: dict[str, Any] = {"angle_deg": round(float(angle), 1)}
            for name, curve in self.curves.items():
                key = name.replace(" ", "_")
                row |= {
                    f"{key}_mm": round(float(np.interp(angle, self.angles, curve.lengths)), 2),
                    f"{key}_uncertainty_90": round(self.length_plus_minus(name, angle), 2),
                    f"{key}_extrapolated": self.extrapolated(name, float(angle)),
                }
            row["height_mm"] = round(float(np.interp(angle, self.angles, self.heights)), 2)
            rows.append(row)
        return rows

    def summary(self) -> dict[str, Any]:
        """What tables say of it, as plain values: degrees and mm, without the curves' points."""
        return {
            "apical_angle_deg": round(self.apex_deg, 1),
            "apical_angle_uncertainty_90": round(self.apex_plus_minus, 1),
            "turns_measured": round(self.seen_to_deg / 360.0, 2),
            "measured_to_deg": {
                name: round(curve.measured_to_deg, 1) for name, curve in self.curves.items()
            },
            "over_angle": self.rows(),
        }

    def to_json(self) -> dict[str, Any]:
        """All of it, unrounded, as plain values: degrees, mm, points in RAS mm."""
        return {
            "apical_angle_uncertainty_90": self.apex_plus_minus,
            "seen_to_deg": self.seen_to_deg,
            "angles_deg": self.angles.tolist(),
            "heights_mm": self.heights.tolist(),
            "curves": {
                name: {
                    "measured_to_deg": curve.measured_to_deg,
                    "points_ras_mm": curve.points.tolist(),
                    "lengths_mm": curve.lengths.tolist(),
                    "uncertainty_90_mm": curve.plus_minus.tolist(),
                }
                for name, curve in self.curves.items()
            },
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Duct:
        """Read ``to_json``."""
        curves = {
            name: Curve(
                np.array(item["points_ras_mm"]),
                np.array(item["lengths_mm"]),
                item["measured_to_deg"],
                np.array(item["uncertainty_90_mm"]),
            )
            for name, item in content["curves"].items()
        }
        return cls(
            np.array(content["angles_deg"]),
            curves,
            np.array(content["heights_mm"]),
            content["seen_to_deg"],
            content["apical_angle_uncertainty_90"],
        )


def measure_duct(mask: LabyrinthMask, frame: CochlearFrame, round_window: Vector) -> Duct | None:
    """Measure the duct from the round window (RAS mm) on; without ±, see ``with_plus_minus``.

    Angles are in ``frame``, which ``duct_axis.duct_frame`` gives. None where the segment shows no
    basal turn or no dome of the other turns.
    """
    turns = follow_turns(mask, frame, round_window)
    if turns is None:
        return None
    wall = np.column_stack([turns.radius, turns.height])
    angles, *sections = basal_sections(mask, frame, turns)
    end = float(angles[-1]) if len(angles) else 0.0
    lines = {LATERAL: (wall, turns.seen_to_deg)}
    for name, section in zip((MODIOLAR, CENTRE), sections, strict=True):
        lines[name] = (_beside(name, wall, angles, section), end)
    apex = turns.apex_deg
    kept = np.append(ANGLES[apex - ANGLES > STEP_DEG / 10.0], apex)
    curves = {}
    for name, (line, measured_to) in lines.items():
        radius, height = interpolated(kept, ANGLES, line).T
        turn = np.radians(kept)
        places = np.column_stack([radius * np.cos(turn), radius * np.sin(turn), height])
        curves[name] = Curve(frame.to_ras(places), lengths_along(places), measured_to)
    heights = frame.from_ras(curves[CENTRE].points)[:, 2]
    return Duct(kept, curves, heights - heights[0], turns.seen_to_deg)


def _beside(name: str, wall: Vector, angles: Vector, section: Vector) -> Vector:
    """Radius and height (n, 2) over ANGLES of a curve beside the lateral wall, from its sections.

    Their offset from the wall, as a share of its radius, fades to the average beyond the last.
    """
    average = np.array(_AVERAGE[name]) * (1.0, -1.0)
    if not len(angles):
        return np.asarray(wall * (0.0, 1.0) + wall[:, :1] * average, np.float64)
    own = wall[np.searchsorted(ANGLES, angles)]
    shares = smoothed((section - own * (0.0, 1.0)) / own[:, :1], 2.0)
    near = interpolated(ANGLES, angles, shares)
    faded = np.clip((ANGLES - angles[-1]) / _FADE_DEG, 0.0, 1.0)[:, None]
    share = near * (1.0 - faded) + average * faded
    return np.asarray(wall * (0.0, 1.0) + wall[:, :1] * share, np.float64)


@dataclass(frozen=True, eq=False)
class DrawnDuct:
    """What a duct may be instead: lengths (n,) of each curve at its angles, and the apex."""

    lengths: dict[str, Vector]
    apex_deg: float


def draw(
    duct: Duct, frame: CochlearFrame, round_window: Vector, generator: np.random.Generator
) -> DrawnDuct:
    """Draw a duct as it may be from a displaced round window (RAS mm); ``frame`` is its own.

    The curves stay where the segment has them: what changes is the axis that angles are about,
    where they begin, the walls, and what is extrapolated. Half of the variance of the walls is the
    same all along the duct, half changes with every quarter of a turn.
    """
    knots = np.arange(0.0, ANGLES[-1] + 180.0, 90.0)
    shift = generator.normal(0.0, WALL_MM / np.sqrt(2.0)) + np.interp(
        duct.angles, knots, generator.normal(0.0, WALL_MM / np.sqrt(2.0), len(knots))
    )
    apex = duct.apex_deg + generator.normal(0.0, _APEX_DEG)
    frame = about_axis(
        frame,
        frame.origin + generator.normal(0.0, _AXIS_MM, 3),
        frame.axes[2] + generator.normal(0.0, _AXIS_RADIANS, 3),
        round_window,
    )
    lengths = {}
    for name, curve in duct.curves.items():
        spread = _SPREAD[name] / _AVERAGE[name][0] if name in _SPREAD else _LATERAL_SPREAD
        factor = 1.0 + generator.normal(0.0, spread)
        points = frame.from_ras(curve.points)
        if name == LATERAL:
            entry = duct.angles <= ENTRY_DEG
            share = (duct.angles[entry] / ENTRY_DEG)[:, None]
            start = frame.from_ras(round_window)
            points[entry] = start + share * (points[int(entry.sum()) - 1] - start)
        radius = np.hypot(points[:, 0], points[:, 1])
        points[:, :2] *= ((radius + shift) / np.maximum(radius, 0.1))[:, None]
        turn = np.degrees(np.unwrap(np.arctan2(points[:, 1], points[:, 0])))
        steps = np.diff(lengths_along(points))
        steps[duct.angles[1:] > curve.measured_to_deg] *= factor
        along = np.append(0.0, np.cumsum(steps))
        known = np.interp(duct.angles, np.maximum.accumulate(turn), along)
        lengths[name] = known - np.interp(0.0, np.maximum.accumulate(turn), along)
    return DrawnDuct(lengths, apex)


def with_plus_minus(duct: Duct, drawn: Sequence[DrawnDuct], half_width: float) -> Duct:
    """Add each curve's ±: ``half_width`` standard deviations of what was drawn, and wider."""
    curves = {}
    for name, curve in duct.curves.items():
        spread = LENGTHS_WIDER * half_width * np.std([each.lengths[name] for each in drawn], axis=0)
        curves[name] = replace(curve, plus_minus=spread)
    apex = half_width * float(np.std([each.apex_deg for each in drawn]))
    return replace(duct, curves=curves, apex_plus_minus=apex)
