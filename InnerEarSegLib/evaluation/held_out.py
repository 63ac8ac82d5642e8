"""Find ears by the networks of a cross-validation that did not see them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..errors import UnusableInput
from ..io.case import Case
from ..model.bundle import Model, load_model
from ..segmentation.pipeline import segment
from ..training.base import BaseModel
from ..training.config import from_dict
from ..training.run import read_run
from ..types import Ear
from .calibrate import calibrate
from .crossval import MADE_WITH, MODEL, ROWS, whose_figures
from .evaluate import SUMMARY, Row
from .metrics import ear_of


@dataclass
class HeldOut:
    """The folds of a cross-validation, each for the cases that it held out.

    Attributes:
        folders: run folder of the fold that held a case out, by the case's name.
        rows: of all folds, which landmarks' radii are calibrated from.
        fine: whether a fold trained ``refine``; a base model's may know the case, and draws none.
        whose: whose networks these are, a line each.
        seen: names of the cases that a base model's ``orient`` draws and was trained on.
    """

    folders: dict[str, Path]
    rows: dict[Path, list[Row]]
    fine: dict[Path, bool]
    whose: list[str]
    seen: set[str]
    _loaded: tuple[Path, Model] | None = None

    @classmethod
    def of(cls, output: Path) -> HeldOut:
        """Read the folder that ``innerearseg crossval`` wrote; UnusableInput if it is none."""
        folders: dict[str, Path] = {}
        rows: dict[Path, list[Row]] = {}
        fine: dict[Path, bool] = {}
        where = output
        try:
            for where in sorted(output.glob("fold-*")):
                (where / MODEL).stat()
                folders |= dict.fromkeys(read_run(where).config.held_out, where)
                content = json.loads((where / ROWS).read_text(encoding="utf-8"))
                rows[where] = content["rows"]
                fine[where] = content[MADE_WITH]["steps"]["refine"] > 0
            if len(rows) < 2:
                raise UnusableInput(f"{output} holds no folds of `innerearseg crossval`.")
            where = output
            summary = json.loads((where / SUMMARY).read_text(encoding="utf-8"))
            steps, seen = summary["steps"], summary["base"].pop("seen")
        except (OSError, ValueError, KeyError):  # missing, damaged or of earlier code
            sentence = f"{where} was not measured; run `innerearseg crossval` on."
            raise UnusableInput(sentence) from None
        base = from_dict(BaseModel, summary["base"], str(output / SUMMARY))
        drawn = set() if all(steps["orient"]) else set(seen)
        return cls(folders, rows, fine, whose_figures(steps, base, seen), drawn)

    def find(self, case: Case, device: torch.device | str) -> Ear | None:
        """Find a case's ear, its landmarks with radii that the other folds calibrate.

        Raise UnusableInput if no fold held the case out.
        """
        if case.name not in self.folders:
            raise UnusableInput("No fold of this cross-validation held it out.")
        folder = self.folders[case.name]
        if self._loaded is None or self._loaded[0] != folder:
            others = [row for other, rows in self.rows.items() if other != folder for row in rows]
            model = load_model(folder / MODEL, device)
            self._loaded = folder, replace(model, calibration=calibrate(others))
        return ear_of(segment(case.ct, self._loaded[1], fine=self.fine[folder]), case)
