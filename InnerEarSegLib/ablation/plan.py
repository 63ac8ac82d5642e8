"""The plan of an ablation study: a basal training, and overrides of one field each."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from ..errors import UnusableInput
from ..model.config import Intensity
from ..training.config import Config, NetworkTraining, check_setup, from_dict, from_json

BASAL = "basal"
NETWORK = "orient"
"""Which of a training's three networks a study trains: the one in the canonical pose."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Study(NetworkTraining):
    """All that a variation can change: one network's own config, and fields of ``Config``."""

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
    """A study: a basal training that each variation changes in one field.

    ``synthetic`` counts the synthetic ears that are added to the specimens. ``segmentation_alone``
    and ``landmarks_alone`` name the variations that learn one task alone.
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


def load_plan(path: Path, steps: int | None = None) -> Plan:
    """Read and check a plan; ``steps`` is a budget of optimiser steps, instead of the plan's.

    Raise UnusableInput if the file is missing or not JSON, has an unknown or mistyped field, or a
    variation changes nothing, or more than one field.
    """
    plan = from_json(Plan, path, "plan")
    if steps is not None:
        optimiser = dataclasses.replace(plan.basal.optimiser, steps=steps)
        basal = dataclasses.replace(plan.basal, optimiser=optimiser)
        plan = dataclasses.replace(plan, basal=basal)
    check_setup(plan.basal, f"{path}: basal.")
    seen: dict[str, str] = {}
    for variation in plan.variations:
        name, change = variation.name, json.dumps(variation.change)
        here, fields = f"{path}: variation {name!r}", list(variation.change)
        same = [other for other, theirs in seen.items() if theirs == change]
        for wrong, sentence in (
            (not _NAME.fullmatch(name) or name == BASAL,
             f"a name has small letters, digits and hyphens, and is not {BASAL!r}."),
            (name in seen, "there are two of this name."),
            (len(fields) != 1,
             f"changes {len(fields)} fields ({', '.join(fields)}); exactly one is needed."),
            (same, f"changes the same as {''.join(same[:1])!r}."),
        ):  # fmt: skip
            if wrong:
                raise UnusableInput(f"{here}: {sentence}")
        seen[name] = change
        check_setup(overridden(plan.basal, variation, f"{path}: "), f"{here}: ")
    for alone in (plan.segmentation_alone, plan.landmarks_alone):
        if alone is not None and alone not in seen:
            raise UnusableInput(f"{path}: there is no variation {alone!r}.")
    return plan


def overridden(basal: Study, variation: Variation, where: str = "") -> Study:
    """Return the basal training with a variation's one change.

    Raise UnusableInput if its field does not exist or is a group of fields, or the value does not
    fit or is the basal one.
    """
    here, dotted = f"{where}variation {variation.name!r}", variation.field
    content = value = as_json(basal)
    parts = dotted.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(value, dict) or part not in value:
            known = sorted(value) if isinstance(value, dict) else "none"
            raise UnusableInput(
                f"{here}: unknown field {dotted!r}; known in "
                f"{'.'.join(parts[:depth]) or 'a study'} are {known}."
            )
        group, value = value, value[part]
    if isinstance(value, dict):
        raise UnusableInput(
            f"{here}: {dotted!r} is a group of fields; change one of {sorted(value)} in it."
        )
    group[parts[-1]] = variation.change[dotted]
    study = from_dict(Study, content, here)
    if study == basal:
        raise UnusableInput(f"{here}: {dotted!r} already has this value in the basal one.")
    return study


def value_of(study: Study, dotted: str) -> Any:
    """Return the plain value of a dotted field."""
    return reduce(getitem, dotted.split("."), as_json(study))


def as_json(item: Any) -> dict[str, Any]:
    """Return a dataclass as JSON would give it back: with lists for tuples."""
    return json.loads(json.dumps(dataclasses.asdict(item)))
