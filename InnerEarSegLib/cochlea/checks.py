"""Remarks on an ear's measurements: what is missing, and what does not fit together."""

from __future__ import annotations

from collections.abc import Mapping

from ..types import BASAL_TURN, HELICOTREMA, LANDMARKS, ROUND_WINDOW, Side
from .catalogue import DISTANCES, VOLUME
from .formulas import LAST_ANGLE_DEG
from .frame import CochlearFrame, Points
from .template import MIN_POINTS, Template, misfits
from .walls import LabyrinthMask, height

MISFIT_MM = 1.5
"""A point farther than this from where the rest puts it is no variation: up to 0.95 mm in the
reference points of the dataset's fourteen labelled specimens; 2.5 mm and more with the windows
exchanged or the side mistaken."""

CUT_MM = 0.4
"""In those specimens the segment goes on beyond the helicotrema, by 0.03 to 0.37 mm; where it ends
this far before it, its apex is missing."""


WALL_MM = (-0.1, 0.5)
"""How much longer the farthest distance to the wall opposite of the round window is than A, which
goes to the same wall on one straight line: -0.05 to 0.42 mm in those specimens, also with points
displaced by 0.25 mm. A gap in that wall, or a speck beside it, brings the two apart."""


def ear_remarks(
    side: Side,
    points: Points,
    mask: LabyrinthMask,
    frame: CochlearFrame | None,
    template: Template,
    numbers: Mapping[str, float],
) -> tuple[str, ...]:
    """Return sentences on the ear as a whole, each for the user to act on.

    Args:
        side: of the ear.
        points: RAS mm by name, landmarks and auxiliary landmarks.
        mask: its labyrinth.
        frame: of the cochlea, or None.
        template: the average ear.
        numbers: what was measured, by key.
    """
    remarks = []
    if not mask.volume:
        remarks.append("There is no segment of this labyrinth: nothing is measured on its walls.")
    if mask.stray:
        remarks.append(
            f"{mask.stray:.1f} mm³ of the segment lie apart from the labyrinth: they are in its "
            "volume and in nothing else. Erase them."
        )
    missing = [name for name in (*LANDMARKS, BASAL_TURN) if name not in points]
    if frame is None:
        remarks.append(f"The cochlea's axes are not known: {_why_no_frame(points)}.")
    elif missing:
        remarks.append(
            f"Not known: {', '.join(missing)}. For the cochlea's axes, places in an average ear "
            "were taken instead, and the intervals are wider for it."
        )
    if frame is not None:
        remarks += [_misfit(side, points, mask, template), _cut(points, mask, frame)]
        remarks.append(_gap(numbers))
    return tuple(remark for remark in remarks if remark)


def why_not(
    key: str,
    numbers: Mapping[str, float],
    points: Points,
    frame: CochlearFrame | None,
) -> str:
    """Say in a few words why there is no value.

    Args:
        key: of the measurement.
        numbers: what was measured.
        points: RAS mm by name.
        frame: of the cochlea, or None.
    """
    if key in DISTANCES:
        return f"needs the {' and the '.join(n for n in DISTANCES[key] if n not in points)}"
    if key.startswith("insertion_angle_") and "a_diameter" in numbers:
        return f"not reached: beyond {LAST_ANGLE_DEG:g}°, where a cochlea ends"
    if key == VOLUME:
        return "needs the segment"
    if frame is None:
        return "needs the cochlea's axes"
    return "no wall there: the segment is cut or leaks"


def _why_no_frame(points: Points) -> str:
    if ROUND_WINDOW not in points:
        return "there is no round window"
    if len(points) < MIN_POINTS:
        missing = " and ".join(name for name in LANDMARKS if name not in points)
        return f"they need the round window and two other landmarks, and there is no {missing}"
    return "the landmarks lie on a line or in one place"


def _misfit(side: Side, points: Points, mask: LabyrinthMask, template: Template) -> str:
    distances = misfits(side, points, mask.principal_axes, template)
    name = max(distances, key=lambda key: distances[key])
    if distances[name] < MISFIT_MM:
        return ""
    return (
        f"Landmarks and segment do not fit a {side} ear: {name} is {distances[name]:.1f} mm from "
        "where an ear like the rest has it. Check the side, and place and name of each landmark."
    )


def _cut(points: Points, mask: LabyrinthMask, frame: CochlearFrame) -> str:
    reach = height(mask, frame)
    if reach is None or HELICOTREMA not in points:
        return ""
    short = float(frame.from_ras(points[HELICOTREMA])[2]) - reach[1]
    if short < CUT_MM:
        return ""
    return (
        f"The segment ends {short:.1f} mm before the helicotrema: its apex is missing, or the "
        "helicotrema is misplaced, and the height is wrong."
    )


def _gap(numbers: Mapping[str, float]) -> str:
    straight, farthest = (numbers.get(k) for k in ("a_diameter", "round_window_to_lateral_wall"))
    if straight is None or farthest is None:
        return ""
    low, high = WALL_MM
    if low <= farthest - straight <= high:
        return ""
    return (
        f"A and the distance to the lateral wall differ by {abs(farthest - straight):.1f} mm, "
        "though both end opposite of the round window: the segment has a gap or a speck there. "
        "Mend it, or do not use A and what is made from it."
    )
