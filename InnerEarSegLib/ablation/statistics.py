"""Paired comparisons of few cases, and many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import bootstrap, permutation_test

RESAMPLES = 10_000
PERMUTATIONS = 2**16
"""All that there are for 16 cases."""

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
    cases all signs are tried; above, random ones.
    """
    array = np.asarray(differences, dtype=float)
    found = permutation_test(
        (array, np.zeros_like(array)), _mean_difference, permutation_type="samples",
        vectorized=True, n_resamples=PERMUTATIONS, rng=np.random.default_rng(SEED),
    )  # fmt: skip
    return float(found.pvalue)


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
    return max(2.0 / 2.0**cases, 2.0 / (1 + PERMUTATIONS))


def _mean_difference(
    variation: NDArray[np.float64], basal: NDArray[np.float64], axis: int
) -> NDArray[np.float64]:
    return np.mean(variation - basal, axis=axis)
