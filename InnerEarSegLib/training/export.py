"""A finished run to the one file that inference needs."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import __version__
from ..inferring.bundle import load_bundle
from ..model_file import CARD, CARD_SCHEMA
from ..network.unet import count_parameters
from .card_text import card_text
from .run import read_run
from .stage import steps_done, trained_network

DATA = {
    "name": "Human Bony Labyrinth: Co-Registered CT and micro-CT Images, Surface Models and "
    "Anatomical Landmarks",
    "authors": "Wimmer W, Anschuetz L, Weder S, Wagner F, Delingette H, Caversaccio M (2019)",
    "doi": "10.5281/zenodo.3355272",
    "described_in": "Data in Brief 27:104782, doi:10.1016/j.dib.2019.104782",
    "licence": "CC BY 4.0",
}


class _Networks(nn.Module):
    """Both networks in one TorchScript file."""

    def __init__(self, locate: nn.Module, refine: nn.Module) -> None:
        super().__init__()
        self.locate, self.refine = locate, refine

    def forward(self, ct: Tensor) -> tuple[Tensor, Tensor]:
        return self.refine(ct)


def export(
    run_folder: Path,
    output: Path,
    *,
    version: str,
    metrics: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the model file of a run, and its card as Markdown beside it.

    Weights are stored in half precision, which halves the file and moves no landmark by a
    measurable distance; inference computes in single precision.

    Args:
        run_folder: from ``innerearseg train``.
        output: the .pt file.
        version: of the model.
        metrics: what was measured with these weights, with the command that measured it.
        notes: what else a reader should know of the training, one sentence each.

    Returns:
        The card.

    Raises:
        UnusableInput: if a stage of the run has no checkpoint.
    """
    run = read_run(run_folder)
    networks = {
        name: trained_network(run.config, name, run_folder / name) for name in run.config.stages()
    }
    card: dict[str, Any] = {
        "schema": CARD_SCHEMA,
        "name": run.config.name,
        "version": version,
        "date": datetime.date.today().isoformat(),
        "made_by": f"InnerEarSeg {__version__}, code revision {run.code_revision}",
        "licence": "CC BY 4.0 (as the data), not a medical device",
        "landmarks": list(run.config.landmarks),
        "template": {name: point.tolist() for name, point in run.template.items()},
        "intensity": dataclasses.asdict(run.config.intensity),
        "outputs": "labyrinth logits [b,1,k,j,i]; heatmap logits [b,landmark,k,j,i], softmax over "
        "all voxels and one class of logit 0 for 'not in this window'",
        "training": {
            "data": DATA,
            "trained_on": list(run.trained_on),
            "of_these_landmarks_only": list(run.without_labels),
            "held_out_to_choose_by": list(run.config.held_out),
            "synthetic_ears": run.synthetic,
            "config": dataclasses.asdict(run.config),
            "notes": list(notes),
        },
        "metrics": metrics or {},
    }
    for name, stage in run.config.stages().items():
        card[name] = {
            "spacing_mm": stage.spacing_mm,
            "window": list(stage.window),
            "heatmap_sigma_mm": stage.loss.heatmap_sigma_mm,
            "parameters": count_parameters(networks[name]),
            "steps": steps_done(run_folder / name),
        }
    module = torch.jit.script(_Networks(networks["locate"].half(), networks["refine"].half()))
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(output.name + ".new")
    torch.jit.save(module, str(temporary), _extra_files={CARD: json.dumps(card, indent=2)})
    load_bundle(temporary, torch.device("cpu"))  # what cannot be loaded is not exported
    temporary.replace(output)
    output.with_suffix(".md").write_text(card_text(card), encoding="utf-8")
    return card
