"""Typed config of a training, read from JSON.

Three networks of the same kind are trained one after the other. ``locate`` sees ears in any pose
at low resolution and tells where the ear is, how it is turned and which side it is. ``orient``
sees them roughly in the canonical pose, through the kernels and slices of a head CT, and draws
what such a CT shows. ``refine`` sees them in the canonical pose at high resolution and draws the
labyrinth and the landmarks. Every field can be varied alone.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from ..errors import UnusableInput
from ..model.config import Intensity, NetworkConfig
from ..types import BASAL_TURN, LANDMARKS, VESTIBULE

T = TypeVar("T")

RANGES = {
    "above 0": {
        "spacing_mm", "window", "inference_window", "channels", "blocks_per_level", "kernel_size",
        "group_size", "steps", "batch", "clip", "heatmap_sigma_mm",
        "elastic_spacing_mm", "validate_every", "poses",
    },
    "from 0 to 1": {
        "lumen", "coarse", "blur", "kernel", "noise", "outside", "crop", "rescan", "fluid",
        "synthetic_fraction",
    },
    "from 0 to below 1": {"dropout", "ema"},
    "a number of HU": {"low", "high"},
}  # fmt: skip
"""Fields of configs and what their numbers must be; all others are 0 or more."""

IN_RANGE: dict[str, Callable[[float], bool]] = {
    "above 0": lambda value: 0.0 < value < math.inf,
    "from 0 to 1": lambda value: 0.0 <= value <= 1.0,
    "from 0 to below 1": lambda value: 0.0 <= value < 1.0,
    "a number of HU": math.isfinite,
    "0 or more": lambda value: 0.0 <= value < math.inf,
}


@dataclass(frozen=True)
class AugmentationConfig:
    """Random variation of what the network sees; every probability can be set to 0.

    Attributes:
        any_rotation: rotate uniformly over all directions and mirror half of the samples.
        rotation_degrees: otherwise, standard deviation of the angle about a random axis.
        shift_mm: standard deviation of the patch's offset along each axis.
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
        noise: probability of noise, correlated over up to a voxel of the patch.
        noise_hu: largest standard deviation of that noise.
        outside: probability of filling what lies outside the scan with a random HU, not air.
        crop: probability of cutting the scan off at a random plane.
        rescan: probability of a whole simulated scan by another scanner (``synthetic.rescan``),
            from cone beam to thick soft slices; from ``lumen`` to ``noise``, gain and offset alone
            vary it further.
        fluid: probability that the labyrinth holds fluid in such a scan, as a patient's does.
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
    rescan: float = 0.0
    fluid: float = 0.0


@dataclass(frozen=True)
class LossConfig:
    """What is minimised: the sum of all losses, each times its weight.

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
        core: weight of the missed share of the middle of tubes (``training.tubes``), 0 for none.
        septum: weight of the share of bone between the cochlea's turns that is drawn over.
    """

    dice: float = 1.0
    cross_entropy: float = 1.0
    landmarks: float = 0.15
    heatmap_sigma_mm: float = 0.5
    tasks: Literal["joint", "segmentation", "landmarks"] = "joint"
    overlap: Literal["dice", "tversky"] = "dice"
    voxelwise: Literal["cross_entropy", "focal"] = "cross_entropy"
    heatmaps: Literal["softmax", "squares", "coordinates"] = "softmax"
    core: float = 0.0
    septum: float = 0.0


@dataclass(frozen=True)
class OptimiserConfig:
    """An optimiser with linear warm-up and a schedule, and an average of the weights.

    Attributes:
        steps: optimiser steps.
        batch: patches in one step.
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
    precision: Literal["bfloat16", "float32", "rounded"] = "bfloat16"
    kind: Literal["adamw", "adam", "sgd"] = "adamw"
    schedule: Literal["cosine", "constant"] = "cosine"


@dataclass(frozen=True)
class NetworkTraining:
    """One network, and how it is trained.

    Attributes:
        spacing_mm: voxel edge of its patches.
        window: voxels (k, j, i) of a patch in training.
        inference_window: voxels of a patch in use, if not the same; both have the same middle. A
            smaller patch in training costs less; in use, it must hold every ear whole.
        synthetic_ears: whether the run's synthetic ears are among its samples.
    """

    spacing_mm: float
    window: tuple[int, int, int]
    inference_window: tuple[int, int, int] | None = None
    synthetic_ears: bool = True
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)

    @property
    def patch(self) -> tuple[int, int, int]:
        """Voxels (k, j, i) of a patch in use."""
        return self.inference_window or self.window


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
    locate: NetworkTraining
    orient: NetworkTraining
    refine: NetworkTraining
    held_out: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = (*LANDMARKS, BASAL_TURN, VESTIBULE)
    intensity: Intensity = field(default_factory=Intensity)
    synthetic: int = 0
    synthetic_fraction: float = 0.1
    seed: int = 0
    validate_every: int = 250

    def networks(self) -> dict[str, NetworkTraining]:
        """Return all networks by name, in the order in which they are trained."""
        return {"locate": self.locate, "orient": self.orient, "refine": self.refine}


def load_config(path: Path, steps: int | None = None) -> Config:
    """Read a config; UnusableInput if it is missing or no JSON, or a field does not fit.

    With ``steps``, it is ``shortened`` to so many in all.
    """
    config = from_json(Config, path, "config")
    for name, setup in config.networks().items():
        check_setup(setup, f"{path}: {name}.")
    return config if steps is None else shortened(config, steps)


def shortened(config: Config, steps: int) -> Config:
    """Return a config for a short trial: as many steps in all, divided as in the config.

    Every network gets at least one step. Warm-up and the memory of the averaged weights shrink in
    the same proportion, so that the average does not consist of the first weights.

    Example:
        >>> config = load_config(Path("InnerEarSegLib/training/configs/bundled.json"))
        >>> [of.optimiser.steps for of in config.networks().values()]
        [1800, 1100, 6300]
        >>> [of.optimiser.steps for of in shortened(config, 92).networks().values()]
        [18, 11, 63]
    """
    share = steps / sum(setup.optimiser.steps for setup in config.networks().values())

    def shorter(setup: NetworkTraining) -> NetworkTraining:
        how = setup.optimiser
        optimiser = dataclasses.replace(
            how,
            steps=max(1, round(share * how.steps)),
            warmup_steps=round(min(1.0, share) * how.warmup_steps),
            ema=max(0.0, 1.0 - (1.0 - how.ema) / min(1.0, share)),
        )
        return dataclasses.replace(setup, optimiser=optimiser)

    return dataclasses.replace(
        config,
        locate=shorter(config.locate),
        orient=shorter(config.orient),
        refine=shorter(config.refine),
    )


def check_setup(setup: NetworkTraining, where: str) -> None:
    """Raise UnusableInput for fields that do not fit each other, in names that begin with where.

    These are patches that the network cannot halve at each of its levels, and heatmaps that cannot
    be computed on its second level.
    """
    network, multiple = setup.network, setup.network.patch_multiple
    for name, patch in (("window", setup.window), ("inference_window", setup.patch)):
        if any(size % multiple for size in patch):
            raise UnusableInput(
                f"{where}{name} {patch} must be multiples of {multiple}, because the network "
                f"halves it {len(network.channels) - 1} times."
            )
    if network.landmarks_from == "second" and (
        len(network.channels) < 2 or setup.loss.heatmaps == "squares"
    ):
        raise UnusableInput(
            f"{where}network.landmarks_from 'second' needs two channels or more, and heatmaps that "
            "are not 'squares'."
        )


def from_json(kind: type[T], path: Path, what: str) -> T:
    """Read a config dataclass from JSON; UnusableInput names the file as ``what``, or the field."""
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"The {what} {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise UnusableInput(f"The {what} {path} is not JSON: {error}.") from None
    return from_dict(kind, content, str(path))


def from_dict(kind: type[T], content: Any, where: str) -> T:
    """Make a config dataclass from JSON values by its type hints; UnusableInput names the field."""
    if not isinstance(content, dict):
        raise UnusableInput(f"{where}: an object with the fields of {kind.__name__} is needed.")
    hints = _hints(cast(Hashable, kind))
    unknown = sorted(set(content) - set(hints))
    if unknown:
        raise UnusableInput(f"{where}: unknown field {unknown[0]!r}; known are {sorted(hints)}.")
    for each in dataclasses.fields(cast(Any, kind)):
        if each.name not in content and each.default is each.default_factory is dataclasses.MISSING:
            raise UnusableInput(f"{where}: the field {each.name!r} is missing and has no default.")
    made = kind(**{key: _value(hints[key], v, f"{where}.{key}") for key, v in content.items()})
    _check_fields(made, where)
    return made


def _check_fields(made: Any, where: str) -> None:
    """Raise UnusableInput for numbers with which no network can be trained."""
    for name, value in vars(made).items():
        what = next((what for what, of in RANGES.items() if name in of), "0 or more")
        for number in value if isinstance(value, tuple) else (value,):
            if type(number) in (int, float) and not IN_RANGE[what](number):
                raise UnusableInput(f"{where}.{name}: {number} must be {what}.")
    network = made if isinstance(made, NetworkConfig) else NetworkConfig()
    lacks = [name for name in LANDMARKS if isinstance(made, Config) and name not in made.landmarks]
    for wrong, sentence in (
        (not network.channels, "channels is empty; a network has one level or more"),
        (network.kernel_size % 2 == 0, f"kernel_size {network.kernel_size} must be odd"),
        (isinstance(made, Intensity) and made.low >= made.high, "low must be below high"),
        (lacks, f"landmarks must hold {', '.join(lacks)}"),
    ):
        if wrong:
            raise UnusableInput(f"{where}: {sentence}.")


_hints = lru_cache(get_type_hints)  # which takes longer than all the rest


def _value(hint: Any, value: Any, where: str) -> Any:
    """One JSON value as its type hint wants it."""
    kind, arguments = get_origin(hint) or hint, get_args(hint)
    if kind is Any or (kind is UnionType and value is None):
        return value
    if kind is UnionType:  # with None, which comes last
        return _value(arguments[0], value, where)
    if dataclasses.is_dataclass(kind):
        return from_dict(cast(type, kind), value, where)
    if kind is Literal:
        if value not in arguments:
            raise UnusableInput(f"{where}: {value!r} is none of {list(arguments)}.")
        return value
    if kind is tuple and isinstance(value, list):
        if len(arguments) == len(value) or Ellipsis in arguments:
            return tuple(_value(arguments[0], item, where) for item in value)
    elif kind is dict and isinstance(value, dict):
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in value.items()}
    elif kind is float and type(value) is int:
        return float(value)
    elif type(value) is kind:  # a bool is no int here
        return value
    raise UnusableInput(f"{where}: {value!r} does not fit {getattr(hint, '__name__', hint)}.")
