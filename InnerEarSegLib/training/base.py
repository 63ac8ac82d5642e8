"""The model whose networks stand in for stages that a run did not train."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import UnusableInput
from ..model.card import NETWORKS, card_in, card_of_any_schema, file_content
from .config import Config
from .run import Run


@dataclasses.dataclass(frozen=True)
class Base:
    """What is worth knowing of such a model.

    Attributes:
        name: of the model.
        version: of the model.
        sha256: of its file.
        trained_on: specimens that its networks saw.
    """

    name: str
    version: str
    sha256: str
    trained_on: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As in a cross-validation's summary."""
        return dataclasses.asdict(self)


def read_base(path: Path, config: Config) -> Base:
    """Check that a model's networks can stand in, before anything is trained.

    Args:
        path: of the model file.
        config: of the training.

    Raises:
        UnusableInput: if it cannot be read, lacks a network, or has other landmarks or another
            normalisation.
    """
    content = file_content(path)
    card = card_in(content, path)
    missing = [name for name in NETWORKS if name not in card]
    if missing:
        raise UnusableInput(f"The base model {path} has no network {missing[0]!r}.")
    try:
        if not _is_of_kind(card, config):
            raise _misfit(path)
        return Base(
            str(card["name"]),
            str(card["version"]),
            hashlib.sha256(content).hexdigest(),
            tuple(str(name) for name in card["training"]["trained_on"]),
        )
    except (KeyError, TypeError) as error:
        raise UnusableInput(f"The base model {path} has no {error} on its card.") from None


def part_of_base(
    name: str, run: Run, base: Path, any_base: bool
) -> tuple[nn.Module, dict[str, Any]]:
    """One stage of another model file, which must see the same canonical ear.

    Args:
        name: of the stage.
        run: that lacks it.
        base: the model file.
        any_base: whether the base may have been trained on other specimens.

    Returns:
        The network and its part of the card.

    Raises:
        UnusableInput: if the base has no such network or does not fit.
    """
    content = file_content(base)
    card = card_of_any_schema(content, base)
    try:
        fits = _is_of_kind(card, run.config) and (any_base or _same_specimens(card, run))
        about = dict(card[name])
    except (KeyError, TypeError):
        raise UnusableInput(f"The base model {base} has no network {name!r}.") from None
    if not fits:
        raise _misfit(base)
    about.setdefault("code_revision", card["made_by"].rpartition(" ")[2])
    about["taken_from"] = f"{card['name']} {card['version']}"
    return getattr(torch.jit.load(io.BytesIO(content), map_location="cpu"), name), about


def _is_of_kind(card: dict[str, Any], config: Config) -> bool:
    """Whether a model gives the config's heatmaps from the same numbers."""
    return card["landmarks"] == list(config.landmarks) and (
        card["intensity"] == dataclasses.asdict(config.intensity)
    )


def _same_specimens(card: dict[str, Any], run: Run) -> bool:
    """Whether another model was trained on the run's specimens, and on the same canonical ear."""
    return card["training"]["trained_on"] == list(run.trained_on) and all(
        np.allclose(card["template"][key], point, atol=1e-6) for key, point in run.template.items()
    )


def _misfit(base: Path) -> UnusableInput:
    return UnusableInput(
        f"The base model {base} was trained on other specimens or landmarks than this run."
    )
