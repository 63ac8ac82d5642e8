"""Write the model file of a run, with a card that says how it was trained and measured."""

from __future__ import annotations

import datetime
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import UnusableInput
from ..io.result_folder import MADE_BY, ResultFolder
from ..model.bundle import load_model
from ..model.card import ANY_CT, CARD, CARD_SCHEMA, NETWORKS, card_in, file_content
from ..model.provenance import Ancestor, TrainingData, licence_of
from ..model.unet import count_parameters
from .base import BaseModel, base_of
from .card_measurements import (
    CaseLabels,
    check_crossval,
    check_metrics,
    crossval_for_card,
    metrics_for_card,
)
from .card_text import card_text
from .run import TrainingRun, read_run
from .trainer import steps_done, trained_network

CARD_ENDS_IN = ".md"

Part = tuple[nn.Module, dict[str, Any]]
"""A network, in half precision, and its part of the card."""


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
    name: str | None = None,
    base: Path | None = None,
    any_base: bool = False,
    metrics: dict[str, Any] | None = None,
    crossval: dict[str, Any] | None = None,
    notes: Sequence[str] = (),
    name_cases: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Write the model file of a run, and its card as Markdown beside it; return the card.

    Weights are stored in half precision, which halves the file and moves no landmark by a
    measurable distance; inference computes in single precision.

    Args:
        version: of the model, for its card.
        name: of the model; None takes the file's.
        base: a model of the same landmarks and canonical ear, whose networks stand in for those
            that this run did not train. The card says so, and what it was trained on.
        any_base: take them whatever its canonical ear and cases are: for measuring alone.
        metrics: summary of ``innerearseg evaluate`` of this run's model.
        crossval: summary of ``innerearseg crossval`` for the same recipe; its calibration goes with
            the model.
        notes: what else a reader should know of the training, one sentence each.
        name_cases: whether the card calls cases by their names, and says where measurements lay.
        say: is given a line for each inherited network, and for each file that was set aside.

    Raise UnusableInput if the file cannot be written, a network has neither a checkpoint nor a
    base, the base does not fit, or what was measured says nothing of this run.
    """
    folder = _check_output(output)
    run = read_run(run_folder)
    if not run.records:
        raise UnusableInput(
            f"{run_folder} does not say where its data come from, as it was trained by an earlier "
            "version: give its training command once more, which adds that, and export again."
        )
    parts, inherited = _parts(run, run_folder, base, any_base, say)
    networks = _Networks(**{name: network for name, (network, _) in parts.items()})
    weights_sha256 = weights_hash(networks)
    labels = CaseLabels(name_cases)
    for record in run.records:
        labels[record.name]
    data = datasets(run)
    every = (*data, *(each for model in inherited for each in model.data))
    card: dict[str, Any] = {
        "schema": CARD_SCHEMA,
        "name": output.stem if name is None else name,
        "version": version,
        "date": datetime.date.today().isoformat(),
        "made_by": f"{MADE_BY}, code revision {run.code_revision}",
        "licence": licence_of(every),
        "weights_sha256": weights_sha256,
        "landmarks": list(run.config.landmarks),
        "template": {name: list(point) for name, point in run.template.items()},
        "intensity": asdict(run.config.intensity),
        "outputs": "labyrinth logits [b,1,k,j,i]; heatmap logits [b,landmark,k,j,i], softmax over "
        "all voxels and one class of logit 0 for 'not in this patch'",
        "training": _training(run, data, labels) | {"notes": list(notes)},
        "inherited": [asdict(model) for model in inherited],
        "metrics": {},
    }
    if metrics is not None:
        check_metrics(metrics, run, weights_sha256)
        card["metrics"] = metrics_for_card(metrics, labels)
    if crossval is not None:
        check_crossval(crossval, run)
        card["calibration"] = crossval["calibration"]
        card["crossval"] = crossval_for_card(crossval, labels)
    card |= {name: about for name, (_, about) in parts.items()}
    module = torch.jit.script(networks)
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


def weights_hash(networks: nn.Module) -> str:
    """Return the SHA-256 of all weights in half precision: the same for every card of a run."""
    digest = hashlib.sha256()
    for name, values in sorted(networks.state_dict().items()):
        digest.update(name.encode())
        digest.update(values.half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def datasets(run: TrainingRun) -> list[TrainingData]:
    """Return what a run was trained on, the cases of one origin together, as its manifest says."""
    groups: dict[tuple[str, str], list[str]] = {}
    # Earlier runs gave each case without a group its own name as one.
    stated = any(record.group != record.name for record in run.records)
    for record in run.records:
        if record.name in run.trained_on:
            origin = record.citation, record.licence
            groups.setdefault(origin, []).append(record.group)
    return [
        TrainingData(
            len(members), citation, licence,
            len(set(members)) if stated and all(members) else 0,
        )
        for (citation, licence), members in groups.items()
    ]  # fmt: skip


def _training(run: TrainingRun, data: Sequence[TrainingData], labels: CaseLabels) -> dict[str, Any]:
    """The card's part on the training, cases by their labels."""
    trained = [record for record in run.records if record.name in run.trained_on]
    held_out = [labels[name] for name in run.config.held_out]
    config = asdict(run.config) | {"held_out": held_out}
    del config["name"]  # of the recipe, which may be another model's
    return {
        "datasets": [asdict(each) for each in data],
        "cases_named": labels.named,
        "trained_on": [labels[record.name] for record in trained],
        "fingerprints": [record.fingerprint for record in trained],
        "of_these_landmarks_only": [labels[name] for name in run.without_labels],
        "auxiliary_computed": [labels[record.name] for record in trained if record.computed],
        "voxels_mm": [
            min(record.finest_mm for record in trained),
            max(record.coarsest_mm for record in trained),
        ],
        "held_out_to_choose_by": held_out,
        "synthetic_ears": run.synthetic,
        "config": config,
    }


def _parts(
    run: TrainingRun,
    run_folder: Path,
    base: Path | None,
    any_base: bool,
    say: Callable[[str], None],
) -> tuple[dict[str, Part], list[Ancestor]]:
    """All networks, from the run or from the base, and the models that they inherited from."""
    steps = {name: steps_done(run_folder / name) for name in NETWORKS}
    untrained = [name for name in NETWORKS if not steps[name]]
    parts = {name: _trained(name, run, run_folder, steps[name]) for name in NETWORKS if steps[name]}
    weights = {name: run.inherited.get(name, 0) for name in parts}
    uses: list[tuple[BaseModel, list[str], dict[str, int]]] = []
    if untrained:
        if base is None:
            raise UnusableInput(
                f"{run_folder} has no trained {' and no '.join(untrained)}: go on with "
                "`innerearseg train`, or give --base MODEL.pt, whose networks stand in."
            )
        model, networks = _read_base(base, run, any_base)
        parts |= {name: networks[name] for name in untrained}
        same = run.started_from is not None and run.started_from.sha256 == model.sha256
        uses.append((model, untrained, weights if same else {}))
        if not same and run.started_from is not None:
            uses.insert(0, (run.started_from, [], weights))
        if not any_base:
            say(f"{' and '.join(untrained)}: of {model}; the card names it and its training data.")
    elif run.started_from is not None:
        uses.append((run.started_from, [], weights))
    return parts, [each for model, taken, n in uses for each in model.inherited(taken, n)]


def _trained(name: str, run: TrainingRun, run_folder: Path, steps: int) -> Part:
    """A network of the run."""
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
    if name == "refine" and setup.augmentation.rescan > 0:
        about["draws"] = ANY_CT
    return network.half(), about


def _read_base(path: Path, run: TrainingRun, any_base: bool) -> tuple[BaseModel, dict[str, Part]]:
    """A base model with its networks; it must see the same ear, and know no held-out case."""
    content = file_content(path)
    model, card = base_of(content, path, run.config), card_in(content, path)
    if not any_base:
        if set(card["template"]) != set(run.template) or any(
            not np.allclose(card["template"][name], point, atol=1e-6)
            for name, point in run.template.items()
        ):
            raise UnusableInput(
                f"The base model {path} has another canonical ear than {run.config.name}, so that "
                "its networks do not fit: start the training from it (`train --from`), or train "
                "all networks."
            )
        records = (r for r in run.records if r.name in run.config.held_out)
        known = model.known((record.name, record.fingerprint) for record in records)
        if known:
            raise UnusableInput(
                f"The base model {path} was trained on {', '.join(known)}, which this run holds "
                "out: nothing could be measured on them."
            )
    module = torch.jit.load(io.BytesIO(content), map_location="cpu")
    kept = ("spacing_mm", "window", "heatmap_sigma_mm", "parameters", "steps", "code_revision",
            "draws")  # fmt: skip
    parts = {}
    for name in NETWORKS:
        about = {key: card[name][key] for key in kept if key in card[name]}
        about.setdefault("code_revision", card["made_by"].rpartition(" ")[2])
        parts[name] = getattr(module, name).half(), about
    return model, parts
