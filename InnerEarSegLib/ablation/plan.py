"""The plan of an ablation study: a basal training, and variations of one field each."""

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
from ..training.config import Config, NetworkTraining, check_window, from_dict

BASAL = "basal"
STAGE = "orient"
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

    def stage(self) -> NetworkTraining:
        """The network's config."""
        own = {item.name: getattr(self, item.name) for item in dataclasses.fields(NetworkTraining)}
        return NetworkTraining(**own)

    def training(self, name: str, held_out: Sequence[str], synthetic: int) -> Config:
        """The training of one network, as ``innerearseg train`` knows it."""
        stage = self.stage()
        return Config(
            name,
            locate=stage,
            orient=stage,
            refine=stage,
            held_out=tuple(held_out),
            intensity=self.intensity,
            synthetic=synthetic,
            synthetic_fraction=self.synthetic_fraction,
            seed=self.seed,
            validate_every=max(1, self.optimiser.steps),  # once, at the end
        )


@dataclass(frozen=True)
class MeasureConfig:
    """How the held-out specimens are looked at, the same for all variations.

    Attributes:
        poses: windows of each specimen.
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
    """One change of the basal training.

    Attributes:
        name: of its folder: small letters, digits and single hyphens.
        group: heading in tables and plots.
        why: what one learns from it.
        change: one field, dotted, with its new value.
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
        measure: how the held-out specimens are looked at.
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

    def names(self) -> list[str]:
        """Of all trainings, the basal one first."""
        return [BASAL, *(variation.name for variation in self.variations)]

    def study(self, name: str) -> Study:
        """The training of this name."""
        if name == BASAL:
            return self.basal
        return changed(self.basal, next(v for v in self.variations if v.name == name))

    def with_steps(self, steps: int) -> Plan:
        """The same study with another budget."""
        optimiser = dataclasses.replace(self.basal.optimiser, steps=steps)
        return dataclasses.replace(self, basal=dataclasses.replace(self.basal, optimiser=optimiser))


def load_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises:
        UnusableInput: if the file is missing or not JSON, has an unknown or mistyped field, or a
            variation changes nothing, or more than one field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"The plan {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UnusableInput(f"The plan {path} is not JSON: {error}.") from None
    plan = from_dict(Plan, content, str(path))
    check_plan(plan, str(path))
    return plan


def check_plan(plan: Plan, where: str) -> None:
    """Refuse what cannot be compared.

    Raises:
        UnusableInput: naming the variation and what is wrong with it.
    """
    check_window(plan.basal, f"{where}: basal.window")
    seen: dict[str, str] = {}
    for variation in plan.variations:
        here = f"{where}: variation {variation.name!r}"
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
        change = json.dumps(variation.change)
        for name, other in seen.items():
            if other == change:
                raise UnusableInput(f"{here}: changes the same as {name!r}.")
        seen[variation.name] = change
        check_window(changed(plan.basal, variation, where), f"{here}: window")
    for alone in (plan.segmentation_alone, plan.landmarks_alone):
        if alone is not None and alone not in seen:
            raise UnusableInput(f"{where}: there is no variation {alone!r}.")


def changed(basal: Study, variation: Variation, where: str = "plan") -> Study:
    """The basal training with a variation's one change.

    Raises:
        UnusableInput: if its field does not exist or is a group of fields, or the value does not
            fit or is the basal one.
    """
    here = f"{where}: variation {variation.name!r}"
    content = as_json(basal)
    inner, path = content, variation.field.split(".")
    for depth, part in enumerate(path):
        if not isinstance(inner, dict) or part not in inner:
            known = sorted(inner) if isinstance(inner, dict) else "none"
            raise UnusableInput(
                f"{here}: unknown field {variation.field!r}; known in "
                f"{'.'.join(path[:depth]) or 'a study'} are {known}."
            )
        if depth + 1 < len(path):
            inner = inner[part]
    if isinstance(inner[path[-1]], dict):
        raise UnusableInput(
            f"{here}: {variation.field!r} is a group of fields; change one of "
            f"{sorted(inner[path[-1]])} in it."
        )
    inner[path[-1]] = variation.change[variation.field]
    study = from_dict(Study, content, here)
    if study == basal:
        raise UnusableInput(f"{here}: {variation.field!r} already has this value in the basal one.")
    return study


def value_of(study: Study, dotted: str) -> Any:
    """The plain value of a dotted field."""
    value: Any = as_json(study)
    for part in dotted.split("."):
        value = value[part]
    return value


def as_json(item: Any) -> dict[str, Any]:
    """A dataclass as JSON would give it back: with lists for tuples."""
    return json.loads(json.dumps(dataclasses.asdict(item)))
