"""Published formulas, by hand and against published cohorts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from InnerEarSegLib.cochlea import formulas


def test_escude_by_hand():
    # 2.62 * 9 * ln(1 + 360 / 235) = 23.58 * ln(2.53191) = 23.58 * 0.92898
    assert formulas.escude_lateral_wall(9.0, 360.0) == pytest.approx(21.905, abs=0.002)
    # ln(1 + 720 / 235) = ln(4.06383) = 1.40213
    assert formulas.escude_lateral_wall(10.0, 720.0) == pytest.approx(36.736, abs=0.002)
    assert formulas.escude_lateral_wall(9.0, 0.0) == 0.0


def test_escude_agrees_with_the_published_first_turn():
    """The mean A of a review's 2559 cochleae gives its mean length of the basal turn within 3 %.

    Curtis et al. 2023: A 9.23 mm; basal turn 21.87 mm, studies from 21.03 to 22.5 mm.
    """
    assert 21.03 < formulas.escude_lateral_wall(9.23, 360.0) < 22.5


def test_escude_over_the_range_that_its_abstract_names():
    """A from 7.9 to 10.8 mm makes "more than 5.0 mm variation" in the lateral wall to 360°.

    2.62 * 2.9 * ln(1 + 360 / 235) = 7.598 * 0.92898 = 7.06 mm; the mean A of 9.23 mm makes 22.5 mm.
    """
    shortest, mean, longest = (formulas.escude_lateral_wall(a, 360.0) for a in (7.9, 9.23, 10.8))
    assert longest - shortest == pytest.approx(7.058, abs=0.002)
    assert longest - shortest > 5.0
    assert mean == pytest.approx(22.46, abs=0.01)


def test_first_turn_from_a_and_b_by_hand():
    # 1.18 * 9 + 2.69 * 6.5 - sqrt(0.72 * 58.5) = 10.62 + 17.485 - 6.4900
    assert formulas.elliptic_circular_first_turn(9.0, 6.5) == pytest.approx(21.615, abs=0.001)


@given(st.floats(7.0, 11.0), st.floats(5.5, 8.0))
def test_first_turn_is_half_an_ellipse_and_half_a_circle(a, b):
    """Measured along the curve, not by the formula's own circumference: that errs by 0.5 %."""
    share = 0.584
    angles = np.linspace(0.0, np.pi, 2001)
    half_ellipse = np.column_stack([a / 2 * np.cos(angles), share * b * np.sin(angles)])
    radius = (1.0 - share) * b
    half_circle = radius * np.column_stack([np.cos(angles), np.sin(angles)])
    along = sum(
        np.linalg.norm(np.diff(c, axis=0), axis=1).sum() for c in (half_ellipse, half_circle)
    )
    assert formulas.elliptic_circular_first_turn(a, b) == pytest.approx(along, rel=0.006)


def test_first_turn_is_as_long_as_published():
    """Curtis et al. 2023: mean A 9.23 mm (2559 cochleae), mean B 6.52 mm (908), mean length of the
    basal turn 21.87 mm (384 cochleae, studies from 21.03 to 22.5 mm)."""
    assert formulas.elliptic_circular_first_turn(9.23, 6.52) == pytest.approx(21.87, abs=0.05)


def test_escude_and_alexiades_are_the_same_spiral():
    """Alexiades took Escudé's third equation as his basis: two turns are 3.65 to 3.68 A long."""
    assert formulas.escude_lateral_wall(1.0, 720.0) == pytest.approx(3.65, abs=0.03)


@given(st.floats(6.0, 12.0), st.floats(0.0, 1000.0))
def test_angle_and_length_are_inverse(diameter, angle):
    length = formulas.escude_lateral_wall(diameter, angle)
    assert formulas.escude_angle(diameter, length) == pytest.approx(angle, abs=1e-6)


def test_alexiades_by_hand():
    assert formulas.alexiades_organ_of_corti(9.0) == pytest.approx(33.44)
    assert formulas.alexiades_two_turns(9.0) == pytest.approx(29.2)


def test_alexiades_on_a_published_cohort():
    """PMC6449142, 36 ears: mean A 8.75 mm, SD 0.31; mean CDL 32.45 mm, SD 1.31."""
    assert formulas.alexiades_organ_of_corti(8.75) == pytest.approx(32.45, abs=0.06)
    spread = formulas.alexiades_organ_of_corti(8.75 + 0.31)
    assert spread - formulas.alexiades_organ_of_corti(8.75) == pytest.approx(1.31, abs=0.03)


def test_erixon_by_hand():
    assert formulas.erixon_lateral_wall(9.0) == pytest.approx(40.16)


def test_lateral_wall_is_longer_than_organ_of_corti():
    for diameter in (8.0, 9.0, 10.0):
        assert formulas.erixon_lateral_wall(diameter) > formulas.alexiades_organ_of_corti(diameter)
        two_turns = formulas.escude_lateral_wall(diameter, 720.0)
        assert two_turns > formulas.alexiades_two_turns(diameter)
