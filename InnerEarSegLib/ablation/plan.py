"""The plan of an ablation study: a basal training, and overrides of one field each."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..model.config import Intensity
from ..training.config import Config, NetworkTraining, check_patch, from_dict, from_json

BASAL = "basal"
NETWORK = "orient"
"""Which of a training's three networks a study trains: the one in the canonical pose."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Study(NetworkTraining):
    """All that a variation can change, beside one network's own config.

    Attributes:
        intensity: how HU become what the network sees.
        synthetic_fraction: how often a sample comes from a synthetic ear.
        seed: of everything random in the training.
    """

    intensity: Intensity = field(default_factory=Intensity)
    synthetic_fraction: float = 0.1
    seed: int = 0

    def config(self, name: str, held_out: Sequence[str] = (), synthetic: int = 0) -> Config:
        """Return the config of a fold, as ``innerearseg train`` knows it."""
        own = {each.name: getattr(self, each.name) for each in dataclasses.fields(NetworkTraining)}
        setup = NetworkTraining(**own)
        return Config(
            name, setup, setup, setup, tuple(held_out), intensity=self.intensity,
            synthetic=synthetic, synthetic_fraction=self.synthetic_fraction, seed=self.seed,
            validate_every=max(1, self.optimiser.steps),  # once, at the end
        )  # fmt: skip


@dataclass(frozen=True)
class MeasureConfig:
    """How the held-out specimens are measured, the same for all variations.

    Attributes:
        poses: patches of each specimen.
        rotation_degrees: standard deviation of their angle to the reference pose.
        shift_mm: standard deviation of their offset from it along each axis.
        spacing_mm: voxel edge of the grid on which masks are compared.
        seed: of the poses.
    """

    poses: int = 2
    rotation_degrees: float = 6.0
    shift_mm: float = 1.5
    spacing_mm: float = 0.3
    seed: int = 0


@dataclass(frozen=True)
class Variation:
    """One change of the basal training: one field, dotted, with its new value.

    ``group`` is a heading in tables and plots, ``why`` what one learns from it.
    """

    name: str
    group: str
    why: str
    change: dict[str, Any]

    @property
    def field(self) -> str:
        """The dotted field that it changes."""
        return next(iter(self.change))


@dataclass(frozen=True)
class Plan:
    """A study.

    Attributes:
        name: for titles.
        basal: what is varied.
        variations: each of one field.
        synthetic: how many synthetic ears are added to the specimens.
        synthetic_seed: of these ears.
        measure: how the held-out specimens are measured.
        segmentation_alone: name of the variation that learns the labyrinth alone.
        landmarks_alone: name of the one that learns the landmarks alone.
    """

    name: str
    basal: Study
    variations: tuple[Variation, ...]
    synthetic: int = 0
    synthetic_seed: int = 0
    measure: MeasureConfig = field(default_factory=MeasureConfig)
    segmentation_alone: str | None = None
    landmarks_alone: str | None = None

    @property
    def region_mm(self) -> tuple[float, ...]:
        """(k, j, i) edges of what all networks are measured on: the basal patch."""
        return tuple(self.basal.spacing_mm * size for size in self.basal.window)

    def variation(self, name: str) -> Variation | None:
        """Return a variation; None for the basal training."""
        return {each.name: each for each in self.variations}.get(name)

    def names(self) -> list[str]:
        """Return the names of all trainings, the basal one first."""
        return [BASAL, *(variation.name for variation in self.variations)]

    def study(self, name: str) -> Study:
        """Return the training of this name."""
        variation = self.variation(name)
        return self.basal if variation is None else overridden(self.basal, variation)

    def with_steps(self, steps: int) -> Plan:
        """Return the same study with another budget."""
        optimiser = dataclasses.replace(self.basal.optimiser, steps=steps)
        return dataclasses.replace(self, basal=dataclasses.replace(self.basal, optimiser=optimiser))


def load_plan(path: Path, steps: int | None = None) -> Plan:
    """Read and check a plan.

    Args:
        path: the JSON file.
        steps: budget of optimiser steps, instead of the plan's.

    Raises:
        UnusableInput: if the file is missing or not JSON, has an unknown or mistyped field, or a
            variation changes nothing, or more than one field.
    """
    plan = from_json(Plan, path, "plan")
    plan = plan if steps is None else plan.with_steps(steps)
    check_patch(plan.basal, f"{path}: basal.window")
    seen: dict[str, str] = {}
    for variation in plan.variations:
        here, change = f"{path}: variation {variation.name!r}", json.dumps(variation.change)
        if not _NAME.fullmatch(variation.name) or variation.name == BASAL:
            raise UnusableInput(
                f"{here}: a name has small letters, digits and hyphens, and is not {BASAL!r}."
            )
        if variation.name in seen:
            raise UnusableInput(f"{here}: there are two of this name.")
        if len(variation.change) != 1:
            raise UnusableInput(
                f"{here}: changes {len(variation.change)} fields "
                f"({', '.join(variation.change)}); exactly one is needed."
            )
        same = [name for name, other in seen.items() if other == change]
        if same:
            raise UnusableInput(f"{here}: changes the same as {same[0]!r}.")
        seen[variation.name] = change
        check_patch(overridden(plan.basal, variation, f"{path}: "), f"{here}: window")
    for alone in (plan.segmentation_alone, plan.landmarks_alone):
        if alone is not None and alone not in seen:
            raise UnusableInput(f"{path}: there is no variation {alone!r}.")
    return plan


def overridden(basal: Study, variation: Variation, where: str = "") -> Study:
    """Return the basal training with a variation's one change.

    Raises:
        UnusableInput: if its field does not exist or is a group of fields, or the value does not
            fit or is the basal one.
    """
    here = f"{where}variation {variation.name!r}"
    content = as_json(basal)
    inner, (*groups, last) = content, variation.field.split(".")
    for depth, part in enumerate((*groups, last)):
        if not isinstance(inner, dict) or part not in inner:
            known = sorted(inner) if isinstance(inner, dict) else "none"
            raise UnusableInput(
                f"{here}: unknown field {variation.field!r}; known in "
                f"{'.'.join(groups[:depth]) or 'a study'} are {known}."
            )
        inner = inner[part] if depth < len(groups) else inner
    if isinstance(inner[last], dict):
        raise UnusableInput(
            f"{here}: {variation.field!r} is a group of fields; change one of "
            f"{sorted(inner[last])} in it."
        )
    inner[last] = variation.change[variation.field]
    study = from_dict(Study, content, here)
    if study == basal:
        raise UnusableInput(f"{here}: {variation.field!r} already has this value in the basal one.")
    return study


def value_of(study: Study, dotted: str) -> Any:
    """Return the plain value of a dotted field."""
    value: Any = as_json(study)
    for part in dotted.split("."):
        value = value[part]
    return value


def as_json(item: Any) -> dict[str, Any]:
    """Return a dataclass as JSON would give it back: with lists for tuples."""
    return json.loads(json.dumps(dataclasses.asdict(item)))
