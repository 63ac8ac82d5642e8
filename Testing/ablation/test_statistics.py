"""Statistics of few cases against examples done by hand."""

import numpy as np
import pytest

from InnerEarSegLib.ablation.compare import bootstrap_interval, holm, sign_flip_p, smallest_p


def test_sign_flips_by_hand():
    # Of the 8 ways to sign 1, 2, 3 only +++ and --- have a mean as far from 0 as 2.
    assert sign_flip_p([1.0, 2.0, 3.0]) == pytest.approx(2 / 8)
    # |1 + 2 - 3| = 0: all 8 are at least as far.
    assert sign_flip_p([1.0, 2.0, -3.0]) == pytest.approx(1.0)
    # |3 + 2 - 1| = 4 is reached by 3 2 -1 and 3 2 1 and their mirrors.
    assert sign_flip_p([3.0, 2.0, -1.0]) == pytest.approx(4 / 8)
    assert sign_flip_p([0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("cases", [3, 10, 15, 30])
def test_smallest_p_is_what_the_clearest_difference_gives(cases):
    assert sign_flip_p([1.0] * cases) == pytest.approx(smallest_p(cases), rel=1e-6)


def test_random_signs_of_many_cases_come_near_the_normal_distribution():
    many = np.tile([1.0, -1.0, 1.0], 34)[:100]
    many = many - many.mean() + 2.0 * many.std() / 10.0  # z = 2
    assert sign_flip_p(many) == pytest.approx(0.0455, abs=0.01)


def test_holm_by_hand():
    # 0.01 * 3, then max(0.03, 0.03 * 2), then max(0.06, 0.04 * 1).
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_bootstrap_interval_by_hand():
    # Two values, each drawn with chance 1/2: the mean is 0, 1/2 or 1 with chance 1/4, 1/2, 1/4.
    assert bootstrap_interval([0.0, 1.0]) == (0.0, 1.0)
    assert bootstrap_interval([0.25, 0.25, 0.25]) == (0.25, 0.25)
    # The mean of many is near normal: 1.96 standard deviations / sqrt(n) on either side.
    low, high = bootstrap_interval([0.0, 1.0] * 50)
    assert (low, high) == pytest.approx((0.5 - 0.098, 0.5 + 0.098), abs=0.005)
