"""What was measured, and whether it may stand on a run's card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..decoding.calibration import LEVEL, calibration_from
from ..errors import UnusableInput
from ..results import LANDMARKS
from .run import Run

OF_EVALUATE = ("command", "summary", "cases")
OF_CROSSVAL = (*OF_EVALUATE, "steps", "calibration", "reliability")


def check_metrics(content: Mapping[str, Any], run: Run) -> None:
    """Refuse a summary of ``evaluate`` that says nothing of new cases.

    Raises:
        UnusableInput: if it is none, holds no case, or one that the run was trained on.
    """
    names = _names(content, OF_EVALUATE, "innerearseg evaluate")
    marked = {row["case"] for row in content["cases"] if row.get("trained_on")}
    seen = [name for name in names if name in marked or name in run.trained_on]
    if seen:
        raise UnusableInput(
            f"The metrics are of cases that the model was trained on ({', '.join(seen)}); evaluate "
            "--cases of others."
        )


def check_crossval(content: Mapping[str, Any], run: Run) -> None:
    """Refuse a summary of ``crossval`` that says nothing of this run's recipe.

    Raises:
        UnusableInput: if it is none, holds no case or no calibration of the landmarks, or lacks a
            specimen that the run was trained on.
    """
    names = _names(content, OF_CROSSVAL, "innerearseg crossval")
    lacking = [name for name in run.trained_on if name not in names]
    if lacking:
        raise UnusableInput(
            f"The cross-validation is of other specimens: it lacks {', '.join(lacking)}, which the "
            "model was trained on."
        )
    try:
        calibration = calibration_from(content["calibration"])
    except (KeyError, TypeError, ValueError, AttributeError):
        calibration = None
    if calibration is None or LEVEL not in calibration.factors:
        raise UnusableInput("The cross-validation found no ear, so that it calibrates nothing.")
    unknown = [name for name in LANDMARKS if name not in calibration.scale_mm]
    if unknown:
        raise UnusableInput(f"The cross-validation calibrates no {unknown[0]}.")


def _names(content: Mapping[str, Any], needed: tuple[str, ...], command: str) -> list[str]:
    """Names of the cases of a summary.json."""
    try:
        names = [str(row["case"]) for row in content["cases"]]
        whole = all(key in content for key in needed)
    except (KeyError, TypeError):
        whole, names = False, []
    if not whole:
        raise UnusableInput(f"The file is no summary.json of `{command}`.")
    if not names:
        raise UnusableInput(f"The summary.json of `{command}` holds no case.")
    return names
