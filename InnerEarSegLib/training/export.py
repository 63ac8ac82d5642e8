"""What was measured, and whether it may stand on a run's card."""

from __future__ import annotations

import dataclasses
import datetime
import io
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import __version__
from ..errors import UnusableInput
from ..io.result_folder import clean_stale, make_stage, replace_together
from ..model.bundle import load_model
from ..model.calibration import LEVEL, calibration_from
from ..model.card import CARD, CARD_SCHEMA, NETWORKS
from ..model.unet import count_parameters
from ..types import LANDMARKS
from .base import part_of_base
from .card_text import card_text
from .run import Run, read_run
from .trainer import steps_done, trained_network

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


CARD_ENDS_IN = ".md"


def check_model_file(output: Path) -> None:
    """Refuse a model file that could not be written in the end; changes nothing.

    Raises:
        UnusableInput: if it or its card is a folder, its name is that of the card, or its folder
            is a file or cannot be made or written.
    """
    try:
        if output.is_dir():
            raise UnusableInput(f"{output} is a folder; --output needs a file, MODEL.pt.")
        if output.suffix.lower() == CARD_ENDS_IN:
            raise UnusableInput(
                f"The model cannot be written to {output}: its card is written there; end its name "
                "in .pt."
            )
        if output.with_suffix(CARD_ENDS_IN).is_dir():
            raise UnusableInput(
                f"The model {output} cannot be written: its card "
                f"{output.with_suffix(CARD_ENDS_IN)} is a folder."
            )
        place = output.resolve().parent
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise UnusableInput(f"The model {output} cannot be written: {place} is a file.")
        if not os.access(place, os.W_OK | os.X_OK):
            raise UnusableInput(
                f"The model {output} cannot be written: {place} is not open for writing."
            )
        make_stage(place).rmdir()  # what the system allows is only known by trying
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        raise _unwritable(output, error) from None


@contextmanager
def published_model(output: Path) -> Iterator[Path]:
    """A hidden file to write the model to, its card beside it; both move to their places together.

    Args:
        output: the model file; its folder is made if it is not there.

    Raises:
        UnusableInput: if they cannot be written; all is as it was.
    """
    stage = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        clean_stale(output.parent)
        stage = make_stage(output.parent)
        new = stage / "new" / output.name
        new.parent.mkdir()
        yield new
        names = (output.name, output.with_suffix(CARD_ENDS_IN).name)
        replace_together([(new.with_name(n), output.with_name(n)) for n in names], stage)
    except OSError as error:
        raise _unwritable(output, error) from None
    finally:
        if stage is not None:
            shutil.rmtree(stage, ignore_errors=True)


def _unwritable(output: Path, error: Exception) -> UnusableInput:
    reason = getattr(error, "strerror", None) or error
    return UnusableInput(f"The model {output} cannot be written: {reason}.")


DATA = {
    "name": "Human Bony Labyrinth: Co-Registered CT and micro-CT Images, Surface Models and "
    "Anatomical Landmarks",
    "authors": "Wimmer W, Anschuetz L, Weder S, Wagner F, Delingette H, Caversaccio M (2019)",
    "doi": "10.5281/zenodo.3355272",
    "described_in": "Data in Brief 27:104782, doi:10.1016/j.dib.2019.104782",
    "licence": "CC BY 4.0",
}

EXPORT_OF_CROSSVAL = (
    "command", "base", "steps", "summary", "reliability", "dice_agreement",
    "dice_agreement_as_scanned", "cases",
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
) -> dict[str, Any]:
    """Write the model file of a run, and its card as Markdown beside it.

    Weights are stored in half precision, which halves the file and moves no landmark by a
    measurable distance; inference computes in single precision.

    Args:
        run_folder: from ``innerearseg train``.
        output: the .pt file.
        version: of the model.
        base: a model of the same specimens, landmarks and canonical ear, from which stages are
            taken that this run did not train.
        any_base: take them whatever specimens the base was trained on: for measuring alone.
        metrics: summary of ``innerearseg evaluate``. The file that it measured had another card,
            so that its SHA-256 is not this one's; the card says which file it was.
        crossval: summary of ``innerearseg crossval`` for the same recipe; its calibration goes with
            the model.
        notes: what else a reader should know of the training, one sentence each.

    Returns:
        The card.

    Raises:
        UnusableInput: if the file cannot be written, a stage has neither a checkpoint nor a base,
            the base does not fit, or what was measured says nothing of this run; see ``measured``.
    """
    check_model_file(output)
    run = read_run(run_folder)
    if metrics is not None:
        check_metrics(metrics, run)
    if crossval is not None:
        check_crossval(crossval, run)
    parts = {name: _part(name, run, run_folder, base, any_base) for name in NETWORKS}
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
    if crossval is not None:
        card["calibration"] = crossval["calibration"]
        card["crossval"] = {key: crossval[key] for key in EXPORT_OF_CROSSVAL if key in crossval}
    card |= {name: about for name, (_, about) in parts.items()}
    module = torch.jit.script(_Networks(**{name: net.half() for name, (net, _) in parts.items()}))
    with published_model(output) as new:
        content = io.BytesIO()  # a full disk is then an OSError, not one of torch's
        torch.jit.save(module, content, _extra_files={CARD: json.dumps(card, indent=2)})
        new.write_bytes(content.getvalue())
        load_model(new, torch.device("cpu"))  # what cannot be loaded is not exported
        new.with_suffix(CARD_ENDS_IN).write_text(card_text(card), encoding="utf-8")
    return card


def _part(
    name: str, run: Run, run_folder: Path, base: Path | None, any_base: bool
) -> tuple[nn.Module, dict[str, Any]]:
    """One stage's network and its part of the card, from the run or from the base."""
    if base is not None and steps_done(run_folder / name) == 0:
        return part_of_base(name, run, base, any_base)
    stage = run.config.stages()[name]
    if stage.loss.heatmaps != "softmax":
        raise UnusableInput(
            f"{run_folder} cannot be exported: its heatmaps were trained as "
            f"{stage.loss.heatmaps!r}, and results are read from those of 'softmax'."
        )
    network = trained_network(run.config, name, run_folder / name)
    return network, {
        "spacing_mm": stage.spacing_mm,
        "window": list(stage.window),
        "heatmap_sigma_mm": stage.loss.heatmap_sigma_mm,
        "parameters": count_parameters(network),
        "steps": steps_done(run_folder / name),
        "code_revision": run.code_revision,
    }
