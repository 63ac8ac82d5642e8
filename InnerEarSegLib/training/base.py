"""Another model file that a training builds on: for networks not trained, or for first weights."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UnusableInput
from ..model.card import NETWORKS, card_in, file_content
from ..types import Point
from .config import Config


@dataclasses.dataclass(frozen=True)
class BaseModel:
    """A model whose networks stand in for those that a run did not train, or start it."""

    name: str
    version: str
    sha256: str
    trained_on: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version} (SHA-256 {self.sha256[:12]})"


@dataclasses.dataclass(frozen=True, eq=False)
class Start:
    """What a training starts from.

    ``template`` is the canonical ear, mm by landmark, which the new networks share; ``weights``
    are the state of each network.
    """

    model: BaseModel
    template: dict[str, Point]
    weights: dict[str, dict[str, Tensor]]


def read_base(path: Path, config: Config) -> BaseModel:
    """Check that a model's networks can stand in, before anything is trained.

    Raise UnusableInput if it cannot be read, lacks a network, or has other landmarks or another
    normalisation than the config.
    """
    return _read_base(file_content(path), path, config)


def read_start(path: Path, config: Config) -> Start:
    """Read a model that a training starts from; UnusableInput as of ``read_base``."""
    content = file_content(path)
    model = _read_base(content, path, config)
    try:
        template = card_in(content, path)["template"]
        networks = torch.jit.load(io.BytesIO(content), map_location="cpu")
        weights = {name: getattr(networks, name).state_dict() for name in NETWORKS}
        points = {name: (float(x), float(y), float(z)) for name, (x, y, z) in template.items()}
    except Exception:  # a damaged file raises whatever torch's unpickler stumbles over
        raise UnusableInput(f"The model {path} is damaged: it cannot be started from.") from None
    return Start(model, points, weights)


def _read_base(content: bytes, path: Path, config: Config) -> BaseModel:
    card = card_in(content, path)
    missing = [name for name in NETWORKS if name not in card]
    if missing:
        raise UnusableInput(f"The base model {path} has no network {missing[0]!r}.")
    try:
        check_fit(card, config, path)
        return BaseModel(
            str(card["name"]), str(card["version"]), hashlib.sha256(content).hexdigest(),
            tuple(map(str, card["training"]["trained_on"])),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise UnusableInput(f"The base model {path} has no {error} on its card.") from None


def check_fit(card: dict[str, Any], config: Config, base: Path, same: bool = True) -> None:
    """Refuse a base of other specimens, or with other heatmaps or HU range than the config's."""
    alike = card["landmarks"] == list(config.landmarks)
    if not (alike and card["intensity"] == dataclasses.asdict(config.intensity) and same):
        raise UnusableInput(
            f"The base model {base} was trained on other specimens or landmarks than this run."
        )
