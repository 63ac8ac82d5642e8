"""Training the network that draws any CT, from the bundled `refine` network on.

    python -m InnerEarSegLib.training.drawing --data DATA --base MODEL.pt --output RUN

A run can be killed and goes on from its checkpoint.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ..finding.pose import Pose, fit_pose
from ..geometry import Geometry
from ..inferring.window import affine_grid, sample
from ..model_file import card_in, file_content
from ..network.config import NetworkConfig
from ..network.drawing import DrawingUNet, start_from
from ..network.normalise import Intensity
from .appearance import random_outside, vary
from .cases import TrainingCase, read_cases
from .config import AugmentationConfig, LossConfig, OptimiserConfig, StageConfig
from .landmark_losses import heatmap_loss
from .losses import cross_entropy_loss, dice_loss
from .precision import arithmetic
from .samples import cut
from .scanner import filled, random_axes, random_protocol, scan
from .spatial import random_view
from .stage import build_optimiser, learning_rate
from .tubes import core_loss, septum_loss, tube_maps

CHECKPOINT = "checkpoint.pt"
CHECKPOINT_SECONDS = 120.0
LOG_EVERY = 25
MEAN_EAR_MM = 0.4
FLUID_HU = (-30.0, 150.0)


@dataclass(frozen=True)
class DrawingConfig:
    """What is trained, and how.

    Attributes:
        stage: window, network, augmentation, loss and optimiser.
        core: weight of the tubes' cores in the loss.
        septum: weight of the bone between parts.
        scanned: probability of a sample as another scanner would show it.
        fluid: probability that it then has fluid in its labyrinth, as patients have.
        held_out: specimens never trained on.
        landmarks: names of the heatmaps, in order.
        seed: of everything random.
    """

    stage: StageConfig
    core: float = 0.25
    septum: float = 0.1
    scanned: float = 0.65
    fluid: float = 0.6
    held_out: tuple[str, ...] = ()
    landmarks: tuple[str, ...] = ()
    seed: int = 0


class DrawingSample(NamedTuple):
    """One window; all but ``labelled`` with a first axis for the batch.

    Attributes:
        ct: float32 [1, 1, k, j, i], normalised.
        labyrinth: partial volume, 0 to 1, of the same shape.
        core: weights of tubes' cores, of the same shape.
        septum: weights of bone between, of the same shape.
        labelled: whether those three are known.
        landmarks: float32 [1, landmark, 3], (i, j, k) in the window.
        present: bool [1, landmark].
        known: bool [1, landmark].
    """

    ct: Tensor
    labyrinth: Tensor
    core: Tensor
    septum: Tensor
    labelled: bool
    landmarks: Tensor
    present: Tensor
    known: Tensor


class DrawingSamples:
    """Endless random views; sample ``n`` is the same in every run with the same seed."""

    def __init__(
        self,
        cases: Sequence[TrainingCase],
        template: Mapping[str, NDArray],
        config: DrawingConfig,
        intensity: Intensity,
    ) -> None:
        self.cases = [case for case in cases if case.name not in config.held_out]
        self.config, self.intensity = config, intensity
        self.poses = {case.name: fit_pose(template, case.landmarks) for case in self.cases}
        self.maps = {case.name: tube_maps(case) for case in self.cases}

    def __getitem__(self, index: int) -> DrawingSample:
        rng = np.random.default_rng((self.config.seed, index))
        # One round through all specimens after the other.
        order = np.random.default_rng((self.config.seed, index // len(self.cases), 7))
        case = self.cases[order.permutation(len(self.cases))[index % len(self.cases)]]
        return self.draw(case, rng)

    def draw(self, case: TrainingCase, rng: np.random.Generator) -> DrawingSample:
        """A random view of this case."""
        stage, air = self.config.stage, self.intensity.low
        how = stage.augmentation
        pose, maps = self.poses[case.name], self.maps[case.name]
        view = random_view(pose, stage, rng)
        ijk = view.source_ijk(case.geometry)
        outside = random_outside(how, rng, air)
        on_window = [
            None if values is None else sample(values, ijk, 0.0)
            for values in (
                None if case.labels is None else torch.from_numpy(case.labels).float(),
                *(maps or (None, None)),
            )
        ]
        labyrinth, core, septum = on_window
        if rng.random() < self.config.scanned:
            ct, geometry = self._scanned(case, pose, outside, rng)
            ct = sample(ct, view.source_ijk(geometry), outside)
            ct = (ct + 1000.0) * float(np.exp(rng.normal(0.0, how.gain))) - 1000.0
            ct = ct + float(rng.normal(0.0, how.offset_hu))
        else:
            ct = sample(torch.from_numpy(case.ct).float(), ijk, outside)
            ct = vary(ct, labyrinth, stage.spacing_mm, how, rng)
        known = [name in case.landmarks for name in self.config.landmarks]
        ras = np.array([case.landmarks.get(n, np.zeros(3)) for n in self.config.landmarks])
        points = view.window_ijk(ras)
        inside = np.all((points >= 0) & (points <= np.array(stage.window[::-1]) - 1), axis=1)
        present = inside & case.geometry.contains(ras) & np.array(known)
        if rng.random() < how.crop:
            ct, labyrinth, kept = cut(ct, labyrinth, points, air, rng)
            core = septum = None
            present &= kept
        none = torch.zeros_like(ct)
        maps_there = [
            (none if values is None else values)[None, None] for values in (labyrinth, core, septum)
        ]
        return DrawingSample(
            self.intensity(ct)[None, None],
            maps_there[0],
            maps_there[1],
            maps_there[2],
            labyrinth is not None,
            torch.from_numpy(points).float()[None],
            torch.from_numpy(present)[None],
            torch.tensor(known)[None],
        )

    def _scanned(
        self, case: TrainingCase, pose: Pose, outside: float, rng: np.random.Generator
    ) -> tuple[Tensor, Geometry]:
        """The specimen as another scanner shows it, and that scan's grid."""
        ct = torch.from_numpy(case.ct).float()
        labels = None if case.labels is None else torch.from_numpy(case.labels).float()
        if rng.random() < self.config.fluid:
            ct = filled(ct, labels, *FLUID_HU, rng)
        axes = random_axes(pose.matrix, rng)
        return scan(ct, case.geometry, axes, random_protocol(rng), rng, outside)


def mean_ear(
    cases: Sequence[TrainingCase], template: Mapping[str, NDArray], stage: StageConfig
) -> Tensor:
    """How often each place of the window is labyrinth: float32 [k, j, i] at MEAN_EAR_MM."""
    shape = tuple(round(n * stage.spacing_mm / MEAN_EAR_MM) for n in stage.window)
    total, count = torch.zeros(shape), 0
    for case in cases:
        if case.labels is None:
            continue
        window = fit_pose(template, case.landmarks).window(MEAN_EAR_MM, shape)  # type: ignore
        matrix = np.linalg.inv(case.geometry.ijk_to_ras) @ window.ijk_to_ras
        ijk = affine_grid(torch.from_numpy(matrix), shape)  # type: ignore[arg-type]
        total, count = total + sample(torch.from_numpy(case.labels).float(), ijk, 0.0), count + 1
    return total / max(1, count)


def drawing_loss(
    network: DrawingUNet, batch: DrawingSample, config: DrawingConfig
) -> tuple[Tensor, dict[str, float]]:
    """The weighted loss of one window, and its terms."""
    stage, how = config.stage, config.stage.loss
    ct = batch.ct.contiguous(memory_format=torch.channels_last_3d)
    with arithmetic(stage.optimiser, ct.device):
        scales, heatmaps = network.all_scales(ct)
    points = (batch.landmarks + 0.5) / 2.0 - 0.5
    surprise = heatmap_loss(heatmaps.float(), points, batch.present, 2.0 * stage.spacing_mm, how)
    known = batch.known.float()
    landmarks = (surprise * known).sum() / known.sum().clamp(min=1.0)
    total, terms = how.landmarks * landmarks, {"landmarks": float(landmarks.detach())}
    if not batch.labelled:
        return total, terms
    weights = sum(0.5**n for n in range(len(scales)))
    for level, logits in enumerate(scales):
        logits = logits.float()
        target = F.avg_pool3d(batch.labyrinth, 2**level) if level else batch.labyrinth
        probability = torch.sigmoid(logits)
        dice = dice_loss(probability, target).mean()
        entropy = cross_entropy_loss(logits, target).mean()
        loss = how.dice * dice + how.cross_entropy * entropy
        if level == 0:
            core = core_loss(probability, batch.core)
            septum = septum_loss(probability, batch.septum)
            loss = loss + config.core * core + config.septum * septum
            named = {"dice": dice, "cross_entropy": entropy, "core": core, "septum": septum}
            terms |= {name: float(value.detach()) for name, value in named.items()}
        total = total + 0.5**level / weights * loss
    return total, terms


def train_drawing(
    config: DrawingConfig,
    cases: Sequence[TrainingCase],
    base: Path,
    output: Path,
    minutes: float | None = None,
) -> None:
    """Train to the last step, from the checkpoint in ``output`` if there is one.

    Args:
        config: of the training.
        cases: all specimens; the held-out ones are not looked at.
        base: a model file whose ``refine`` network and canonical ear this starts from.
        output: receives the checkpoint, the log and the config.
        minutes: ends then instead, the learning rate falling to its end in that time, whatever
            else the machine does.
    """
    content = file_content(base)
    card = card_in(content, base)
    template = {name: np.array(point) for name, point in card["template"].items()}
    config = dataclasses.replace(config, landmarks=tuple(card["landmarks"]))
    intensity = Intensity(**card["intensity"])
    torch.manual_seed(config.seed)
    samples = DrawingSamples(cases, template, config, intensity)
    network = new_network(config, mean_ear(samples.cases, template, config.stage))
    start_from(network, torch.jit.load(io.BytesIO(content)).refine.float().state_dict())
    network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    how = config.stage.optimiser
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(how.ema))
    optimiser = build_optimiser(network, how)
    output.mkdir(parents=True, exist_ok=True)
    (output / "run.json").write_text(json.dumps(dataclasses.asdict(config), indent=2))
    done, position = 0, 0.0
    if (output / CHECKPOINT).is_file():
        state = torch.load(output / CHECKPOINT, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        done = int(state["step"])
        position = float(state.get("position", done / how.steps))
    network.train()
    sums: dict[str, list[float]] = {}
    started = saved = time.monotonic()
    step, last = done, started
    while position < 1.0:
        step, now = step + 1, time.monotonic()
        if minutes is None:
            position = step / how.steps
        else:
            left = max(started + 60.0 * minutes - now, 1.0)
            position += (1.0 - position) * min(1.0, (now - last) / left)
            position, last = (1.0 if left <= 1.0 else position), now
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(how, round(position * how.steps)) * min(1.0, step / 100)
        loss, terms = drawing_loss(network, samples[step], config)
        if not torch.isfinite(loss):
            print(f"step {step}: the loss is not a number; skipped", flush=True)
            continue
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), how.clip)
        optimiser.step()
        average.update_parameters(network)
        for name, value in terms.items():
            sums.setdefault(name, []).append(value)
        if step % LOG_EVERY == 0 or position >= 1.0:
            means = ", ".join(f"{name} {np.mean(values):.4f}" for name, values in sums.items())
            pace = (time.monotonic() - started) / (step - done)
            print(f"step {step}: {means}; {pace:.2f} s a step, {position:.1%} done", flush=True)
            sums = {}
        if position >= 1.0 or time.monotonic() - saved > CHECKPOINT_SECONDS:
            parts = {"network": network, "average": average, "optimiser": optimiser}
            _save(output / CHECKPOINT, parts, step, position)
            saved = time.monotonic()


def new_network(config: DrawingConfig, mean: Tensor) -> DrawingUNet:
    """The untrained network of a config."""
    voxels = int(np.prod(config.stage.window))
    return DrawingUNet(config.stage.network, len(config.landmarks), voxels, mean)


def _save(path: Path, parts: Mapping[str, Any], step: int, position: float) -> None:
    """Write a checkpoint so that a kill at any moment leaves the old or the new one whole."""
    state = {name: part.state_dict() for name, part in parts.items()}
    temporary = path.with_suffix(".new")
    torch.save(state | {"step": step, "position": position}, temporary)
    temporary.replace(path)


def bundled_config(steps: int, rate: float) -> DrawingConfig:
    """The config of the bundled drawing network."""
    return DrawingConfig(
        stage=StageConfig(
            spacing_mm=0.2,
            window=(64, 80, 112),
            network=NetworkConfig(deep_supervision=True),
            augmentation=AugmentationConfig(
                rotation_degrees=6.0, shift_mm=0.45, scale=0.06, elastic_mm=0.35, crop=0.05
            ),
            loss=LossConfig(),
            optimiser=OptimiserConfig(steps=steps, learning_rate=rate, ema=0.997),
        ),
        held_out=("F06", "T03", "F13"),
        seed=2016,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=None)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    cases, remarks = read_cases(given.data)
    for remark in remarks:
        print(remark, flush=True)
    config = bundled_config(given.steps, given.rate)
    train_drawing(config, cases, given.base, given.output, given.minutes)


if __name__ == "__main__":
    main()
