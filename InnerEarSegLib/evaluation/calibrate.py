"""Fitting a calibration to cross-validated errors, and telling how well it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.calibration import AMBIGUITY, DRAWN_AT, Calibration
from ..types import AUXILIARY, LANDMARKS
from .summary import Row

LEVELS = (0.5, 0.8, 0.9, 0.95)
MIN_ROWS_OF_DICE = 6


def calibrate(rows: Sequence[Row], drawn: Sequence[Row] = ()) -> Calibration:
    """The calibration of all rows.

    Args:
        rows: of specimens that the networks did not see, in all copies; with ``signs``.
        drawn: further ones, from which Dice alone is learned, for networks that ``rows`` lack.

    Returns:
        Each landmark's scale and spread; factors from the errors of all landmarks together, each
        relative to its own scale and spread, at the rank of split conformal prediction
        (ceil((n + 1) level)); and a line of Dice over ambiguity for each network that drew. The
        guarantee of conformal prediction does not follow: scale and spread are those of the same
        rows, and landmarks and copies of one ear are not independent. ``reliability`` counts what
        holds. Auxiliary landmarks have a scale and spread, but share the landmarks' factors.
    """
    scale, spread = {}, {}
    for name in (*LANDMARKS, *AUXILIARY):
        errors, spreads = _errors_and_spreads(rows, name)
        if len(errors):
            scale[name] = float(np.sqrt(np.mean(errors**2)))
            spread[name] = float(np.mean(spreads))
    raw = Calibration(scale, spread, {1.0: 1.0}, {})
    scores = np.sort(np.array([error / radius for error, radius in _pairs(rows, raw, 1.0)]))
    factors = {}
    if len(scores):  # else no ear was found in any specimen, and nothing can be promised
        factors = {level: float(scores[_rank(len(scores), level)]) for level in LEVELS}
    known = {row["signs"][DRAWN_AT] for row in rows if row["found"]}
    new = [row for row in drawn if row["found"] and row["signs"][DRAWN_AT] not in known]
    return Calibration(scale, spread, factors, _dice_lines([*rows, *new]))


def reliability(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """How many errors the radii hold where each fold is judged by a calibration of the others.

    Returns:
        A row a level, for the CT as scanned and for its worse copies: nominal, copy, inside, of.
    """
    held: list[dict[str, Any]] = []
    for copy in dict.fromkeys(row["copy"] for row in rows):
        for level in LEVELS:
            inside = [
                error <= radius
                for test, calibration in _each_fold(rows)
                for error, radius in _pairs(
                    [row for row in test if row["copy"] == copy], calibration, level
                )
            ]
            held.append(
                {"copy": copy, "nominal": level, "inside": int(sum(inside)), "of": len(inside)}
            )
    return held


def with_radii(rows: Sequence[Row]) -> list[Row]:
    """The rows with radius and expected Dice from a calibration of the other folds alone."""
    filled = []
    for test, calibration in _each_fold(rows):
        for row in test:
            more: Row = {}
            if row["found"]:
                for name in LANDMARKS:
                    more[f"{name} radius mm"] = calibration.radius_mm(name, row["signs"][name])
                more["expected_dice"] = calibration.expected_dice(row["signs"])
            filled.append(row | more)
    return filled


def dice_agreement(rows: Sequence[Row]) -> dict[str, float] | None:
    """Expected against real Dice: Pearson correlation, mean absolute difference, cases."""
    pairs = [
        (row["expected_dice"], row["dice"])
        for row in rows
        if row["found"] and row.get("expected_dice") is not None and row.get("dice") is not None
    ]
    if len(pairs) < 3:
        return None
    expected, real = np.array(pairs).T
    return {
        "correlation": float(np.corrcoef(expected, real)[0, 1]),
        "mean_difference": float(np.abs(expected - real).mean()),
        "cases": len(pairs),
    }


def reliability_sentences(held: Sequence[dict[str, Any]]) -> list[str]:
    """The reliability, a line a copy."""
    lines = []
    for copy in dict.fromkeys(row["copy"] for row in held):
        parts = [
            f"{row['nominal']:.0%}: {row['inside']}/{row['of']}"
            for row in held
            if row["copy"] == copy
        ]
        lines.append(f"Radii hold, {copy}: {', '.join(parts)}")
    return lines


def _each_fold(rows: Sequence[Row]) -> list[tuple[list[Row], Calibration]]:
    """The rows of each fold, with a calibration of all others."""
    return [
        (
            [row for row in rows if row["fold"] == fold],
            calibrate([row for row in rows if row["fold"] != fold]),
        )
        for fold in dict.fromkeys(row["fold"] for row in rows)
    ]


def _rank(count: int, level: float) -> int:
    """Index of the conformal quantile among ``count`` sorted scores."""
    return min(count - 1, math.ceil((count + 1) * level) - 1)


def _errors_and_spreads(
    rows: Sequence[Row], name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors (n,) and spreads (n,) in mm of one landmark, where it was found."""
    pairs = [
        (row[f"{name} mm"], row["signs"][name])
        for row in rows
        if row["found"] and row.get(f"{name} mm") is not None
    ]
    errors, spreads = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    return errors, spreads


def _pairs(
    rows: Sequence[Row], calibration: Calibration, level: float
) -> list[tuple[float, float]]:
    """(error, radius) of the product's landmarks."""
    pairs = []
    for name in LANDMARKS:
        for error, spread in zip(*_errors_and_spreads(rows, name), strict=True):
            radius = calibration.radius_mm(name, float(spread), level)
            if radius is not None:
                pairs.append((float(error), radius))
    return pairs


def _dice_lines(rows: Sequence[Row]) -> dict[float, tuple[float, float]]:
    """Least-squares lines of Dice over ambiguity."""
    lines = {}
    for edge in sorted({row["signs"][DRAWN_AT] for row in rows if row["found"]}):
        points = [
            (row["signs"][AMBIGUITY], row["dice"])
            for row in rows
            if row["found"] and row["signs"][DRAWN_AT] == edge and row.get("dice") is not None
        ]
        if len(points) >= MIN_ROWS_OF_DICE and len({doubt for doubt, _ in points}) > 1:
            ambiguity, dice = np.array(points).T
            slope, intercept = np.polyfit(ambiguity, dice, 1)
            lines[edge] = (float(intercept), float(slope))
    return lines
