"""The folder of a study: what it is, which runs it has, and what they found.

RUNS/study.json                       plan, budget, folds
RUNS/VARIATION/fold-1/run.json        a training, as of `innerearseg train`
RUNS/VARIATION/fold-1/orient/         its checkpoint and log
RUNS/VARIATION/fold-1/result.json     appears when all is done
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..training.cases import TrainingCase
from ..training.config import from_dict
from ..training.folds import folds, specimen_names
from .plan import Plan, Study, as_json

DESCRIPTION = "study.json"
RESULT = "result.json"


@dataclass(frozen=True)
class StudyFolder:
    """A plan with the specimens of its folds, in a folder.

    Attributes:
        folder: where its runs lie.
        plan: with its budget as the basal training's steps.
        folds: names of the specimens that are held out together.
    """

    folder: Path
    plan: Plan
    folds: tuple[tuple[str, ...], ...]

    def runs(self) -> list[tuple[str, int]]:
        """(variation, fold) of all runs: the first fold of all variations, then the second."""
        return [(name, fold) for fold in range(len(self.folds)) for name in self.plan.names()]

    def run_folder(self, variation: str, fold: int) -> Path:
        """Where a run lies; folds count from 1 in names."""
        return self.folder / variation / f"fold-{fold + 1}"

    def result(self, variation: str, fold: int) -> dict[str, Any] | None:
        """What a run found, or None while it is not finished.

        Raises:
            UnusableInput: if it is the result of another training.
        """
        path = self.run_folder(variation, fold) / RESULT
        if not path.is_file():
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        study = from_dict(Study, content["study"], str(path))
        if study != self.plan.study(variation) or content["held_out"] != list(self.folds[fold]):
            raise UnusableInput(
                f"{path} is the result of another training than the plan's {variation!r}; choose "
                "another --output folder, or delete that run to do it again."
            )
        return content


def open_study(
    plan: Plan, cases: Sequence[TrainingCase], fold_count: int, folder: Path
) -> StudyFolder:
    """A study's folder, new or of the same plan, folds and budget.

    Raises:
        UnusableInput: if the folder holds another study, or the specimens are too few.
    """
    study = StudyFolder(folder, plan, tuple(folds(specimen_names(cases), fold_count)))
    if (folder / DESCRIPTION).is_file():
        earlier = read_study(folder)
        if (earlier.plan, earlier.folds) != (study.plan, study.folds):
            raise UnusableInput(
                f"{folder} holds a study of another plan, other folds or another budget; choose "
                "another --output folder."
            )
        return study
    folder.mkdir(parents=True, exist_ok=True)
    content = {"plan": as_json(plan), "folds": study.folds}
    write_json(folder / DESCRIPTION, content)
    return study


def read_study(folder: Path) -> StudyFolder:
    """The study that lies in a folder.

    Raises:
        UnusableInput: if there is none.
    """
    path = folder / DESCRIPTION
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnusableInput(f"{folder} is no folder of `innerearseg ablate`.") from None
    plan = from_dict(Plan, content["plan"], str(path))
    return StudyFolder(folder, plan, tuple(tuple(names) for names in content["folds"]))


def region_mm(plan: Plan) -> tuple[float, float, float]:
    """(k, j, i) edges of what all networks of a study are measured on: the basal window."""
    k, j, i = (plan.basal.spacing_mm * size for size in plan.basal.window)
    return k, j, i


def write_json(path: Path, content: Any) -> None:
    """Write so that a kill at any moment leaves no half-written file."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.write_text(json.dumps(content, indent=2), encoding="utf-8")
    temporary.replace(path)


def figures_json(figures: Sequence[Any]) -> list[dict[str, Any]]:
    """Figures of cases as plain values."""
    return [dataclasses.asdict(item) for item in figures]
