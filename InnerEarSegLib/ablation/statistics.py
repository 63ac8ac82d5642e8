"""Paired comparisons of few cases, and many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap

RESAMPLES = 10_000
EXACT_CASES = 16
"""Up to so many cases all signs are tried: 65 536."""

CONFIDENCE = 0.95
SEED = 0


@dataclass(frozen=True)
class Comparison:
    """One variation against the basal one, in one figure.

    Attributes:
        cases: how many specimens were compared.
        difference: mean of variation - basal.
        low: lower end of its bootstrap interval.
        high: upper end.
        p: chance of a mean at least this far from 0 if signs were random.
    """

    cases: int
    difference: float
    low: float
    high: float
    p: float


def compare(variation: ArrayLike, basal: ArrayLike) -> Comparison:
    """The paired difference of two trainings on the same cases.

    Args:
        variation: a figure of each case, (n,).
        basal: the same of the basal training, (n,), in the same order.
    """
    differences = np.asarray(variation, dtype=float) - np.asarray(basal, dtype=float)
    low, high = bootstrap_interval(differences)
    return Comparison(
        len(differences), float(differences.mean()), low, high, sign_flip_p(differences)
    )


def bootstrap_interval(values: ArrayLike) -> tuple[float, float]:
    """Percentile interval of the mean of cases drawn with replacement (Efron 1979)."""
    array = np.asarray(values, dtype=float)
    if len(array) < 2 or np.ptp(array) == 0.0:
        return float(array.min()), float(array.max())
    found = bootstrap(
        (array,), np.mean, n_resamples=RESAMPLES, confidence_level=CONFIDENCE,
        method="percentile", rng=np.random.default_rng(SEED),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)


def sign_flip_p(differences: ArrayLike) -> float:
    """Two-sided p of the paired permutation test (Fisher 1935): every difference may change sign.

    It asks nothing of how differences are spread, and its smallest value is 2 / 2**n. Up to 16
    cases all signs are tried; above, random ones. (scipy's ``permutation_test`` gives the same,
    but counts the signs up one by one, which takes half a minute for a study.)
    """
    array = np.asarray(differences, dtype=float)
    exact = len(array) <= EXACT_CASES
    sums = (_all_signs(len(array)) if exact else _random_signs(len(array))) @ array
    # Sums that differ by rounding alone are equal.
    limit = abs(array.sum()) - 1e-12 * np.abs(array).sum()
    as_far = int((np.abs(sums) >= limit).sum())
    # Random signs do not hold the sample as it is, which belongs to it: so p is never 0.
    return as_far / len(sums) if exact else (1 + as_far) / (1 + len(sums))


def holm(p: Sequence[float]) -> list[float]:
    """p corrected for their number, so that even one false alarm is unlikely (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    corrected = np.empty(len(p))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = highest
    return corrected.tolist()


def smallest_p(cases: int) -> float:
    """The smallest p that this many cases can give in ``sign_flip_p``."""
    return 2.0 / 2.0**cases if cases <= EXACT_CASES else 1.0 / (1 + 2**EXACT_CASES)


@lru_cache(maxsize=2)
def _all_signs(count: int) -> NDArray[np.float64]:
    """All patterns of +1 and -1: [2**count, count]."""
    bits = np.arange(2**count)[:, None] >> np.arange(count) & 1
    return np.where(bits > 0, 1.0, -1.0)


@lru_cache(maxsize=2)
def _random_signs(count: int) -> NDArray[np.float64]:
    """As many random patterns as there are of 16 cases: [2**16, count]."""
    rng = np.random.default_rng(SEED)
    return rng.choice((-1.0, 1.0), size=(2**EXACT_CASES, count))
