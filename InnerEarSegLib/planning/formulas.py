"""Published formulas from the cochlea's diameter A to lengths and angles.

Lateral wall and organ of Corti are different curves: straight electrodes lie along the first,
frequencies are mapped along the second, which is about a tenth shorter.

Sources: Escudé B et al., Audiol Neurotol 11 Suppl 1 (2006) 27-33; Erixon E, Rask-Andersen H, Acta
Otolaryngol 133 (2013) 1258-1265; Alexiades G et al., Otol Neurotol 36 (2015) 904-907 (its abstract
has the equations); the first two as reprinted in table 1 of PMC6617526 (2018).
"""

from __future__ import annotations

import math

ESCUDE_FACTOR = 2.62
ESCUDE_DEGREES = 235.0

LAST_ANGLE_DEG = 900.0
"""Two and a half turns, where an ordinary cochlea ends; the logarithm would go on for ever."""


def escude_lateral_wall(diameter_mm: float, angle_deg: float) -> float:
    """Length along the lateral wall from the round window to an angle, in mm (Escudé 2006).

    L = 2.62 A ln(1 + angle / 235).

    Args:
        diameter_mm: A.
        angle_deg: from the round window, 0 or more.
    """
    return ESCUDE_FACTOR * diameter_mm * math.log1p(angle_deg / ESCUDE_DEGREES)


def escude_angle(diameter_mm: float, length_mm: float) -> float:
    """Angle in degrees that a length along the lateral wall reaches: the inverse of the above.

    Args:
        diameter_mm: A, above 0.
        length_mm: inserted, from the round window.
    """
    return ESCUDE_DEGREES * math.expm1(length_mm / (ESCUDE_FACTOR * diameter_mm))


def insertion_angle(diameter_mm: float, length_mm: float) -> float | None:
    """``escude_angle``, or None where it lies beyond LAST_ANGLE_DEG: no cochlea goes on there."""
    angle = escude_angle(diameter_mm, length_mm)
    return angle if angle <= LAST_ANGLE_DEG else None


def erixon_lateral_wall(diameter_mm: float) -> float:
    """Whole length of the cochlea along the lateral wall, in mm: 3.08 A + 12.44 (Erixon 2013)."""
    return 3.08 * diameter_mm + 12.44


def alexiades_organ_of_corti(diameter_mm: float) -> float:
    """Whole length of the organ of Corti, in mm: 4.16 A - 4 (Alexiades 2015)."""
    return 4.16 * diameter_mm - 4.0


def alexiades_two_turns(diameter_mm: float) -> float:
    """Length of two turns of the organ of Corti, in mm: 3.65 (A - 1) (Alexiades 2015)."""
    return 3.65 * (diameter_mm - 1.0)
