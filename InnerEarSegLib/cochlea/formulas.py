"""Published formulas from the cochlea's diameter A to lengths and angles.

Lateral wall and organ of Corti are different curves: straight electrodes lie along the first,
frequencies are mapped along the second, which is about a tenth shorter.

Sources: Escudé B et al., Audiol Neurotol 11 Suppl 1 (2006) 27-33; Erixon E, Rask-Andersen H, Acta
Otolaryngol 133 (2013) 1258-1265; Alexiades G et al., Otol Neurotol 36 (2015) 904-907 (its abstract
has the equations); the first two as reprinted in table 1 of PMC6617526 (2018). The basal turn as
half an ellipse and half a circle is that of Schurzig D et al., OTO Open 2 (2018); its text could
not be read: the coefficients are as the team remembers them, and checked by what they describe and
by published means (``Testing/numbers/test_cochlea_formulas.py``).
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


def elliptic_circular_first_turn(a_mm: float, b_mm: float) -> float:
    """Length along the lateral wall of the first turn, in mm, from both diameters (Schurzig 2018).

    Half an ellipse with the semi-axes A/2 and 0.584 B, and half a circle with the radius 0.416 B
    that closes B: 1.18 A + 2.69 B - sqrt(0.72 A B), with pi (1.5 (p + q) - sqrt(p q)) for the
    ellipse's circumference.
    """
    return 1.18 * a_mm + 2.69 * b_mm - math.sqrt(0.72 * a_mm * b_mm)


def alexiades_organ_of_corti(diameter_mm: float) -> float:
    """Whole length of the organ of Corti, in mm: 4.16 A - 4 (Alexiades 2015)."""
    return 4.16 * diameter_mm - 4.0


def alexiades_two_turns(diameter_mm: float) -> float:
    """Length of two turns of the organ of Corti, in mm: 3.65 (A - 1) (Alexiades 2015)."""
    return 3.65 * (diameter_mm - 1.0)
