"""Remarks on an ear's measurements: what is missing, and what does not fit together."""

from __future__ import annotations

from collections.abc import Mapping

from ..types import BASAL_TURN, HELICOTREMA, LANDMARKS, ROUND_WINDOW, Side
from .catalogue import DISTANCES, LAST_ANGLE_DEG, VOLUME
from .frame import MIN_POINTS, CochlearFrame, Points, Template, misfits
from .walls import LabyrinthMask, height

MISFIT_MM = 1.5
"""A point farther than this from where the rest puts it is no variation: up to 0.95 mm in the
reference points of the dataset's fourteen labelled specimens; 2.5 mm and more with the windows
exchanged or the side mistaken."""

CUT_MM = 0.4
"""In those specimens the segment goes on beyond the helicotrema, by 0.03 to 0.37 mm; where it ends
this far before it, its apex is missing."""

LONGER_THAN_A_MM = (-0.1, 0.5)
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
    missing = [name for name in (*LANDMARKS, BASAL_TURN) if name not in points]
    table: list[tuple[object, str]] = [
        (
            not mask.volume,
            "There is no segment of this labyrinth: nothing is measured on its walls.",
        ),
        (
            mask.stray,
            f"{mask.stray:.1f} mm³ of the segment lie apart from the labyrinth: they are in its "
            "volume and in nothing else. Erase them.",
        ),
        (frame is None, f"The cochlea's axes are not known: {_why_no_frame(points)}."),
    ]
    if frame is not None:
        distances = misfits(side, points, mask.principal_axes, template)
        odd = max(distances, key=lambda name: distances[name])
        cut = _cut_mm(points, mask, frame)
        a = numbers.get("a_diameter", 0.0)
        longer = numbers.get("round_window_to_lateral_wall", a) - a if a else 0.0
        table += [
            (
                missing,
                f"Not known: {', '.join(missing)}. For the cochlea's axes, places in an average "
                "ear were taken instead, and the intervals are wider for it.",
            ),
            (
                distances[odd] >= MISFIT_MM,
                f"Landmarks and segment do not fit a {side} ear: {odd} is {distances[odd]:.1f} mm "
                "from where an ear like the rest has it. Check the side, and place and name of "
                "each landmark.",
            ),
            (
                cut >= CUT_MM,
                f"The segment ends {cut:.1f} mm before the helicotrema: its apex is missing, or "
                "the helicotrema is misplaced, and the height is wrong.",
            ),
            (
                not LONGER_THAN_A_MM[0] <= longer <= LONGER_THAN_A_MM[1],
                f"A and the distance to the lateral wall differ by {abs(longer):.1f} mm, though "
                "both end opposite of the round window: the segment has a gap or a speck there. "
                "Mend it, or do not use A and what is made from it.",
            ),
        ]
    return tuple(sentence for applies, sentence in table if applies)


def why_not(
    key: str,
    numbers: Mapping[str, float],
    points: Points,
    frame: CochlearFrame | None,
) -> str:
    """Say in a few words why a measurement of the catalogue is not among ``numbers``."""
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


def _cut_mm(points: Points, mask: LabyrinthMask, frame: CochlearFrame) -> float:
    """How far before the helicotrema the segment ends, as far as known."""
    reach = height(mask, frame)
    if reach is None or HELICOTREMA not in points:
        return 0.0
    return float(frame.from_ras(points[HELICOTREMA])[2]) - reach[1]
