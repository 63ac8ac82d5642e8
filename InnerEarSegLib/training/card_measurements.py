"""What a model's card says of measurements: whether they hold for a run, and what is kept."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Mapping
from typing import Any

from ..errors import UnusableInput
from ..model.calibration import LEVEL, Calibration
from ..types import LANDMARKS
from .run import TrainingRun

METRICS_ON_CARD = ("command", "model", "summary", "summary_by_scan", "cases")
CROSSVAL_ON_CARD = (
    "command", "base", "steps", "summary", "summary_by_scan", "reliability", "cases",
)  # fmt: skip
"""What the card keeps of a cross-validation; its calibration stands apart."""

WITH_VALUE = ("--folds", "--networks", "--stages", "--steps")
"""Options whose values name no file and no case."""


class CaseLabels(dict[str, str]):
    """What a card calls each case: ``case 1`` and so on, or by its name if the user asks for it."""

    def __init__(self, named: bool) -> None:
        super().__init__()
        self.named = named

    def __missing__(self, name: str) -> str:
        self[name] = name if self.named else f"case {len(self) + 1}"
        return self[name]


def check_metrics(content: Mapping[str, Any], run: TrainingRun, weights_sha256: str) -> None:
    """Refuse a summary of ``evaluate`` of other weights, or that says nothing of new cases."""
    names = _check_measured(content, "innerearseg evaluate", "model")
    if content.get("weights_sha256") != weights_sha256:
        raise UnusableInput(
            f"The metrics are of another model, {content['model']}: export this run without "
            "--metrics, evaluate that model file, and give its summary.json."
        )
    marked = {row["case"] for row in content["cases"] if row.get("trained_on")}
    seen = [name for name in names if name in marked or name in run.trained_on]
    if seen:
        raise UnusableInput(
            f"The metrics are of cases that the model was trained on ({', '.join(seen)}); evaluate "
            "--cases of others."
        )


def check_crossval(content: Mapping[str, Any], run: TrainingRun) -> None:
    """Refuse a summary of ``crossval`` that does not hold for this run or calibrates nothing."""
    names = _check_measured(content, "innerearseg crossval", "steps", "calibration", "reliability")
    lacking = [name for name in run.trained_on if name not in names]
    if lacking:
        raise UnusableInput(
            f"The cross-validation is of other cases: it lacks {', '.join(lacking)}, which the "
            "model was trained on."
        )
    prints = content.get("fingerprints", {})
    other = [r.name for r in run.records if prints.get(r.name, r.fingerprint) != r.fingerprint]
    if other:
        raise UnusableInput(
            f"The cross-validation is of other data: its {', '.join(other)} has another CT than "
            "the case of that name which the model was trained on."
        )
    try:
        calibration = Calibration.from_json(content["calibration"])
        calibrated = LEVEL in calibration.factors
    except (KeyError, TypeError, ValueError, AttributeError):
        calibrated = False
    if not calibrated:
        raise UnusableInput("The cross-validation found no ear, so that it calibrates nothing.")
    unknown = [name for name in LANDMARKS if name not in calibration.scale_mm]
    if unknown:
        raise UnusableInput(f"The cross-validation calibrates no {unknown[0]}.")


def _check_measured(content: Mapping[str, Any], command: str, *more: str) -> list[str]:
    """Return the cases in a command's summary.json, which has these fields and some case."""
    try:
        names = [str(row["case"]) for row in content["cases"]]
        whole = all(key in content for key in ("command", "summary", *more))
    except (KeyError, TypeError):
        whole, names = False, []
    if not whole:
        raise UnusableInput(f"The file is no summary.json of `{command}`.")
    if not names:
        raise UnusableInput(f"The summary.json of `{command}` holds no case.")
    return names


def metrics_for_card(content: Mapping[str, Any], labels: CaseLabels) -> dict[str, Any]:
    """Return what the card shows of a summary of ``evaluate``."""
    return _for_card(content, METRICS_ON_CARD, labels)


def crossval_for_card(content: Mapping[str, Any], labels: CaseLabels) -> dict[str, Any]:
    """Return what the card shows of a summary of ``crossval``; of its base, which cases it saw."""
    shown = _for_card(content, CROSSVAL_ON_CARD, labels)
    if base := shown.get("base"):
        names = dict.fromkeys(str(row["case"]) for row in content["cases"])
        seen = base.get("seen", [name for name in names if name in base.get("trained_on", ())])
        about = {key: base[key] for key in ("name", "version", "sha256")}
        shown["base"] = about | {"seen": [labels[name] for name in seen]}
    return shown


def _for_card(
    content: Mapping[str, Any], keys: tuple[str, ...], labels: CaseLabels
) -> dict[str, Any]:
    shown = {key: content[key] for key in keys if key in content}
    shown["cases"] = [
        {key: value for key, value in row.items() if key != "group"}
        | {"case": labels[str(row["case"])]}
        for row in content["cases"]
    ]
    if not labels.named:
        shown["command"] = without_names(content["command"])
    return shown


def without_names(command: str) -> str:
    """Return a command line without the files, folders and cases that it names.

    Example:
        >>> without_names("innerearseg evaluate Miller.csv --cases 'A. Miller' --scans")
        'innerearseg evaluate … --cases … --scans'
    """
    words = shlex.split(command)
    shown = words[:2]
    for before, word in itertools.pairwise(words[1:]):
        shown.append(word if word.startswith("--") or before in WITH_VALUE else "…")
    return " ".join(shown)
