"""Another model file that a training builds on: for networks not trained, or for first weights."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import UnusableInput
from ..model.card import BUNDLED, NETWORKS, bundled_model, card_in, file_content
from ..model.provenance import (
    Ancestor,
    TrainingData,
    ancestors,
    own_fingerprints,
    training_data,
)
from ..types import Point
from .config import Config


@dataclass(frozen=True)
class BaseModel:
    """A model whose networks stand in for those that a run did not train, or start it.

    Attributes:
        trained_on: what its card calls the cases of ``data``.
        fingerprints: of the CTs of ``data``, as far as known.
        data: what it was trained on itself.
        ancestors: the models that it inherited from.
    """

    name: str
    version: str
    sha256: str
    trained_on: tuple[str, ...]
    fingerprints: tuple[str, ...] = ()
    data: tuple[TrainingData, ...] = ()
    ancestors: tuple[Ancestor, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version} (SHA-256 {self.sha256[:12]})"

    def known(self, cases: Iterable[tuple[str, str]]) -> list[str]:
        """Return the names of those cases (name, fingerprint) that it was trained on.

        Names count only where its card knows no fingerprint.
        """
        prints = {*self.fingerprints, *(each for of in self.ancestors for each in of.fingerprints)}
        return [
            name
            for name, fingerprint in cases
            if (fingerprint in prints if prints else name in self.trained_on)
        ]

    def inherited(
        self, unchanged: Iterable[str], first_weights: Mapping[str, int]
    ) -> list[Ancestor]:
        """Return what is inherited from it if some networks are used: of itself, then through it.

        Args:
            unchanged: names of networks that are taken as they are.
            first_weights: how many numbers other networks start from, by network.
        """
        own = Ancestor(
            self.name, self.version, self.sha256, self.data, self.fingerprints, tuple(unchanged),
            dict(first_weights),
        )  # fmt: skip
        through = [of.seen_through(own) for of in self.ancestors]
        return [own, *(each for each in through if each.networks)]


@dataclass(frozen=True, eq=False)
class Start:
    """What a training starts from.

    ``template`` is the canonical ear, mm by landmark, which the new networks share; ``weights``
    are the state of each network; ``path`` is the model's file.
    """

    path: Path
    model: BaseModel
    template: dict[str, Point]
    weights: dict[str, dict[str, Tensor]]


def model_path(path: Path) -> Path:
    """Return the bundled model for the path ``bundled``, else the path."""
    return bundled_model() if str(path) == BUNDLED and not path.exists() else path


def read_base(path: Path, config: Config) -> BaseModel:
    """Check that a model's networks can stand in, before anything is trained.

    Raise UnusableInput if it cannot be read, lacks a network, or has other landmarks or another
    normalisation than the config.
    """
    return base_of(file_content(path), path, config)


def read_start(path: Path, config: Config) -> Start:
    """Read a model that a training starts from; UnusableInput as of ``read_base``."""
    content = file_content(path)
    model = base_of(content, path, config)
    try:
        template = card_in(content, path)["template"]
        networks = torch.jit.load(io.BytesIO(content), map_location="cpu")
        weights = {name: getattr(networks, name).state_dict() for name in NETWORKS}
        points = {name: (float(x), float(y), float(z)) for name, (x, y, z) in template.items()}
    except Exception:  # a damaged file raises whatever torch's unpickler stumbles over
        raise UnusableInput(f"The model {path} is damaged: it cannot be started from.") from None
    return Start(path.absolute(), model, points, weights)


def base_of(content: bytes, path: Path, config: Config) -> BaseModel:
    """Return the model in a file's bytes; UnusableInput as of ``read_base``."""
    card = card_in(content, path)
    missing = [name for name in NETWORKS if name not in card]
    if missing:
        raise UnusableInput(f"The base model {path} has no network {missing[0]!r}.")
    try:
        _check_fit(card, config, path)
        return BaseModel(
            str(card["name"]), str(card["version"]), hashlib.sha256(content).hexdigest(),
            tuple(map(str, card["training"]["trained_on"])), own_fingerprints(card),
            training_data(card), ancestors(card),
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise UnusableInput(f"The base model {path} has no {error} on its card.") from None


def _check_fit(card: dict[str, Any], config: Config, base: Path) -> None:
    """Refuse a base with other heatmaps or another HU range than the config's."""
    alike = card["landmarks"] == list(config.landmarks)
    if not (alike and card["intensity"] == asdict(config.intensity)):
        raise UnusableInput(
            f"The base model {base} was trained on other landmarks, or on another HU range, than "
            "this run."
        )
