"""Write the model file of a run, with a card that says how it was trained and measured."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import __version__
from ..errors import UnusableInput
from ..io.result_folder import ResultFolder
from ..model.bundle import load_model
from ..model.calibration import LEVEL, calibration_from
from ..model.card import (
    ANY_CT,
    CARD,
    CARD_SCHEMA,
    NETWORKS,
    card_of_any_schema,
    file_content,
)
from ..model.unet import count_parameters
from ..types import LANDMARKS
from .base import check_fit
from .card_text import card_text
from .run import TrainingRun, read_run
from .trainer import steps_done, trained_network

CARD_ENDS_IN = ".md"


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


def _check_metrics(content: Mapping[str, Any], run: TrainingRun) -> None:
    """Refuse a summary of ``evaluate`` that says nothing of new cases."""
    names = _check_measured(content, "innerearseg evaluate")
    marked = {row["case"] for row in content["cases"] if row.get("trained_on")}
    seen = [name for name in names if name in marked or name in run.trained_on]
    if seen:
        raise UnusableInput(
            f"The metrics are of cases that the model was trained on ({', '.join(seen)}); evaluate "
            "--cases of others."
        )


def _check_crossval(content: Mapping[str, Any], run: TrainingRun) -> None:
    """Refuse a summary of ``crossval`` that does not hold for this run or calibrates nothing."""
    names = _check_measured(content, "innerearseg crossval", "steps", "calibration", "reliability")
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


def _check_output(output: Path) -> ResultFolder:
    """Return the folder of a model file; refuse one that could not be written in the end."""
    card = output.with_suffix(CARD_ENDS_IN)
    if output.is_dir():
        raise UnusableInput(f"{output} is a folder; --output needs a file, MODEL.pt.")
    if output.suffix.lower() == CARD_ENDS_IN:
        raise UnusableInput(
            f"The model cannot be written to {output}: its card is written there; end its name "
            "in .pt."
        )
    if card.is_dir():
        raise UnusableInput(f"{output}: its card {card} is a folder.")
    return ResultFolder(output.parent)


DATA = {
    "name": "Human Bony Labyrinth: Co-Registered CT and micro-CT Images, Surface Models and "
    "Anatomical Landmarks",
    "authors": "Wimmer W, Anschuetz L, Weder S, Wagner F, Delingette H, Caversaccio M (2019)",
    "doi": "10.5281/zenodo.3355272",
    "described_in": "Data in Brief 27:104782, doi:10.1016/j.dib.2019.104782",
    "licence": "CC BY 4.0",
}

ON_CARD = (
    "command", "base", "steps", "summary", "summary_by_scan", "reliability", "cases",
)  # fmt: skip
"""What the card keeps of a cross-validation; its calibration stands apart."""


class _Networks(nn.Module):
    """All networks in one TorchScript file."""

    def __init__(self, locate: nn.Module, orient: nn.Module, refine: nn.Module) -> None:
        super().__init__()
        self.locate, self.orient, self.refine = locate, orient, refine

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        return self.refine(ct)


def export(
    run_folder: Path,
    output: Path,
    *,
    version: str,
    base: Path | None = None,
    any_base: bool = False,
    metrics: dict[str, Any] | None = None,
    crossval: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write the model file of a run, and its card as Markdown beside it; return the card.

    Weights are stored in half precision, which halves the file and moves no landmark by a
    measurable distance; inference computes in single precision.

    Args:
        base: a model of the same landmarks and canonical ear, trained on none but this run's
            specimens, whose networks stand in for those that this run did not train.
        any_base: take them whatever specimens the base was trained on: for measuring alone.
        metrics: summary of ``innerearseg evaluate``.
        crossval: summary of ``innerearseg crossval`` for the same recipe; its calibration goes with
            the model.
        notes: what else a reader should know of the training, one sentence each.

    Raise UnusableInput if the file cannot be written, a network has neither a checkpoint nor a
    base, the base does not fit, or what was measured says nothing of this run.
    """
    folder = _check_output(output)
    run = read_run(run_folder)
    if metrics is not None:
        _check_metrics(metrics, run)
    if crossval is not None:
        _check_crossval(crossval, run)
    parts = {name: _part(name, run, run_folder, base, any_base) for name in NETWORKS}
    card: dict[str, Any] = {
        "schema": CARD_SCHEMA,
        "name": run.config.name,
        "version": version,
        "date": datetime.date.today().isoformat(),
        "made_by": f"InnerEarSeg {__version__}, code revision {run.code_revision}",
        "licence": "CC BY 4.0 (as the data), not a medical device",
        "landmarks": list(run.config.landmarks),
        "template": {name: list(point) for name, point in run.template.items()},
        "intensity": dataclasses.asdict(run.config.intensity),
        "outputs": "labyrinth logits [b,1,k,j,i]; heatmap logits [b,landmark,k,j,i], softmax over "
        "all voxels and one class of logit 0 for 'not in this window'",
        "training": {
            "data": DATA,
            "trained_on": list(run.trained_on),
            "of_these_landmarks_only": list(run.without_labels),
            "held_out_to_choose_by": list(run.config.held_out),
            "synthetic_ears": run.synthetic,
            "started_from": run.started_from and dataclasses.asdict(run.started_from),
            "config": dataclasses.asdict(run.config),
            "notes": list(notes),
        },
        "metrics": metrics or {},
    }
    if crossval is not None:
        card["calibration"] = crossval["calibration"]
        card["crossval"] = {key: crossval[key] for key in ON_CARD if key in crossval}
    card |= {name: about for name, (_, about) in parts.items()}
    module = torch.jit.script(_Networks(**{name: net.half() for name, (net, _) in parts.items()}))
    with folder.adding() as stage:
        new = stage / output.name
        content = io.BytesIO()  # a full disk is then an OSError, not one of torch's
        torch.jit.save(module, content, _extra_files={CARD: json.dumps(card, indent=2)})
        new.write_bytes(content.getvalue())
        load_model(new, torch.device("cpu"))  # what cannot be loaded is not exported
        new.with_suffix(CARD_ENDS_IN).write_text(card_text(card), encoding="utf-8")
    for sentence in folder.sentences:
        say(sentence)
    return card


def _part(
    name: str, run: TrainingRun, run_folder: Path, base: Path | None, any_base: bool
) -> tuple[nn.Module, dict[str, Any]]:
    """One network and its part of the card, from the run or from the base."""
    steps = steps_done(run_folder / name)
    if base is not None and steps == 0:
        return _part_of_base(name, run, base, any_base)
    setup = run.config.networks()[name]
    if setup.loss.heatmaps != "softmax":
        raise UnusableInput(
            f"{run_folder} cannot be exported: its heatmaps were trained as "
            f"{setup.loss.heatmaps!r}, and results are read from those of 'softmax'."
        )
    network = trained_network(run.config, name, run_folder / name)
    about = {
        "spacing_mm": setup.spacing_mm, "window": list(setup.patch),
        "heatmap_sigma_mm": setup.loss.heatmap_sigma_mm, "parameters": count_parameters(network),
        "steps": steps, "code_revision": run.code_revision,
    }  # fmt: skip
    if run.started_from is not None:
        about["inherited"] = run.inherited[name]
    if name == "refine" and setup.augmentation.rescan > 0:
        about["draws"] = ANY_CT
    return network, about


def _part_of_base(
    name: str, run: TrainingRun, base: Path, any_base: bool
) -> tuple[nn.Module, dict[str, Any]]:
    """One network of another model file and its part of the card; it must see the same ear."""
    content = file_content(base)
    card = card_of_any_schema(content, base)
    try:
        about = dict(card[name])
        same = any_base or (
            set(card["training"]["trained_on"]) <= set(run.trained_on)
            and all(np.allclose(card["template"][k], p, atol=1e-6) for k, p in run.template.items())
        )
        check_fit(card, run.config, base, same)
    except (KeyError, TypeError):
        raise UnusableInput(f"The base model {base} has no network {name!r}.") from None
    about.setdefault("code_revision", card["made_by"].rpartition(" ")[2])
    about["taken_from"] = f"{card['name']} {card['version']}"
    return getattr(torch.jit.load(io.BytesIO(content), map_location="cpu"), name), about
