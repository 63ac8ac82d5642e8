"""Published formulas, by hand and against published cohorts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from InnerEarSegLib.cochlea import catalogue as formulas


@pytest.mark.parametrize(
    ("name", "arguments", "expected", "within"),
    [
        # 2.62 * 9 * ln(1 + 360 / 235) = 23.58 * ln(2.53191) = 23.58 * 0.92898
        ("escude_lateral_wall", (9.0, 360.0), 21.905, 0.002),
        # ln(1 + 720 / 235) = ln(4.06383) = 1.40213
        ("escude_lateral_wall", (10.0, 720.0), 36.736, 0.002),
        ("escude_lateral_wall", (9.0, 0.0), 0.0, 0.0),
        # Curtis et al. 2023: A 9.23 mm (2559 cochleae); basal turn 21.03 to 22.5 mm.
        ("escude_lateral_wall", (9.23, 360.0), 22.46, 0.01),
        # Alexiades took Escudé's third equation as his basis: two turns are 3.65 to 3.68 A long.
        ("escude_lateral_wall", (1.0, 720.0), 3.65, 0.03),
        # 1.18 * 9 + 2.69 * 6.5 - sqrt(0.72 * 58.5) = 10.62 + 17.485 - 6.4900
        ("elliptic_circular_first_turn", (9.0, 6.5), 21.615, 0.001),
        # Curtis et al. 2023: mean A 9.23, mean B 6.52 (908 cochleae), mean basal turn 21.87 mm.
        ("elliptic_circular_first_turn", (9.23, 6.52), 21.87, 0.05),
        ("alexiades_organ_of_corti", (9.0,), 33.44, 1e-6),
        ("alexiades_two_turns", (9.0,), 29.2, 1e-6),
        # PMC6449142, 36 ears: mean A 8.75 mm, SD 0.31; mean CDL 32.45 mm, SD 1.31.
        ("alexiades_organ_of_corti", (8.75,), 32.45, 0.06),
        ("alexiades_organ_of_corti", (8.75 + 0.31,), 32.4 + 1.31, 0.03),
        ("erixon_lateral_wall", (9.0,), 40.16, 1e-6),
    ],
)
def test_by_hand_and_as_published(name, arguments, expected, within):
    assert getattr(formulas, name)(*arguments) == pytest.approx(expected, abs=within)


@given(st.floats(7.0, 11.0), st.floats(5.5, 8.0))
def test_first_turn_is_half_an_ellipse_and_half_a_circle(a, b):
    """Measured along the curve, not by the formula's own circumference: that errs by 0.5 %."""
    share = 0.584
    angles = np.linspace(0.0, np.pi, 2001)
    half_ellipse = np.column_stack([a / 2 * np.cos(angles), share * b * np.sin(angles)])
    half_circle = (1.0 - share) * b * np.column_stack([np.cos(angles), np.sin(angles)])
    along = sum(
        np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in (half_ellipse, half_circle)
    )
    assert formulas.elliptic_circular_first_turn(a, b) == pytest.approx(along, rel=0.006)


@given(st.floats(6.0, 12.0), st.floats(0.0, 1000.0))
def test_angle_and_length_are_inverse(diameter, angle):
    length = formulas.escude_lateral_wall(diameter, angle)
    assert formulas.escude_angle(diameter, length) == pytest.approx(angle, abs=1e-6)
