"""Fit a calibration to cross-validated errors, and tell how well it holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..model.calibration import Calibration
from ..types import AUXILIARY, LANDMARKS
from .evaluate import Row

LEVELS = (0.5, 0.8, 0.9, 0.95)
ALL_SCANS = "all scans"


def calibrate(rows: Sequence[Row]) -> Calibration:
    """Fit a calibration to all rows.

    Factors are from the errors of all landmarks together, each relative to its own scale and
    spread, at the rank of split conformal prediction (ceil((n + 1) level)). Its guarantee does not
    follow: scale and spread are those of the same rows, and landmarks and scans of one ear are not
    independent. ``reliability`` counts what holds. Auxiliary landmarks have a scale and
    spread, but share the factors.

    Args:
        rows: of specimens that the networks did not see, in all scans; with ``signs``.
    """
    scale, spread = {}, {}
    for name in (*LANDMARKS, *AUXILIARY):
        errors, spreads = np.array(_errors_and_spreads(rows, name)).reshape(-1, 2).T
        if len(errors):
            scale[name] = float(np.sqrt(np.mean(errors**2)))
            spread[name] = float(np.mean(spreads))
    raw = Calibration(scale, spread, {1.0: 1.0})
    scores = np.sort(np.array([error / radius for error, radius in _pairs(rows, raw, 1.0)]))
    factors: dict[float, float] = {}
    for level in LEVELS if len(scores) else ():  # none without an error to rank
        rank = math.ceil((len(scores) + 1) * level) - 1
        factors[level] = float(scores[min(len(scores) - 1, rank)])
    return Calibration(scale, spread, factors)


def reliability(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Count the errors within their radii, each fold judged by a calibration of the others.

    Return a row a level and scan (on a model's card "copy"), the last ones of all scans together:
    copy, nominal, inside, of.
    """
    held: list[dict[str, Any]] = []
    judged = _each_fold(rows)
    scans = list(dict.fromkeys(row["scan"] for row in rows))
    for name in (*scans, *([ALL_SCANS] if len(scans) > 1 else [])):
        for level in LEVELS:
            inside = [
                error <= radius
                for test, calibration in judged
                for error, radius in _pairs(
                    [row for row in test if name in (row["scan"], ALL_SCANS)], calibration, level
                )
            ]
            held.append({"copy": name, "nominal": level, "inside": sum(inside), "of": len(inside)})
    return held


def with_radii(rows: Sequence[Row]) -> list[Row]:
    """Add radii to the rows, from a calibration of the other folds alone."""
    filled = []
    for test, calibration in _each_fold(rows):
        for row in test:
            more: Row = {}
            if row["found"]:
                for name in LANDMARKS:
                    more[f"{name} radius mm"] = calibration.radius_mm(name, row["signs"][name])
            filled.append(row | more)
    return filled


def error_by_edge_width(rows: Sequence[Row]) -> dict[str, float] | None:
    """Tell whether landmarks err by more, for their radius, where the CT is softer at the ear.

    ``rows`` are of ``with_radii``. Return the Pearson correlation of error / radius with the width
    of the bone's edge, and the number of landmarks; None with fewer than three or of one width.
    """
    pairs = [
        (row["edge_width_mm"], row[f"{name} mm"] / row[f"{name} radius mm"])
        for row in rows
        for name in LANDMARKS
        if row.get("edge_width_mm") is not None
        and row.get(f"{name} mm") is not None
        and row.get(f"{name} radius mm")
    ]
    if len(pairs) < 3 or len({width for width, _ in pairs}) == 1:
        return None
    width, relative = np.array(pairs).T
    return {"correlation": float(np.corrcoef(width, relative)[0, 1]), "landmarks": len(pairs)}


def reliability_sentences(held: Sequence[dict[str, Any]]) -> list[str]:
    """Put the reliability in lines, one a scan."""
    parts: dict[str, list[str]] = {}
    for row in held:
        part = f"{row['nominal']:.0%}: {row['inside']}/{row['of']}"
        parts.setdefault(row["copy"], []).append(part)
    return [f"Radii hold, {name}: {', '.join(those)}" for name, those in parts.items()]


def _each_fold(rows: Sequence[Row]) -> list[tuple[list[Row], Calibration]]:
    """The rows of each fold, with a calibration of all others."""
    return [
        (
            [row for row in rows if row["fold"] == fold],
            calibrate([row for row in rows if row["fold"] != fold]),
        )
        for fold in dict.fromkeys(row["fold"] for row in rows)
    ]


def _errors_and_spreads(rows: Sequence[Row], name: str) -> list[tuple[float, float]]:
    """(error, spread) in mm of one landmark, where it was found."""
    return [
        (row[f"{name} mm"], row["signs"][name])
        for row in rows
        if row["found"] and row.get(f"{name} mm") is not None
    ]


def _pairs(
    rows: Sequence[Row], calibration: Calibration, level: float
) -> list[tuple[float, float]]:
    """(error, radius) of the product's landmarks."""
    return [
        (error, radius)
        for name in LANDMARKS
        for error, spread in _errors_and_spreads(rows, name)
        if (radius := calibration.radius_mm(name, spread, level)) is not None
    ]
