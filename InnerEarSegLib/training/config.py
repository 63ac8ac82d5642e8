"""The typed config of a training, read from JSON.

Three networks of the same kind are trained one after the other. ``locate`` sees ears in any pose
at low resolution and tells where the ear is, how it is turned and which side it is. ``orient``
sees them roughly in the canonical pose, through the kernels and slices of a head CT, and draws
what such a CT shows. ``refine`` sees them in the canonical pose at high resolution and draws the
labyrinth and the landmarks. Every field can be varied alone.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ..errors import UnusableInput
from ..model.config import Intensity, NetworkConfig
from ..types import BASAL_TURN, LANDMARKS, VESTIBULE

T = TypeVar("T")


@dataclass(frozen=True)
class AugmentationConfig:
    """Random variation of what the network sees; every probability can be set to 0.

    Attributes:
        any_rotation: rotate uniformly over all directions and mirror half of the samples.
        rotation_degrees: otherwise, standard deviation of the angle about a random axis.
        shift_mm: standard deviation of the window's offset along each axis.
        scale: standard deviation of the relative size along each axis.
        elastic_mm: standard deviation of the deformation at its control points.
        elastic_spacing_mm: distance of the control points.
        gain: standard deviation of the relative HU scale.
        offset_hu: standard deviation of the HU offset.
        lumen: probability of refilling the labyrinth with another medium (air to contrast).
        coarse: probability of simulating a coarser CT.
        coarse_mm: coarsest spacing simulated along each axis.
        blur: probability of Gaussian blur (a soft kernel).
        blur_mm: largest standard deviation of that blur.
        kernel: probability of another scanner's resolution: an anisotropic blur along a random
            direction (thick slices), and for the rest sharpening (a bone kernel's overshoot).
        kernel_mm: largest standard deviation of that blur in the slice plane.
        slab_mm: largest standard deviation across it; about half a slice's thickness.
        noise: probability of noise, correlated over up to a voxel of the window.
        noise_hu: largest standard deviation of that noise.
        outside: probability of filling what lies outside the scan with a random HU, not air.
        crop: probability of cutting the scan off at a random plane.
    """

    any_rotation: bool = False
    rotation_degrees: float = 8.0
    shift_mm: float = 0.6
    scale: float = 0.05
    elastic_mm: float = 0.3
    elastic_spacing_mm: float = 5.0
    gain: float = 0.1
    offset_hu: float = 60.0
    lumen: float = 0.3
    coarse: float = 0.25
    coarse_mm: float = 0.8
    blur: float = 0.3
    blur_mm: float = 0.35
    kernel: float = 0.0
    kernel_mm: float = 0.75
    slab_mm: float = 1.1
    noise: float = 0.5
    noise_hu: float = 150.0
    outside: float = 0.3
    crop: float = 0.0


@dataclass(frozen=True)
class LossConfig:
    """What is minimised: dice * overlap + cross_entropy * voxelwise + landmarks * heatmaps.

    Attributes:
        dice: weight of the overlap loss of the labyrinth.
        cross_entropy: weight of its voxelwise loss.
        landmarks: weight of the heatmaps' loss, averaged over landmarks.
        heatmap_sigma_mm: standard deviation of the Gaussian target around each landmark.
        tasks: which of them are learned at all; the weights of the other do not count.
        overlap: soft Dice, or Tversky, which minds missed voxels more than added ones.
        voxelwise: binary cross-entropy, or focal, which minds voxels that are sure less.
        heatmaps: ``softmax`` cross-entropy with the Gaussian; ``squares`` of the differences to
            it, voxel by voxel; or the distance in mm of the expected ``coordinates``.
    """

    dice: float = 1.0
    cross_entropy: float = 1.0
    landmarks: float = 0.15
    heatmap_sigma_mm: float = 0.5
    tasks: typing.Literal["joint", "segmentation", "landmarks"] = "joint"
    overlap: typing.Literal["dice", "tversky"] = "dice"
    voxelwise: typing.Literal["cross_entropy", "focal"] = "cross_entropy"
    heatmaps: typing.Literal["softmax", "squares", "coordinates"] = "softmax"


@dataclass(frozen=True)
class OptimiserConfig:
    """An optimiser with linear warm-up and a schedule, and an average of the weights.

    Attributes:
        steps: optimiser steps.
        batch: windows in one step.
        learning_rate: its peak.
        weight_decay: decoupled from the gradient in AdamW, part of it otherwise.
        warmup_steps: steps of linear warm-up.
        ema: decay of the exponential moving average whose weights are exported; 0 to switch off.
        clip: largest norm of the gradient.
        precision: number format of the matrix products. ``bfloat16`` is used where the device
            computes it. ``rounded`` computes in single precision with convolutions whose inputs
            are rounded to bfloat16: on any device what such hardware gives, but no faster.
        kind: ``sgd`` has Nesterov momentum of 0.99 (as in nnU-Net, Isensee et al. 2021).
        schedule: what follows the warm-up: half a cosine down to 1 % of the peak, or the peak.
    """

    steps: int = 4500
    batch: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    ema: float = 0.995
    clip: float = 1.0
    precision: typing.Literal["bfloat16", "float32", "rounded"] = "bfloat16"
    kind: typing.Literal["adamw", "adam", "sgd"] = "adamw"
    schedule: typing.Literal["cosine", "constant"] = "cosine"


@dataclass(frozen=True)
class StageConfig:
    """One network: what it is, what it sees, and how it is trained.

    Attributes:
        spacing_mm: voxel edge of its windows.
        window: (k, j, i) voxels of its windows.
    """

    spacing_mm: float
    window: tuple[int, int, int]
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)


@dataclass(frozen=True)
class Config:
    """A whole training.

    Attributes:
        name: of the model, for its card.
        held_out: specimens never trained on; they choose between trainings.
        landmarks: names of the heatmaps in order; the first three are the product's, the
            others help to find the pose.
        synthetic: how many synthetic ears are added to the specimens.
        synthetic_fraction: how often a sample comes from a synthetic ear.
        seed: of everything random.
        validate_every: steps between two measurements on the held-out specimens.
    """

    name: str
    locate: StageConfig
    orient: StageConfig
    refine: StageConfig
    held_out: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = (*LANDMARKS, BASAL_TURN, VESTIBULE)
    intensity: Intensity = field(default_factory=Intensity)
    synthetic: int = 0
    synthetic_fraction: float = 0.1
    seed: int = 0
    validate_every: int = 250

    def stages(self) -> dict[str, StageConfig]:
        """All stages by name, in the order in which they are trained."""
        return {"locate": self.locate, "orient": self.orient, "refine": self.refine}


def load_config(path: Path) -> Config:
    """Read a config from JSON.

    Raises:
        UnusableInput: if the file is missing or not JSON, or has an unknown or mistyped field.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"The config {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UnusableInput(f"The config {path} is not JSON: {error}.") from None
    config = from_dict(Config, content, str(path))
    for name, stage in config.stages().items():
        check_window(stage, f"{path}: {name}.window")
    return config


def check_window(stage: StageConfig, where: str) -> None:
    """Refuse a window that the network cannot halve as often as it has levels.

    Raises:
        UnusableInput: naming the window as ``where``.
    """
    multiple = stage.network.patch_multiple
    if any(size % multiple for size in stage.window):
        raise UnusableInput(
            f"{where} {stage.window} must be multiples of {multiple}, because the network halves "
            f"it {len(stage.network.channels) - 1} times."
        )


def from_dict(kind: type[T], content: Any, where: str) -> T:
    """A config dataclass from plain JSON values, checked against its type hints.

    Raises:
        UnusableInput: naming the field that is unknown, missing or of the wrong type.
    """
    if not isinstance(content, dict):
        raise UnusableInput(f"{where}: an object with the fields of {kind.__name__} is needed.")
    hints = _hints(typing.cast(typing.Hashable, kind))
    unknown = sorted(set(content) - set(hints))
    if unknown:
        raise UnusableInput(f"{where}: unknown field {unknown[0]!r}; known are {sorted(hints)}.")
    missing = [name for name in _needed(kind) if name not in content]
    if missing:
        raise UnusableInput(f"{where}: the field {missing[0]!r} is missing and has no default.")
    return kind(
        **{key: _value(hints[key], item, f"{where}.{key}") for key, item in content.items()}
    )


def _needed(kind: typing.Any) -> list[str]:
    """Names of a config's fields that have no default."""
    nothing = dataclasses.MISSING
    return [
        each.name
        for each in dataclasses.fields(kind)
        if each.default is nothing and each.default_factory is nothing
    ]


@lru_cache
def _hints(kind: typing.Any) -> dict[str, Any]:
    """Type hints of a config's fields; evaluating them takes longer than all the rest."""
    return typing.get_type_hints(kind)


def _value(hint: Any, value: Any, where: str) -> Any:
    """One JSON value as its type hint wants it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return value
    if dataclasses.is_dataclass(hint):
        return from_dict(typing.cast(type, hint), value, where)
    if origin is tuple:
        if isinstance(value, list) and (len(arguments) == len(value) or Ellipsis in arguments):
            return tuple(_value(arguments[0], item, where) for item in value)
    elif origin is dict:
        if isinstance(value, dict):
            return {key: _value(arguments[1], value[key], f"{where}.{key}") for key in value}
    elif origin is typing.Literal:
        if value in arguments:
            return value
        raise UnusableInput(f"{where}: {value!r} is none of {list(arguments)}.")
    elif origin is types.UnionType:
        if value is None:
            return None
        return _value(next(kind for kind in arguments if kind is not types.NoneType), value, where)
    elif hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise UnusableInput(f"{where}: {value!r} does not fit {getattr(hint, '__name__', hint)}.")
